"""Compare the virtual population with real hearts: shapes and ejected shares, as a figure.

python -m tools.figures.virtual_hearts --cines DIR --real DIR [DIR ...] --output FIGURE.png

Every slice with cavity and wall at end-diastole counts, by the labels: those of a reader where
virtual cines have them. Groups are those of info.json (``group`` or ``pathology``).
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fem_sim.command_line import make_parser, run_command
from myomotion.errors import InputError
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import claim
from myomotion.io.cine import Cine, find_studies, read_cine
from myomotion.io.labels import CAVITY, MYOCARDIUM
from tools.evaluate.scores import group_of


class Slice(NamedTuple):
    """One slice by its labels.

    Attributes:
        group: of the study.
        radius: of the circle with the cavity's area at end-diastole, mm.
        wall: mean thickness, from the areas, mm.
        ejected: share of the cavity's area that is gone at end-systole; NaN without a label.
        grown: area of the wall at end-systole over that at end-diastole; NaN without a label.
    """

    group: str
    radius: float
    wall: float
    ejected: float
    grown: float


def slices_of(folders: Sequence[Path]) -> Iterator[Slice]:
    """The labelled slices of all studies in folders.

    Args:
        folders: of studies.

    Yields:
        Slices whose wall encloses a cavity at end-diastole.
    """
    for folder in folders:
        for study in find_studies(folder):
            cine = read_cine(study)
            if cine.label_ed is not None:
                yield from _slices(cine, group_of(cine), seen_end_systole(cine))


def seen_end_systole(cine: Cine) -> np.ndarray | None:
    """End-systolic labels ``(X, Y, Z)``: what a reader sees in a virtual cine, else the study's."""
    truth = Path(cine.files["image"]).with_name("truth.npz")
    if truth.is_file() and cine.es_frame is not None:
        with np.load(truth, allow_pickle=False) as archive:
            if "seen" in archive:
                return np.moveaxis(archive["seen"][cine.es_frame], 0, -1)
    return cine.label_es


def _slices(cine: Cine, group: str, label_es: np.ndarray | None) -> Iterator[Slice]:
    assert cine.label_ed is not None
    pixel = cine.spacing[0] * cine.spacing[1]
    for z in range(cine.label_ed.shape[2]):
        cavity, wall = (float((cine.label_ed[..., z] == v).sum()) for v in (CAVITY, MYOCARDIUM))
        if not cavity or not wall:
            continue
        inner, outer = (np.sqrt(area * pixel / np.pi) for area in (cavity, cavity + wall))
        ejected = grown = float("nan")
        if label_es is not None and label_es[..., z].any():
            ejected = 1 - float((label_es[..., z] == CAVITY).sum()) / cavity
            # A label of the cavity alone says nothing of the wall.
            grown = float((label_es[..., z] == MYOCARDIUM).sum()) / wall or float("nan")
        yield Slice(group, float(inner), float(outer - inner), ejected, grown)


def draw(virtual: Sequence[Slice], real: Sequence[Slice], output: Path) -> None:
    """Write the figure.

    Args:
        virtual: slices of the population.
        real: slices of real hearts.
        output: PNG.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(14, 4.6), layout="constrained")
    pairs = (
        (("radius", "wall"), ("cavity radius at ED, mm", "wall at ED, mm")),
        (("radius", "ejected"), ("cavity radius at ED, mm", "ejected share of the area")),
        (("ejected", "grown"), ("ejected share of the area", "wall area, ES / ED, as labelled")),
    )
    groups = sorted({part.group for part in real})
    for axis, (names, titles) in zip(axes, pairs, strict=True):
        axis.scatter(*_columns(virtual, names), s=9, c="0.75", label="virtual")
        for number, group in enumerate(groups):
            own = [part for part in real if part.group == group]
            axis.scatter(*_columns(own, names), s=16, color=f"C{number}", label=group)
        axis.set_xlabel(titles[0])
        axis.set_ylabel(titles[1])
    axes[0].legend(fontsize=8)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110, format="png")
    plt.close(figure)
    write_bytes(output, picture.getvalue())


def _columns(slices: Sequence[Slice], names: tuple[str, str]) -> list[list[float]]:
    return [[getattr(part, name) for part in slices] for name in names]


def table(virtual: Sequence[Slice], real: Sequence[Slice]) -> list[str]:
    """One line for every measure: 5th, 50th, 95th percentile of the population, range of the real.

    Args:
        virtual: slices of the population.
        real: slices of real hearts.

    Raises:
        InputError: if a measure has no value in any slice of either.
    """
    lines = []
    for name in Slice._fields[1:]:
        drawn, found = (_known(name, *side) for side in (("virtual", virtual), ("real", real)))
        low, middle, high = np.percentile(drawn, (5, 50, 95))
        covered = np.mean((found >= drawn.min()) & (found <= drawn.max()))
        lines.append(
            f"{name}: virtual {low:.2f} {middle:.2f} {high:.2f} (5, 50, 95 %), real "
            f"{found.min():.2f} to {found.max():.2f}, {100 * covered:.0f} % of the real "
            "slices within the population"
        )
    return lines


def _known(name: str, kind: str, slices: Sequence[Slice]) -> np.ndarray:
    values = np.array([getattr(part, name) for part in slices], float)
    if np.isnan(values).all():
        raise InputError(
            f"{kind} cines: no value of '{name}' in {len(slices)} slices. Give cines with cavity "
            "and wall labelled at end-systole."
        )
    return values[~np.isnan(values)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.figures.virtual_hearts", __doc__)
    parser.add_argument("--cines", type=Path, required=True, help="folder of virtual cines")
    parser.add_argument("--real", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--output", type=Path, required=True, help="PNG to write")
    options = parser.parse_args(arguments)
    return run_command(lambda: _compare(options))


def _compare(options: argparse.Namespace) -> None:
    claim(options.output)
    virtual, real = list(slices_of([options.cines])), list(slices_of(options.real))
    if not virtual or not real:
        raise InputError(f"{options.cines}, {options.real}: no labelled slice in one of them.")
    lines = table(virtual, real)
    print(f"{len(virtual)} virtual and {len(real)} real slices")
    print("\n".join(lines))
    draw(virtual, real, options.output)


if __name__ == "__main__":
    sys.exit(main())
