"""Draw the pipeline of the project from one virtual heart: from its mask to its strain.

python -m tools.figures.pipeline --output bundles/cardiac_motion_reg/docs/pipeline.png

Nothing in it is a sketch: the heart is the test subject of the virtual cines of
``make demo-virtual``, simulated again from its end-systolic label map, and tracked with the shipped
weights.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from fem_sim.command_line import make_parser, run_command
from fem_sim.geometry.mesh import ring_mesh
from fem_sim.mechanics.cycle import Cycle
from fem_sim.settings import DatasetSettings
from fem_sim.slices import SPACING_MM, SliceJob, simulate_slice
from fem_sim.sources import source_jobs
from myomotion.core.wall.contours import contours_from_labels
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import PROGRAM
from myomotion.io.built_in.cines import virtual_cines
from myomotion.io.labels import MYOCARDIUM
from myomotion.losses.plausibility import Plausibility, load_plausibility, standardise
from myomotion.tracker import Result, track
from tools.bundle import BUNDLES, VAE
from tools.evaluate.methods import REFINE_STEPS
from tools.verify.autoencoder.measures import FieldSet, decoded_gradients, patches
from tools.verify.autoencoder.pictures import draw_deformed, integrated, show_about

PRESET, SLICES = "physiological", 9  # as make demo-virtual has them
LEVEL = "mid"
MARGIN_VOXELS = 5  # around the heart
ARROW_STEP = 3  # voxels between arrows
DPI = 100
LABEL_COLOURS = ListedColormap(["0.95", "tab:red", "tab:orange", "tab:blue"])
ROWS = ("What tissue can do, learned from simulations", "How this heart moves")


def pipeline_figure(study: Path, refine_steps: int = REFINE_STEPS, seed: int = 0) -> Figure:
    """Eight panels in two rows: mask, mesh, field, autoencoder; frames, motion, strain, curves.

    Args:
        study: folder of a study with labels at end-diastole and end-systole and a mid slice.
        refine_steps: of the tracking.
        seed: of the neighbours in the latent space.

    Returns:
        The figure.
    """
    job, cycle = simulated_again(study / "label_sa_ES.nii.gz")
    result = track(study, refine_steps=refine_steps)
    regulariser = load_plausibility(VAE / "models" / "model.pt", spacing=SPACING_MM)
    figure = Figure(figsize=(13, 8.2))
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 4)
    figure.subplots_adjust(left=0.02, right=0.98, top=0.86, bottom=0.06, wspace=0.24, hspace=0.5)
    for axis in axes.ravel():
        axis.set_xticks([])
        axis.set_yticks([])
    _draw_mask(axes[0, 0], job)
    _draw_mesh(axes[0, 1], job)
    _draw_simulated(axes[0, 2], cycle)
    _draw_samples(axes[0, 3], regulariser, cycle, seed)
    z = result.cine.levels.index(LEVEL)
    _draw_frames(axes[1, 0], result, z)
    _draw_motion(axes[1, 1], result, z)
    _draw_strain(axes[1, 2], result, z)
    _draw_curves(axes[1, 3], result, z)
    for row, title in enumerate(ROWS):
        box = axes[row, 1].get_position()
        figure.text(0.02, box.y1 + 0.1, title, fontsize=14, fontweight="bold", va="center")
        for left, right in zip(axes[row, :-1], axes[row, 1:], strict=True):
            _arrow_between(figure, left, right)
    _arrow_of_the_loss(figure, axes[0, 3], axes[1, 1])
    return figure


def simulated_again(label_es: Path) -> tuple[SliceJob, Cycle]:
    """Simulate a slice from a label map, as ``python -m fem_sim simulate LABELS`` does.

    Args:
        label_es: end-systolic label map of a study.

    Returns:
        What was simulated, with its mask, and the motion.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = DatasetSettings(
            preset=PRESET, sources=(label_es,), coding="internal", phase="ES"
        )
        jobs, _ = source_jobs(settings, folder)
        job = next(job for job in jobs if job.level == LEVEL)
        simulate_slice(job)
        return job, Cycle.load(job.path)


def _mask(job: SliceJob) -> np.ndarray:
    assert job.labels is not None
    return job.labels


