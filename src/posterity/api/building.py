"""The one way to build: an unchanged folder is recognised at once; every other build is planned, then run.

``posterity.build``, :meth:`posterity.Catalogue.build` and the command all go through :func:`carry_out`. Importing this
module is fast, because recognising a folder needs neither the store nor the decoders; what planning and running need
is imported when they start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from posterity.ingest.reports import BuildReport, DryRun
from posterity.ingest.request import PathLike, Request, chosen_encoders
from posterity.ingest.shortcut import shortcut_of
from posterity.sources.terms import Terms

if TYPE_CHECKING:
    from posterity.catalogue import Store
    from posterity.encoders import Encoder
    from posterity.runtime.engines import Engine
    from posterity.sources.rules import Rules


def build(
    source: PathLike,
    folder: PathLike,
    metadata: PathLike | None = None,
    *,
    terms: Terms = Terms(),
    rules: Rules | None = None,
    encoders: Sequence[str | Encoder] | None = None,
    engine: str | Engine | None = None,
    remove_missing: bool = False,
    show_progress: bool | None = False,
) -> BuildReport:
    """Add posters to the catalogue in ``folder``, made if it does not exist, and encode them.

    New posters are added, changed ones updated, the rest left alone. A killed run is resumed.
    A file that was moved or renamed keeps its poster's id and metadata. No poster is removed because its file cannot be
    read or found, unless ``remove_missing`` is set.
    Pictures that are not local are downloaded into the catalogue, with polite limits.

    Args:
        source: A folder of posters, a media library, a table of films (from TMDb, IMDb or your own), ``tmdb:QUERY`` or
            ``impawards:YEARS``.
        folder: The catalogue's folder.
        metadata: For a folder, a CSV, TSV or Parquet table of the films.
        terms: The source's kind, where its pictures are, and how to request them.
        rules: Which films to drop, and how to choose by genre; None uses the default rules.
        encoders: Names or instances of encoders; None uses the setting ``encoders``.
        engine: What reads and encodes: "local", "ray", or an engine; None takes the setting ``engine``.
        remove_missing: Remove the posters of this source whose file no longer exists, even if that is more than a tenth
            of them, or its drive seems not to be mounted.
        show_progress: True and False force the bars; None shows them on a terminal.

    Raises:
        SourceError: The source or the table cannot be read.
        StorageError: The catalogue cannot be written; what was committed before is kept.
        UnknownNameError: An encoder is unknown.
    """
    # An unknown encoder fails before any work.
    request = Request(source, folder, metadata, terms, rules, chosen_encoders(encoders), remove_missing)

    def made() -> Store:
        from posterity.catalogue import Store

        return Store.create(folder)

    return carry_out(request, made, engine, show_progress)


def dry_run(
    source: PathLike,
    folder: PathLike,
    metadata: PathLike | None = None,
    *,
    terms: Terms = Terms(),
    rules: Rules | None = None,
) -> DryRun:
    """Report what a build would download and drop. Pages are requested if needed to find out, but no pictures.

    For a folder, this lists the files that the rules would drop; whether the others are pictures shows only when they
    are read.

    Raises:
        ArgumentError: A term or a rule does not apply to this source.
        SourceError: The source cannot be read.
    """
    from posterity.ingest.planning import rehearse

    return rehearse(Request(source, folder, metadata, terms, rules))


def carry_out(
    request: Request, store: Callable[[], Store], engine: str | Engine | None, show_progress: bool | None
) -> BuildReport:
    """Carry out a build.

    Args:
        request: The build to carry out.
        store: Opens the catalogue; called once the source is known to be readable.
        engine: The engine that reads and encodes.
        show_progress: True and False force the bars; None shows them on a terminal.
    """
    shortcut = shortcut_of(request)
    if shortcut and (report := shortcut.recall()):
        return report
    from posterity.api.running import run
    from posterity.ingest.planning import plan_build

    plan = plan_build(request, shortcut.before if shortcut else None)
    done = run(plan, store(), engine, show_progress)
    if shortcut and shortcut.stood(done.as_listed if plan.kind == "folder" else None):
        shortcut.remember(done.report)
    return done.report
