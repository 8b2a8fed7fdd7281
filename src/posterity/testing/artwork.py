"""Drawing a film's poster: background, motif, ageing, lettering, and the label that marks it as generated."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from posterity.errors import ArgumentError
from posterity.images.fonts import Weight, font
from posterity.testing.films import GeneratedFilm
from posterity.testing.genres import GENRES, NAMES, RGB, Palette
from posterity.testing.motifs import MOTIFS, blend

LABEL = "GENERATED · POSTERITY SAMPLE"
_SCALE = 2
"""Posters are drawn at twice their size and shrunk, which smooths all edges."""


def draw_poster(film: GeneratedFilm, size: tuple[int, int] = (400, 600)) -> Image.Image:
    """Draw a film's poster; the same film gives the same pixels.

    Args:
        film: The film; films of a series share palette, motif and lettering.
        size: (width, height) in pixels.

    Raises:
        ArgumentError: ``size`` is too small for lettering, or too large.
    """
    width, height = size
    if not (100 <= width <= 4000 and 150 <= height <= 6000):
        raise ArgumentError(f"invalid size {width}×{height}", "Choose 100×150 to 4000×6000 pixels.")
    genre = GENRES[film.genres[0]]
    look, own = np.random.default_rng([film.look, 4]), np.random.default_rng([film.seed, 5])
    palette = _varied(genre.palettes[int(look.integers(len(genre.palettes)))], look, 14)
    motif = genre.motifs[int(look.integers(len(genre.motifs)))]
    palette = _aged(palette, film.year)
    canvas = _ground((width * _SCALE, height * _SCALE), palette)
    # Sequels draw the same scene with small changes: the same random numbers, a few steps further on.
    scene = np.random.default_rng([film.look, 6]) if film.collection else own
    if film.collection:
        scene.random(film.part)
    MOTIFS[motif](canvas, palette, scene)
    _texture(canvas, genre.grain + max(0, 1975 - film.year) / 8, film.year < 1965, own)
    _letter(canvas, film, palette, look)
    return canvas.resize(size, Image.Resampling.LANCZOS)


def _varied(palette: Palette, rng: np.random.Generator, amount: float) -> Palette:
    """Shift each ink a little, so that no two films share them exactly."""

    def shifted(ink: RGB) -> RGB:
        red, green, blue = np.clip(np.array(ink) + rng.normal(0, amount, 3), 0, 255).astype(int).tolist()
        return red, green, blue

    top, bottom, accent = (shifted(ink) for ink in (palette.top, palette.bottom, palette.accent))
    return Palette(top, bottom, accent, palette.shade, palette.ink)


def _aged(palette: Palette, year: int) -> Palette:
    """Give old posters the warmer, paler inks of their time."""
    age = float(np.clip((1970 - year) / 60, 0, 0.55))
    paper = (222, 205, 170)
    return Palette(
        top=blend(palette.top, paper, age * 0.8),
        bottom=blend(palette.bottom, paper, age * 0.6),
        accent=blend(palette.accent, paper, age * 0.3),
        shade=blend(palette.shade, paper, age * 0.2),
        ink=blend(palette.ink, paper, age * 0.1),
    )


def _ground(size: tuple[int, int], palette: Palette) -> Image.Image:
    """Draw a gradient from the top ink to the bottom one."""
    share = np.linspace(0, 1, size[1])[:, None, None] ** 1.2
    column = np.array(palette.top) * (1 - share) + np.array(palette.bottom) * share
    return Image.fromarray(np.broadcast_to(column.round().astype(np.uint8), (size[1], size[0], 3)).copy())


def _texture(canvas: Image.Image, grain: float, paper: bool, rng: np.random.Generator) -> None:
    """Lay film grain over a picture, darken its corners, and fold old paper."""
    w, h = canvas.size
    noise = rng.normal(0, grain, (h // 2, w // 2, 1)).astype(np.float32).repeat(2, 0).repeat(2, 1)
    pixels = np.asarray(canvas, np.float32) * _vignette(w, h)
    pixels[: len(noise), : noise.shape[1]] += noise
    if paper:
        for line in (h // 3, 2 * h // 3):
            pixels[line - 1 : line + 1] += 18
        pixels[:, w // 2 - 1 : w // 2 + 1] += 18
    canvas.paste(Image.fromarray(np.clip(pixels, 0, 255, out=pixels).astype(np.uint8)))


@cache
def _vignette(w: int, h: int) -> NDArray[np.float32]:
    """Return the brightness of each pixel, (h, w, 1), falling towards the corners."""
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j].astype(np.float32)
    return np.asarray(1 - 0.22 * np.clip(np.hypot(x, y) - 0.6, 0, 1)[..., None], np.float32)


def _letter(canvas: Image.Image, film: GeneratedFilm, palette: Palette, look: np.random.Generator) -> None:
    """Write the title, the tagline, the credits and the label, each in an ink that contrasts with its background."""
    draw, (w, h) = ImageDraw.Draw(canvas), canvas.size
    genre = GENRES[film.genres[0]]
    title = film.title.upper() if look.random() < 0.75 else film.title
    weight: Weight = ("Black", "Bold", "Light")[int(look.integers(3))] if genre.spaced else "Black"
    lines, size, spacing = _fitted(draw, title, w * 0.86, h * 0.2, h, weight, 0.12 if genre.spaced else 0.0)
    block = size * 1.12 * len(lines)
    top = {"top": h * 0.05, "middle": h * 0.5 - block / 2, "bottom": h * 0.87 - block}[genre.title]
    ink = _readable(canvas, palette, (0, top, w, top + block))
    _calm(canvas, ink, (w * 0.04, top, w * 0.96, top + block))
    for number, line in enumerate(lines):
        x = (w - _length(draw, line, font(size, weight), spacing)) / 2
        for letter in line:
            draw.text((x, top + number * size * 1.12), letter, font=font(size, weight), fill=ink)
            x += draw.textlength(letter, font=font(size, weight)) + spacing
    rng = np.random.default_rng([film.seed, 7])
    tagline = _TAGLINES[int(rng.integers(len(_TAGLINES)))]
    directed, starring = rng.choice(NAMES, 2, replace=False).tolist()
    under = {"top": top + block + h * 0.02, "middle": top - h * 0.045, "bottom": top - h * 0.04}[genre.title]
    for line, y, share in (
        (tagline, under, 0.021),
        (f"{starring.upper()} STARS IN A FILM BY {directed.upper()}   ·   {film.year}", h * 0.905, 0.0165),
        (LABEL, h * 0.955, 0.015),
    ):
        small = font(round(h * share), "Medium")
        ink = _readable(canvas, palette, (0, y, w, y + h * 0.02))
        draw.text(((w - draw.textlength(line, font=small)) / 2, y), line, font=small, fill=ink)


def _calm(canvas: Image.Image, ink: RGB, box: tuple[float, float, float, float]) -> None:
    """Veil a background too similar to the ink softly, so that a title over a busy scene can be read."""
    left, top, right, bottom = (round(edge) for edge in box)
    under = np.asarray(canvas.crop((left, top, right, bottom)).convert("L").resize((24, 8)), np.float32)
    if np.percentile(np.abs(under - _luma(ink)), 8) >= 60:
        return
    reach = (bottom - top) // 4 + 8
    veil = Image.new("L", (canvas.width // 8, canvas.height // 8), 0)
    edges = (left // 8, (top - reach // 3) // 8, right // 8, (bottom + reach // 3) // 8)
    ImageDraw.Draw(veil).rounded_rectangle(edges, reach / 16, fill=185)
    veil = veil.filter(ImageFilter.GaussianBlur(reach / 16)).resize(canvas.size, Image.Resampling.BICUBIC)
    other = (12, 11, 14) if _luma(ink) > 128 else (250, 247, 240)
    canvas.paste(Image.new("RGB", canvas.size, other), mask=veil)


def _luma(ink: RGB) -> float:
    return 0.299 * ink[0] + 0.587 * ink[1] + 0.114 * ink[2]


def _readable(canvas: Image.Image, palette: Palette, box: tuple[float, float, float, float]) -> RGB:
    """Return the palette's lettering ink, or black or white if that contrasts much better with the area ``box``."""
    left, top, right, bottom = (round(edge) for edge in box)
    under = np.asarray(canvas.crop((left, top, right, bottom)).convert("L").resize((24, 8)), np.float32)

    def contrast(ink: RGB) -> float:
        return float(np.percentile(np.abs(under - _luma(ink)), 25))

    if contrast(palette.ink) >= 85:
        return palette.ink
    return max((palette.ink, (250, 248, 242), (16, 14, 14)), key=contrast)


