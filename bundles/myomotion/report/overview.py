"""One picture that shows what the registration did to a study.

It is one sheet in inches with all pictures, arrows and contours on it, and axes of their own for
the curves alone: axes are what a drawing spends its time on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from myomotion.analysis.intensity import intensities
from myomotion.analysis.motion import Motion
from myomotion.analysis.study import Study
from myomotion.core.contours import heart_contours
from myomotion.core.view import View
from myomotion.core.working_grid import WorkingGrid
from myomotion.io.labels import CAVITY, MYOCARDIUM

# Inches. A row is a slice; columns of pictures begin at LEFT + k * STEP.
WIDTH, LEFT, TOP, STEP, SIDE = 19.0, 0.3, 0.7, 3.0, 2.85
BAR_LEFT, BAR_WIDTH, CURVES_LEFT, CURVES_RIGHT = 15.3, 0.12, 16.2, 18.85
BOTTOM, TICKS = 0.15, 0.25  # below the last row; room for the curves' ticks
TITLES = (
    "end-diastole (ED)",
    "end-systole (ES)",
    "ES - ED",
    "ES warped to ED - ED",
    "J and displacement at ES",
)
CURVES = (("err_percent", "Err", "tab:blue"), ("ecc_percent", "Ecc", "tab:orange"))
J_LIMITS = (0.5, 1.5)
ARROW_STEP = 5  # voxels of the working grid between arrows
CONTOUR_STEP = 5  # of the points of a contour, one is drawn
MIDDLE: dict[str, Any] = {"ha": "center", "va": "center"}


def overview_figure(study: Study) -> Figure:
    """Draw a row for each slice: ED and ES, differences, motion, J and the strain curves.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.

    Returns:
        The figure.
    """
    cine, motion = study.cine, study.motion
    depth = len(motion.grids)
    height = TOP + depth * STEP + BOTTOM
    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    sheet = figure.add_axes((0, 0, 1, 1), autoscale_on=False, xlim=(0, WIDTH), ylim=(height, 0))
    sheet.set_axis_off()
    title = (
        f"{cine.name}: frame {motion.es_frame} (end-systole, {motion.es_found}) to frame "
        f"{cine.ed_frame} (end-diastole). Research use only."
    )
    sheet.text(WIDTH / 2, 0.2, title, fontsize=12, **MIDDLE)
    for column, name in enumerate(TITLES):
        sheet.text(LEFT + column * STEP + SIDE / 2, TOP - 0.15, name, fontsize=9, **MIDDLE)
    for z in range(depth):
        row = TOP + z * STEP
        sheet.text(LEFT / 2, row + SIDE / 2, cine.levels[z], fontsize=9, rotation=90, **MIDDLE)
        _draw_pictures(sheet, motion, z, row)
        _draw_bar(sheet, row)
    _draw_contours(sheet, motion)
    _draw_arrows(sheet, motion)
    _draw_curves(figure, study)
    return figure


def _draw_pictures(sheet: Axes, motion: Motion, z: int, row: float) -> None:
    cine, grid, es = motion.slices.cine, motion.grids[z], motion.es_frame
    maps = motion.on_window(z, slice(es, es + 1))
    reference, frame = (cine.image[:, :, z, t][maps.window] for t in (cine.ed_frame, es))
    found = intensities(motion.slices, z)
    half = (found.top - found.zero) / 2
    grey, change = ("gray", found.zero, found.top), ("coolwarm", -half, half)
    view = motion.slices.view
    on_cine, on_grid = _extent(grid, maps.window, view), (0.0, SIDE, SIDE, 0.0)
    for column, (picture, extent, (colormap, low, high)) in enumerate(
        (
            (reference, on_cine, grey),
            (frame, on_cine, grey),
            (frame - reference, on_cine, change),
            (maps.warped[0] - reference, on_cine, change),
            (motion.working_jacobian[es, z], on_grid, ("PuOr", *J_LIMITS)),
        )
    ):
        left, right, bottom, top = extent
        x = LEFT + column * STEP
        sheet.imshow(
            view.picture(picture),
            extent=(x + left, x + right, row + bottom, row + top),
            aspect="auto",
            cmap=colormap,
            vmin=low,
            vmax=high,
            interpolation="bilinear",
        )


def _extent(
    grid: WorkingGrid, window: tuple[slice, slice], view: View
) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of source voxels in inches from a picture's upper left."""
    scale = SIDE / (grid.size * grid.spacing)
    corners = np.array([[part.start, part.stop] for part in window]).T - 0.5 - grid.center
    shown = view.offsets(corners * grid.source_spacing * scale) + SIDE / 2
    (left, top), (right, bottom) = shown.min(0).tolist(), shown.max(0).tolist()
    return left, right, bottom, top


