"""Strain of the wall, its layers and segments, and what its curve over the cycle shows.

Percent, reference end-diastole, means over the elements of the mesh fitted to the end-diastolic
wall (:mod:`.wall`), weighted by their area. Green-Lagrange unless the name says engineering.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from myomotion.analysis.measures.measure import SegmentMeasure, SliceMeasure, Values
from myomotion.analysis.measures.on_wall.mesh import Wall, has_mesh, over_wall, wall_of
from myomotion.analysis.measures.on_wall.timing import slice_number
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.core.wall.mesh import LAYERS


def strain_number(name: str, layer: str | None = None) -> Callable[[Wall, np.ndarray], np.ndarray]:
    """A strain of elements of a wall in every frame, percent.

    Args:
        name: attribute of :class:`~myomotion.core.wall.strain.WallStrain`.
        layer: one of :data:`~myomotion.core.wall.mesh.LAYERS`; None takes the whole thickness.

    Returns:
        Function of the wall and some of its elements, boolean ``(angles, rows)``, to ``(T,)``.
    """

    def number(wall: Wall, part: np.ndarray) -> np.ndarray:
        chosen = part if layer is None else part & wall.layer(layer)
        return 100 * wall.strain.mean(name, chosen)

    return number


def strain_measure(
    key: str, name: str, layer: str | None = None, heading: str | None = None
) -> SegmentMeasure:
    """A strain of every segment and frame, percent.

    Args:
        key: of the measure, without its unit.
        name: attribute of :class:`~myomotion.core.wall.strain.WallStrain`.
        layer: one of :data:`~myomotion.core.wall.mesh.LAYERS`; None takes the whole thickness.
        heading: in the table of numbers; None leaves it out there.

    Returns:
        The measure; its mean over the slices stands for the study.
    """
    return SegmentMeasure(
        key=f"{key}_percent",
        compute=over_wall(strain_number(name, layer)),
        heading=heading,
        format="{:.1f}",
        averaged=True,
    )


def ecc_from_slice(tracked: TrackedSlice, segment: int) -> Values:
    """Ecc of a segment less that of its slice in every frame, points; above 0 it lags behind.

    Args:
        tracked: the slice.
        segment: 1 to 16.

    Returns:
        None in every frame for the whole wall, or where the slice has no mesh or no such segment.
    """
    wall = wall_of(tracked)
    if wall is None or segment == 0 or not wall.segment(segment).any():
        return [None] * len(tracked.displacement)
    ecc = strain_number("ecc")
    return [float(v) for v in ecc(wall, wall.segment(segment)) - ecc(wall, wall.segment(0))]


def curve_measures(
    name: str, peak_heading: str | None = None, time_heading: str | None = None
) -> tuple[SliceMeasure, ...]:
    """What the curve of the whole wall shows: at end-systole, and its peak as in ``timing.csv``.

    Args:
        name: ``ecc`` or ``err``.
        peak_heading: of the peak in the table of numbers; None leaves it out there.
        time_heading: of its time.

    Returns:
        The measures; they apply to slices with a mesh.
    """

    def at_end_systole(tracked: TrackedSlice) -> float:
        wall = wall_of(tracked)
        assert wall is not None
        return float(100 * wall.strain.mean(name)[tracked.motion.es_frame])

    percent = f"{name}_percent"
    return (
        SliceMeasure(key=percent, compute=at_end_systole, applies=has_mesh),
        SliceMeasure(
            key=f"peak_{percent}",
            compute=slice_number(name, f"peak_{percent}"),
            applies=has_mesh,
            heading=peak_heading,
            format="{:.1f}",
        ),
        SliceMeasure(
            key=f"time_to_peak_{percent}_ms",
            compute=slice_number(name, f"time_to_peak_{name}_ms"),
            applies=has_mesh,
            heading=time_heading,
            format="{:.0f}",
        ),
    )


ERR = strain_measure("err", "err", heading="Err, %")
ECC = strain_measure("ecc", "ecc", heading="Ecc, %")
LAYER_STRAINS = tuple(
    strain_measure(f"{name}_{layer}", name, layer, f"Ecc {layer}, %" if name == "ecc" else None)
    for name in ("err", "ecc")
    for layer in LAYERS
)
OTHER_STRAINS = (
    strain_measure("erc", "erc", heading="Erc, %"),
    strain_measure("e1", "e1"),
    strain_measure("e2", "e2"),
    strain_measure("engineering_err", "engineering_err"),
    strain_measure("engineering_ecc", "engineering_ecc"),
)
# Scars are told by it across hearts: all of a weak heart shortens as little as a strong one's scar.
ECC_FROM_SLICE = SegmentMeasure(key="ecc_from_slice_points", compute=ecc_from_slice)
CURVES = (
    *curve_measures("ecc", "lowest Ecc, %", "at, ms"),
    *curve_measures("err"),
)
