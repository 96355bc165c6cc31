"""A cine as one 4-D NIfTI file: ``NAME/sa.nii.gz``, or the pair ``sa.hdr`` and ``sa.img``."""

from __future__ import annotations

import logging
from pathlib import Path

from myomotion.io.forms import header_forms
from myomotion.io.frame_times import header_frame_times
from myomotion.io.image import CineImage
from myomotion.io.info import StudyInfo
from myomotion.io.nifti import check_plane, read_nifti
from myomotion.io.readers.base import FileReader

LOG = logging.getLogger(__name__)
PAIRED = {".hdr": (".img", ".IMG"), ".img": (".hdr", ".HDR")}


class NiftiCine(FileReader):
    """One 4-D NIfTI file ``(x, y, z, t)``; frame times come from its header where believable."""

    endings = (".nii.gz", ".nii", ".hdr")

    def read(self, place: Path, info: StudyInfo) -> CineImage:
        """Read the file; the number of dimensions is left to the caller to check."""
        image = read_nifti(place)
        if image.repair is not None:
            LOG.warning("%s: %s", place, image.repair)
        check_plane(place, image.affine, image.values.shape)
        values = image.values
        if values.ndim == 5 and 1 in values.shape[3:]:  # (x, y, z, 1, t), or with t before
            values = values.reshape(*values.shape[:3], -1)
        frames = values.shape[3] if values.ndim == 4 else 0
        return CineImage(
            values=values,
            affine=image.affine,
            frame_times_ms=header_frame_times(image.header, frames) if frames else None,
            record={"format": "NIfTI"},
            forms=header_forms(place, image.header, image.affine),
            placed=image.placed,
        )

    def files(self, place: Path) -> list[Path]:
        """The file, and the other of a pair of header and voxels."""
        others = PAIRED.get(place.suffix.lower(), ())
        beside = [place.with_suffix(suffix) for suffix in others]
        return [place, *(file for file in beside if file.is_file())]
