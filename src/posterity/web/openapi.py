"""The server's description, ``/openapi.json``."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi


def described(app: FastAPI) -> dict[str, Any]:
    """Describe a server, once, like FastAPI, except that numbers may be null if unknown."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        for component in schema.get("components", {}).get("schemas", {}).values():
            _nullable(component)
        app.openapi_schema = schema
    return app.openapi_schema


def _nullable(schema: Any) -> None:
    if isinstance(schema, list):
        for each in schema:
            _nullable(each)
    elif isinstance(schema, dict):
        for each in schema.values():
            _nullable(each)
        if schema.get("type") == "number":
            schema["type"] = ["number", "null"]
        items = schema.get("prefixItems", [])
        if items and all(each == items[0] for each in items):  # pairs of one type, as every reader of schemas supports
            schema["items"] = schema.pop("prefixItems")[0]