def _fitted(
    draw: ImageDraw.ImageDraw, title: str, width: float, height: float, h: int, weight: Weight, spacing: float
) -> tuple[list[str], int, float]:
    """Find the largest lettering in which a title fits into ``width`` × ``height``, broken over up to five lines."""
    words = title.split()
    for size in range(round(h * 0.105), round(h * 0.016), -max(2, round(h * 0.004))):
        lines = [words[0]]
        for word in words[1:]:
            longer = f"{lines[-1]} {word}"
            if _length(draw, longer, font(size, weight), spacing * size) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        wide = max(_length(draw, line, font(size, weight), spacing * size) for line in lines)
        if wide <= width and len(lines) * size * 1.12 <= height and len(lines) <= 5:
            return lines, size, spacing * size
    return [title], max(8, round(h * 0.016)), 0.0


def _length(draw: ImageDraw.ImageDraw, line: str, face: ImageFont.FreeTypeFont, spacing: float) -> float:
    return draw.textlength(line, font=face) + spacing * (len(line) - 1)


_TAGLINES = (
    "Some doors were never meant to open.",
    "It was only supposed to take a weekend.",
    "Everyone leaves something behind.",
    "This year, nobody is coming to help.",
    "The longest road begins at home.",
    "You will wish you had knocked.",
    "A story in four wrong turns.",
    "What the tide brings, it keeps.",
    "They had one plan. It was the other one.",
    "Listen closely.",
    "Somewhere, the band is still playing.",
    "Tomorrow was yesterday's idea.",
)
