"""Hold a result against points that people have followed, or against published tables.

python -m tools.benchmark landmarks --study RESULT/NAME --points FILE.csv --output FILE.json
python -m tools.benchmark long_axis --study RESULT/NAME --ed ED.csv --es ES.csv --output FILE.json
python -m tools.benchmark acdc --data DIR --output FILE.json

landmarks: FILE.csv has the columns id, observer, frame, x, y, z, and level or not: frames count
from 0, places are LPS millimetres, and every point has a place at end-diastole. A folder is one
volunteer's of the ground truth of the 2011 motion tracking challenge. Points are moved by the
motion in the slices' planes and, where the study was tracked with --volume True, by the motion in
space.

long_axis: holds the study's GLS in space against the change of length of the endocardium's contour
in long-axis views. Contours are open, from one side of the mitral valve around the apex to the
other: points in order, with the columns x, y, z in millimetres, or a NIfTI label of a single slice
with wall and cavity.

acdc: registers end-diastole and end-systole of every subject of ACDC, in the layout of its release,
and gives rows that stand beside those of published tables.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fem_sim.command_line import add_overrides, check_names, make_parser, run_command
from myomotion.errors import InputError
from myomotion.files.outputs import claim
from myomotion.files.tables import write_report
from myomotion.inferers.studies import read_summary
from tools.benchmark.acdc import Frames, Grid, find_frames
from tools.benchmark.acdc_rows import measured
from tools.benchmark.both_ways import LABELS
from tools.benchmark.challenge import read_challenge, with_levels
from tools.benchmark.landmarks import compared, in_lps, read_landmarks
from tools.benchmark.long_axis import Tissues, beside, shortening
from tools.move.__main__ import SPACES
from tools.move.motion import read_motion

WAYS = {
    "none": "points that stay",
    "in_plane": "in the planes",
    "in_space": "in space",
    "observers": "between observers",
}
PHASES = {"end_systole": "end-systole", "all_frames": "all frames"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.benchmark", __doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    landmarks = kinds.add_parser("landmarks", help="points followed by people")
    landmarks.add_argument("--study", type=Path, required=True, help="result folder of one study")
    landmarks.add_argument("--points", type=Path, required=True, metavar="CSV|DIR")
    landmarks.add_argument("--output", type=Path, required=True, metavar="FILE.json")
    landmarks.add_argument("--space", choices=SPACES, default="LPS", help="of the points")
    landmarks.add_argument(
        "--es-frame", type=int, help="end-systole of the observers (default: that of the study)"
    )
    view = kinds.add_parser("long_axis", help="GLS of contours in long-axis views")
    view.add_argument("--study", type=Path, required=True, help="result folder of one study")
    for name, phase in (("ed", "end-diastole"), ("es", "end-systole")):
        view.add_argument(
            f"--{name}",
            type=Path,
            nargs="+",
            required=True,
            metavar="FILE",
            help=f"contour at {phase} of one view or several, CSV or NIfTI label",
        )
    view.add_argument("--output", type=Path, required=True, metavar="FILE.json")
    usual = Tissues()
    for name in ("cavity", "wall"):
        view.add_argument(
            f"--{name}-label",
            type=int,
            default=getattr(usual, name),
            help="its code in labels (default: %(default)s)",
        )
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
    if options.kind == "long_axis":
        return run_command(lambda: _long_axis(options))
    return run_command(lambda: _acdc(options), ValueError)


def _acdc(options: argparse.Namespace) -> None:
    grid = Grid(spacing=tuple(options.spacing), size=tuple(options.size))
    claim(options.output, options.data, signed=True)
    readers: dict[str, Callable[[], Frames]] = {}
    there: set[str] = set()
    for folder in options.data:
        found = find_frames(folder)
        if twice := sorted(set(readers) & set(found)):
            raise InputError(f"{folder}: {', '.join(twice)} is there twice. Give each once.")
        there |= {*found}
        readers |= {n: r for n, r in found.items() if not options.only or n in options.only}
    check_names(options.only, there, " ".join(map(str, options.data)))
    result = measured(readers, options.methods, grid, **dict(options.changes))
    write_report(options.output, result)
    print(f"{result['protocol']}\n\n{result['table']}")


def _landmarks(options: argparse.Namespace) -> None:
    motion, summary = read_motion(options.study), read_summary(options.study)
    assert summary is not None  # read_motion has read it
    lifted = (options.study / "volume" / "displacement").is_dir()
    space = replace(motion, folder=options.study / "volume") if lifted else None
    challenge = options.points.is_dir()
    points = read_challenge(options.points) if challenge else read_landmarks(options.points)
    points = in_lps(points, SPACES[options.space])
    if challenge:
        points = with_levels(points, motion.slice_normal)
    es_frame = int(summary["es_frame"]) if options.es_frame is None else options.es_frame
    claim(options.output, [options.study, options.points], signed=True)
    found = compared(points, motion, space, es_frame)
    write_report(options.output, found)
    print("\n".join(_lines(found)))
    for level, own in found["levels"].items():
        print("\n".join(_lines(own, f"{level}, ")))
    if not found["end_systole"]["none"]["space"]["n"]:
        followed = sorted({t for mark in points for t in mark.places} - {motion.reference})
        print(
            f"no point is followed in frame {es_frame}, end-systole; frames there are: "
            f"{', '.join(map(str, followed))}. --es-frame says which one is meant.",
            file=sys.stderr,
        )
    if found["outside"]:
        print(f"beyond the stack, left out: {', '.join(found['outside'])}", file=sys.stderr)


def _lines(found: Mapping[str, Any], what: str = "") -> list[str]:
    """Medians as lines of text."""
    return [
        f"{what}{title}, {WAYS[way]}: median {own['plane']['median']:.2f} mm in plane, "
        f"{own['space']['median']:.2f} mm in space, n = {own['plane']['n']}"
        for phase, title in PHASES.items()
        for way, own in found[phase].items()
        if own["plane"]["n"]
    ]


def _long_axis(options: argparse.Namespace) -> None:
    summary = read_summary(options.study)
    if summary is None:
        raise InputError(f"{options.study}: no summary.json. Give the folder of one study.")
    tissues = Tissues(cavity=options.cavity_label, wall=options.wall_label)
    found = beside(shortening(options.ed, options.es, tissues), options.study, summary)
    claim(options.output, [options.study, *options.ed, *options.es], signed=True)
    write_report(options.output, found)
    for view in found["views"]:
        print(
            f"{view['end_diastole']}, {view['end_systole']}: {view['length_ed_mm']:.1f} to "
            f"{view['length_es_mm']:.1f} mm, GLS {view['gls_percent']:.1f} %"
        )
    study = found["study"]
    print(
        f"GLS of the contours {found['gls_percent']:.1f} %, of the study in space "
        f"{study['gls_percent']:.1f} ± {study['gls_uncertainty']:.1f} %: "
        f"{study['difference']:+.1f} points"
    )


if __name__ == "__main__":
    sys.exit(main())
