"""The commands of encoders: listing them, scoring them, and labelling posters with them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from posterity.cli.options import as_json, catalogue, declared, listed, out, view, where
from posterity.cli.output import say, say_json, table


@click.command("zero-shot")
@catalogue
@click.option("--labels", metavar="NAMES", help="Labels to choose from, comma-separated.  [default: TMDb's genres]")
@click.option("--prompt", metavar="TEXT", help="Prompt for each label, with {} in its place.")
@declared("encoder", help="Image-text encoder.  [default: the one with vectors]")
@where
@view
@as_json
def zero_shot(
    folder: str,
    labels: str | None,
    prompt: str | None,
    encoder: str | None,
    where: str | None,
    view: str | None,
    as_json: bool,
) -> None:
    """Label posters by the names of the labels alone, with an image-text encoder.

    \b
    Examples:
      posterity embed -c films --encoder clip_vit_b32
      posterity zero-shot -c films
      posterity zero-shot -c films --labels "photograph,painting,drawing" --prompt "a poster made of a {}"
    """
    import posterity
    from posterity.search.text import PROMPT

    found = posterity.open(folder).zero_shot(
        None if labels is None else listed(labels, "labels"),
        encoder=encoder,
        prompt=prompt or PROMPT,
        where=where,
        view=view,
    )
    first = found.first()
    if as_json:
        rows = [{"id": identity, "labels": dict(best)} for identity, best in first]
        say_json({"encoder": found.encoder, "labels": list(found.labels), "posters": rows})
        return
    table(["id", "labels"], [(i, ", ".join(f"{name} {share:.2f}" for name, share in best)) for i, best in first])


@click.command()
@catalogue
@click.option(
    "--encoder", "encoders", metavar="NAMES", help="Encoders to score, comma-separated.  [default: all with vectors]"
)
@click.option(
    "--weights",
    metavar="ENCODERS",
    default="colour=1,composition=1,content=1",
    show_default=True,
    help="Also score this mixture of facets; '' for none.",
)
@where
@view
@out
@as_json
def evaluate(
    folder: str,
    encoders: str | None,
    weights: str,
    where: str | None,
    view: str | None,
    out: str | None,
    as_json: bool,
) -> None:
    """Score the encoders by what is known about the films, and compare with chance.

    Franchise recall at 1, 5 and 10, same film at 1 and 5 (where films have several posters), how many of the five
    nearest share a genre, and a linear probe of genres (mAP, AUC, one of three right), each with its 95% interval.
    Films are scored by a probe that has not seen their franchise. The scores of the catalogue's walls and maps follow,
    next to those of random ones.

    \b
    Example:
      posterity evaluate -c films --out scores.png
      posterity evaluate -c films --encoder poster,pixels --json
    """
    import posterity
    from posterity.search.evaluation import FIGURES, LAYOUT_FIGURES, baselines

    cat = posterity.open(folder)
    found = cat.evaluate(*listed(encoders, "encoders"), weights=_mixable(cat, weights), where=where, view=view)
    layouts = cat.layout_scores()
    if out:
        cat.draw(found, out)
    if as_json:
        rows = []
        for row in found:
            figures: dict[str, Any] = {}
            for name, attribute in FIGURES.items():
                score = getattr(row, attribute)
                figures[name] = None if score is None else score.value
                figures[f"{name} interval"] = None if score is None else [score.low, score.high]
            known = {"encoder": row.encoder, "dimension": row.dimension, "posters": row.posters}
            counts = {"queries": row.queries, "versions": row.versions, "baselines": baselines(found)}
            rows.append(known | counts | figures)
        say_json({"encoders": rows, "layouts": layouts} | ({"out": out} if out else {}))
        return
    first = found[0]
    say(
        f"{first.posters:,} posters, {first.queries:,} films with a sibling in their franchise, "
        f"{first.versions:,} posters with another of their film"
    )
    shown = {name: attribute for name, attribute in FIGURES.items() if any(getattr(row, attribute) for row in found)}
    table(
        ["encoder", *shown],
        [(row.encoder, *(str(getattr(row, attribute) or "") for attribute in shown.values())) for row in found],
    )
    if layouts:
        names = [name for name in LAYOUT_FIGURES if any(name in row.scores for row in layouts)]
        say()
        table(
            ["layout", "posters", *names],
            [(row.name, row.posters, *(_figure(row.scores.get(name)) for name in names)) for row in layouts],
        )
    if out:
        say(f"Picture: {out}")


def _figure(score: Any) -> str:
    """Write a score with its interval, if it has one."""
    if score is None:
        return ""
    return f"{score.value:.4g}" if score.low == score.high else str(score)


def _mixable(cat: Any, weights: str) -> str | None:
    """Leave out the default mixture where the catalogue lacks vectors of one of its encoders."""
    from click.core import ParameterSource

    from posterity.search.facets import CONTENT, parse_weights
    from posterity.settings import setting

    if not weights.strip():
        return None
    context = click.get_current_context()
    names = {setting("encoder") if name == CONTENT else name for name in parse_weights(weights)}
    if context.get_parameter_source("weights") is ParameterSource.DEFAULT and not names <= set(cat.store.encoders):
        return None
    return weights


@click.command()
@as_json
def encoders(as_json: bool) -> None:
    """List the encoders: dimension, weights and licence, and whether they can run on this machine now.

    \b
    Example:
      posterity encoders --json
    """
    from posterity.encoders import ENCODERS, available

    found = [(ENCODERS.get(name).spec, available(ENCODERS.get(name))) for name in ENCODERS]
    if as_json:
        say_json([
            asdict(spec) | {"fingerprint": spec.fingerprint, "open_licence": spec.open_licence, "available": here}
            for spec, here in found
        ])  # fmt: skip
        return
    rows = [
        (
            s.name, s.dimension, f"{s.size[0]}×{s.size[1]}", f"{s.bytes / 1e6:.1f} MB" if s.bytes else "",
            (s.licence or "") + ("" if s.open_licence else " (!)"), "yes" if here else "", s.summary,
        )
        for s, here in found
    ]  # fmt: skip
    table(["encoder", "dimension", "reads", "weights", "licence", "here", ""], rows)
    if not all(spec.open_licence for spec, _ in found):
        say("(!) This licence restricts use, above all commercial use: read it first.")
    if not all(here for _, here in found):
        say("Weights that are not here are downloaded when first used: pip install 'posterity[networks]'")


encoder_commands = [encoders, evaluate, zero_shot]
