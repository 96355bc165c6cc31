"""The report as PDF, printed by a browser, and as an encapsulated DICOM document."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, EncapsulatedPDFStorage, ExplicitVRLittleEndian, generate_uid

from myomotion import __version__
from myomotion.errors import InputError
from myomotion.files.outputs import PROGRAM
from myomotion.report.dicom.sources import OF_PATIENT_AND_STUDY, Sources

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
SERIES_NUMBER = 9003
PATIENCE_S = 120


def browser() -> str | None:
    """A browser that can print without a screen, or None where none is installed."""
    found = (shutil.which(name) for name in BROWSERS)
    return next((path for path in found if path is not None), None)


def printed(page: str, program: str) -> bytes:
    """A page as PDF.

    Args:
        page: HTML that refers to nothing outside itself.
        program: from :func:`browser`.

    Raises:
        InputError: if the browser does not print it.
    """
    with TemporaryDirectory(prefix="myomotion-") as place:
        source, target = Path(place, "report.html"), Path(place, "report.pdf")
        source.write_text(page, encoding="utf-8")
        command = [
            program,
            "--headless",
            "--no-sandbox",  # it opens one page, which this program has just written
            "--disable-gpu",
            f"--user-data-dir={place}/profile",
            "--no-pdf-header-footer",
            f"--print-to-pdf={target}",
            source.as_uri(),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
            said = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
        if not target.is_file():
            raise InputError(f"{program}: has not printed the report ({said}).")
        return target.read_bytes()


def encapsulated(pdf: bytes, sources: Sources, title: str) -> Dataset:
    """A PDF as DICOM, in the study of the pictures, to which it refers.

    Args:
        pdf: the document.
        sources: pictures of the study.
        title: of the document.
    """
    first, now = sources.first, datetime.now()
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(generate_uid())
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if "SpecificCharacterSet" in first:
        dataset.SpecificCharacterSet = first.SpecificCharacterSet
    for keyword in OF_PATIENT_AND_STUDY:
        setattr(dataset, keyword, first.get(keyword))
    values: dict[str, Any] = {
        "SOPClassUID": EncapsulatedPDFStorage,
        "SOPInstanceUID": dataset.file_meta.MediaStorageSOPInstanceUID,
        "StudyInstanceUID": first.StudyInstanceUID,
        "SeriesInstanceUID": generate_uid(),
        "SeriesNumber": SERIES_NUMBER,
        "InstanceNumber": 1,
        "Modality": "DOC",
        "SeriesDescription": "Report (research use only)",
        "Manufacturer": PROGRAM,
        "ManufacturerModelName": PROGRAM,
        "SoftwareVersions": __version__,
        "ConversionType": "WSD",
        "ContentDate": now.strftime("%Y%m%d"),
        "ContentTime": now.strftime("%H%M%S"),
        "AcquisitionDateTime": None,
        "BurnedInAnnotation": "YES",
        "DocumentTitle": title,
        "ConceptNameCodeSequence": [],
        "VerificationFlag": "UNVERIFIED",
        "MIMETypeOfEncapsulatedDocument": "application/pdf",
        "EncapsulatedDocumentLength": len(pdf),
        "EncapsulatedDocument": pdf + b"\0" * (len(pdf) % 2),
        "SourceInstanceSequence": [_reference(header) for header in sources.all()],
    }
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _reference(header: Any) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = header.SOPClassUID
    item.ReferencedSOPInstanceUID = header.SOPInstanceUID
    return item
