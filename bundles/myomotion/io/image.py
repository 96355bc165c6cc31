"""Frames of a cine with what their files say of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from myomotion.io.forms import Forms


@dataclass(frozen=True, kw_only=True)
class CineImage:
    """Frames of a cine and what their files say of them.

    Attributes:
        values: float32 ``(X, Y, Z, T)``.
        affine: ``(4, 4)``, voxel index to RAS millimetres.
        frame_times_ms: ``(T,)``, the first at 0, or None where unknown.
        record: what it was read from, for ``summary.json``; nothing that names a patient.
        warnings: sentences for the user.
        forms: what files of results say of their place; from ``affine`` if None.
        places_mm: ``(Z,)`` place of each slice along the normal, where every slice has its own.
        sideways_mm: ``(Z, 2)`` how far each slice lies from the first along axes 0 and 1, where
            every slice has its own; None where all lie as ``affine`` says.
        placed: the file says where it lies, so that a label must lie there too.
    """

    values: np.ndarray
    affine: np.ndarray
    frame_times_ms: np.ndarray | None = None
    record: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    forms: Forms | None = None
    places_mm: np.ndarray | None = None
    sideways_mm: np.ndarray | None = None
    placed: bool = True
