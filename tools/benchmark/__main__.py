"""Hold a result against points that people have followed, or against published tables.

python -m tools.benchmark landmarks --study RESULT/NAME --points FILE.csv --output FILE.json
python -m tools.benchmark acdc --data DIR --output FILE.json

landmarks: FILE.csv has the columns id, observer, frame, x, y, z: frames count from 0, places are
LPS millimetres, and every point has a place at end-diastole. Points are moved by the motion in the
slices' planes and, where the study was tracked with --volume True, by the motion in space.

acdc: registers end-diastole and end-systole of every subject of ACDC, in the layout of its release,
and gives rows that stand beside those of published tables.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from fem_sim.command_line import add_overrides, make_parser, run_command
from myomotion.errors import InputError
from myomotion.files.outputs import claim
from myomotion.files.tables import write_report
from myomotion.inferers.studies import read_summary
from tools.benchmark.acdc import Frames, Grid, find_frames
from tools.benchmark.acdc_rows import measured
from tools.benchmark.both_ways import LABELS
from tools.benchmark.landmarks import compared, read_landmarks
from tools.move.motion import read_motion

WAYS = {"none": "points that stay", "in_plane": "in the planes", "in_space": "in space"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.benchmark", __doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    landmarks = kinds.add_parser("landmarks", help="points followed by people")
    landmarks.add_argument("--study", type=Path, required=True, help="result folder of one study")
    landmarks.add_argument("--points", type=Path, required=True, metavar="CSV")
    landmarks.add_argument("--output", type=Path, required=True, metavar="FILE.json")
    acdc = kinds.add_parser("acdc", help="pairs of volumes of ACDC")
    acdc.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR")
    acdc.add_argument("--output", type=Path, required=True, metavar="FILE.json")
    methods = ("none", "demons", "network", "refined")
    acdc.add_argument("--methods", nargs="+", choices=tuple(LABELS), default=methods)
    grid = Grid()
    acdc.add_argument(
        "--spacing", type=float, nargs=3, default=grid.spacing, help="mm (default: %(default)s)"
    )
    acdc.add_argument(
        "--size", type=int, nargs=3, default=grid.size, help="voxels (default: %(default)s)"
    )
    acdc.add_argument("--only", nargs="*", default=(), help="names of the subjects to take")
    add_overrides(acdc, "refine_steps=80")
    options = parser.parse_args(arguments)
    if options.kind == "landmarks":
        return run_command(lambda: _landmarks(options))
    return run_command(lambda: _acdc(options), ValueError)


def _acdc(options: argparse.Namespace) -> None:
    claim(options.output, options.data, signed=True)
    grid = Grid(spacing=tuple(options.spacing), size=tuple(options.size))
    readers: dict[str, Callable[[], Frames]] = {}
    for folder in options.data:
        found = find_frames(folder)
        if twice := sorted(set(readers) & set(found)):
            raise InputError(f"{folder}: {', '.join(twice)} is there twice. Give each once.")
        readers |= {n: r for n, r in found.items() if not options.only or n in options.only}
    result = measured(readers, options.methods, grid, **dict(options.changes))
    write_report(options.output, result)
    print(f"{result['protocol']}\n\n{result['table']}")


def _landmarks(options: argparse.Namespace) -> None:
    motion, summary = read_motion(options.study), read_summary(options.study)
    assert summary is not None  # read_motion has read it
    lifted = (options.study / "volume" / "displacement").is_dir()
    space = replace(motion, folder=options.study / "volume") if lifted else None
    points = read_landmarks(options.points)
    claim(options.output, [options.study, options.points], signed=True)
    found = compared(points, motion, space, int(summary["es_frame"]))
    write_report(options.output, found)
    for phase, title in (("end_systole", "end-systole"), ("all_frames", "all frames")):
        for way, own in found[phase].items():
            if own["plane"]["n"]:
                print(
                    f"{title}, {WAYS[way]}: median {own['plane']['median']:.2f} mm in plane, "
                    f"{own['space']['median']:.2f} mm in space, n = {own['plane']['n']}"
                )
    if found["outside"]:
        print(f"beyond the stack, left out: {', '.join(found['outside'])}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