def _draw_mask(axis: Axes, job: SliceJob) -> None:
    labels = _mask(job)
    axis.imshow(labels.T, cmap=LABEL_COLOURS, vmin=0, vmax=3)
    show_about(axis, labels > 0, MARGIN_VOXELS)
    axis.set_title("label map\nat end-systole")


def _draw_mesh(axis: Axes, job: SliceJob) -> None:
    labels = _mask(job)
    mesh = ring_mesh(contours_from_labels(labels, SPACING_MM))
    cells = mesh.vertices()[mesh.cells()] / SPACING_MM
    axis.add_collection(
        PolyCollection(list(cells), facecolors="moccasin", edgecolors="0.25", linewidths=0.7)
    )
    axis.set_aspect("equal")
    show_about(axis, labels > 0, MARGIN_VOXELS)
    axis.set_title("finite-element mesh\nof the wall")


def _draw_simulated(axis: Axes, cycle: Cycle) -> None:
    wall = cycle.labels == MYOCARDIUM
    field = cycle.displacement[-1] / cycle.spacing[:, None, None]
    _quiver(axis, field, wall, "tab:blue")
    for contours in (cycle.endo, cycle.epi):
        for frame, colour in ((0, "0.3"), (-1, "tab:orange")):
            points = np.concatenate([contours[frame], contours[frame][:1]]) / cycle.spacing
            axis.plot(*points.T, color=colour, linewidth=1.2)
    axis.set_aspect("equal")
    show_about(axis, wall, MARGIN_VOXELS)
    axis.set_title("simulated motion\nto end-systole (orange)")


def _draw_samples(axis: Axes, regulariser: Plausibility, cycle: Cycle, seed: int) -> None:
    """The simulated motion as the autoencoder decodes it, and three codes near it."""
    axis.set_axis_off()
    axis.set_title("autoencoder: this motion and its\nneighbours, coloured by area change")
    vae = regulariser.vae
    mask = torch.from_numpy((cycle.labels == MYOCARDIUM)[None, None].astype(np.float32))
    patch = patches(regulariser, FieldSet(torch.from_numpy(cycle.displacement[-1:]), mask))
    wall = patch.mask[0, 0].numpy() > 0.5
    with torch.no_grad():
        code = vae.encode(standardise(vae, patch))[0]
    noise = torch.randn(3, code.shape[1], generator=torch.Generator().manual_seed(seed))
    codes = torch.cat([code, code + noise])
    for number, gradient in enumerate(decoded_gradients(vae, codes).numpy()):
        column, row = number % 2, number // 2
        panel = axis.inset_axes((0.51 * column, 0.51 * (1 - row), 0.49, 0.49))
        panel.set_xticks([])
        panel.set_yticks([])
        panel.set_aspect("equal")
        draw_deformed(panel, integrated(gradient, wall), gradient, wall, "")


def _draw_frames(axis: Axes, result: Result, z: int) -> None:
    cine, motion = result.cine, result.motion
    axis.set_axis_off()
    axis.set_title("cine: end-diastole with its label,\nend-systole")
    wall = result.regions[z].wall
    top = float(np.percentile(motion.working_image[cine.ed_frame, z], 99.5))
    for place, frame in ((0, cine.ed_frame), (1, motion.es_frame)):
        panel = axis.inset_axes((0.4 * place, 0.4 * (1 - place), 0.6, 0.6))
        panel.imshow(motion.working_image[frame, z].T, cmap="gray", vmin=0, vmax=top)
        if not place:
            panel.contour(wall.T.astype(float), [0.5], colors="tab:orange", linewidths=1.2)
        panel.set_xticks([])
        panel.set_yticks([])
        show_about(panel, wall, MARGIN_VOXELS)


def _draw_motion(axis: Axes, result: Result, z: int) -> None:
    motion, grid, wall = result.motion, result.motion.grids[z], result.regions[z].wall
    axis.imshow(motion.working_image[result.cine.ed_frame, z].T, cmap="gray")
    field = motion.working_displacement[motion.es_frame, z] / grid.spacing
    _quiver(axis, field, wall, "gold")
    show_about(axis, wall, MARGIN_VOXELS)
    axis.set_title("registration network, refined:\nmotion to end-systole")


