"""Figures of a study as PNG."""

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

from tools.study.config import StudyConfig
from tools.study.tables import Results, mean_of

TRUE_COLOR = "#2d8a4e"
DPI = 110
GRID = {"color": "#dddddd", "linewidth": 0.6}


def cycle_figure(
    curves: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]], labels: Mapping[str, str]
) -> bytes:
    """J of the wall over the cycle, one row a data set.

    Args:
        curves: data set to method to slices, from :func:`tools.study.cycle.jacobian_curves`;
            the method ``truth`` is drawn dashed.
        labels: of the methods, for the legend.

    Returns:
        PNG.
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
    return _png(figure)


def pareto_figure(config: StudyConfig, panels: Sequence[tuple[str, Results, str, str]]) -> bytes:
    """Accuracy against time, one panel a data set; lower left is better, squares are ours.

    Args:
        config: gives order and labels.
        panels: title, rows by method, figure and its label.

    Returns:
        PNG.
    """
    figure = Figure(dpi=DPI, figsize=(4.2 * len(panels) + 3.2, 4.2), layout="constrained")
    running = [m for m in config.methods if m.method != "identity"]
    colors = {m.name: colormaps["tab20"](2 * i % 19) for i, m in enumerate(running)}
    handles: dict[str, Artist] = {}
    for axis, (title, results, name, label) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        points = []
        for method in running:
            x, y = (mean_of(results.get(method.name, ()), f) for f in ("seconds", name))
            if not (math.isfinite(x) and math.isfinite(y) and x > 0):
                continue
            points.append((x, y))
            marker = "o" if method.peer else "s"
            (handle,) = axis.plot(x, y, marker, color=colors[method.name], markersize=9)
            handles.setdefault(method.label, handle)
        if points:
            front = _front(points)
            axis.plot(*zip(*front, strict=True), color="#999999", lw=1, zorder=0)
        axis.set_xscale("log")
        axis.margins(x=0.15, y=0.15)
        axis.set_xlabel("seconds a pair, one core")
        axis.set_ylabel(label)
        axis.set_title(title)
        axis.grid(**GRID)
    figure.legend(
        list(handles.values()), list(handles), loc="outside right center", frameon=False, fontsize=9
    )
    return _png(figure)


def alpha_figure(results: Mapping[float, Sequence[Mapping[str, Any]]], chosen: float) -> bytes:
    """Contour distance and volume preservation against the weight of R_VAE (Figure 2).

    Args:
        results: rows by weight.
        chosen: the shipped weight.

    Returns:
        PNG.
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
    return _png(figure)


def _front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points that no other one beats in both coordinates, by the first."""
    front: list[tuple[float, float]] = []
    for x, y in sorted(points):
        if not front or y < front[-1][1]:
            front.append((x, y))
    return front


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
