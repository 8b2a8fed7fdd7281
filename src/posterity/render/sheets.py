"""Pictures of pairs, duplicates, scores and explanations."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from PIL import Image, ImageDraw

from posterity.catalogue import Store
from posterity.catalogue.pictures import picture_of
from posterity.images.fonts import font, shortened
from posterity.render.canvas import ACCENT, GREY, INK, LINE, PAPER, lit, paste, wrapped
from posterity.runtime.filenames import whole
from posterity.search.duplicates import Copy, Duplicates
from posterity.search.evaluation import FIGURES, RANDOM, EncoderScores
from posterity.search.explain import Explanation
from posterity.search.pairs import Pair, Pairs
from posterity.serialise import dumps

_MOST = 240
"""Maximum number of pairs or groups on one picture; more would make it too long for viewers."""


def draw_pairs(store: Store, pairs: Pairs) -> Image.Image:
    """Draw pairs side by side, the closest first, with titles, kind and score."""
    shown = pairs.pairs[:_MOST]
    columns = min(4, max(1, len(shown)))
    width, height, gap, margin, caption = 120, 180, 22, 24, 62
    lines = -(-len(shown) // columns) if shown else 1
    size = (margin * 2 + columns * (2 * width + gap) - gap, margin * 2 + 26 + lines * (height + caption))
    image = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((margin, margin - 8), shortened(pairs_title(pairs), size[0] - 2 * margin), font=font(17), fill=GREY)
    posters = store.get({identity for pair in shown for identity in (pair.a, pair.b)})
    for at, pair in enumerate(shown):
        x = margin + at % columns * (2 * width + gap)
        y = margin + 26 + at // columns * (height + caption)
        for side, identity in enumerate((pair.a, pair.b)):
            if identity in posters:
                picture = picture_of(store, posters[identity], (height, width))
                paste(image, picture, (x + side * (width + 2), y), (height, width))
        draw.text((x, y + height + 6), shortened(titles_of(pair), 2 * width), font=font(15), fill=INK)
        draw.text((x, y + height + 26), f"{pair.score:.3f} · {pair.kind}", font=font(14), fill=GREY)
    return image


def pairs_title(pairs: Pairs) -> str:
    """Write a heading for the pairs."""
    return f"The {len(pairs.pairs)} closest pairs of {pairs.posters:,} posters by {pairs.encoder}"


def titles_of(pair: Pair) -> str:
    """Write the two titles of a pair, or the one that both share."""
    return pair.title_a if pair.title_a == pair.title_b else f"{pair.title_a} / {pair.title_b}"


def draw_duplicates(store: Store, found: Duplicates) -> Image.Image:
    """Draw groups of duplicates, one per row, with the copy to keep first and framed."""
    shown = found.groups[:_MOST]
    width, height, gap, margin, caption = 120, 180, 14, 24, 46
    most = min(8, max((len(group.members) for group in shown), default=1))
    size = (margin * 2 + max(most, 4) * (width + gap), margin * 2 + 26 + max(1, len(shown)) * (height + caption))
    image = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(image)
    text = f"{len(found.groups)} groups of the same artwork among {found.posters:,} posters; framed: the best copy"
    draw.text((margin, margin - 8), shortened(text, size[0] - 2 * margin), font=font(17), fill=GREY)
    posters = store.get({identity for group in shown for identity in group.members})
    for line, group in enumerate(shown):
        y = margin + 26 + line * (height + caption)
        for column, copy in enumerate(group.copies[:most]):
            x = margin + column * (width + gap)
            if copy.id in posters:
                paste(image, picture_of(store, posters[copy.id], (height, width)), (x, y), (height, width))
            if copy.id == group.keep:
                draw.rectangle([x - 4, y - 4, x + width + 3, y + height + 3], outline=ACCENT, width=3)
            draw.text((x, y + height + 5), shortened(copy.title, width), font=font(13), fill=INK)
            score = "" if copy.score is None else f" · {copy.score:.2f}"
            draw.text((x, y + height + 22), f"{copy.width}×{copy.height}{score}", font=font(12), fill=GREY)
    return image


def fix_list(found: Duplicates, path: str | os.PathLike[str]) -> str:
    """Write the duplicates, one row per copy, as CSV or, for the ending .json, as JSON."""
    rows = [
        {"group": at, "action": "keep" if copy.id == group.keep else "superfluous", **asdict(copy)}
        for at, group in enumerate(found.groups, 1)
        for copy in group.copies
    ]
    if os.fspath(path).lower().endswith(".json"):
        return dumps(rows, indent=1)
    names = ["group", "action", *(item.name for item in fields(Copy))]
    out = io.StringIO()
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def draw_scores(table: Sequence[EncoderScores]) -> Image.Image:
    """Draw the scores of encoders as bars with intervals, one panel per figure, with chance as a line."""
    shown = [(name, attribute) for name, attribute in FIGURES.items() if any(getattr(row, attribute) for row in table)]
    encoders = [row for row in table if row.encoder != RANDOM]
    chance = next((row for row in table if row.encoder == RANDOM), None)
    columns, width, left, margin, bar = 3, 420, 150, 28, 22
    height = 44 + (bar + 6) * len(encoders) + 26
    lines = max(1, -(-len(shown) // columns))
    image = Image.new("RGB", (margin * 2 + columns * width, margin * 2 + lines * height), PAPER)
    draw = ImageDraw.Draw(image)
    for at, (name, attribute) in enumerate(shown):
        x, y = margin + at % columns * width, margin + at // columns * height
        draw.text((x, y), name, font=font(17), fill=INK)
        scores = [getattr(row, attribute) for row in encoders]
        most = max((score.high for score in scores if score), default=1.0) or 1.0
        scale = (width - left - 90) / most
        for line, (row, score) in enumerate(zip(encoders, scores, strict=True)):
            top = y + 34 + line * (bar + 6)
            draw.text((x, top + 2), shortened(row.encoder, left - 10), font=font(14), fill=INK)
            if score is None:
                continue
            end, middle = x + left + score.value * scale, top + bar // 2
            draw.rectangle([x + left, top, end, top + bar], fill=LINE)
            draw.line(
                [(x + left + score.low * scale, middle), (x + left + score.high * scale, middle)], fill=INK, width=2
            )
            draw.text((x + left + score.high * scale + 8, top + 2), f"{score.value:.3f}", font=font(14), fill=GREY)
        by_chance = getattr(chance, attribute, None)
        if by_chance is not None:
            at_x = x + left + by_chance.value * scale
            draw.line([(at_x, y + 30), (at_x, y + 32 + len(encoders) * (bar + 6))], fill=ACCENT, width=2)
    return image


def draw_explanation(store: Store, found: Explanation) -> Image.Image:
    """Draw two posters with the regions that make them alike, one row per facet, their palettes and contributions."""
    width, height, gap, margin = 220, 330, 18, 28
    facets = list(found.regions)
    column = 2 * width + gap
    columns = 1 + len(facets)
    bars = 34 + 30 * len(found.contributions)
    size = (margin * 2 + columns * (column + 2 * gap) - 2 * gap, margin * 2 + 60 + height + 76 + bars)
    image = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(image)
    posters = store.get([found.a, found.b])
    pictures = [picture_of(store, posters[identity], (height, width)) for identity in (found.a, found.b)]
    top = margin + 30
    for at, name in enumerate(["", *facets]):
        x = margin + at * (column + 2 * gap)
        heading = f"alike in {name}" if name else ("the same artwork" if found.same_artwork else "the posters")
        draw.text((x, margin - 4), heading, font=font(18), fill=GREY)
        for side, picture in enumerate(pictures):
            shown = lit(picture, found.regions[name][side]) if name else picture
            paste(image, shown, (x + side * (width + gap), top), (height, width))
            if not name:
                title = found.titles[side]
                for row, line in enumerate(wrapped(draw, title, width, 2)):
                    draw.text((x + side * (width + gap), top + height + 8 + 20 * row), line, font=font(16), fill=INK)
                _swatches(draw, found.palettes[side], (x + side * (width + gap), top + height + 54), width)
    _bars(draw, found, (margin, top + height + 88), size[0] - 2 * margin)
    return image


def write_text(text: str, path: str | os.PathLike[str]) -> Path:
    """Write a text file, completely or not at all.

    Raises:
        StorageError: The file cannot be written.
    """
    target = Path(path)
    with whole(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return target


def _swatches(
    draw: ImageDraw.ImageDraw, palette: tuple[tuple[str, float], ...], at: tuple[int, int], width: int
) -> None:
    x = float(at[0])
    for colour, share in palette:
        draw.rectangle([x, at[1], x + share * width, at[1] + 16], fill=colour)
        x += share * width


def _bars(draw: ImageDraw.ImageDraw, found: Explanation, at: tuple[int, int], width: int) -> None:
    """Draw the contributions as bars to the left and right of 0."""
    x, y = at
    draw.text((x, y), f"score {found.score:+.2f} = the sum of", font=font(16), fill=INK)
    middle, reach = x + 330, width - 420
    largest = max((abs(value) for value in found.contributions.values()), default=0.0) or 1.0
    for row, (name, value) in enumerate(found.contributions.items()):
        top = y + 32 + 30 * row
        share = found.weights[name]
        draw.text((x, top), shortened(f"{name} (weight {share:.0%})", 200), font=font(15), fill=INK)
        draw.text((x + 215, top), f"{value:+.2f}", font=font(15), fill=GREY)
        end = middle + max(0.0, 0.5 * reach) * value / largest
        draw.rectangle([min(middle, end), top + 2, max(middle, end), top + 16], fill=ACCENT if value >= 0 else GREY)
    draw.line([(middle, y + 28), (middle, y + 32 + 30 * len(found.contributions))], fill=LINE, width=1)
