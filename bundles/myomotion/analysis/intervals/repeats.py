"""Numbers of a study that was tracked some times more, with contours a little elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from myomotion.analysis.measures.on_wall.mesh import wall_of, wall_on
from myomotion.analysis.measures.on_wall.rotation import KEY as ROTATION_KEY
from myomotion.analysis.measures.on_wall.rotation import turned
from myomotion.analysis.measures.on_wall.strain import strain_number
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.core.frames_together import workers
from myomotion.core.wall.contours import Contours, RejectedSliceError
from myomotion.core.wall.mesh import LAYERS, WallMesh, wall_mesh

#: Numbers of the wall that have an interval, by their columns.
NUMBERS = {
    "ecc_percent": strain_number("ecc"),
    "err_percent": strain_number("err"),
    **{f"ecc_{layer}_percent": strain_number("ecc", layer) for layer in LAYERS},
    ROTATION_KEY: turned,
}
HALF_WIDTH = "_half_width"  # after the key of a number: half of its interval, in its own unit
CONTOUR_VOXELS = 0.3  # standard deviation of a contour's place, of a voxel of the working grid
SEED = 0  # of the contours
WAVES = 3  # of a contour's error along the circumference; one half is the same everywhere

Place = tuple[int, int]  # slice, and segment; 0 is the whole wall


def repeated_numbers(
    slices: Sequence[TrackedSlice], fields: torch.Tensor
) -> dict[Place, dict[str, np.ndarray]]:
    """:data:`NUMBERS` at end-systole of every repeat, slice and segment.

    Args:
        slices: of the study.
        fields: ``(R, Z, 2, size, size)`` in mm, from
            :class:`~myomotion.transforms.repeat_motion.RepeatMotion`.

    Returns:
        By slice and segment the numbers ``(R,)``, NaN where a repeat has no mesh; slices without a
        mesh are left out.
    """
    rng = np.random.default_rng(SEED)
    drawn = []  # one slice after the other, so that the seed draws the same every time
    for tracked in slices:
        wall = wall_of(tracked)
        if wall is not None:
            size_mm = CONTOUR_VOXELS * tracked.grid.spacing
            meshes = [_elsewhere(wall.mesh, size_mm, rng) for _ in fields]
            segments = [0, *(int(n) for n in np.unique(wall.segments))]
            drawn.append((tracked, meshes, segments))

    def measured(
        item: tuple[TrackedSlice, list[WallMesh | None], list[int]],
    ) -> dict[Place, dict[str, np.ndarray]]:
        tracked, meshes, segments = item
        own = {n: {key: np.full(len(fields), np.nan) for key in NUMBERS} for n in segments}
        for repeat, (mesh, field) in enumerate(
            zip(meshes, fields[:, tracked.index].numpy(), strict=True)
        ):
            if mesh is None:
                continue
            moved = wall_on(tracked, mesh, field[None])
            for n in segments:
                part = moved.segment(n)
                if part.any():
                    for key, number in NUMBERS.items():
                        own[n][key][repeat] = number(moved, part)[0]
        return {(tracked.index, n): values for n, values in own.items()}

    with workers() as run:
        parts = run(measured, drawn)
    return {place: values for part in parts for place, values in part.items()}


def _elsewhere(mesh: WallMesh, size_mm: float, rng: np.random.Generator) -> WallMesh | None:
    """The mesh between contours that were drawn a little elsewhere; None where they touch."""
    contours = []
    for angle, radius in (mesh.endo, mesh.epi):
        wave = np.arange(1, WAVES + 1)[:, None] * angle
        shares = rng.normal(0, size_mm * (0.5 / WAVES) ** 0.5, (2, WAVES, 1))
        error = (shares * np.stack([np.cos(wave), np.sin(wave)])).sum((0, 1))
        drawn = radius + error + rng.normal(0, size_mm * 0.5**0.5)
        ray = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        contours.append(mesh.center + drawn[:, None] * ray)
    try:
        return wall_mesh(Contours(endo=contours[0], epi=contours[1]))
    except RejectedSliceError:
        return None
