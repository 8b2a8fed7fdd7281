"""The commands that show what a catalogue holds, choose from it and keep it well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from posterity.cli.options import as_json, bars, catalogue, catalogue_first, quiet, rule_options, view, where
from posterity.cli.output import say, say_json, table
from posterity.serialise import plain

if TYPE_CHECKING:
    from posterity.sources.rules import Rules


@click.command()
@catalogue
@click.argument("identity", metavar="ID")
@as_json
def film(folder: str, identity: str, as_json: bool) -> None:
    """Show what is known about a poster's film, and which source says what.

    \b
    Example:
      posterity film -c films tt0113277
    """
    import posterity
    from posterity.catalogue.schema import FILM_FIELDS

    cat = posterity.open(folder)
    claims = cat.claims(identity)
    poster = cat.store.get([identity])[identity]
    if as_json:
        say_json({"id": identity, "film": poster.film, "claims": claims})
        return
    rows = [
        (name, *(_cell(getattr(film, name)) for film in (poster.film, *(c.film for c in claims))))
        for name in FILM_FIELDS
    ]
    table(["", identity, *(claim.origin for claim in claims)], [row for row in rows if any(row[1:])])
    for claim in claims:
        say(f"{claim.origin}: {claim.item}")


def _cell(value: object) -> object:
    return ", ".join(value) if isinstance(value, tuple) else value


@click.command()
@catalogue
@click.argument("name")
@where
@rule_options
@as_json
def select(folder: str, name: str, where: str | None, rules: Rules | None, as_json: bool) -> None:
    """Select posters and keep the selection as the view NAME, for the --view option of other commands.

    Rules for --drop: no_genre, no_budget, no_revenue, blank_title, duplicate_id (one poster a film).

    \b
    Examples:
      posterity select -c films top10 --genres-top 10 --per-genre 1000 --first-genre
      posterity select -c films money --drop no_budget,no_revenue --where "year >= 1980"
      posterity wall -c films --view top10 --out top10.png
    """
    import posterity

    found = posterity.open(folder).select(name, where, rules=rules)
    if as_json:
        say_json(found)
        return
    say(f"view {found.name}: {found.posters:,} posters")
    for title, counts in (("not taken", found.dropped_by), ("labels", found.labels)):
        if counts:
            say(f"  {title}: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))


@click.command()
@catalogue
@click.option("--remove", metavar="NAME", help="Remove this view; its posters stay.")
@as_json
def views(folder: str, remove: str | None, as_json: bool) -> None:
    """List the views of a catalogue.

    \b
    Example:
      posterity views -c films
    """
    import posterity

    cat = posterity.open(folder)
    if remove is not None:
        cat.remove_view(remove)
    found = cat.views()
    if as_json:
        say_json({"views": found})
        return
    table(["view", "posters", "where"], [(view.name, view.posters, view.where or "") for view in found])


@click.command()
@catalogue_first
@as_json
def info(folder: str, as_json: bool) -> None:
    """Show what a catalogue holds.

    \b
    Example:
      posterity info films
    """
    import posterity

    found = posterity.open(folder).info()
    if as_json:
        say_json(found)
        return
    say(f"{found.folder}: {found.posters:,} posters, {found.bytes / 1e6:,.1f} MB, format {found.format}")
    if found.years:
        say(f"  years     {found.years[0]}–{found.years[1]}")
    commonest = list(found.genres.items())[:6]
    if commonest:
        say("  genres    " + ", ".join(f"{name} {n:,}" for name, n in commonest))
    for source, n in found.sources.items():
        say(f"  source    {source} ({n:,})")
    for e in found.encoders:
        state = "" if e.current else "  (stale: posterity doctor)"
        say(f"  vectors   {e.name}: {e.vectors:,} × {e.dimension}{state}")
    say(f"  cleaning  {found.dropped:,} dropped, {found.flagged:,} flagged (posterity report {folder})")


@click.command()
@catalogue_first
@click.option(
    "--limit", type=click.IntRange(min=0), default=50, show_default=True, help="Lines per section; 0 for all."
)
@as_json
def report(folder: str, limit: int, as_json: bool) -> None:
    """List all files that were dropped, kept or flagged, and all table rows that match no file, with reasons.

    \b
    Example:
      posterity report films --limit 0
    """
    import posterity

    found = posterity.open(folder).report()
    if as_json:
        say_json(plain(found) | {"dropped_by": _count(d.reason for d in found.dropped)})
        return
    say(f"{found.seen:,} seen = {found.posters:,} posters + {len(found.dropped):,} dropped")
    _section("Dropped", [(d.reason, d.item, d.detail) for d in found.dropped], limit)
    _section("Kept unchanged", [(k.reason, k.item, k.detail) for k in found.kept], limit)
    _section("Flagged", [(f.flag, f.id, f.path, f.detail) for f in found.flagged], limit)
    _section("Rows of tables", [(f.reason, f.item, f.detail) for f in found.rows], limit)


def _count(reasons: Any) -> dict[str, int]:
    from collections import Counter

    return dict(sorted(Counter(reasons).items()))


def _section(title: str, rows: list[tuple[str, ...]], limit: int) -> None:
    if not rows:
        return
    say()
    say(
        f"{title}: {len(rows):,} (" + ", ".join(f"{n:,} {code}" for code, n in _count(r[0] for r in rows).items()) + ")"
    )
    for row in sorted(rows)[: limit or None]:
        say("  " + "  ".join(row))
    if limit and len(rows) > limit:
        say(f"  … and {len(rows) - limit:,} more: --limit 0 lists all")


@click.command()
@catalogue_first
@click.option("--repair", is_flag=True, help="Repair what can be repaired.")
@click.option(
    "--remove-missing",
    is_flag=True,
    help="With --repair: remove posters whose files are missing, however many there are.",
)
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Hours for which old versions are kept when compacting, for readers still using them.",
)
@click.option(
    "--put-back", metavar="RESCUED", help="Put back the posters that an earlier run removed, from the folder it named."
)
@as_json
@quiet
def doctor(
    folder: str,
    repair: bool,
    remove_missing: bool,
    older_than: float,
    put_back: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Check a catalogue for missing files, missing vectors, stale artefacts and old versions.

    Posters are removed only if their file is certainly gone, and are first copied to rescued/ in the catalogue. What
    cannot be checked is reported and left alone. Exit status 1 if something is wrong and was not repaired.

    \b
    Examples:
      posterity doctor films
      posterity doctor films --repair
      posterity doctor films --put-back films/rescued/2026-11-22T02-14-58Z-3f2a
    """
    from datetime import timedelta

    import posterity

    if remove_missing and not repair:
        raise click.UsageError("--remove-missing requires --repair")
    if put_back is not None and repair:
        raise click.UsageError("--put-back and --repair cannot be used together")
    cat = posterity.open(folder)
    if put_back is not None:
        n = cat.put_back(put_back)
        say_json({"put_back": n}) if as_json else say(f"{n:,} {'poster' if n == 1 else 'posters'} put back")
        return
    found = cat.doctor(
        repair=repair,
        remove_missing=remove_missing,
        older_than=timedelta(hours=older_than),
        show_progress=bars(quiet),
    )
    if as_json:
        say_json(plain(found) | {"well": found.well})
    else:
        for p in found.problems:
            state = "repaired" if p.repaired else ("--repair would " if p.repairable and not repair else "") + p.remedy
            say(f"{p.kind}  {p.about}: {p.detail}  → {state}")
        if found.rescued:
            say(f"What was removed was copied to {found.rescued}")
        say(found.verdict)
    if not found.well:
        raise click.exceptions.Exit(1)


@click.command("list")
@catalogue
@where
@view
@as_json
def list_(folder: str, where: str | None, view: str | None, as_json: bool) -> None:
    """List the posters of a catalogue.

    \b
    Example:
      posterity list -c films --where "array_has(genres, 'Western')"
    """
    import posterity

    found = posterity.open(folder).posters(where, view=view)
    if as_json:
        say_json({"posters": found})
        return
    rows = ((p.id, p.film.title, p.film.year or "", ", ".join(p.film.genres), ", ".join(p.flags)) for p in found)
    table(["id", "title", "year", "genres", "flags"], rows)


manage_commands = [doctor, film, info, list_, report, select, views]
