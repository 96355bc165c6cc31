"""A cine as one NRRD or MetaImage file: ``NAME/sa.nrrd``, or 3D Slicer's ``NAME/sa.seq.nrrd``."""

from __future__ import annotations

from pathlib import Path

from myomotion.errors import InputError
from myomotion.io.frame_times import believable_times, listed_times
from myomotion.io.image import CineImage
from myomotion.io.info import StudyInfo
from myomotion.io.itk_files import ENDINGS, SEQUENCES, itk_files, read_itk
from myomotion.io.nifti import check_plane
from myomotion.io.readers.base import FileReader


class ItkCine(FileReader):
    """One 4-D file, or a 3-D one whose components are the frames."""

    endings = (*ENDINGS, *SEQUENCES)

    def read(self, place: Path, info: StudyInfo) -> CineImage:
        """Read the file; the number of dimensions is left to the caller to check."""
        image = read_itk(place)
        if not image.sized:
            raise InputError(
                f"{place}: does not say how large its voxels are. Export it with ElementSpacing "
                "(MetaImage), or spacings or space directions (NRRD)."
            )
        check_plane(place, image.affine, image.values.shape)
        frames = image.values.shape[3] if image.values.ndim == 4 else 0
        times = listed_times(image.times, frames)
        if times is None and frames:
            times = believable_times(image.step, "unknown", frames)
        kind = "MetaImage" if place.name.lower().endswith((".mha", ".mhd")) else "NRRD"
        return CineImage(
            values=image.values,
            affine=image.affine,
            frame_times_ms=times,
            record={"format": kind},
        )

    def files(self, place: Path) -> list[Path]:
        """The file, and that of its voxels where it is but a header."""
        return itk_files(place)
