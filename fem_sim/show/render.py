"""Draw panels of a deforming wall grid, with PyVista off-screen or, without OpenGL, Matplotlib."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LOG = logging.getLogger(__name__)

_PROBE = (
    "import pyvista as pv; p = pv.Plotter(off_screen=True, window_size=(40, 40)); "
    "p.add_mesh(pv.Plane()); p.screenshot(None, return_img=True)"
)


@dataclass(frozen=True)
class Panel:
    """One picture of the wall.

    Attributes:
        points: (R, N, 2) grid points in mm, R from endo- to epicardium, N around (first = last).
        values: (R, N) values at the points.
        title: text above.
        limits: colour range.
        colours: a Matplotlib colour map name.
        edges: draw the grid lines.
        view: (..., 2) points in mm that stay in view, e.g. the first frame of a film; the panel's
            own points if None.
    """

    points: np.ndarray
    values: np.ndarray
    title: str
    limits: tuple[float, float]
    colours: str = "viridis"
    edges: bool = False
    view: np.ndarray | None = None


Renderer = Callable[[Sequence[Panel]], np.ndarray]


def choose_renderer() -> Renderer:
    """PyVista when it can draw off-screen on this machine, else Matplotlib (with a warning).

    A missing OpenGL library can end the process, so it is tried in another one first.
    """
    try:
        trial = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, timeout=120, check=False
        )
        works = trial.returncode == 0
    except subprocess.TimeoutExpired:
        works = False
    if works:
        return draw_with_pyvista
    LOG.warning(
        "PyVista cannot draw off-screen here, pictures are drawn with Matplotlib. "
        "PyVista needs an OpenGL library: on Debian or Ubuntu, apt-get install libgl1 libegl1 "
        "libxrender1 (or xvfb, and run under xvfb-run)."
    )
    return draw_with_matplotlib


def _view_box(panels: Sequence[Panel]) -> tuple[np.ndarray, float]:
    """Common centre and half side in mm."""
    shown = [p.points if p.view is None else p.view for p in panels]
    points = np.concatenate([points.reshape(-1, 2) for points in shown])
    low, high = points.min(axis=0), points.max(axis=0)
    return (low + high) / 2, float((high - low).max()) / 2 * 1.12


def draw_with_pyvista(panels: Sequence[Panel]) -> np.ndarray:
    """RGB picture (height, width, 3) uint8 of the panels side by side."""
    import pyvista as pv

    centre, half = _view_box(panels)
    plotter: Any = pv.Plotter(
        off_screen=True, shape=(1, len(panels)), window_size=[420 * len(panels), 480], border=False
    )
    plotter.set_background("white")
    for column, panel in enumerate(panels):
        plotter.subplot(0, column)
        x, y = panel.points[..., 0], panel.points[..., 1]
        grid = pv.StructuredGrid(x, y, np.zeros_like(x))
        grid.point_data[panel.title] = panel.values.ravel(order="F")
        plotter.add_mesh(
            grid,
            scalars=panel.title,
            cmap=panel.colours,
            clim=panel.limits,
            show_edges=panel.edges,
            edge_color="#303030",
            lighting=False,
            scalar_bar_args={
                # VTK writes titles over the numbers: blank ones, as bars need a name each.
                "title": " " * (column + 1),
                "color": "black",
                "n_labels": 3,
                "width": 0.7,
                "height": 0.09,
                "position_x": 0.15,
                "position_y": 0.03,
                "label_font_size": 16,
                "fmt": "%.4g",
            },
        )
        for edge in (panel.points[0], panel.points[-1]):
            outline = np.column_stack([edge, np.zeros(len(edge))])
            plotter.add_mesh(pv.lines_from_points(outline), color="#303030", line_width=1.5)
        title = plotter.add_text(
            panel.title, position=(0.5, 0.94), viewport=True, font_size=10, color="black"
        )
        title.prop.justification_horizontal = "center"
        plotter.enable_parallel_projection()
        plotter.camera.position = (centre[0], centre[1] + 0.08 * half, -100.0)
        plotter.camera.focal_point = (centre[0], centre[1] + 0.08 * half, 0.0)
        plotter.camera.up = (0.0, -1.0, 0.0)
        plotter.camera.parallel_scale = 1.22 * half
    picture = plotter.screenshot(None, return_img=True)
    plotter.close()
    return np.asarray(picture)[..., :3]


def draw_with_matplotlib(panels: Sequence[Panel]) -> np.ndarray:
    """RGB picture (height, width, 3) uint8 of the panels side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    centre, half = _view_box(panels)
    # The layout gives axes without frames no room for their titles: keep some free above.
    layout = ConstrainedLayoutEngine(rect=(0.0, 0.0, 1.0, 0.97))
    figure = Figure(figsize=(4.2 * len(panels), 4.8), dpi=100, layout=layout)
    canvas = FigureCanvasAgg(figure)
    for column, panel in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), column + 1)
        x, y = panel.points[..., 0], panel.points[..., 1]
        drawn = axes.pcolormesh(
            x,
            y,
            panel.values,
            shading="gouraud",
            cmap=panel.colours,
            vmin=panel.limits[0],
            vmax=panel.limits[1],
        )
        axes.plot(x[[0, -1]].T, y[[0, -1]].T, color="#303030", linewidth=0.8)
        if panel.edges:
            axes.plot(x, y, color="#303030", linewidth=0.4)
            axes.plot(x.T, y.T, color="#303030", linewidth=0.4)
        axes.set_xlim(centre[0] - half, centre[0] + half)
        axes.set_ylim(centre[1] + half, centre[1] - half)
        axes.set_aspect("equal")
        axes.axis("off")
        axes.set_title(panel.title, fontsize=12)
        ticks = np.linspace(*panel.limits, 3)
        figure.colorbar(drawn, ax=axes, orientation="horizontal", ticks=ticks, shrink=0.8, pad=0.02)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
