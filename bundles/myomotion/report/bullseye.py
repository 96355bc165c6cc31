"""The bullseye: strain of the 16 segments as the heart is seen from its apex."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib import colormaps
from matplotlib.colors import Colormap, Normalize, to_hex

from myomotion.core.segments import NAMES
from myomotion.report.templates import render

RADII = {"basal": (92.0, 132.0), "mid": (52.0, 92.0), "apical": (12.0, 52.0)}
SIZE = 300
HALF = SIZE / 2
# Middle of each segment in degrees, anticlockwise from the right: anterior is up, septum is left.
MIDDLES = {1: 90, 2: 150, 3: 210, 4: 270, 5: 330, 6: 30}
APICAL_MIDDLES = {13: 90, 14: 180, 15: 270, 16: 0}
UNKNOWN_COLOR, UNKNOWN_INK = "#dddddd", "#555"
BAR_LEFT, BAR_TOP, BAR_WIDTH, BAR_STEPS = 40.0, SIZE + 20, SIZE - 80.0, 40


def bullseye(
    title: str,
    values: Mapping[int, float],
    limits: tuple[float, float],
    colormap: str,
) -> Markup:
    """Draw one measure of the 16 segments.

    Args:
        title: with the unit.
        values: by segment number; segments that are missing stay grey.
        limits: values at the ends of the colour map.
        colormap: name of a Matplotlib colour map.

    Returns:
        SVG text.
    """
    return render(
        "bullseye.svg.j2",
        title=title,
        size=SIZE,
        half=HALF,
        segments=[_segment(n, values.get(n), limits, colormap) for n in NAMES],
        bar=_color_bar(limits, colormap),
    )


def _segment(
    number: int, value: float | None, limits: tuple[float, float], colormap: str
) -> dict[str, Any]:
    level = NAMES[number].split()[0]
    inner, outer = RADII[level]
    if level == "apical":
        middle, width = APICAL_MIDDLES[number], 90
    else:
        middle, width = MIDDLES[(number - 1) % 6 + 1], 60
    color, ink, text = UNKNOWN_COLOR, UNKNOWN_INK, "–"
    if value is not None:
        color, ink = _colors(value, limits, colormap)
        text = f"{round(value)}"
    x, y = _at((inner + outer) / 2, middle)
    return {
        "number": number,
        "name": NAMES[number],
        "value": value,
        "text": text,
        "outline": _sector(inner, outer, middle - width / 2, middle + width / 2),
        "color": color,
        "ink": ink,
        "x": x,
        "y": y,
    }


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
    red, green, blue, _ = _colormap(colormap)(Normalize(*limits, clip=True)(value))
    dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
    return to_hex((red, green, blue)), "#fff" if dark else "#111"


@cache
def _colormap(name: str) -> Colormap:
    """A colour map of Matplotlib's, whose registry makes a new one at every call."""
    return colormaps[name]


def _color_bar(limits: tuple[float, float], colormap: str) -> dict[str, Any]:
    def value(share: float) -> float:
        return limits[0] + share * (limits[1] - limits[0])

    return {
        "top": BAR_TOP,
        "step_width": BAR_WIDTH / BAR_STEPS + 0.3,  # a little more, so that no gap is seen
        "steps": [
            (
                BAR_LEFT + k * BAR_WIDTH / BAR_STEPS,
                _colors(value((k + 0.5) / BAR_STEPS), limits, colormap)[0],
            )
            for k in range(BAR_STEPS)
        ],
        "ticks": [(BAR_LEFT + share * BAR_WIDTH, value(share)) for share in (0, 0.5, 1)],
    }
