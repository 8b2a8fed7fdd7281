"""Matches drawn as pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from posterity.catalogue import Store
from posterity.catalogue.pictures import Shown, picture_of
from posterity.errors import NoSuchPosterError
from posterity.images import decode
from posterity.images.fonts import font
from posterity.render.canvas import GREY, INK, LINE, PAPER, RGB, dimmed, montage, paste, wrapped
from posterity.search.query import Match, Matches, stripes


def draw_matches(store: Store, matches: Matches) -> Image.Image:
    """Draw a query beside its matches, with title and score under each."""
    posters = store.get(match.id for match in matches.matches)
    query = matches.query
    first = _query_picture(store, matches)
    columns = min(max(len(matches.matches), 1), 5)
    lines = -(-max(len(matches.matches), 1) // columns)
    margin, gap, caption = 28, 18, 78
    width, height = 200, 300
    big_width = width if lines == 1 else round(width * 1.5)
    big_height = big_width * 3 // 2
    left = margin + big_width + 2 * gap
    size = (
        left + gap + columns * (width + gap) - gap + margin,
        2 * margin + 30 + max(lines * (height + caption), big_height + caption),
    )
    image = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(image)
    top = margin + 30
    draw.text((margin, margin - 6), "Query", font=font(17), fill=GREY)
    draw.text((left + gap, margin - 6), f"Most alike by {matches.encoder}", font=font(17), fill=GREY)
    draw.line([(left, margin), (left, size[1] - margin)], fill=LINE, width=1)
    paste(image, first, (margin, top), (big_height, big_width))
    _caption(draw, (margin, top + big_height + 8), big_width, "" if query.text else query.title, "")
    for index, match in enumerate(matches.matches):
        x = left + gap + index % columns * (width + gap)
        y = top + index // columns * (height + caption)
        paste(image, picture_of(store, posters[match.id], (height, width)), (x, y), (height, width))
        _caption(draw, (x, y + height + 8), width, _titled(match), f"{match.score:.3f}", _reasons(match))
    if not matches.matches:
        draw.text((left + gap, top), "no poster meets the conditions", font=font(17), fill=GREY)
    return image


def _query_picture(store: Store, matches: Matches) -> RGB:
    """Return the picture of a query; for a text query, a sheet with its words."""
    if matches.query.text is not None:
        sheet = Image.new("RGB", (300, 450), (236, 233, 226))
        draw = ImageDraw.Draw(sheet)
        for row, line in enumerate(wrapped(draw, f"“{matches.query.text}”", 230, 12)):
            draw.text((30, 40 + row * 24), line, font=font(18), fill=INK)
        return np.asarray(sheet)
    if matches.query.colours:
        return stripes(matches.query.colours, 450 // len(matches.query.colours), 300)
    named = (*matches.query.likes, *matches.query.unlikes)
    known = store.get(name for name in named if not isinstance(name, Shown))

    def shown(name: str) -> RGB:
        if isinstance(name, Shown):
            return decode(name.data, (450, 300))
        if name not in known:
            raise NoSuchPosterError(name)
        return picture_of(store, known[name], (450, 300))

    likes = [shown(name) for name in matches.query.likes[:4]]
    if len(likes) == 1 and not matches.query.unlikes:
        return likes[0]
    # Several queries stand side by side; those that matches should be unlike are dark and grey.
    return montage([*likes, *(dimmed(shown(name)) for name in matches.query.unlikes[:2])])


def _titled(match: Match) -> str:
    return f"{match.title} ({match.year})" if match.year else match.title


def _reasons(match: Match) -> str:
    """Write each facet's contribution to a score, short enough to fit below a poster."""
    parts = match.contributions or {}
    return "  ".join(f"{name[:4]}\u00a0{part:+.1f}" for name, part in parts.items()) if len(parts) > 1 else ""


def _caption(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], width: int, title: str, score: str, reasons: str = ""
) -> None:
    x, y = at
    for line in wrapped(draw, title, width, 1 if reasons else 2):
        draw.text((x, y), line, font=font(16), fill=INK)
        y += 20
    draw.text((x, y + 2), score, font=font(15), fill=GREY)
    for row, line in enumerate(wrapped(draw, reasons, round(width * 1.2), 2)):
        draw.text((x, y + 22 + 15 * row), line, font=font(13), fill=GREY)
