"""Draw a simulated ventricle: cut open at end-diastole and end-systole, its loop and its function.

python -m tools.figures.heart3d MOTION.npz --output FIGURE.png

MOTION.npz is a file of ``python -m fem_sim hearts3d``.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyvista as pv

from fem_sim.command_line import make_parser, run_command
from fem_sim.heart3d.element import shapes
from fem_sim.heart3d.motion import HeartMotion
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import claim

#: Places of the nodes of VTK's triquadratic hexahedron on a lattice with steps 0, 1, 2.
CORNERS = ((0, 0, 0), (2, 0, 0), (2, 2, 0), (0, 2, 0), (0, 0, 2), (2, 0, 2), (2, 2, 2), (0, 2, 2))
EDGES = (
    *((1, 0, 0), (2, 1, 0), (1, 2, 0), (0, 1, 0), (1, 0, 2), (2, 1, 2), (1, 2, 2), (0, 1, 2)),
    *((0, 0, 1), (2, 0, 1), (2, 2, 1), (0, 2, 1)),
)
FACES = ((0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, 0), (1, 1, 2), (1, 1, 1))
SIZE = (700, 900)


def vtk_grid(motion: HeartMotion, frame: int) -> pv.UnstructuredGrid:
    """The wall in a frame as VTK's quadratic hexahedra, with its displacement from frame 0 in mm.

    Args:
        motion: of a ventricle.
        frame: number of the frame.
    """
    own = {tuple(step): place for place, step in enumerate(shapes("3_8", 2).steps.tolist())}
    cells = motion.cells[:, [own[place] for place in (*CORNERS, *EDGES, *FACES)]]
    kinds = np.full(len(cells), pv.CellType.TRIQUADRATIC_HEXAHEDRON)
    counted = np.insert(cells, 0, cells.shape[1], axis=1)
    grid = pv.UnstructuredGrid(counted, kinds, motion.positions[frame].astype(float))
    moved = motion.positions[frame] - motion.positions[0]
    grid["displacement, mm"] = np.linalg.norm(moved, axis=1)
    return grid


def picture(motion: HeartMotion, frame: int, largest: float) -> np.ndarray:
    """The wall in a frame, its front half cut away, ``(height, width, 3)``.

    Args:
        motion: of a ventricle.
        frame: number of the frame.
        largest: displacement at the end of the colours, mm.
    """
    plotter = pv.Plotter(off_screen=True, window_size=list(SIZE))
    half = vtk_grid(motion, frame).clip("-y", origin=(0, 0, 0))
    if frame:
        bar = {"vertical": False, "position_x": 0.2, "position_y": 0.02, "width": 0.6}
        colours: dict[str, Any] = {"clim": (0, largest), "cmap": "viridis", "scalar_bar_args": bar}
        plotter.add_mesh(half, scalars="displacement, mm", **colours)
    else:
        plotter.add_mesh(half, color="indianred")
    # The cut of the first frame stays in sight.
    section = vtk_grid(motion, 0).slice("y", origin=(0, 0.01, 0))
    plotter.add_mesh(section.extract_feature_edges(), color="black", line_width=2)
    plotter.camera_position = "xz"
    plotter.camera.position = (0, -10, 2)
    plotter.camera.focal_point = (0, 0, 0)
    plotter.camera.up = (0, 0, 1)
    first = motion.positions[0]
    plotter.renderer.reset_camera(bounds=np.stack([first.min(0), first.max(0)], axis=1).ravel())
    plotter.camera.zoom(1.4)
    image = plotter.screenshot(None, return_img=True)
    plotter.close()
    return np.asarray(image)


def figure(motion: HeartMotion) -> bytes:
    """The figure as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    moved = motion.positions[motion.es_frame] - motion.positions[0]
    largest = float(np.linalg.norm(moved, axis=1).max())
    sheet = Figure(figsize=(11, 4.6))
    FigureCanvasAgg(sheet)
    axes = sheet.subplots(1, 3, width_ratios=(1, 1, 1.1))
    names = ((0, "end-diastole"), (motion.es_frame, "end-systole"))
    for plot, (frame, name) in zip(axes, names, strict=False):
        plot.imshow(picture(motion, frame, largest))
        plot.set_title(f"{name}, {motion.volume_ml[frame]:.0f} ml")
        plot.axis("off")
    loop = axes[2]
    closed = [*range(len(motion.volume_ml)), 0]
    loop.plot(motion.volume_ml[closed], motion.pressure_kpa[closed], "o-", color="0.2", ms=3)
    loop.set_xlabel("cavity volume, ml")
    loop.set_ylabel("cavity pressure, kPa")
    function, heart = motion.provenance["function"], motion.provenance["heart"]
    loop.set_title(
        f"{heart['kind']}: EF {function['ejection_fraction']:.0f} %, GLS {function['gls']:.0f} %, "
        f"Ecc {function['ecc_middle']:.0f} %,\ntorsion {function['torsion']:.1f} degrees/cm",
        fontsize=10,
    )
    sheet.tight_layout()
    file = io.BytesIO()
    sheet.savefig(file, format="png", dpi=110)
    return file.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the figure.

    Args:
        arguments: command line without the program's name.

    Returns:
        Exit status.
    """
    parser = make_parser("tools.figures.heart3d", __doc__)
    parser.add_argument("motion", type=Path, metavar="MOTION.npz")
    parser.add_argument("--output", type=Path, required=True, metavar="FIGURE.png")
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(options), ValueError)


def _run(options: argparse.Namespace) -> None:
    claim(options.output)
    write_bytes(options.output, figure(HeartMotion.load(options.motion)))
    print(options.output)


if __name__ == "__main__":
    sys.exit(main())