def _draw_strain(axis: Axes, result: Result, z: int) -> None:
    motion, wall = result.motion, result.regions[z].wall
    ecc = 100 * motion.strain[motion.es_frame, z, 1]
    shown = axis.imshow(
        np.where(wall, ecc, np.nan).T, cmap="RdBu_r", vmin=-40, vmax=40, aspect="equal"
    )
    show_about(axis, wall, MARGIN_VOXELS)
    axis.set_title("circumferential strain\nat end-systole, %")
    bar = axis.inset_axes((0.08, 0.08, 0.84, 0.03))
    axis.figure.colorbar(shown, cax=bar, orientation="horizontal")
    bar.tick_params(labelsize=7)


def _draw_curves(axis: Axes, result: Result, z: int) -> None:
    rows = [row for row in result.rows if row["segment"] == 0 and row["slice"] == z]
    for key, name, colour in (
        ("err_percent", "Err", "tab:orange"),
        ("ecc_percent", "Ecc", "tab:blue"),
    ):
        axis.plot([row["frame"] for row in rows], [row[key] for row in rows], colour, label=name)
    axis.axhline(0, color="0.7", linewidth=0.8)
    axis.set_xlabel("frame", fontsize=9)
    axis.set_xticks([0, 10, 20])
    axis.set_yticks([-20, 0, 20, 40])
    axis.tick_params(labelsize=8)
    axis.legend(fontsize=9, frameon=False)
    axis.set_title("report: strain of the wall, %\n(Green-Lagrange)")


def _quiver(axis: Axes, field: np.ndarray, part: np.ndarray, colour: str) -> None:
    """Arrows of a field ``(2, H, W)`` in voxels in a part of the grid."""
    x, y = np.meshgrid(*(np.arange(1, n, ARROW_STEP) for n in part.shape), indexing="ij")
    x, y = x[part[x, y]], y[part[x, y]]
    axis.quiver(
        x, y, field[0][x, y], field[1][x, y],
        angles="xy", scale_units="xy", scale=1, width=0.007, color=colour,
    )  # fmt: skip


def _arrow_between(figure: Figure, left: Axes, right: Axes) -> None:
    here, there = left.get_position(), right.get_position()
    gap = there.x0 - here.x1
    height = (here.y0 + here.y1) / 2
    _arrow(figure, (here.x1 + 0.15 * gap, height), (there.x0 - 0.15 * gap, height))


def _arrow_of_the_loss(figure: Figure, vae: Axes, network: Axes) -> None:
    """From the autoencoder to the network that it trains, in the gap between the rows."""
    above, below = vae.get_position(), network.get_position()
    start = ((above.x0 + above.x1) / 2, above.y0 - 0.01)
    end = (below.x1 + 0.02, below.y1 + 0.04)
    _arrow(figure, start, end)
    figure.text(
        (start[0] + end[0]) / 2 - 0.06, (start[1] + end[1]) / 2,
        "R_VAE: the loss that says\nwhat is implausible",
        ha="right", va="bottom", fontsize=10, color="tab:green",
    )  # fmt: skip


def _arrow(figure: Figure, start: tuple[float, float], end: tuple[float, float]) -> None:
    figure.add_artist(
        FancyArrowPatch(
            start, end, transform=figure.transFigure,
            arrowstyle="-|>", mutation_scale=16, linewidth=1.8, color="tab:green",
        )
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.figures.pipeline", __doc__)
    parser.add_argument("--output", type=Path, required=True, help="PNG file to write")
    parser.add_argument(
        "--cache", type=Path, default=BUNDLES / ".cache", help="folder of the built-in data"
    )
    options = parser.parse_args(arguments)
    return run_command(lambda: _write(options.output, options.cache))


def _write(output: Path, cache: Path) -> None:
    study = virtual_cines(cache, "test", preset=PRESET, slices=SLICES)[0]
    content = io.BytesIO()
    pipeline_figure(Path(str(study["image"])).parent).savefig(
        content, format="png", dpi=DPI, metadata={"Software": PROGRAM}
    )
    write_bytes(output, content.getvalue())


if __name__ == "__main__":
    sys.exit(main())
