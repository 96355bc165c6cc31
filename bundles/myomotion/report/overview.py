"""One picture that shows what the registration did to a study."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from myomotion.analysis.intensity import intensities
from myomotion.analysis.motion import Motion
from myomotion.analysis.study import Study
from myomotion.io.cine import Cine
from myomotion.io.labels import MYOCARDIUM

ROW_INCHES, TITLE_INCHES = 3.2, 0.35
ARROW_STEP = 5  # voxels of the working grid between arrows


def overview_figure(study: Study) -> Figure:
    """Draw a row for each slice: ED and ES, differences, motion, J and the strain curves.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.

    Returns:
        The figure.
    """
    cine, motion = study.cine, study.motion
    whole = [row for row in study.rows if row["segment"] == 0]
    depth = len(motion.grids)
    height = ROW_INCHES * depth + TITLE_INCHES
    figure = Figure(figsize=(19, height))
    FigureCanvasAgg(figure)
    # Places are given: letting matplotlib find them takes as long as drawing.
    places = {
        "left": 0.005,
        "right": 0.985,
        "bottom": 0.45 / height,
        "top": 1 - (TITLE_INCHES + 0.25) / height,
        "wspace": 0.06,
        "hspace": 0.34,
        "width_ratios": (1, 1, 1, 1, 1.2, 1.25),
    }
    axes = figure.subplots(depth, 6, squeeze=False, gridspec_kw=places)
    for z in range(depth):
        _draw_slice(axes[z], cine, motion, z)
        _draw_curves(axes[z, 5], cine.levels[z], [r for r in whole if r["slice"] == z])
    figure.suptitle(
        f"{cine.name}: frame {motion.es_frame} (end-systole, {motion.es_found}) to frame "
        f"{cine.ed_frame} (end-diastole). Research use only.",
        y=1 - 0.1 / height,
    )
    return figure


def _draw_slice(axes: np.ndarray, cine: Cine, motion: Motion, z: int) -> None:
    grid = motion.grids[z]
    es = motion.es_frame
    reference, frame = cine.image[:, :, z, cine.ed_frame], cine.image[:, :, z, es]
    warped = motion.warped_at(es)[z]
    window = grid.source_window()
    found = intensities(motion.slices, z)
    half = (found.top - found.zero) / 2
    labels = None if cine.label_ed is None else cine.label_ed[..., z][window] == MYOCARDIUM
    for axis, picture, title in (
        (axes[0], reference, f"{cine.levels[z]}: end-diastole"),
        (axes[1], frame, "end-systole"),
    ):
        axis.imshow(picture[window].T, cmap="gray", vmin=found.zero, vmax=found.top)
        axis.set_title(title, fontsize=9)
        if labels is not None and labels.any():
            axis.contour(labels.T, [0.5], colors="tab:orange", linewidths=0.8)
    for axis, picture, title in (
        (axes[2], frame - reference, "ES - ED"),
        (axes[3], warped - reference, "ES warped to ED - ED"),
    ):
        axis.imshow(picture[window].T, cmap="coolwarm", vmin=-half, vmax=half)
        axis.set_title(title, fontsize=9)
    _draw_jacobian(axes[4], motion, z)
    for axis in axes[:5]:
        axis.set_xticks([])
        axis.set_yticks([])


def _draw_jacobian(axis: Axes, motion: Motion, z: int) -> None:
    grid, es = motion.grids[z], motion.es_frame
    shown = axis.imshow(motion.working_jacobian[es, z].T, cmap="PuOr", vmin=0.5, vmax=1.5)
    axis.figure.colorbar(shown, ax=axis, shrink=0.8)
    u = motion.working_displacement[es, z] / grid.spacing
    index = np.arange(ARROW_STEP // 2, grid.size, ARROW_STEP)
    x, y = np.meshgrid(index, index, indexing="ij")
    axis.quiver(x, y, u[0][x, y], u[1][x, y], angles="xy", scale_units="xy", scale=1, width=0.004)
    wall = motion.slices.covered(MYOCARDIUM)[z]
    if wall.any():
        axis.contour(wall.T, [0.5], colors="tab:green", linewidths=0.8)
    axis.set_title("J and displacement at end-systole", fontsize=9)


def _draw_curves(axis: Axes, level: str, rows: list[dict[str, object]]) -> None:
    if not rows:
        axis.text(0.5, 0.5, "no end-diastolic label:\nno strain", ha="center", va="center")
        axis.set_axis_off()
        return
    frames = np.array([row["frame"] for row in rows])
    axis.plot(frames, np.array([row["err_percent"] for row in rows]), label="Err")
    axis.plot(frames, np.array([row["ecc_percent"] for row in rows]), label="Ecc")
    axis.axhline(0, color="0.7", linewidth=0.8)
    axis.set_xlabel("frame", fontsize=8)
    axis.set_title(f"{level}: Green-Lagrange strain, %, reference ED", fontsize=9)
    axis.legend(fontsize=8)
