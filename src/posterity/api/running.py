"""Running a plan: posters are taken in and encoded, and views are brought up to date."""

from __future__ import annotations

from dataclasses import replace

from posterity.catalogue import Store
from posterity.embedding.pipeline import embed
from posterity.ingest.planning import Plan
from posterity.ingest.run import Ingested, ingest
from posterity.runtime.engines import Engine, engine_of
from posterity.search.views import refresh


def run(plan: Plan, store: Store, engine: str | Engine | None, show_progress: bool | None) -> Ingested:
    """Run a plan.

    Args:
        plan: The posters to take in, and how.
        store: The catalogue.
        engine: The engine that reads and encodes: "local", "ray", or an instance; None uses the setting ``engine``.
        show_progress: True and False force the bars; None shows them on a terminal.

    Raises:
        SourceError: The source cannot be read.
        StorageError: The catalogue cannot be written; what was committed before is kept.
    """
    intake = plan.intake(show_progress)
    with engine_of(engine) as runs:
        done = ingest(
            store,
            intake,
            limits=plan.limits,
            near_duplicate_bits=plan.near_duplicate_bits,
            precedence=plan.precedence,
            engine=runs,
            remove_missing=plan.request.remove_missing,
            show_progress=show_progress,
        )
        failed = embed(store, plan.request.encoders, engine=runs, show_progress=show_progress).failed
    refresh(store)
    return replace(done, report=replace(done.report, not_encoded=failed))
