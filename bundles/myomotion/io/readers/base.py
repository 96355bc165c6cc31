"""What a format of cines must be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from myomotion.io.image import CineImage
from myomotion.io.info import StudyInfo
from myomotion.io.itk_files import SEQUENCES

CINE_STEM = "sa"  # a single file in a study folder is sa.ENDING
# Nothing else is cut from a name.
ENDINGS = (*SEQUENCES, ".nii.gz", ".nii", ".hdr", ".nrrd", ".mha", ".mhd", ".dcm")


class CineReader(ABC):
    """One format in which cines are stored.

    A *place* is the file or folder that holds a cine.

    Attributes:
        spread: a study may be spread over several folders, one a series, so that a folder alone
            does not tell where a study ends; see :meth:`study_id`.
    """

    spread: ClassVar[bool] = False

    @abstractmethod
    def finds(self, folder: Path) -> Path | None:
        """The place of a cine of this format in a study folder, or None."""

    @abstractmethod
    def reads(self, place: Path) -> bool:
        """Whether a place, found or given by the user, is of this format."""

    @abstractmethod
    def read(self, place: Path, info: StudyInfo) -> CineImage:
        """Read a cine.

        Args:
            place: for which :meth:`reads` holds.
            info: what ``info.json`` says of the study.

        Returns:
            Its frames.

        Raises:
            InputError: naming file, value and fix.
        """

    def files(self, place: Path) -> list[Path]:
        """Every file that :meth:`read` depends on; a place that is one file is all there is."""
        return [place]

    def title(self, place: Path) -> str:
        """Name of a study that is nothing but this place.

        That of the file without its known ending, so that other dots keep names apart; that of its
        folder where the file is called as in every study folder.
        """
        endings = (*ENDINGS, *getattr(self, "endings", ()))
        stem = next((place.name[: -len(e)] for e in endings if place.name.lower().endswith(e)), "")
        return place.resolve().parent.name if stem == CINE_STEM else stem or place.name

    def study_id(self, folder: Path) -> str | None:
        """What the folders of one study share, where studies are spread; None where unknown."""
        return None


class FileReader(CineReader):
    """A format that keeps a cine in one file, told by the ending of its name.

    Attributes:
        endings: of names, the preferred one first.
    """

    endings: ClassVar[tuple[str, ...]]

    def finds(self, folder: Path) -> Path | None:
        """``sa`` with one of the endings, upper and lower case alike, or None."""
        names = [f"{CINE_STEM}{ending}" for ending in self.endings]
        files = (folder / name for name in names)
        exact = next((file for file in files if file.is_file()), None)
        if exact is not None or not folder.is_dir():
            return exact
        found = {p.name.lower(): p for p in sorted(folder.iterdir()) if p.name.lower() in names}
        return next((found[name] for name in names if name in found), None)

    def reads(self, place: Path) -> bool:
        """Whether the name ends as it should."""
        return place.is_file() and place.name.lower().endswith(self.endings)
