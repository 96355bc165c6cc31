"""Turn the TensorBoard log of a training into a table and a curve for the documentation.

python -m tools.training.log OUTPUT_DIR [OUTPUT_DIR ...] --output docs/training
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fem_sim.command_line import make_parser, run_command
from myomotion.errors import InputError
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import PROGRAM, claim
from myomotion.files.tables import write_table

Curves = dict[str, dict[int, float]]


def read_curves(folder: Path) -> Curves:
    """Scalars of every event file in a folder, by name and epoch.

    Args:
        folder: ``output_dir`` of a training.

    Returns:
        Name to {epoch: value}; a later file's value wins (resumed trainings).

    Raises:
        InputError: if there is no log.
    """
    curves: Curves = {}
    for path in sorted(folder.glob("events.out.tfevents.*"), key=lambda p: p.stat().st_mtime):
        events = EventAccumulator(str(path), size_guidance={"scalars": 0}).Reload()
        for name in events.Tags()["scalars"]:
            values = curves.setdefault(name, {})
            values.update({event.step: event.value for event in events.Scalars(name)})
    if not curves:
        raise InputError(f"{folder}: holds no TensorBoard log. Give the output_dir of a training.")
    return curves


def join_stages(stages: Sequence[Curves]) -> Curves:
    """Curves of trainings that each went on from the one before, epochs counted through."""
    joined: Curves = {}
    before = 0
    for curves in stages:
        for name, values in curves.items():
            target = joined.setdefault(name, {})
            target.update({before + epoch: value for epoch, value in values.items()})
        before += max(epoch for values in curves.values() for epoch in values)
    return joined


def rows_of(curves: Curves) -> list[list[Any]]:
    """Rows of a table: epoch and the value of each curve, None where there is none."""
    epochs = sorted({epoch for values in curves.values() for epoch in values})
    columns = [
        [f"{values[e]:.6g}" if e in values else None for e in epochs] for values in curves.values()
    ]
    return [list(row) for row in zip(epochs, *columns, strict=True)]


def draw(path: Path, curves: Curves) -> None:
    """Draw every curve in a panel of its own."""
    figure = Figure(figsize=(3.6 * len(curves), 3.0), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(curves), squeeze=False)[0]
    for axis, (name, values) in zip(panels, curves.items(), strict=True):
        epochs = sorted(values)
        axis.plot(epochs, [values[e] for e in epochs], marker="." if len(epochs) < 30 else "")
        axis.set_title(name.replace("_", " "), fontsize=10)
        axis.set_xlabel("epoch")
        axis.set_yscale("log")
    picture = io.BytesIO()
    figure.savefig(picture, dpi=80, format="png", metadata={"Software": PROGRAM})
    write_bytes(path, picture.getvalue())


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.training.log", __doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="output_dir of each stage, in order")
    parser.add_argument("--output", type=Path, required=True, help="path without suffix")
    options = parser.parse_args(arguments)
    return run_command(lambda: _write(options.folders, options.output))


def _write(folders: Sequence[Path], output: Path) -> None:
    table, picture = output.with_name(f"{output.name}.csv"), output.with_name(f"{output.name}.png")
    claim(table, folders)
    claim(picture, folders, signed=True)
    curves = join_stages([read_curves(folder) for folder in folders])
    write_table(table, ("epoch", *curves), rows_of(curves))
    draw(picture, curves)


if __name__ == "__main__":
    sys.exit(main())
