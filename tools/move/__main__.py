"""Move points, a mesh, labels or an image along with the motion of a result.

python -m tools.move --result RESULT/NAME --points FILE.csv --output MOVED.csv
python -m tools.move --result RESULT/NAME --mesh FILE.vtp --output DIR
python -m tools.move --result RESULT/NAME --labels FILE.nii.gz --output MOVED.nii.gz
python -m tools.move --result RESULT/NAME --image FILE.nii.gz --output MOVED.nii.gz --to 8

What is given is of the end-diastolic frame, or of --from; it is moved into all frames, or into
--to. The field lives on the end-diastolic grid and points from a material point to where it is in
frame t: x = X + u(X). Points and vertices go by it. An image in frame t is pulled back by the
inverse, which lives on the points of frame t. Points are LPS millimetres, as the fields are;
--space RAS says otherwise.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np

from fem_sim.command_line import make_parser, run_command
from myomotion.errors import SettingError
from myomotion.files.outputs import claim, refuse_unsafe, replaced_folder
from myomotion.files.tables import write_table
from tools.export_vtk.__main__ import collection
from tools.export_vtk.result import frame_times
from tools.move.images import moved_image
from tools.move.motion import ResultMotion, read_motion
from tools.move.points import moved_mesh, point_rows, read_mesh, read_points

MOVED = "moved"  # kind of the folder of meshes, see myomotion.files.outputs
SPACES = {"LPS": np.ones(3), "RAS": np.array([-1.0, -1.0, 1.0])}
COLUMNS = ["frame", "point", "x", "y", "z", "inside"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.move", __doc__)
    parser.add_argument("--result", type=Path, required=True, help="result folder of one study")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--points", type=Path, metavar="CSV", help="table with columns x, y, z")
    what.add_argument("--mesh", type=Path, metavar="FILE", help="surface or grid that VTK reads")
    what.add_argument("--labels", type=Path, metavar="NIFTI", help="3-D label map")
    what.add_argument("--image", type=Path, metavar="NIFTI", help="3-D image")
    parser.add_argument("--output", type=Path, required=True, help="file; for a mesh a folder")
    parser.add_argument("--from", dest="start", type=int, help="frame (default: end-diastole)")
    parser.add_argument("--to", dest="end", type=int, help="frame (default: every one)")
    parser.add_argument("--space", choices=SPACES, default="LPS", help="of points and meshes")
    options = parser.parse_args(arguments)
    return run_command(lambda: _move(options))


def _move(options: argparse.Namespace) -> None:
    motion = read_motion(options.result)
    start = motion.reference if options.start is None else options.start
    ends = list(range(motion.frames)) if options.end is None else [options.end]
    for frame in (start, *ends):
        if not 0 <= frame < motion.frames:
            raise SettingError(f"frame {frame}: the result has frames 0 to {motion.frames - 1}.")
    source = options.points or options.mesh or options.labels or options.image
    inputs, flip = [options.result, source], SPACES[options.space]
    outside = None
    if options.points is not None:
        points = read_points(source)
        outside = ~motion.inside(points * flip)
        claim(options.output, inputs)
        rows = point_rows(points, motion, start, ends, flip)
        write_table(options.output, COLUMNS, rows)
    elif options.mesh is not None:
        outside = _write_meshes(source, options.output, motion, start, ends, flip)
    else:
        _write_image(options, source, motion, start, ends)
    print(options.output)
    print(_direction(motion, start, ends, options.labels or options.image))
    if outside is not None and outside.any():
        print(
            f"{outside.sum()} of {len(outside)} points lie beyond the stack, where no motion is "
            "known: they stay where they are (inside = 0).",
            file=sys.stderr,
        )


def _write_meshes(
    source: Path, output: Path, motion: ResultMotion, start: int, ends: list[int], flip: np.ndarray
) -> np.ndarray:
    """Write a mesh a frame and a collection that plays them; gives which points lie outside."""
    mesh = read_mesh(source)
    ending = source.suffix if source.suffix in (".vtp", ".vtu", ".vts", ".vtk") else ".vtp"
    inputs = [motion.folder, source]
    refuse_unsafe(output, inputs, MOVED)
    with replaced_folder(output, MOVED, inputs) as folder:
        names = [f"{source.stem}_{end:03d}{ending}" for end in ends]
        for end, name in zip(ends, names, strict=True):
            moved_mesh(mesh, motion, start, end, flip).save(folder / name)
        if ending != ".vtk":  # ParaView's collections know the XML formats alone
            known = frame_times(motion.folder / "strain.csv", motion.frames)
            times = known or [float(t) for t in range(motion.frames)]
            text = collection({name: times[t] for name, t in zip(names, ends, strict=True)})
            (folder / f"{source.stem}.pvd").write_text(text, encoding="utf-8")
    return np.asarray(~motion.inside(np.asarray(mesh.points, float) * flip))


def _write_image(
    options: argparse.Namespace, source: Path, motion: ResultMotion, start: int, ends: list[int]
) -> None:
    if not options.output.name.endswith((".nii", ".nii.gz")):
        raise SettingError(f"{options.output}: give the name of a NIfTI file, MOVED.nii.gz.")
    moved = moved_image(source, motion, start, ends, labels=options.labels is not None)
    claim(options.output, [options.result, source])
    nib.save(moved, options.output)


def _direction(motion: ResultMotion, start: int, ends: list[int], image: Path | None) -> str:
    """Which fields were used, and which way they point."""
    ed = motion.reference
    to = f"frame {ends[0]}" if len(ends) == 1 else "every frame"
    if image is None:
        back = "" if start == ed else f"back to frame {ed} by inverse/frame_{start:03d}, then "
        return (
            f"points of frame {start} carried to {to}: {back}x = X + u(X), u of displacement/, on "
            f"the grid of end-diastole (frame {ed})"
        )
    on = "" if start == ed else f", then on to frame {start} by displacement/frame_{start:03d}"
    return (
        f"image of frame {start} shown in {to}: each voxel x is pulled back to X = x + v(x), v of "
        f"inverse/, on the points of that frame{on}"
    )


if __name__ == "__main__":
    sys.exit(main())
