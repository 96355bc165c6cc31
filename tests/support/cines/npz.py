"""A format of cines that the project does not know: everything that adding one takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from myomotion.io.image import CineImage
from myomotion.io.info import StudyInfo
from myomotion.io.readers.base import FileReader


class NpzCine(FileReader):
    """``sa.npz`` with ``image`` ``(x, y, z, t)``, ``affine`` and ``times_ms``."""

    endings = (".npz",)

    def read(self, place: Path, info: StudyInfo) -> CineImage:
        """Read the file."""
        with np.load(place) as archive:
            return CineImage(
                values=archive["image"].astype(np.float32),
                affine=archive["affine"],
                frame_times_ms=archive["times_ms"],
                record={"format": "NPZ"},
            )
