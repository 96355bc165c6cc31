"""A cine tracked from DICOM gives what its NIfTI twin gives, and nothing says whose it is."""

from __future__ import annotations

import csv
import gzip
import json
import re
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from myomotion.io.cine import Cine
from tests.support.bundle_runs import track
from tests.support.cines.dicom import as_dicom, draw, edit, edit_all, scans
from tests.support.paths import SHIPPED

IDENTITY = ("DOE^JANE", "HOSP-4711", "19600102")


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A NIfTI study of five slices and ten frames that lie obliquely, at known times."""
    return draw(tmp_path / "nifti" / "drawn")


def results(folder: Path) -> dict[str, np.ndarray]:
    return {
        str(p.relative_to(folder)): np.asarray(nib.load(p).dataobj)
        for p in folder.rglob("*.nii.gz")
    }


def same_results(first: Path, second: Path) -> float:
    """Claim: the same files, fields and numbers to 1e-4; returns the largest displacement."""
    a, b = results(first), results(second)
    assert a.keys() == b.keys() and len(a) > 8
    for name, values in a.items():
        assert np.abs(values.astype(float) - b[name]).max() <= 1e-4, name
    for name in ("strain.csv", "quality.csv"):
        with (first / name).open() as x, (second / name).open() as y:
            pairs = list(zip(csv.reader(x), csv.reader(y), strict=True))
        assert len(pairs) > 10
        for row, other in pairs:
            for one, two in zip(row, other, strict=True):
                number = re.fullmatch(r"-?\d.*", one)
                assert one == two or (number and float(one) == pytest.approx(float(two), abs=1e-4))
    return max(float(np.abs(v).max()) for n, v in a.items() if n.startswith("displacement"))


@pytest.mark.slow
def test_tracking_dicom_gives_what_nifti_gives_and_no_identifier(
    drawn: Path, net_weights: Path, tmp_path: Path
) -> None:
    study = as_dicom(drawn, tmp_path / "dicom" / "drawn")
    name, number, birth = IDENTITY
    edit_all(study, PatientName=name, PatientID=number, PatientBirthDate=birth)
    for source, target in ((drawn, "a"), (study, "b")):
        track(source, net_weights, tmp_path / target)
    assert same_results(tmp_path / "a" / "drawn", tmp_path / "b" / "drawn") > 0
    written = [p for p in (tmp_path / "b").rglob("*") if p.is_file()]
    assert {"summary.json", "report.html", "strain.csv"} <= {p.name for p in written}
    for path in written:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        for text in IDENTITY:
            assert text.encode() not in content, path
    summary = json.loads((tmp_path / "b" / "drawn" / "summary.json").read_text())
    assert summary["name"] == "drawn"
    assert summary["source"]["format"] == "DICOM" and summary["source"]["pictures"] == 50
    assert summary["reference_frame_from"] == "assumed: the first frame"
    assert summary["es_frame_from"] == "frame of the smallest tracked cavity"
    page = (tmp_path / "b" / "drawn" / "report.html").read_text()
    assert "frame 0 (assumed: the first frame)" in page
    # A finished study is not done again until one of its files changes.
    done = (tmp_path / "b" / "drawn" / "summary.json").stat().st_mtime_ns
    track(study, net_weights, tmp_path / "b")
    assert (tmp_path / "b" / "drawn" / "summary.json").stat().st_mtime_ns == done
    edit(scans(study)[7], RescaleIntercept="1")
    track(study, net_weights, tmp_path / "b")
    assert (tmp_path / "b" / "drawn" / "summary.json").stat().st_mtime_ns != done


@pytest.mark.slow
def test_real_cine_tracked_from_dicom_gives_the_same_numbers_and_fields(
    tracked_heart: tuple[Cine, Path], net_weights: Path, tmp_path: Path
) -> None:
    weights = SHIPPED if SHIPPED.is_file() else net_weights
    cine, folder = tracked_heart
    source = Path(cine.files["image"]).parent
    for multi_frame in (False, True):
        study = as_dicom(source, tmp_path / str(multi_frame) / cine.name, multi_frame=multi_frame)
        shutil.copy(source / "info.json", study)
        output = tmp_path / "motion" / str(multi_frame)
        track(study, weights, output, report=False)
        assert same_results(folder, output / cine.name) > (2 if SHIPPED.is_file() else 0)
