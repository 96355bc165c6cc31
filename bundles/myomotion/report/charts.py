"""Charts as SVG text: curves over the cycle and the grid of traffic lights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from myomotion.analysis.quality import LIGHTS

WIDTH, HEIGHT = 560, 250
LIGHTS_WIDTH = 1180
LEFT, RIGHT, TOP, BOTTOM = 54, 14, 30, 40
LIGHT_COLORS = {"green": "#2e8b57", "amber": "#f0a818", "red": "#c62828"}
LIGHT_SIGNS = {"green": "", "amber": "!", "red": "×"}
LINE_COLORS = ("#0b5fa5", "#d1661b", "#2d8a4e", "#8b3fa0", "#7a5c1e", "#c2185b", "#00838f")
DASHES = ("", "7 3", "2 3")  # so that lines can be told apart without colour


@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve.

    Attributes:
        name: for the legend.
        values: one a frame.
        faint: of a slice that failed quality control.
    """

    name: str
    values: Sequence[float]
    faint: bool = False


def line_chart(
    title: str,
    lines: Sequence[Line],
    frames: Sequence[float],
    x_label: str,
    marks: Mapping[str, int],
    at_least: tuple[float, float],
) -> str:
    """Curves over the cycle.

    Args:
        title: with the unit.
        lines: curves of the same length as ``frames``.
        frames: horizontal position of each frame.
        x_label: what ``frames`` are.
        marks: frames to mark with a vertical line, by name.
        at_least: vertical range that is shown at the least.

    Returns:
        SVG text; its line of class ``cursor`` can be moved by the page to a frame.
    """
    values = np.array([v for line in lines for v in line.values] or at_least, float)
    ticks = _ticks(min(values.min(), at_least[0]), max(values.max(), at_least[1]))
    low, high = ticks[0], ticks[-1]
    x = _scale(frames[0], frames[-1], LEFT, WIDTH - RIGHT)
    y = _scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}" data-x="{",".join(f"{x(f):.1f}" for f in frames)}">',
        f'<text x="{LEFT}" y="16" class="title">{escape(title)}</text>',
    ]
    for tick in ticks:
        strong = "axis" if abs(tick) < 1e-9 else "grid"
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" '
            f'class="{strong}"/><text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" '
            f'text-anchor="end">{tick:g}</text>'
        )
    for tick in _ticks(frames[0], frames[-1]):
        if frames[0] <= tick <= frames[-1]:
            parts.append(
                f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 15}" '
                f'text-anchor="middle">{tick:g}</text>'
            )
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">'
        f"{escape(x_label)}</text>"
    )
    for name, frame in marks.items():
        at = x(frames[frame])
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" class="mark"/>'
            f'<text x="{at + 3:.1f}" y="{HEIGHT - BOTTOM - 5}" class="small">{escape(name)}</text>'
        )
    parts.append(
        f'<line class="cursor" x1="{LEFT}" x2="{LEFT}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
    )
    for index, line in enumerate(lines):
        parts.append(_curve(line, index, [x(f) for f in frames], y))
    return "".join(parts) + "</svg>"


def legend(lines: Sequence[Line]) -> str:
    """Key of the curves, as HTML.

    Args:
        lines: as given to :func:`line_chart`.

    Returns:
        HTML text.
    """
    items = []
    for index, line in enumerate(lines):
        name = f"{line.name} (failed)" if line.faint else line.name
        items.append(
            f'<span><svg width="34" height="10"><line x1="1" x2="33" y1="5" y2="5" '
            f"{_style(line, index)}/></svg> {escape(name)}</span>"
        )
    return f'<p class="legend">{" ".join(items)}</p>'


def light_grid(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Traffic lights, a row a slice and a column a frame.

    Args:
        rows: frames as in :class:`~myomotion.analysis.quality.StudyQuality`.
        names: of the slices, in their order.

    Returns:
        SVG text; every cell has its figures as a tooltip.
    """
    frames = max(int(row["frame"]) for row in rows) + 1
    label = 120
    cell = min(30.0, (LIGHTS_WIDTH - label) / frames)
    tall = 22
    height = tall * len(names) + 26
    parts = [
        f'<svg class="lights" viewBox="0 0 {LIGHTS_WIDTH} {height}" role="img" '
        f'aria-label="quality of every slice and frame">'
    ]
    for z, name in enumerate(names):
        parts.append(f'<text x="0" y="{z * tall + 15}">{escape(name)}</text>')
    for row in rows:
        light = row["light"]
        at, top = label + row["frame"] * cell, row["slice"] * tall
        parts.append(
            f'<g><title>{escape(_tooltip(row))}</title><rect x="{at:.1f}" y="{top}" '
            f'width="{cell - 2:.1f}" height="{tall - 3}" rx="3" fill="{LIGHT_COLORS[light]}"/>'
            f'<text x="{at + cell / 2 - 1:.1f}" y="{top + 14}" text-anchor="middle" '
            f'class="sign">{LIGHT_SIGNS[light]}</text></g>'
        )
    step = 1 if frames <= 12 else 5
    for t in range(0, frames, step):
        parts.append(
            f'<text x="{label + (t + 0.5) * cell:.1f}" y="{height - 8}" text-anchor="middle" '
            f'class="small">{t}</text>'
        )
    parts.append(f'<text x="0" y="{height - 8}" class="small">frame</text>')
    return "".join(parts) + "</svg>"


def light_badge(light: str) -> str:
    """A traffic light as HTML: colour and word.

    Args:
        light: ``green``, ``amber`` or ``red``.

    Returns:
        HTML text.
    """
    assert light in LIGHTS
    return f'<span class="light" style="background:{LIGHT_COLORS[light]}">{light}</span>'


def _tooltip(row: Mapping[str, Any]) -> str:
    parts = [
        f"{row['level']}, frame {row['frame']}: {row['light']}",
        f"image residual {row['image_residual']:.3f}",
        f"folds {row['fold_fraction']:.2%}",
        f"mean motion {row['mean_displacement_mm']:.1f} mm",
    ]
    if row["r_vae"] is not None:
        parts.append(f"R_VAE {row['r_vae']:.3f}")
    if row["r_vae_percentile"] is not None:
        parts.append(f"percentile {row['r_vae_percentile']:.0f}")
    return ", ".join(parts)


def _style(line: Line, index: int) -> str:
    color = "#9a9a9a" if line.faint else LINE_COLORS[index % len(LINE_COLORS)]
    dash = DASHES[index % len(DASHES)]
    return f'fill="none" stroke="{color}" stroke-width="2.2" stroke-dasharray="{dash}"'


def _curve(line: Line, index: int, at: Sequence[float], y: Any) -> str:
    points = " ".join(f"{x:.1f},{y(v):.1f}" for x, v in zip(at, line.values, strict=True))
    return f'<polyline points="{points}" {_style(line, index)}/>'


def _scale(low: float, high: float, start: float, end: float) -> Any:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers that cover a range."""
    rough = max(high - low, 1e-9) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(min((m * power for m in (1, 2, 2.5, 5, 10)), key=lambda s: abs(s - rough)))
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    return [round(k * step, 10) for k in range(first, last + 1)]
