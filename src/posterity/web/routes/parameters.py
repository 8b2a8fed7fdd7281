"""Parameters and answers that several addresses share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query

from posterity.web.answers import Problem

MOST = 1000
"""Maximum number of films or matches in an answer."""

Identity = Annotated[str, Path(description="The poster's id.", examples=["tt0113277"])]
Weights = Annotated[
    str | None, Query(description="Facet=weight, ...; see /api/collection for the facets.", max_length=200)
]

PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The request is not allowed; the answer says why."},
    401: {"model": Problem, "description": "A token is needed."},
    404: {"model": Problem, "description": "What was asked for does not exist."},
    409: {"model": Problem, "description": "The catalogue lacks what this needs; the answer says what to do."},
    403: {"model": Problem, "description": "The request comes from another site's page."},
    422: {"model": Problem, "description": "An argument is not allowed."},
}
UNAVAILABLE: dict[int | str, dict[str, Any]] = {
    503: {"model": Problem, "description": "Not now. With Retry-After: ask again then."}
}
