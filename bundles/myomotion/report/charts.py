"""Charts as SVG: curves over the cycle and the grid of traffic lights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from myomotion.analysis.measures.measure import FrameMeasure
from myomotion.analysis.measures.registry import measures_of
from myomotion.report.templates import render

WIDTH, HEIGHT = 560, 250
LEFT, RIGHT, TOP, BOTTOM = 54, 14, 30, 40
LINE_COLORS = ("#0b5fa5", "#d1661b", "#2d8a4e", "#8b3fa0", "#7a5c1e", "#c2185b", "#00838f")
FAINT_COLOR = "#9a9a9a"
DASHES = ("", "7 3", "2 3")  # so that lines can be told apart without colour
LIGHTS_WIDTH, LIGHTS_LABEL_WIDTH, LIGHTS_ROW_HEIGHT = 1180, 120, 22
WIDEST_CELL = 30.0
LIGHT_SIGNS = {"green": "", "amber": "!", "red": "×"}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve.

    Attributes:
        name: for the legend.
        values: one a frame.
        place: among the curves of a chart; it gives colour and dashes.
        faint: of a slice that failed quality control.
        band: half of the interval of each value, None where unknown; empty for no band.
    """

    name: str
    values: Sequence[float]
    place: int
    faint: bool = False
    band: Sequence[float | None] = ()

    @property
    def color(self) -> str:
        """Colour of the line."""
        return FAINT_COLOR if self.faint else LINE_COLORS[self.place % len(LINE_COLORS)]

    @property
    def dash(self) -> str:
        """Dashes of the line, as in ``stroke-dasharray``."""
        return DASHES[self.place % len(DASHES)]


def line_chart(
    title: str,
    lines: Sequence[Line],
    frames: Sequence[float],
    x_label: str,
    marks: Mapping[str, int],
    at_least: tuple[float, float],
    shaded: tuple[float, float] | None = None,
) -> Markup:
    """Curves over the cycle.

    Args:
        title: with the unit.
        lines: curves of the same length as ``frames``.
        frames: horizontal position of each frame.
        x_label: what ``frames`` are.
        marks: frames to mark with a vertical line, by name.
        at_least: vertical range that is shown at the least.
        shaded: vertical range of reference; None for none.

    Returns:
        SVG text; its line of class ``cursor`` can be moved by the page to a frame.
    """
    bands = [_band(line) for line in lines]
    inside = [v for low, high in bands for v in (*low, *high)]
    values = np.array([*inside, *(v for line in lines for v in line.values)] or at_least, float)
    ticks = _ticks(min(values.min(), at_least[0]), max(values.max(), at_least[1]))
    x = _scale(frames[0], frames[-1], LEFT, WIDTH - RIGHT)
    y = _scale(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP)
    along = [x(frame) for frame in frames]
    return render(
        "chart.svg.j2",
        title=title,
        x_label=x_label,
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        top=TOP,
        bottom=HEIGHT - BOTTOM,
        frames=along,
        x_ticks=[(x(t), t) for t in _ticks(frames[0], frames[-1]) if frames[0] <= t <= frames[-1]],
        y_ticks=[(y(tick), tick) for tick in ticks],
        marks=[(along[frame], name) for name, frame in marks.items()],
        curves=[
            (line, [(at, y(v)) for at, v in zip(along, line.values, strict=True)]) for line in lines
        ],
        bands=[
            (line.color, *([*zip(along, map(y, end), strict=True)] for end in ends))
            for line, ends in zip(lines, bands, strict=True)
            if ends[0]
        ],
        shaded=None if shaded is None else (y(shaded[1]), y(shaded[0]) - y(shaded[1])),
    )


def light_grid(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Markup:
    """Traffic lights, a row a slice and a column a frame.

    Args:
        rows: frames as in :class:`~myomotion.analysis.quality.StudyQuality`.
        names: of the slices, in their order.

    Returns:
        SVG text; every cell has its measures as a tooltip.
    """
    frames = max(int(row["frame"]) for row in rows) + 1
    cell = min(WIDEST_CELL, (LIGHTS_WIDTH - LIGHTS_LABEL_WIDTH) / frames)
    return render(
        "lights.svg.j2",
        names=names,
        width=LIGHTS_WIDTH,
        row_height=LIGHTS_ROW_HEIGHT,
        cell=cell,
        cells=[
            {
                "light": row["light"],
                "sign": LIGHT_SIGNS[row["light"]],
                "left": LIGHTS_LABEL_WIDTH + row["frame"] * cell,
                "top": row["slice"] * LIGHTS_ROW_HEIGHT,
                "tooltip": tooltip(row),
            }
            for row in rows
        ],
        ticks=[
            (LIGHTS_LABEL_WIDTH + (t + 0.5) * cell, t)
            for t in range(0, frames, 1 if frames <= 12 else 5)
        ],
    )


def tooltip(row: Mapping[str, Any]) -> str:
    """What the light of a frame says when it is pointed at.

    Args:
        row: of the frame.

    Returns:
        Its place, light and those measures that are known.
    """
    measured = [
        measure.tooltip.format(row[measure.key])
        for measure in measures_of(FrameMeasure)
        if measure.tooltip is not None and row[measure.key] is not None
    ]
    return ", ".join([f"{row['level']}, frame {row['frame']}: {row['light']}", *measured])


def _band(line: Line) -> tuple[list[float], list[float]]:
    """Lower and upper ends of the intervals of a line; empty unless all are known."""
    halves = [half for half in line.band if half is not None]
    if len(halves) < len(line.values):
        return [], []
    both = list(zip(line.values, halves, strict=True))
    return [value - half for value, half in both], [value + half for value, half in both]


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers that cover a range."""
    rough = max(high - low, 1e-9) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(min((m * power for m in (1, 2, 2.5, 5, 10)), key=lambda s: abs(s - rough)))
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    return [round(k * step, 10) for k in range(first, last + 1)]
