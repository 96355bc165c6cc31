"""Figures of a study."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tools.study.config import Method, StudyConfig
from tools.study.statistics import Rows
from tools.study.tables import Results, mean_of
from tools.study.timing import Times

TRUE_COLOR = "#2d8a4e"
DPI = 110
GRID = {"color": "#dddddd", "linewidth": 0.6}


def cycle_figure(
    curves: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]], labels: Mapping[str, str]
) -> Figure:
    """J of the wall over the cycle, one row a data set.

    Args:
        curves: data set to method to slices, from :func:`tools.study.cycle.jacobian_curves`;
            the method ``truth`` is drawn dashed.
        labels: of the methods, for the legend.

    Returns:
        The figure.
    """
    figure = Figure(dpi=DPI, figsize=(9.5, 3.5 * len(curves)), layout="constrained")
    axes = figure.subplots(len(curves), 2, squeeze=False)
    colors = ["#0b5fa5", "#d1661b", "#8b3fa0", "#7a5c1e"]
    for (data, methods), (left, right) in zip(curves.items(), axes, strict=True):
        tracked = [n for n in methods if n != "truth"]
        for name, slices in methods.items():
            if not slices:
                continue
            mean, std, error = (
                np.array([s[k] for s in slices]).mean(0) for k in ("mean", "std", "abs_minus_1")
            )
            phase = np.linspace(0, 100, len(mean))
            truth = name == "truth"
            color = TRUE_COLOR if truth else colors[tracked.index(name) % len(colors)]
            style = "--" if truth else "-"
            left.plot(phase, mean, style, color=color, label=labels.get(name, name))
            if not truth:
                left.fill_between(phase, mean - std, mean + std, color=color, alpha=0.15, lw=0)
            right.plot(phase, error, style, color=color, label=labels.get(name, name))
        count = max(len(s) for s in methods.values())
        left.axhline(1, color="#333333", linewidth=0.8)
        left.set_title(f"{data}: J in the wall, mean ± std of its voxels ({count} slices)")
        right.set_title(f"{data}: mean of abs(abs(J) - 1)")
        for axis in (left, right):
            axis.set_xlabel("% of the recorded frames after end-diastole")
            axis.grid(**GRID)
            axis.legend(fontsize=8, frameon=False)
        right.set_ylim(bottom=0)
    return figure


def pareto_figure(
    config: StudyConfig, times: Times, panels: Sequence[tuple[str, Results, str, str]]
) -> Figure:
    """Accuracy against time, one panel a data set; lower left is better, squares are ours.

    Args:
        config: gives order and labels.
        times: from :func:`tools.study.timing.stack_time`, by method.
        panels: title, rows by method, measure and its label.

    Returns:
        The figure.
    """
    figure = Figure(dpi=DPI, figsize=(4.2 * len(panels) + 3.2, 4.2), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    handles: dict[str, Artist] = {}
    for axis, (title, results, name, label) in zip(axes, panels, strict=True):
        points = []
        for method, color in _colored(config):
            x = times[method.name]["stack"] if method.name in times else float("nan")
            y = mean_of(results.get(method.name, ()), name)
            if not (math.isfinite(x) and math.isfinite(y) and x > 0):
                continue
            points.append((x, y))
            (handle,) = axis.plot(x, y, "o" if method.peer else "s", color=color, markersize=9)
            handles.setdefault(method.label, handle)
        if points:
            front = _front(points)
            axis.plot(*zip(*front, strict=True), color="#999999", lw=1, zorder=0)
        axis.set_xscale("log")
        axis.margins(x=0.15, y=0.15)
        axis.set_xlabel("seconds a stack, one core")
        _name(axis, title, label)
    _legend(figure, handles)
    return figure


def tradeoff_figure(
    config: StudyConfig, swept: Mapping[str, Mapping[Any, Rows]], results: Results, title: str
) -> Figure:
    """Contours and overlap against volume preservation, a curve for each method with a setting.

    Args:
        config: gives order and labels.
        swept: for methods with a setting that was varied, rows by its value.
        results: rows by method, for the others.
        title: of the data set.

    Returns:
        The figure.
    """
    figure = Figure(dpi=DPI, figsize=(11.6, 4.2), layout="constrained")
    handles: dict[str, Artist] = {}
    panels = (("mcd_mm", "MCD, mm"), ("dice", "Dice"))
    for axis, (name, label) in zip(figure.subplots(1, 2), panels, strict=True):
        for method, color in _colored(config):
            rows = swept.get(method.name) or {0: results.get(method.name, ())}
            points = sorted((mean_of(r, "abs_j_minus_1"), mean_of(r, name)) for r in rows.values())
            points = [p for p in points if all(map(math.isfinite, p))]
            if not points:
                continue
            style = "-o" if method.peer else "-s"
            (handle,) = axis.plot(*zip(*points, strict=True), style, color=color, markersize=6)
            handles.setdefault(method.label, handle)
        axis.set_xlabel("mean of abs(abs(J) - 1) in the wall")
        _name(axis, title, label)
    _legend(figure, handles)
    return figure


def alpha_figure(results: Mapping[float, Sequence[Mapping[str, Any]]], chosen: float) -> Figure:
    """Contour distance and volume preservation against the weight of R_VAE (Figure 2).

    Args:
        results: rows by weight.
        chosen: the shipped weight.

    Returns:
        The figure.
    """
    weights = sorted(results)
    figure = Figure(dpi=DPI, figsize=(9.5, 3.6), layout="constrained")
    panels = (("mcd_mm", "MCD, mm"), ("abs_j_minus_1", "mean of abs(abs(J) - 1)"))
    for axis, (name, label) in zip(figure.subplots(1, 2), panels, strict=True):
        axis.plot(weights, [mean_of(results[w], name) for w in weights], "o-", color="#0b5fa5")
        axis.axvline(chosen, color="#999999", ls="--", lw=1, label="shipped")
        axis.set_xscale("log")
        axis.set_xlabel("alpha, weight of R_VAE in the refinement")
        axis.set_ylabel(label)
        axis.grid(**GRID)
        axis.legend(fontsize=8, frameon=False)
    return figure


def _colored(config: StudyConfig) -> list[tuple[Method, Any]]:
    running = [m for m in config.methods if m.method != "identity"]
    return [(m, colormaps["tab20"]((2 * i) % 20 + (2 * i) // 20)) for i, m in enumerate(running)]


def _name(axis: Any, title: str, label: str) -> None:
    axis.set_ylabel(label)
    axis.set_title(title)
    axis.grid(**GRID)


def _legend(figure: Figure, handles: Mapping[str, Artist]) -> None:
    figure.legend(
        list(handles.values()), list(handles), loc="outside right center", frameon=False, fontsize=9
    )


def _front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points that no other one beats in both coordinates, by the first."""
    front: list[tuple[float, float]] = []
    for x, y in sorted(points):
        if not front or y < front[-1][1]:
            front.append((x, y))
    return front


def rendered(figure: Figure) -> dict[str, bytes]:
    """A figure as a picture for pages and as a vector drawing for papers.

    Args:
        figure: the figure.

    Returns:
        ``png`` and ``pdf``, without dates.
    """
    FigureCanvasAgg(figure)
    found = {}
    for kind, nothing in (("png", {"Software": None}), ("pdf", {"CreationDate": None})):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, metadata=nothing)
        found[kind] = buffer.getvalue()
    return found
