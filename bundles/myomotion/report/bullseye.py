"""The bullseye: strain of the 16 segments as the heart is seen from its apex."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Normalize, to_hex

from myomotion.core.segments import NAMES

RADII = {"basal": (92.0, 132.0), "mid": (52.0, 92.0), "apical": (12.0, 52.0)}
SIZE = 300
HALF = SIZE / 2
# Middle of each segment in degrees, anticlockwise from the right: anterior is up, septum is left.
MIDDLES = {1: 90, 2: 150, 3: 210, 4: 270, 5: 330, 6: 30}
APICAL_MIDDLES = {13: 90, 14: 180, 15: 270, 16: 0}


def bullseye(
    title: str,
    values: Mapping[int, float],
    limits: tuple[float, float],
    colormap: str,
) -> str:
    """Draw one figure of the 16 segments.

    Args:
        title: with the unit.
        values: by segment number; segments that are missing stay grey.
        limits: values at the ends of the colour map.
        colormap: name of a Matplotlib colour map.

    Returns:
        SVG text.
    """
    parts = [
        f'<svg class="bullseye" viewBox="-14 -6 {SIZE + 28} {SIZE + 74}" role="img" '
        f'aria-label="{escape(title)}">'
    ]
    for number in NAMES:
        parts.append(_segment(number, values.get(number), limits, colormap))
    for text, x, y in (
        ("anterior", HALF, 8),
        ("inferior", HALF, SIZE + 2),
        ("septal", 8, HALF),
        ("lateral", SIZE - 8, HALF),
    ):
        turn = f' transform="rotate(-90 {x} {y})"' if text in ("septal", "lateral") else ""
        parts.append(
            f'<text x="{x}" y="{y}" text-anchor="middle" class="small"{turn}>{text}</text>'
        )
    parts.append(_color_bar(title, limits, colormap))
    return "".join(parts) + "</svg>"


def _segment(number: int, value: float | None, limits: tuple[float, float], colormap: str) -> str:
    level = NAMES[number].split()[0]
    inner, outer = RADII[level]
    if level == "apical":
        middle, width = APICAL_MIDDLES[number], 90
    else:
        middle, width = MIDDLES[(number - 1) % 6 + 1], 60
    color, ink, text = "#dddddd", "#555", "–"
    if value is not None:
        color, ink = _colors(value, limits, colormap)
        text = f"{round(value)}"
    x, y = _at((inner + outer) / 2, middle)
    shown = "not measured" if value is None else f"{value:.1f} %"
    return (
        f"<g><title>{number} {NAMES[number]}: {shown}</title>"
        f'<path d="{_sector(inner, outer, middle - width / 2, middle + width / 2)}" '
        f'fill="{color}" stroke="#fff" stroke-width="1.5"/>'
        f'<text x="{x:.1f}" y="{y + 3:.1f}" text-anchor="middle" style="fill:{ink}" '
        f'class="value">{text}</text>'
        f'<text x="{x:.1f}" y="{y + 14:.1f}" text-anchor="middle" style="fill:{ink}" '
        f'class="number">{number}</text></g>'
    )


def _sector(inner: float, outer: float, start: float, end: float) -> str:
    (a, b), (c, d) = _at(outer, start), _at(outer, end)
    (e, f), (g, h) = _at(inner, end), _at(inner, start)
    return (
        f"M{a:.2f} {b:.2f} A{outer} {outer} 0 0 0 {c:.2f} {d:.2f} "
        f"L{e:.2f} {f:.2f} A{inner} {inner} 0 0 1 {g:.2f} {h:.2f} Z"
    )


def _at(radius: float, degrees: float) -> tuple[float, float]:
    angle = np.deg2rad(degrees)
    return HALF + radius * float(np.cos(angle)), HALF - radius * float(np.sin(angle))


def _colors(value: float, limits: tuple[float, float], colormap: str) -> tuple[str, str]:
    """Colour of a segment and of the text on it."""
    red, green, blue, _ = colormaps[colormap](Normalize(*limits, clip=True)(value))
    dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
    return to_hex((red, green, blue)), "#fff" if dark else "#111"


def _color_bar(title: str, limits: tuple[float, float], colormap: str) -> str:
    left, top, width, steps = 40.0, SIZE + 20, SIZE - 80.0, 40
    parts = []
    for k in range(steps):
        value = limits[0] + (k + 0.5) / steps * (limits[1] - limits[0])
        parts.append(
            f'<rect x="{left + k * width / steps:.2f}" y="{top}" width="{width / steps + 0.3:.2f}" '
            f'height="10" fill="{_colors(value, limits, colormap)[0]}"/>'
        )
    for share in (0, 0.5, 1):
        value = limits[0] + share * (limits[1] - limits[0])
        parts.append(
            f'<text x="{left + share * width:.1f}" y="{top + 23}" text-anchor="middle" '
            f'class="small">{value:g}</text>'
        )
    parts.append(
        f'<text x="{HALF}" y="{top + 42}" text-anchor="middle" class="title">{escape(title)}</text>'
    )
    return "".join(parts)