def _draw_bar(sheet: Axes, row: float) -> None:
    low, high = J_LIMITS
    top, bottom = row + 0.1 * SIDE, row + 0.9 * SIDE
    sheet.imshow(
        np.linspace(high, low, 100)[:, None],
        extent=(BAR_LEFT, BAR_LEFT + BAR_WIDTH, bottom, top),
        aspect="auto",
        cmap="PuOr",
    )
    for value, y in ((high, top), ((low + high) / 2, (top + bottom) / 2), (low, bottom)):
        sheet.text(BAR_LEFT + BAR_WIDTH + 0.05, y, f"{value:g}", fontsize=9, va="center")


def _draw_contours(sheet: Axes, motion: Motion) -> None:
    """The wall at end-diastole, on both frames and on J."""
    wall, cavity = (motion.slices.soft[code].numpy() for code in (MYOCARDIUM, CAVITY))
    lines = [
        _on_sheet(line[::CONTOUR_STEP], motion, z)
        for z in range(len(wall))
        for line in heart_contours(wall[z], cavity[z])
    ]
    for color, columns in (("tab:orange", (0, 1)), ("tab:green", (4,))):
        moved = [line + np.array([column * STEP, 0]) for column in columns for line in lines]
        sheet.add_collection(LineCollection(moved, colors=color, linewidths=0.9), autolim=False)


def _draw_arrows(sheet: Axes, motion: Motion) -> None:
    tails, arrows = [], []
    for z, grid in enumerate(motion.grids):
        index = np.arange(ARROW_STEP // 2, grid.size, ARROW_STEP)
        x, y = (axis.ravel() for axis in np.meshgrid(index, index, indexing="ij"))
        u = motion.working_displacement[motion.es_frame, z][:, x, y]
        tails.append(_on_sheet(np.stack([x, y], 1), motion, z) + np.array([4 * STEP, 0]))
        arrows.append(motion.slices.view.offsets(u.T) * SIDE / (grid.size * grid.spacing))
    at, along = np.concatenate(tails), np.concatenate(arrows)
    sheet.quiver(
        *at.T,
        *along.T,
        angles="xy",
        scale_units="xy",
        scale=1,
        units="inches",
        width=0.0115,
    )


def _on_sheet(points: np.ndarray, motion: Motion, z: int) -> np.ndarray:
    """Voxels of a working grid ``(N, 2)`` in inches of the sheet, in the first column."""
    size = motion.grids[z].size
    shown = motion.slices.view.offsets(points - (size - 1) / 2) * (SIDE / size) + SIDE / 2
    return shown + np.array([LEFT, TOP + z * STEP])


def _draw_curves(figure: Figure, study: Study) -> None:
    """Strain of the whole wall, slice by slice, in axes of their own."""
    depth, height = len(study.motion.grids), float(figure.get_figheight())
    sheet, middle = figure.axes[0], (CURVES_LEFT + CURVES_RIGHT) / 2
    title = "Green-Lagrange strain, %, reference ED"
    sheet.text(middle, TOP - 0.15, title, fontsize=9, **MIDDLE)
    for z in range(depth):
        rows = [r for r in study.rows if r["slice"] == z and r["segment"] == 0]
        top = TOP + z * STEP
        if not rows or rows[0][CURVES[0][0]] is None:
            reason = (
                "no strain in this slice" if study.rows else "no end-diastolic label:\nno strain"
            )
            sheet.text(middle, top + SIDE / 2, reason, fontsize=9, **MIDDLE)
            continue
        size = (CURVES_RIGHT - CURVES_LEFT) / WIDTH, (SIDE - TICKS) / height
        axis = figure.add_axes((CURVES_LEFT / WIDTH, 1 - (top + SIDE - TICKS) / height, *size))
        frames = [row["frame"] for row in rows]
        axis.axhline(0, color="0.7", linewidth=0.8)
        axis.axvline(study.motion.es_frame, color="0.85", linewidth=0.8)
        for key, name, color in CURVES:
            values = np.array([row[key] for row in rows], float)
            axis.plot(frames, values, color=color)
            axis.text(
                0.97,
                0.93 if key == CURVES[0][0] else 0.84,
                name,
                color=color,
                fontsize=9,
                ha="right",
                transform=axis.transAxes,
            )
        axis.tick_params(labelsize=8)
        if z == depth - 1:
            axis.set_xlabel("frame", fontsize=8, labelpad=1)
