"""Intervals of the numbers of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from myomotion.analysis.intervals.calibration import (
    DRAWN,
    GIVEN,
    GLOBAL,
    SEGMENT,
    SLICE,
    Calibration,
    Scales,
)
from myomotion.analysis.intervals.repeats import HALF_WIDTH, NUMBERS, Place, repeated_numbers
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.analysis.segmentation import DRAWN as DRAWN_BY_NETWORK
from myomotion.io.cine import Cine

EF = "ef_percent"
EF_KEYS = ("lv_ef_percent", "seen_lv_ef_percent")
UNCALIBRATED = (
    "No intervals: they are calibrated for other weights or settings of tracking than these. "
    "python -m tools.training.intervals calibrates yours."
)


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """Halves of the intervals of a study.

    Attributes:
        scales: by kind and key; empty where there are no intervals.
        repeats: numbers of the repeats by slice and segment.
        about: what the summary says of them; None where there are none.
        warnings: sentences for the reader.
    """

    scales: Scales = field(default_factory=dict)
    repeats: Mapping[Place, Mapping[str, np.ndarray]] = field(default_factory=dict)
    about: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()

    def rows(self, rows: Sequence[Mapping[str, Any]], es_frame: int) -> list[dict[str, Any]]:
        """Rows of strain with the halves of their intervals.

        Those of end-systole are calibrated; in other frames they are smaller, see
        :func:`share_of_interval`.

        Args:
            rows: from :func:`~myomotion.analysis.tables.strain.strain_rows`.
            es_frame: end-systolic frame.

        Returns:
            The same rows with a further entry for each of :data:`NUMBERS`, None where unknown.
        """
        walls = {(r["slice"], r["frame"]): r["ecc_percent"] for r in rows if r["segment"] == 0}
        places = {(row["slice"], row["segment"]) for row in rows}
        at_es = {place: self.of_place(place) for place in places}
        found = []
        for row in rows:
            now, most = (walls.get((row["slice"], t)) for t in (row["frame"], es_frame))
            share = None if now is None or most is None else share_of_interval(now, most)
            halves = at_es[row["slice"], row["segment"]]
            found.append(
                {
                    **row,
                    **{
                        key + HALF_WIDTH: (
                            None
                            if share is None or half is None or row[key] is None
                            else share * half
                        )
                        for key, half in halves.items()
                    },
                }
            )
        return found

    def of_place(self, place: Place) -> dict[str, float | None]:
        """Halves of the intervals of a slice or a segment of it at end-systole, by key."""
        return self._halves(SEGMENT if place[1] else SLICE, [place])

    def of_segment(self, number: int, slices: set[int]) -> dict[str, float | None]:
        """Those of a segment of the study, a mean over slices."""
        places = [p for p in self.repeats if p[1] == number and p[0] in slices]
        return self._halves(SEGMENT, places)

    def of_study(self, slices: set[int]) -> dict[str, float | None]:
        """Those of the study's means over slices."""
        return self._halves(GLOBAL, [p for p in self.repeats if p[1] == 0 and p[0] in slices])

    def of_function(self, values: Mapping[str, Any]) -> dict[str, float]:
        """Those of the ejection fractions among the study's own values."""
        scale = self.scales.get((GLOBAL, EF))
        known = [key for key in EF_KEYS if values.get(key) is not None]
        return {} if scale is None else {k + HALF_WIDTH: scale.half_width(0.0) for k in known}

    def _halves(self, kind: str, places: Sequence[Place]) -> dict[str, float | None]:
        return {key: self._half(kind, key, places) for key in NUMBERS}

    def _half(self, kind: str, key: str, places: Sequence[Place]) -> float | None:
        scale = self.scales.get((kind, key))
        known = [self.repeats[place][key] for place in places if place in self.repeats]
        return None if scale is None or not known else scale.half_width(spread(known))


def share_of_interval(ecc: float, at_es: float) -> float:
    """Half width in a frame, of that at end-systole: without motion there is no error.

    The root of the shortening, with which intervals of Ecc of segments cover as much between
    end-diastole and end-systole, and in diastole, as at end-systole.

    Args:
        ecc: of the whole wall in the frame.
        at_es: at end-systole.

    Returns:
        0 to 1.
    """
    return min(1.0, abs(ecc / at_es)) ** 0.5 if at_es else 0.0


def spread(repeats: Sequence[np.ndarray]) -> float:
    """Standard deviation over repeats of a mean over slices.

    Args:
        repeats: ``(R,)`` of each slice; repeats without a number in a slice do not count.

    Returns:
        The deviation; 0 for fewer than two repeats.
    """
    means = np.mean(np.array(repeats, float), axis=0)
    means = means[np.isfinite(means)]
    return float(np.std(means, ddof=1)) if len(means) > 1 else 0.0


def study_intervals(
    slices: Sequence[TrackedSlice],
    fields: torch.Tensor | None,
    calibration: Calibration | None,
    parameters: Mapping[str, Any],
) -> Intervals:
    """Intervals of a study.

    Args:
        slices: of the study.
        fields: repeats ``(R, Z, 2, size, size)`` in mm; None where there are none.
        calibration: for the way of tracking; None for no intervals.
        parameters: of the run.

    Returns:
        The intervals; empty, with a reason, where the calibration is for other weights or settings.
    """
    if calibration is None:
        return Intervals()
    contours = contours_of(slices[0].cine)
    scales = None if contours is None else calibration.scales(parameters, contours)
    if scales is None:
        return Intervals(warnings=(UNCALIBRATED,))
    if fields is None:  # nothing moves, or there is no wall
        return Intervals()
    return Intervals(
        scales=scales,
        repeats=repeated_numbers(slices, fields),
        about={
            "level_percent": round(100 * calibration.level),
            "contours": contours,
            "repeats": len(fields),
            "calibrated_on": calibration.made_of,
        },
    )


def contours_of(cine: Cine) -> str | None:
    """Where the contours of a study are from, as calibrations tell them apart.

    Args:
        cine: the study.

    Returns:
        ``given`` or ``drawn`` by the project's network; None for those of another network.
    """
    if cine.label_found == DRAWN_BY_NETWORK:
        return DRAWN
    return None if (cine.label_found or "").startswith("network: ") else GIVEN
