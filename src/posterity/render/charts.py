"""Charts as SVG, for reports: bars with their intervals, and heat maps. All text is escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

INK, GREY, LINE, ACCENT, MARK = "#1c1c1e", "#706e6a", "#d6d3cc", "#c43e26", "#2f6f8f"

_FONT = 'font-family="system-ui, sans-serif"'


@dataclass(frozen=True)
class Bar:
    """A bar of a chart: its name, value and 95% interval; ``mark`` gives it another colour, as for a baseline."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    mark: bool = False


def bars(
    title: str, rows: Sequence[Bar], *, chance: float | None = None, zero: float = 0.0, width: int = 760
) -> Markup:
    """Draw bars from ``zero``, one per row, with intervals as whiskers and chance as a vertical line."""
    rows = [row for row in rows if math.isfinite(row.value)]
    left, right, line = min(380, 40 + 7 * max((len(row.name) for row in rows), default=0)), 70, 26
    ends = [end for row in rows for end in (row.value, row.low, row.high, chance, zero) if end is not None]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    span = (high - low) or 1.0
    plot = 40 + line * len(rows)
    height = plot + (0 if chance is None else 10)  # the baseline is named below the bars

    def x(value: float) -> float:
        return left + (value - low) / span * (width - left - right)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}">',
        f'<text x="0" y="16" {_FONT} font-size="14" font-weight="600" fill="{INK}">{escape(title)}</text>',
    ]
    for at, row in enumerate(rows):
        y = 30 + at * line
        start, end = sorted((x(zero), x(row.value)))
        parts.append(
            f'<text x="{left - 8}" y="{y + 14}" {_FONT} font-size="12.5" text-anchor="end" fill="{INK}">'
            f"{escape(_cut(row.name, left))}</text>"
            f'<rect x="{start:.1f}" y="{y + 2}" width="{max(1.0, end - start):.1f}" height="16" rx="2" '
            f'fill="{MARK if row.mark else ACCENT}" fill-opacity="{0.35 if row.mark else 0.75}"/>'
        )
        reach = end
        if row.low is not None and row.high is not None:
            reach = max(end, x(row.high))
            parts.append(
                f'<path d="M{x(row.low):.1f} {y + 10}H{x(row.high):.1f}M{x(row.low):.1f} {y + 6}v8'
                f'M{x(row.high):.1f} {y + 6}v8" stroke="{INK}" fill="none"/>'
            )
        parts.append(
            f'<text x="{reach + 6:.1f}" y="{y + 14}" {_FONT} font-size="12" fill="{GREY}">{row.value:.3f}</text>'
        )
    if chance is not None:
        parts.append(
            f'<path d="M{x(chance):.1f} 26V{plot - 6}" stroke="{INK}" stroke-dasharray="3 3"/>'
            f'<text x="{x(chance):.1f}" y="{plot + 5}" {_FONT} font-size="10.5" text-anchor="middle" fill="{GREY}">'
            f"baseline {chance:.3f}</text>"
        )
    return Markup("\n".join([*parts, "</svg>"]))  # noqa: S704


def heat_map(title: str, names: Sequence[str], values: Sequence[Sequence[float]], *, rows: str, columns: str) -> Markup:
    """Draw a square table of shares from 0 to 1 as shades; NaN is left blank.

    Args:
        title: Title above the table.
        names: Names of rows and columns.
        values: (l, l) shares.
        rows: Meaning of a row.
        columns: Meaning of a column.
    """
    cell, left, top = 34, 150, 150
    size = left + cell * len(names) + 20, top + cell * len(names) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" role="img" '
        f'aria-label="{escape(title)}">',
        f'<text x="0" y="16" {_FONT} font-size="14" font-weight="600" fill="{INK}">{escape(title)}</text>',
        f'<text x="0" y="{top - 8}" {_FONT} font-size="11" fill="{GREY}">{escape(rows)} (rows), '
        f"{escape(columns)} (columns)</text>",
    ]
    most = max((v for row in values for v in row if math.isfinite(v)), default=1.0) or 1.0
    for i, name in enumerate(names):
        at = left + cell * i + cell / 2
        parts.append(
            f'<text x="{left - 8}" y="{top + cell * i + 21}" {_FONT} font-size="12" text-anchor="end" fill="{INK}">'
            f"{escape(name)}</text>"
            f'<text transform="translate({at + 4:.0f} {top - 22}) rotate(-60)" {_FONT} font-size="12" fill="{INK}">'
            f"{escape(name)}</text>"
        )
        for j, value in enumerate(values[i]):
            if not math.isfinite(value):
                continue
            shade = max(0.0, value) / most
            ink = "#fff" if shade > 0.55 else INK
            parts.append(
                f'<rect x="{left + cell * j}" y="{top + cell * i}" width="{cell - 1}" height="{cell - 1}" '
                f'fill="{ACCENT}" fill-opacity="{0.04 + 0.96 * shade:.3f}"/>'
                f'<text x="{left + cell * j + cell / 2:.0f}" y="{top + cell * i + 21}" {_FONT} font-size="10.5" '
                f'text-anchor="middle" fill="{ink}">{_short(value)}</text>'
            )
    return Markup("\n".join([*parts, "</svg>"]))  # noqa: S704


def _short(value: float) -> str:
    return f"{value:.0f}" if value > 1 else f"{value:.2f}".removeprefix("0")


def _cut(name: str, left: float) -> str:
    most = int(left / 7)
    return name if len(name) <= most else f"{name[: most - 1]}…"
