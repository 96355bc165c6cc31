"""Writing the DICOM objects of a study beside its other results."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from myomotion.analysis.study import Study
from myomotion.errors import SettingError

LOG = logging.getLogger(__name__)
FOLDER = "dicom"
NEEDED = ("StudyInstanceUID", "FrameOfReferenceUID")  # that what is written shares with the cine
WriteDicom = Callable[[Path, Study, str | None], None]


def load_dicom_writer(dicom_output: bool) -> WriteDicom | None:
    """What writes DICOM objects, where they are wanted.

    Args:
        dicom_output: of the configuration.

    Returns:
        :func:`write_dicom`, or None.

    Raises:
        SettingError: if a package that it needs is not installed.
    """
    if not dicom_output:
        return None
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise SettingError(
            f"dicom_output needs highdicom, which cannot be imported ({error}). "
            "Install it: pip install highdicom==0.28.2"
        ) from error
    return write_dicom


def write_dicom(folder: Path, study: Study, page: str | None) -> None:
    """Write segmentations, measurements and the report as DICOM, in the study of the pictures.

    Where the cine was no DICOM there are no pictures that they could refer to; then nothing is
    written, and a warning says so, as for the report where no browser can print it.

    Args:
        folder: of the study's results; receives :data:`FOLDER`.
        study: from :func:`~myomotion.analysis.study.analyse`.
        page: the report; None where there is none.

    Raises:
        InputError: if the pictures cannot be read any more, or the browser fails.
    """
    from myomotion.report.dicom.document import BROWSERS, browser, encapsulated, printed
    from myomotion.report.dicom.measurements import measurement_report
    from myomotion.report.dicom.segmentation import segmentations
    from myomotion.report.dicom.sources import sources_of

    sources = sources_of(study)
    if sources is None:
        LOG.warning(
            "%s: no DICOM is written: the cine was none, so that there is no patient and no "
            "picture to refer to. Make it DICOM first: python -m tools.convert.dicom",
            study.cine.name,
        )
        return
    lacking = [key for key in NEEDED if not sources.first.get(key)]
    if lacking:
        LOG.warning(
            "%s: no DICOM is written: the cine's files have no %s, which what is written must "
            "share with them.",
            study.cine.name,
            " and no ".join(lacking),
        )
        return
    target = folder / FOLDER
    target.mkdir()
    moved = segmentations(study, sources) if study.cine.label_ed is not None else []
    for t, segmentation in enumerate(moved):
        segmentation.save_as(target / f"segmentation_{t:03d}.dcm", enforce_file_format=True)
    report = measurement_report(study, sources, moved)
    report.save_as(target / "measurements.dcm", enforce_file_format=True)
    program = browser()
    if page is not None and program is not None:
        document = encapsulated(printed(page, program), sources, f"Motion of {study.cine.name}")
        document.save_as(target / "report.dcm", enforce_file_format=True)
    elif page is not None:
        LOG.warning(
            "%s: no report as DICOM: none of the browsers %s is installed, which would print it.",
            study.cine.name,
            ", ".join(BROWSERS),
        )
