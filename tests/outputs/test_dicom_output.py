"""Results as DICOM: read back by the field's libraries, checked by its validator."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
from scipy import ndimage

import myomotion
from myomotion.errors import SettingError
from myomotion.report.dicom.document import browser
from myomotion.report.dicom.write import load_dicom_writer, write_dicom
from myomotion.tracker import Result
from tests.support.cines.dicom import as_dicom, draw, scans

hd = pytest.importorskip("highdicom", reason="highdicom is not installed")

pytestmark = pytest.mark.slow
FORMS: dict[str, dict[str, Any]] = {
    "a file a picture": {},
    "one file": {"multi_frame": True},
    "a series a slice": {"series_per_slice": True},
}


@pytest.fixture(scope="module", params=list(FORMS))
def written(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Result, Path, list[Path]]:
    """Result, folder of its DICOM objects, files of the cine, by slice and frame."""
    place = tmp_path_factory.mktemp("dicom")
    drawn = draw(place / "nifti" / "drawn")
    label = nib.load(drawn / "label_sa_ED.nii.gz")
    values = np.asarray(label.dataobj).copy()
    values[..., [0, -1]] = 0  # the stack goes on beyond the heart, which ends with a small cavity:
    tip = values[..., -2]  # it is whole
    tip[(tip == 1) & ~ndimage.binary_erosion(tip == 1, iterations=3)] = 2
    nib.save(nib.Nifti1Image(values, label.affine), drawn / "label_sa_ED.nii.gz")
    study = as_dicom(drawn, place / "cine", **FORMS[request.param])
    result = myomotion.track(study, output_dir=place / "out", tissues=False, dicom_output=True)
    return result, place / "out" / result.cine.name / "dicom", scans(study)


def test_segmentations_are_the_labels_of_every_frame_on_their_pictures(
    written: tuple[Result, Path, list[Path]],
) -> None:
    result, folder, files = written
    labels = result.tensor("labels").numpy()
    sources = {str(h.SOPInstanceUID): h for h in map(pydicom.dcmread, files)}
    one = next(iter(sources.values()))
    paths = sorted(folder.glob("segmentation_*.dcm"))
    assert len(paths) == len(labels) == 10
    read = [hd.seg.segread(path) for path in paths]
    assert len({seg.SeriesInstanceUID for seg in read}) == 1
    for t, seg in enumerate(read):
        assert seg.StudyInstanceUID == one.StudyInstanceUID
        assert seg.PatientID == one.PatientID
        assert seg.FrameOfReferenceUID == one.FrameOfReferenceUID
        names = [item.SegmentLabel for item in seg.SegmentSequence]
        assert names == ["left ventricular cavity", "left ventricular myocardium"]
        seen = np.zeros(labels.shape[1:], np.uint8)
        inverse = np.linalg.inv(np.diag([-1, -1, 1, 1]) @ result.cine.storage.affine)
        for group, picture in zip(
            seg.PerFrameFunctionalGroupsSequence, np.atleast_3d(seg.pixel_array), strict=True
        ):
            number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
            corner = group.PlanePositionSequence[0].ImagePositionPatient
            z = round((inverse @ [*corner, 1])[2])
            seen[:, :, z][picture.T > 0] = number
        assert np.array_equal(seen, labels[t])
        referred = {
            str(item.ReferencedSOPInstanceUID): str(series.SeriesInstanceUID)
            for series in seg.ReferencedSeriesSequence
            for item in series.ReferencedInstanceSequence
        }
        assert {uid: str(sources[uid].SeriesInstanceUID) for uid in referred} == referred
        pictures = [
            item
            for group in seg.PerFrameFunctionalGroupsSequence
            for item in group.DerivationImageSequence[0].SourceImageSequence
        ]
        assert len(pictures) == len(seg.PerFrameFunctionalGroupsSequence)  # one, that of its time
        if len(files) == 1:
            frames = {int(item.ReferencedFrameNumber) for item in pictures}
            times = one.PerFrameFunctionalGroupsSequence
            assert {
                int(times[n - 1].FrameContentSequence[0].TemporalPositionIndex) for n in frames
            } == {t + 1}
        if len(files) > 1:  # then a file is a picture, and those of this frame alone are meant
            numbers = {int(sources[uid].TemporalPositionIdentifier) for uid in referred}
            assert numbers == {t + 1} and len(referred) == 5


def test_measurements_are_those_of_the_summary_with_their_codes(
    written: tuple[Result, Path, list[Path]],
) -> None:
    result, folder, files = written
    report = hd.sr.srread(folder / "measurements.dcm")
    template = report.ContentTemplateSequence[0].TemplateIdentifier
    assert template == "1500" and report.VerificationFlag == "UNVERIFIED"
    groups = report.content.get_image_measurement_groups()
    whole = groups[0]
    function = {m.name.meaning: (m.value, m.unit.value) for m in whole.get_measurements()}
    expected = result.summary["lv_ef_percent"]
    name = "Left ventricular ejection fraction by MR"
    assert function[name] == (pytest.approx(expected, abs=1e-3), "%")
    assert function["Left Ventricle Mass"][1] == "g"
    light = whole.get_qualitative_evaluations()[0]
    assert light.value.value == result.summary["light"].upper()

    sites = {
        group.finding_sites[0].value.meaning: {
            m.name.value: m.value for m in group.get_measurements()
        }
        for group in groups[1:]
    }
    segments = result.summary["segments_at_end_systole"]
    known = {k: v for k, v in segments.items() if v["ecc_percent"] is not None}
    assert known and len(sites) == len(known)
    for own in known.values():
        values = sites[f"left ventricle {own['name']} segment"]
        assert values["ECC"] == pytest.approx(own["ecc_percent"], abs=1e-3)
        # Lagrangian (engineering) strain e and that of Green: E = e + e^2 / 2 at every point, so
        # that the mean of E is above that of the mean of e.
        e = values["130677"] / 100
        assert -2e-3 <= values["ECC"] - 100 * (e + e**2 / 2) < 1

    walls = report.content.get_volumetric_roi_measurement_groups()
    assert len(walls) == 1
    ed = pydicom.dcmread(folder / f"segmentation_{result.cine.ed_frame:03d}.dcm")
    reference = walls[0].referenced_segment[0].ReferencedSOPSequence[0]
    assert reference.ReferencedSOPInstanceUID == ed.SOPInstanceUID
    assert reference.ReferencedSegmentNumber == 2
    evidence = {
        str(item.ReferencedSOPInstanceUID)
        for study in (
            *report.get("CurrentRequestedProcedureEvidenceSequence", []),
            *report.get("PertinentOtherEvidenceSequence", []),
        )
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert {str(pydicom.dcmread(f).SOPInstanceUID) for f in files} <= evidence


def test_report_is_a_pdf_in_the_study_of_the_pictures(
    written: tuple[Result, Path, list[Path]],
) -> None:
    if browser() is None:
        pytest.skip("no browser to print it")
    _, folder, files = written
    document = pydicom.dcmread(folder / "report.dcm")
    pdf = document.EncapsulatedDocument[: document.EncapsulatedDocumentLength]
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    sources = {str(pydicom.dcmread(f).SOPInstanceUID) for f in files}
    referred = {str(i.ReferencedSOPInstanceUID) for i in document.SourceInstanceSequence}
    assert referred == sources
    assert document.StudyInstanceUID == pydicom.dcmread(files[0]).StudyInstanceUID


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_validator_finds_no_error(written: tuple[Result, Path, list[Path]]) -> None:
    _, folder, _ = written
    paths = sorted(folder.glob("*.dcm"))
    assert len(paths) >= 11
    for path in paths:
        done = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True)
        said = (done.stdout + done.stderr).splitlines()
        assert [line for line in said if line.startswith("Error")] == []
        assert done.returncode == 0, said


def test_a_cine_that_is_no_dicom_is_said_to_give_none(
    small_study: Path, net_weights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = myomotion.track(small_study, weights=net_weights, tissues=False)
    with caplog.at_level(logging.WARNING):
        write_dicom(tmp_path, result, None)
    assert "small: no DICOM is written: the cine was none" in caplog.text
    assert list(tmp_path.glob("dicom")) == []


def test_without_highdicom_the_setting_is_refused_before_anything_is_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert load_dicom_writer(False) is None
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(SettingError, match="dicom_output needs highdicom"):
        load_dicom_writer(True)


@pytest.mark.parametrize("keyword", ["FrameOfReferenceUID", "StudyInstanceUID"])
def test_cine_without_what_dicom_needs_keeps_its_other_results(
    tmp_path: Path, keyword: str, caplog: pytest.LogCaptureFixture
) -> None:
    study = as_dicom(draw(tmp_path / "nifti" / "drawn"), tmp_path / "cine")
    for file in scans(study):
        header = pydicom.dcmread(file)
        if keyword in header:
            delattr(header, keyword)
        header.save_as(file)
    settings = {"tissues": False, "intervals": False, "report": False, "dicom_output": True}
    result = myomotion.track(study, output_dir=tmp_path / "out", **settings)
    folder = tmp_path / "out" / result.cine.name
    assert (folder / "strain.csv").is_file() and not (folder / "dicom").exists()
    assert f"no DICOM is written: the cine's files have no {keyword}" in caplog.text
