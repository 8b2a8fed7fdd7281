"""The pictures on generated posters: each motif draws one scene with a palette's inks onto a canvas.

Canvases are large (posters are drawn at twice their size and shrunk, which smooths edges); all lengths are shares of
the canvas's width ``w`` and height ``h``. Motifs use the upper part of the canvas and what the lettering leaves free.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from posterity.testing.genres import RGB, Palette

Rng = np.random.Generator
Motif = Callable[[Image.Image, Palette, Rng], None]


def blend(a: RGB, b: RGB, share: float) -> RGB:
    """Mix two inks: ``share`` 0 gives the first, 1 the second."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _disc(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, fill: RGB) -> None:
    draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)


def _glow(image: Image.Image, x: float, y: float, r: float, ink: RGB, strength: float = 0.8) -> None:
    """Draw a glow that falls off softly around a point."""
    veil = Image.new("L", (image.width // 8, image.height // 8), 0)
    _draw = ImageDraw.Draw(veil)
    _draw.ellipse(((x - r) / 8, (y - r) / 8, (x + r) / 8, (y + r) / 8), fill=round(255 * strength))
    veil = veil.filter(ImageFilter.GaussianBlur(r / 14)).resize(image.size, Image.Resampling.BICUBIC)
    image.paste(Image.new("RGB", image.size, ink), mask=veil)


def _ridge(rng: Rng, w: int, base: float, rough: float, points: int = 65) -> list[tuple[float, float]]:
    """Return a mountain ridge made by midpoint displacement (Fournier, Fussell and Carpenter 1982)."""
    heights = np.zeros(points)
    heights[[0, -1]] = rng.normal(0, rough / 2, 2)
    step, spread = points - 1, rough
    while step > 1:
        half = step // 2
        middles = np.arange(half, points - 1, step)
        heights[middles] = (heights[middles - half] + heights[middles + half]) / 2 + rng.normal(0, spread, len(middles))
        step, spread = half, spread * 0.52
    return list(zip(np.linspace(0, w, points).tolist(), (base - heights).tolist(), strict=True))


def _below(draw: ImageDraw.ImageDraw, edge: list[tuple[float, float]], w: int, h: int, fill: RGB) -> None:
    draw.polygon([*edge, (w, h), (0, h)], fill=fill)


def mountains(image: Image.Image, p: Palette, rng: Rng) -> None:
    """Ranges behind each other, fading into the light, under a sun or moon."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    x, y = w * rng.uniform(0.3, 0.7), h * rng.uniform(0.2, 0.34)
    _glow(image, x, y, w * 0.34, p.accent, 0.6)
    _disc(draw, x, y, w * rng.uniform(0.1, 0.16), blend(p.accent, (255, 255, 255), 0.35))
    for layer in range(4):
        edge = _ridge(rng, w, h * (0.46 + 0.11 * layer), h * (0.09 - 0.015 * layer))
        _below(draw, edge, w, h, blend(p.bottom, p.shade, 0.3 + 0.23 * layer))


def hills(image: Image.Image, p: Palette, rng: Rng) -> None:
    """Round hills, clouds and a smiling sun."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    _disc(draw, w * rng.uniform(0.2, 0.8), h * 0.34, w * 0.13, p.accent)
    for _ in range(4):
        x, y, r = w * rng.uniform(0, 1), h * rng.uniform(0.22, 0.5), w * rng.uniform(0.04, 0.07)
        for dx in (-1.2, 0, 1.2):
            _disc(draw, x + dx * r, y + abs(dx) * r * 0.3, r * (1.15 - abs(dx) * 0.25), (255, 255, 255))
    for layer in range(3):
        cx, r = w * rng.uniform(0.1, 0.9), w * rng.uniform(0.8, 1.1)
        _disc(draw, cx, h * (0.68 + 0.09 * layer) + r, r, blend(p.shade, (255, 255, 255), 0.42 - 0.2 * layer))
    for _ in range(7):
        x, y, s = w * rng.uniform(0.02, 0.98), h * rng.uniform(0.78, 0.9), w * rng.uniform(0.03, 0.06)
        draw.rectangle((x - s * 0.12, y, x + s * 0.12, y + s), fill=blend(p.shade, (60, 30, 10), 0.6))
        _disc(draw, x, y - s * 0.4, s * 0.8, blend(p.accent, p.shade, rng.uniform(0, 0.7)))


def mesas(image: Image.Image, p: Palette, rng: Rng) -> None:
    """Table mountains, a low sun and cacti."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    x = w * rng.uniform(0.3, 0.7)
    _glow(image, x, h * 0.5, w * 0.4, blend(p.top, (255, 255, 255), 0.5), 0.7)
    _disc(draw, x, h * 0.5, w * rng.uniform(0.16, 0.24), p.accent)
    for layer, far in enumerate((0.3, 0.62)):
        left = rng.uniform(-0.15, 0.1)
        while left < 1:
            wide, high, y = rng.uniform(0.12, 0.3), rng.uniform(0.1, 0.22), 0.66 + 0.06 * layer
            shape = [(left, y), (left + 0.03, y - high), (left + wide - 0.03, y - high), (left + wide, y)]
            draw.polygon([(px * w, py * h) for px, py in shape], fill=blend(p.bottom, p.shade, far))
            left += wide + rng.uniform(0.05, 0.25)
        draw.rectangle((0, h * (0.66 + 0.06 * layer), w, h), fill=blend(p.bottom, p.shade, far + 0.05))
    draw.rectangle((0, h * 0.8, w, h), fill=p.shade)
    for _ in range(3):
        cx, s = w * rng.uniform(0.05, 0.95), w * rng.uniform(0.03, 0.05)
        draw.rounded_rectangle((cx - s * 0.3, h * 0.82 - s * 4, cx + s * 0.3, h * 0.83), s * 0.3, fill=p.shade)
        for side in (-1, 1):
            y = h * 0.82 - s * rng.uniform(1.5, 2.6)
            box = sorted((cx, cx + side * s * 1.2))
            draw.rounded_rectangle((box[0], y, box[1], y + s * 0.45), s * 0.2, fill=p.shade)
            ax = cx + side * s
            draw.rounded_rectangle((ax - s * 0.22, y - s * 1.1, ax + s * 0.22, y + s * 0.4), s * 0.2, fill=p.shade)


def horizon(image: Image.Image, p: Palette, rng: Rng) -> None:
    """A lone figure on a plain under a wide sky."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    level = h * rng.uniform(0.58, 0.68)
    _glow(image, w * rng.uniform(0.3, 0.7), level, w * 0.5, blend(p.accent, p.top, 0.3), 0.55)
    _below(draw, _ridge(rng, w, level, h * 0.012), w, h, p.shade)
    x, s = w * rng.uniform(0.3, 0.7), h * rng.uniform(0.05, 0.08)
    _figure(draw, x, level + s * 0.15, s, blend(p.shade, (0, 0, 0), 0.4))


def _figure(draw: ImageDraw.ImageDraw, x: float, y: float, s: float, fill: RGB) -> None:
    """Draw a standing person of height ``s`` whose feet are at (x, y)."""
    _disc(draw, x, y - s * 0.88, s * 0.11, fill)
    body = [
        (-0.16, -0.74),
        (0.16, -0.74),
        (0.2, -0.4),
        (0.13, 0),
        (0.02, 0),
        (0, -0.32),
        (-0.02, 0),
        (-0.13, 0),
        (-0.2, -0.4),
    ]
    draw.polygon([(x + bx * s, y + by * s) for bx, by in body], fill=fill)


def couple(image: Image.Image, p: Palette, rng: Rng) -> None:
    """Two figures before a great sun."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    y, r = h * rng.uniform(0.36, 0.44), w * rng.uniform(0.28, 0.36)
    _glow(image, w / 2, y, r * 1.5, blend(p.accent, p.bottom, 0.4), 0.6)
    _disc(draw, w / 2, y, r, blend(p.accent, p.top, 0.2))
    ground = h * 0.68
    _below(draw, _ridge(rng, w, ground, h * 0.02), w, h, p.shade)
    s = h * rng.uniform(0.3, 0.36)
    for side in (-1, 1):
        _figure(draw, w / 2 + side * s * 0.2, ground + s * 0.12, s * (1 if side > 0 else 0.93), p.shade)


def window(image: Image.Image, p: Palette, rng: Rng) -> None:
    """A lit window in a dark wall, and someone in it."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    draw.rectangle((0, 0, w, h), fill=blend(p.shade, p.bottom, 0.25))
    x, y, s = w * rng.uniform(0.34, 0.6), h * rng.uniform(0.26, 0.36), w * rng.uniform(0.18, 0.24)
    _glow(image, x, y + s, s * 2.4, p.accent, 0.45)
    draw.rectangle((x - s, y - s * 0.6, x + s, y + s * 2), fill=blend(p.accent, (255, 255, 255), 0.45))
    _figure(draw, x + s * 0.25, y + s * 2.2, s * 2, p.shade)
    draw.rectangle((x - s, y + s * 2, x + s, y + s * 2.3), fill=blend(p.shade, p.bottom, 0.4))
    for part in (-1, 0, 1):
        draw.line((x + part * s, y - s * 0.6, x + part * s, y + s * 2), fill=p.shade, width=max(2, w // 120))
    draw.line((x - s, y + s * 0.5, x + s, y + s * 0.5), fill=p.shade, width=max(2, w // 120))


def tree(image: Image.Image, p: Palette, rng: Rng) -> None:
    """One tree, grown branch by branch, on a hill."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    _glow(image, w * 0.5, h * 0.4, w * 0.42, blend(p.accent, p.top, 0.35), 0.6)
    _disc(draw, w * 0.5, h * 0.98, w * 0.62, p.shade)

    def grow(x: float, y: float, angle: float, length: float, depth: int) -> None:
        if depth == 0:
            _disc(draw, x, y, w * rng.uniform(0.008, 0.02), blend(p.accent, p.shade, rng.uniform(0, 0.55)))
            return
        ex, ey = x + length * np.cos(angle), y - length * np.sin(angle)
        draw.line((x, y, ex, ey), fill=p.shade, width=max(2, round(w * 0.006 * depth)))
        for turn in (-1, 1):
            grow(ex, ey, angle + turn * rng.uniform(0.2, 0.6), length * rng.uniform(0.68, 0.84), depth - 1)

    grow(w * 0.5, h * 0.64, np.pi / 2, h * 0.11, 7)


def sun_sea(image: Image.Image, p: Palette, rng: Rng) -> None:
    """A sun going down into a striped sea."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    level, r, x = h * 0.58, w * rng.uniform(0.22, 0.3), w * rng.uniform(0.35, 0.65)
    _glow(image, x, level, r * 2, p.accent, 0.55)
    _disc(draw, x, level - r * 0.3, r, blend(p.accent, (255, 240, 200), 0.3))
    draw.rectangle((0, level, w, h), fill=blend(p.bottom, p.shade, 0.55))
    y, thick = level, h * 0.006
    while y < h * 0.85:
        half = r * rng.uniform(0.3, 1.1)
        draw.rounded_rectangle((x - half, y, x + half, y + thick), thick / 2, fill=blend(p.accent, p.bottom, 0.3))
        y, thick = y + thick * 2.4, thick * 1.12
    sail, s = w * rng.uniform(0.15, 0.85), h * 0.05
    draw.polygon([(sail, level - s), (sail + s * 0.5, level - s * 0.1), (sail, level - s * 0.1)], fill=p.shade)
    hull = ((-0.4, -0.05), (0.6, -0.05), (0.3, 0.15), (-0.2, 0.15))
    draw.polygon([(sail + s * x, level + s * y) for x, y in hull], fill=p.shade)


def moon(image: Image.Image, p: Palette, rng: Rng) -> None:
    """A huge moon behind bare branches and birds."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    x, y, r = w * rng.uniform(0.4, 0.6), h * rng.uniform(0.32, 0.4), w * rng.uniform(0.28, 0.36)
    _glow(image, x, y, r * 1.4, p.accent, 0.5)
    face = blend(p.accent, (245, 240, 225), 0.55)
    _disc(draw, x, y, r, face)
    for _ in range(9):
        angle, far = rng.uniform(0, 2 * np.pi), r * rng.uniform(0, 0.75)
        size = r * rng.uniform(0.05, 0.16)
        _disc(draw, x + far * np.cos(angle), y + far * np.sin(angle), size, blend(face, p.bottom, 0.2))
    birds(image, p, rng)
    _below(draw, _ridge(rng, w, h * 0.74, h * 0.05), w, h, p.shade)


def birds(image: Image.Image, p: Palette, rng: Rng) -> None:
    """A flock across the sky."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    for _ in range(int(rng.integers(7, 16))):
        x, y, s = w * rng.uniform(0.1, 0.9), h * rng.uniform(0.15, 0.5), w * rng.uniform(0.015, 0.04)
        line = [
            (x - s, y - s * 0.5),
            (x - s * 0.4, y - s * 0.55),
            (x, y),
            (x + s * 0.4, y - s * 0.55),
            (x + s, y - s * 0.5),
        ]
        draw.line(line, fill=p.shade, width=max(2, w // 170), joint="curve")


def forest(image: Image.Image, p: Palette, rng: Rng) -> None:
    """Bare trunks, nearer and darker, with a light between them."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    x = w * rng.uniform(0.4, 0.6)
    _glow(image, x, h * 0.5, w * 0.36, p.accent, 0.75)
    for layer in range(3):
        for _ in range(7 - layer):
            tx, s = w * rng.uniform(-0.05, 1.05), w * (0.012 + 0.014 * layer)
            ink = blend(p.bottom, p.shade, 0.45 + 0.27 * layer)
            lean = w * rng.uniform(-0.04, 0.04)
            draw.polygon(
                [(tx + lean - s * 0.6, 0), (tx + lean + s * 0.6, 0), (tx + s, h * 0.8), (tx - s, h * 0.8)], fill=ink
            )
            for _ in range(3):
                y, reach = h * rng.uniform(0.05, 0.5), w * rng.uniform(-0.14, 0.14)
                line = (tx + lean * (1 - y / h), y, tx + reach, y - abs(reach) * 0.7)
                draw.line(line, fill=ink, width=max(2, round(s * 0.5)))
    _below(draw, _ridge(rng, w, h * 0.72, h * 0.02), w, h, p.shade)
    _figure(draw, x, h * 0.73, h * 0.09, p.shade)


def eye(image: Image.Image, p: Palette, rng: Rng) -> None:
    """One staring eye."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    x, y, s = w / 2, h * rng.uniform(0.36, 0.44), w * rng.uniform(0.34, 0.42)
    t = np.linspace(0, np.pi, 40)
    top = [(x - s * np.cos(a), y - s * 0.52 * np.sin(a)) for a in t]
    low = [(x + s * np.cos(a), y + s * 0.42 * np.sin(a)) for a in t]
    _glow(image, x, y, s, p.accent, 0.4)
    draw.polygon(top + low, fill=blend(p.ink, p.bottom, 0.15))
    r = s * 0.42
    _disc(draw, x, y, r, p.accent)
    for angle in np.linspace(0, 2 * np.pi, 48, endpoint=False):
        near, far = r * rng.uniform(0.4, 0.6), r * rng.uniform(0.8, 1)
        ray = (x + near * np.cos(angle), y + near * np.sin(angle), x + far * np.cos(angle), y + far * np.sin(angle))
        draw.line(ray, fill=blend(p.accent, p.shade, 0.5), width=max(2, w // 200))
    _disc(draw, x, y, r * 0.45, p.shade)
    _disc(draw, x + r * 0.3, y - r * 0.3, r * 0.13, (255, 255, 255))
    draw.line(top, fill=p.shade, width=w // 45, joint="curve")


def house(image: Image.Image, p: Palette, rng: Rng) -> None:
    """A house on a hill with one lit window."""
    moon(image, p, rng)
    draw, (w, h) = ImageDraw.Draw(image), image.size
    x, y, s = w * rng.uniform(0.4, 0.6), h * 0.68, w * 0.17
    _disc(draw, x, y + w * 0.5, w * 0.54, p.shade)
    draw.rectangle((x - s, y - s * 0.9, x + s, y + s * 0.3), fill=p.shade)
    draw.polygon([(x - s * 1.2, y - s * 0.9), (x, y - s * 1.7), (x + s * 1.2, y - s * 0.9)], fill=p.shade)
    draw.rectangle((x + s * 0.45, y - s * 2.1, x + s * 0.95, y), fill=p.shade)
    draw.polygon([(x + s * 0.35, y - s * 2.1), (x + s * 0.7, y - s * 2.7), (x + s * 1.05, y - s * 2.1)], fill=p.shade)
    draw.rectangle((x - s * 0.5, y - s * 0.6, x - s * 0.2, y - s * 0.2), fill=blend(p.accent, (255, 230, 120), 0.5))


def claws(image: Image.Image, p: Palette, rng: Rng) -> None:
    """Four rips through the dark."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    for i in range(4):
        x, lean = w * (0.26 + 0.14 * i), w * rng.uniform(0.1, 0.16)
        y0, y1 = h * rng.uniform(0.1, 0.18), h * rng.uniform(0.56, 0.7)
        t = np.linspace(0, 1, 24)
        mid = x + lean * (1 - 2 * t)
        wide = w * 0.032 * np.sin(np.pi * t) ** 0.7 + rng.normal(0, w * 0.002, 24)
        y = y0 + (y1 - y0) * t
        left, right = list(zip(mid - wide, y, strict=True)), list(zip(mid + wide, y, strict=True))
        draw.polygon([(float(a), float(b)) for a, b in left + right[::-1]], fill=p.accent)


def planet(image: Image.Image, p: Palette, rng: Rng) -> None:
    """A ringed planet among stars."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    _stars(draw, p, rng, w, h)
    x, y, r = w * rng.uniform(0.35, 0.65), h * rng.uniform(0.34, 0.44), w * rng.uniform(0.2, 0.3)
    _glow(image, x, y, r * 1.35, p.accent, 0.5)
    bands = 9
    disc = Image.new("L", image.size, 0)
    ImageDraw.Draw(disc).ellipse((x - r, y - r, x + r, y + r), fill=255)
    body = Image.new("RGB", image.size, p.bottom)
    stripes = ImageDraw.Draw(body)
    for band in range(bands):
        top = y - r + 2 * r * band / bands
        ink = blend(blend(p.accent, p.bottom, rng.uniform(0.2, 0.9)), p.shade, 0.25)
        stripes.rectangle((0, top, w, top + 2 * r / bands), fill=ink)
    body = body.rotate(rng.uniform(-30, 30), center=(x, y), resample=Image.Resampling.BICUBIC, fillcolor=p.bottom)
    image.paste(body, mask=disc)
    night = Image.new("L", image.size, 0)
    ImageDraw.Draw(night).ellipse((x - r, y - r, x + r, y + r), fill=190)
    ImageDraw.Draw(night).ellipse((x - r * 1.25, y - r * 1.2, x + r * 0.75, y + r * 0.8), fill=0)
    night = night.filter(ImageFilter.GaussianBlur(w / 60))
    image.paste(Image.new("RGB", image.size, p.shade), mask=Image.composite(night, Image.new("L", image.size, 0), disc))
    if rng.random() < 0.6:
        ImageDraw.Draw(image).arc(
            (x - r * 1.8, y - r * 0.4, x + r * 1.8, y + r * 0.4), 0, 180, fill=p.accent, width=w // 50
        )


def _stars(draw: ImageDraw.ImageDraw, p: Palette, rng: Rng, w: int, h: int) -> None:
    for _ in range(160):
        x, y, r = w * rng.random(), h * rng.random(), w * 0.0012 * rng.exponential(1) + 0.6
        _disc(draw, x, y, r, blend(p.ink, p.top, rng.uniform(0, 0.6)))


def grid(image: Image.Image, p: Palette, rng: Rng) -> None:
    """A glowing plane of lines to a far horizon."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    _stars(draw, p, rng, w, h)
    level = h * rng.uniform(0.48, 0.56)
    _glow(image, w / 2, level, w * 0.5, p.accent, 0.5)
    _disc(draw, w / 2, level - w * 0.06, w * 0.2, blend(p.accent, (255, 255, 255), 0.2))
    draw.rectangle((0, level, w, h), fill=p.shade)
    for i in range(-14, 15):
        draw.line((w / 2 + i * w * 0.025, level, w / 2 + i * w * 0.2, h), fill=p.accent, width=max(2, w // 320))
    for depth in range(1, 14):
        y = level + (h - level) * (depth / 14) ** 2.2
        draw.line((0, y, w, y), fill=p.accent, width=max(2, w // 320))


def rings(image: Image.Image, p: Palette, rng: Rng) -> None:
    """Rings around a point, like a target or a spinning record."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    x, y, n = w * rng.uniform(0.4, 0.6), h * rng.uniform(0.36, 0.46), int(rng.integers(6, 11))
    for i in range(n, 0, -1):
        ink = p.accent if i % 2 else blend(p.bottom, p.shade, 0.5)
        _disc(draw, x, y, w * 0.46 * i / n, ink)
    _figure(draw, x, y + h * 0.06, h * 0.13, p.shade)


def rays(image: Image.Image, p: Palette, rng: Rng) -> None:
    """Rays bursting from behind a figure."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    x, y, n = w / 2, h * rng.uniform(0.42, 0.56), int(rng.integers(9, 18))
    turn, far = rng.uniform(0, 1), float(np.hypot(w, h))
    for i in range(n):
        a, b = (2 * np.pi * (i + turn + d) / n for d in (0, 0.5))
        draw.polygon([(x, y), (x + far * np.cos(a), y + far * np.sin(a)), (x + far * np.cos(b), y + far * np.sin(b))],
                     fill=blend(p.accent, p.bottom, 0.35))  # fmt: skip
    _disc(draw, x, y, w * 0.2, blend(p.accent, p.top, 0.2))
    _figure(draw, x, y + h * 0.2, h * 0.34, p.shade)


def skyline(image: Image.Image, p: Palette, rng: Rng) -> None:
    """A city at night, window by window."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    _glow(image, w * rng.uniform(0.3, 0.7), h * 0.58, w * 0.45, p.accent, 0.55)
    for layer, base in enumerate((0.64, 0.74)):
        x = -0.02
        ink = blend(p.bottom, p.shade, 0.55 + 0.4 * layer)
        while x < 1:
            wide, high = rng.uniform(0.06, 0.14), rng.uniform(0.08, 0.38) * (1 - 0.3 * layer)
            draw.rectangle((x * w, (base - high) * h, (x + wide) * w, h), fill=ink)
            if layer:
                for wy in np.arange(base - high + 0.015, base, 0.018):
                    for wx in np.arange(x + 0.012, x + wide - 0.012, 0.02):
                        if rng.random() < 0.4:
                            draw.rectangle(
                                (wx * w, wy * h, (wx + 0.009) * w, (wy + 0.008) * h), fill=blend(p.accent, ink, 0.25)
                            )
            x += wide + 0.004


def blinds(image: Image.Image, p: Palette, rng: Rng) -> None:
    """A face of shadow, and light through blinds."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    step, slant = h * rng.uniform(0.035, 0.05), h * rng.uniform(-0.12, 0.12)
    for i in range(-4, 26):
        y = i * step
        draw.polygon(
            [(0, y), (w, y + slant), (w, y + slant + step * 0.42), (0, y + step * 0.42)],
            fill=blend(p.bottom, p.ink, 0.45),
        )
    x, s = w * rng.uniform(0.42, 0.58), w * 0.24
    draw.ellipse((x - s * 0.72, h * 0.2, x + s * 0.72, h * 0.2 + s * 2), fill=p.shade)
    draw.ellipse((x - s * 1.25, h * 0.235, x + s * 1.25, h * 0.235 + s * 0.42), fill=p.shade)
    draw.rounded_rectangle((x - s * 0.68, h * 0.15, x + s * 0.68, h * 0.27), s * 0.3, fill=p.shade)
    draw.polygon(
        [(x - s * 0.4, h * 0.46), (x + s * 0.4, h * 0.46), (x + s * 2, h * 0.82), (x - s * 2, h * 0.82)], fill=p.shade
    )
    draw.rectangle((x - s * 0.68, h * 0.243, x + s * 0.68, h * 0.256), fill=p.accent)


def balloons(image: Image.Image, p: Palette, rng: Rng) -> None:
    """Balloons going up."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    inks = (p.accent, p.shade, p.ink, blend(p.accent, (255, 255, 255), 0.5))
    for i in range(int(rng.integers(6, 12))):
        x, y, r = w * rng.uniform(0.12, 0.88), h * rng.uniform(0.3, 0.72), w * rng.uniform(0.06, 0.12)
        ink = inks[i % len(inks)]
        draw.line([(x, y + r), (x + r * 0.3, y + r * 2), (x - r * 0.2, y + r * 3.2)], fill=blend(ink, p.bottom, 0.5),
                  width=max(2, w // 260), joint="curve")  # fmt: skip
        draw.ellipse((x - r, y - r * 1.15, x + r, y + r * 1.1), fill=ink)
        draw.polygon([(x - r * 0.16, y + r * 1.28), (x + r * 0.16, y + r * 1.28), (x, y + r)], fill=ink)
        draw.ellipse((x - r * 0.5, y - r * 0.75, x - r * 0.15, y - r * 0.3), fill=blend(ink, (255, 255, 255), 0.6))


def checker(image: Image.Image, p: Palette, rng: Rng) -> None:
    """A figure tumbling over a checker floor."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    level = h * 0.56
    for row in range(7):
        y0, y1 = (level + (h - level) * (k / 7) ** 1.5 for k in (row, row + 1))
        for col in range(-8, 9):
            if (row + col) % 2:
                continue
            f0, f1 = (0.35 + 0.65 * k / 7 for k in (row, row + 1))
            xs = [w / 2 + (col + d) * w * 0.17 * f for d, f in ((0, f0), (1, f0), (1, f1), (0, f1))]
            draw.polygon([(xs[0], y0), (xs[1], y0), (xs[2], y1), (xs[3], y1)], fill=p.shade)
    figure = Image.new("RGB", image.size)
    _figure(ImageDraw.Draw(figure), w / 2, h * 0.6, h * 0.3, (255, 255, 255))
    figure = figure.convert("L").rotate(rng.uniform(-35, 35), center=(w / 2, h * 0.45))
    image.paste(Image.new("RGB", image.size, p.accent), mask=figure)


def dots(image: Image.Image, p: Palette, rng: Rng) -> None:
    """Cut-out shapes scattered with a light hand."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    inks = (p.accent, p.shade, p.ink)
    for i in range(int(rng.integers(14, 26))):
        x, y, r = w * rng.uniform(0.08, 0.92), h * rng.uniform(0.28, 0.74), w * rng.uniform(0.02, 0.1)
        ink = inks[int(rng.integers(3))]
        if i % 3 == 0:
            draw.regular_polygon((x, y, r), int(rng.integers(3, 6)), rng.uniform(0, 360), fill=ink)
        else:
            _disc(draw, x, y, r, ink)


def hearts(image: Image.Image, p: Palette, rng: Rng) -> None:
    """One heart, or one of many."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    for i in range(int(rng.integers(1, 7))):
        big = i == 0
        x = w * (0.5 if big else rng.uniform(0.1, 0.9))
        y = h * (rng.uniform(0.32, 0.4) if big else rng.uniform(0.15, 0.7))
        s = w * (rng.uniform(0.016, 0.02) if big else rng.uniform(0.003, 0.007))
        t = np.linspace(0, 2 * np.pi, 60)
        xs = x + s * 16 * np.sin(t) ** 3
        ys = y - s * (13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
        ink = p.accent if big else blend(p.accent, p.shade, 0.4)
        draw.polygon([(float(a), float(b)) for a, b in zip(xs, ys, strict=True)], fill=ink)


def bars(image: Image.Image, p: Palette, rng: Rng) -> None:
    """Facts as bars."""
    draw, (w, h) = ImageDraw.Draw(image), image.size
    n = int(rng.integers(7, 14))
    for i, high in enumerate(rng.uniform(0.08, 0.45, n)):
        x, wide = w * (0.12 + 0.76 * i / n), w * 0.76 / n * 0.62
        ink = p.accent if i == n // 2 else blend(p.shade, p.bottom, 0.35)
        draw.rectangle((x, h * (0.78 - high), x + wide, h * 0.78), fill=ink)


def castle(image: Image.Image, p: Palette, rng: Rng) -> None:
    """Towers on a crag."""
    mountains(image, p, rng)
    draw, (w, h) = ImageDraw.Draw(image), image.size
    x = w * rng.uniform(0.35, 0.65)
    draw.polygon(
        [(x - w * 0.3, h * 0.86), (x - w * 0.1, h * 0.56), (x + w * 0.12, h * 0.55), (x + w * 0.32, h * 0.86)],
        fill=p.shade,
    )
    for _ in range(5):
        tx, wide, top = x + w * rng.uniform(-0.1, 0.1), w * rng.uniform(0.022, 0.035), h * rng.uniform(0.36, 0.5)
        draw.rectangle((tx - wide, top, tx + wide, h * 0.62), fill=p.shade)
        draw.polygon([(tx - wide * 1.4, top), (tx, top - wide * 4), (tx + wide * 1.4, top)], fill=p.shade)
        draw.rectangle((tx - wide * 0.25, top + wide, tx + wide * 0.25, top + wide * 2), fill=p.accent)


MOTIFS: dict[str, Motif] = {
    motif.__name__: motif
    for motif in (
        balloons, bars, birds, blinds, castle, checker, claws, couple, dots, eye, forest, grid, hearts, hills, horizon,
        house, mesas, moon, mountains, planet, rays, rings, skyline, sun_sea, tree, window,
    )
}  # fmt: skip
"""The motifs, by name."""
