"""Write the course of a training as a table and a picture, from what it printed.

python -m tools.figures.training_curve STAGE1.log [STAGE2.log ...] --output docs/training

Stages follow each other: their epochs are counted on. ``training.csv`` has a row an epoch with
every figure that was printed; ``training.png`` shows them.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from fem_sim.command_line import make_parser, run_command
from myomotion.errors import InputError
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import claim
from myomotion.files.tables import write_table

LINE = re.compile(r"Epoch\[(\d+)\] Metrics -- (.+)")
FIGURE = re.compile(r"(\w+): (-?[\d.]+(?:e-?\d+)?)")
Course = list[dict[str, float]]


def course_of(logs: Sequence[Path]) -> Course:
    """Figures of every epoch.

    Args:
        logs: what the stages of one training printed, in their order.

    Returns:
        A dictionary an epoch: ``epoch``, ``stage`` and the figures printed for it.

    Raises:
        InputError: if a log names no epoch.
    """
    course: Course = []
    for stage, log in enumerate(logs, start=1):
        if not log.is_file():
            raise InputError(f"{log}: no such file. Give what a training printed.")
        epochs: dict[int, dict[str, float]] = {}
        for number, figures in LINE.findall(log.read_text(encoding="utf-8", errors="replace")):
            own = epochs.setdefault(int(number), {})
            own.update({name: float(value) for name, value in FIGURE.findall(figures)})
        if not epochs:
            raise InputError(f"{log}: no line 'Epoch[N] Metrics -- ...'. Is it a training's log?")
        before = len(course)
        course += [
            {"epoch": before + place, "stage": stage, **epochs[number]}
            for place, number in enumerate(sorted(epochs), start=1)
        ]
    return course


def draw(course: Course) -> bytes:
    """PNG with a panel for every figure; dashed lines part the stages."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = _figures(course)
    figure, axes = plt.subplots(
        1, len(names), figsize=(3.6 * len(names), 2.9), squeeze=False, layout="constrained"
    )
    changes = [
        after["epoch"] - 0.5
        for before, after in pairwise(course)
        if after["stage"] > before["stage"]
    ]
    for axis, name in zip(axes[0], names, strict=True):
        known = [(row["epoch"], row[name]) for row in course if name in row]
        axis.plot(*zip(*known, strict=True), marker="." if len(known) < len(course) else "")
        for change in changes:
            axis.axvline(change, color="0.6", linestyle="--", linewidth=0.8)
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("epoch", fontsize=8)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=100, format="png")
    plt.close(figure)
    return picture.getvalue()


def _figures(course: Course) -> list[str]:
    return sorted({name for row in course for name in row} - {"epoch", "stage"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.figures.training_curve", __doc__)
    parser.add_argument("logs", type=Path, nargs="+", metavar="LOG", help="of each stage, in order")
    parser.add_argument("--output", type=Path, required=True, help="files to write, no suffix")
    return run_command(lambda: _write(parser.parse_args(arguments)))


def _write(options: argparse.Namespace) -> None:
    table, picture = (options.output.with_suffix(end) for end in (".csv", ".png"))
    for path in (table, picture):
        claim(path, options.logs)
    course = course_of(options.logs)
    columns = ["epoch", "stage", *_figures(course)]
    write_table(table, columns, [{name: row.get(name, "") for name in columns} for row in course])
    write_bytes(picture, draw(course))


if __name__ == "__main__":
    sys.exit(main())
