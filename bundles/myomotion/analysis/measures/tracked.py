"""What measures look at: a slice of a tracked cine, or the study with what its slices gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from myomotion.analysis.function import Function
from myomotion.analysis.motion import Motion
from myomotion.analysis.quality_control import QualityControl
from myomotion.analysis.regions import SliceRegions, slice_regions
from myomotion.core.working_grid import WorkingGrid
from myomotion.io.cine import Cine

UNLABELLED_RADIUS_MM = 35.0  # without a label: a disc about the middle of the moving region

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackedSlice:
    """One slice of a tracked cine.

    Attributes:
        motion: of the study.
        index: of the slice.
        region: its wall, cavity and segments.
        control: what quality control has beside the motion.
    """

    motion: Motion
    index: int
    region: SliceRegions
    control: QualityControl
    _shared: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def cine(self) -> Cine:
        """The study."""
        return self.motion.slices.cine

    @property
    def grid(self) -> WorkingGrid:
        """Working grid of the slice."""
        return self.motion.grids[self.index]

    @property
    def has_wall(self) -> bool:
        """The slice has myocardium and cavity in the end-diastolic label, so strain can be."""
        return self.region.level is not None

    @property
    def has_cavity(self) -> bool:
        """The slice has a cavity in the end-diastolic label."""
        return bool(self.region.cavity.any())

    @property
    def part(self) -> np.ndarray:
        """Where motion is judged, boolean ``(size, size)``: the wall, else a disc."""
        return self.region.wall if self.has_wall else unlabelled_disc(self.grid)

    @property
    def images(self) -> np.ndarray:
        """Frames on the working grid, ``(T, size, size)``."""
        return self.motion.working_image[:, self.index]

    @property
    def displacement(self) -> np.ndarray:
        """Motion on the working grid in millimetres, ``(T, 2, size, size)``."""
        return self.motion.working_displacement[:, self.index]

    @property
    def jacobian(self) -> np.ndarray:
        """Area change on the working grid, ``(T, size, size)``."""
        return self.motion.working_jacobian[:, self.index]

    def segment(self, number: int) -> np.ndarray:
        """A segment of the wall, boolean ``(size, size)``; the whole wall for 0."""
        return self.region.wall if number == 0 else self.region.segments == number

    def once(self, make: Callable[[TrackedSlice], T]) -> T:
        """What several measures share, made once for the slice.

        Args:
            make: a function of the slice.

        Returns:
            What it gave.
        """
        if make not in self._shared:
            self._shared[make] = make(self)
        return self._shared[make]


@dataclass(frozen=True, kw_only=True)
class TrackedStudy:
    """A tracked study with what has been measured on its slices.

    Attributes:
        slices: in their order.
        segments: rows of ``strain.csv``, see :func:`~myomotion.analysis.tables.strain.strain_rows`.
        frames: rows of ``quality.csv``.
        values: for each slice what its measures gave, by their keys.
        passed: measured slices whose light is not red.
        function: of the ventricles; None without a cavity at end-diastole.
    """

    slices: Sequence[TrackedSlice]
    segments: Sequence[Mapping[str, Any]]
    frames: Sequence[Mapping[str, Any]]
    values: Sequence[Mapping[str, float | None]]
    passed: Sequence[int]
    function: Function | None = None

    @property
    def measured(self) -> list[TrackedSlice]:
        """The slices that the study is judged by, see :func:`measured_slices`."""
        return measured_slices(self.slices)


def measured_slices(slices: Sequence[TrackedSlice]) -> list[TrackedSlice]:
    """Slices that the study is judged by.

    Args:
        slices: of a study.

    Returns:
        Those with a wall that strain is measured in; where there is none, those with a labelled
        cavity; without a label, all that are not blank.
    """
    walls = [s for s in slices if s.has_wall]
    cavities = [s for s in slices if s.has_cavity]
    return walls or cavities or [s for s in slices if s.index not in s.motion.slices.blank]


def tracked_slices(motion: Motion, control: QualityControl | None = None) -> list[TrackedSlice]:
    """The slices of a study, ready to be measured.

    Args:
        motion: of the study.
        control: what quality control has; None: nothing.

    Returns:
        One entry a slice.
    """
    control = control or QualityControl()
    return [
        TrackedSlice(motion=motion, index=z, region=region, control=control)
        for z, region in enumerate(slice_regions(motion))
    ]


def unlabelled_disc(grid: WorkingGrid) -> np.ndarray:
    """Where a slice without a label is judged: a disc about the middle of its working grid.

    Args:
        grid: of the slice.

    Returns:
        Boolean ``(size, size)``.
    """
    axis = (np.arange(grid.size) - grid.middle) * grid.spacing
    return np.hypot(axis[:, None], axis[None]) <= UNLABELLED_RADIUS_MM
