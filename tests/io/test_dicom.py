"""DICOM cines: read as their NIfTI twins are, in every form scanners send, or refused clearly."""

from __future__ import annotations

import csv
import gzip
import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, generate_uid
from scipy.spatial.transform import Rotation

from myomotion.errors import InputError
from myomotion.io.cine import Cine, find_studies, read_cine
from tests.support.bundle_runs import track
from tests.support.paths import SHIPPED
from tests.support.studies import write_study
from tools.write_dicom import main, write_cine

Change = Callable[[Path], None]
IDENTITY = ("DOE^JANE", "HOSP-4711", "19600102")


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A NIfTI study of five slices and ten frames that lie obliquely, at known times."""
    folder = tmp_path / "nifti" / "drawn"
    write_study(folder, frames=10, slices=5)
    place(folder, oblique())
    info = {"ed_frame": 0, "frame_times_ms": [38.5 * t for t in range(10)]}
    (folder / "info.json").write_text(json.dumps(info))
    return folder


def oblique() -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [35, -50, 20], degrees=True).as_matrix()
    affine[:3, :3] *= [1.8, 1.5, 8.0]
    affine[:3, 3] = [-60.25, 31.5, 12.125]
    return affine


def place(folder: Path, affine: np.ndarray) -> None:
    for path in folder.glob("*.nii.gz"):
        nib.save(nib.Nifti1Image(np.asarray(nib.load(path).dataobj), affine), path)


def as_dicom(study: Path, target: Path, **options: object) -> Path:
    """The same study with its cine in DICOM, its labels as they are and no other times."""
    target.mkdir(parents=True)
    write_cine(study / "sa.nii.gz", target / "scan", **options)  # type: ignore[arg-type]
    for name in ("label_sa_ED.nii.gz", "label_sa_ES.nii.gz"):
        if (study / name).is_file():
            shutil.copy(study / name, target / name)
    return target


def read(folder: Path) -> Cine:
    studies = find_studies(folder)
    assert len(studies) == 1
    return read_cine(studies[0])


def agree(cine: Cine, other: Cine) -> None:
    """Claim: both are the same pictures at the same place and time with the same label."""
    assert np.array_equal(cine.image, other.image)
    assert np.allclose(cine.affine, other.affine, atol=1e-6)
    assert cine.label_ed is not None and other.label_ed is not None
    assert np.array_equal(cine.label_ed, other.label_ed)
    assert cine.frame_times_ms is not None and other.frame_times_ms is not None
    assert np.allclose(cine.frame_times_ms, other.frame_times_ms, atol=1e-6)


def edit(path: Path, **elements: object) -> None:
    dataset = pydicom.dcmread(path)
    for keyword, value in elements.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)


def edit_all(folder: Path, **elements: object) -> None:
    for path in sorted(folder.rglob("*.dcm")):
        edit(path, **elements)


def scans(folder: Path) -> list[Path]:
    return sorted((folder / "scan").glob("*.dcm"))


@pytest.mark.parametrize("form", [{}, {"multi_frame": True}, {"series_per_slice": True}], ids=str)
def test_cine_is_the_same_from_dicom_in_every_form(
    drawn: Path, tmp_path: Path, form: dict[str, bool]
) -> None:
    agree(read(as_dicom(drawn, tmp_path / "dicom", **form)), read(drawn))


def test_itk_places_the_slices_where_we_do(drawn: Path, tmp_path: Path) -> None:
    itk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    study = as_dicom(drawn, tmp_path / "dicom")
    cine, files = read(study), scans(study)
    for z in range(5):
        image = itk.ReadImage(str(files[10 * z + 3]))
        columns = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
        lps = np.column_stack([columns[:, :2], image.GetOrigin()])
        ours = np.column_stack([cine.affine[:3, :2], cine.affine[:3] @ [0, 0, z, 1]])
        assert np.allclose(np.diag([-1, -1, 1]) @ lps, ours, atol=1e-4)
        assert np.array_equal(itk.GetArrayFromImage(image)[0].T, cine.image[:, :, z, 3])


def test_neither_names_nor_folders_nor_endings_of_files_matter(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    files = scans(study)
    order = random.Random(0).sample(range(len(files)), len(files))
    for k, path in zip(order, files, strict=True):
        target = study / f"part{k % 3}" / (f"{k:04d}" if k % 2 else f"z{k}.IMA")
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
    (study / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    (study / "notes.txt").write_text("not a picture")
    agree(read(study), read(drawn))


@pytest.mark.parametrize("key", ["TemporalPositionIdentifier", "AcquisitionTime", "InstanceNumber"])
def test_frames_are_sorted_by_the_best_that_is_known(drawn: Path, tmp_path: Path, key: str) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    for path in scans(study):
        number = int(pydicom.dcmread(path).TemporalPositionIdentifier)
        known = {
            "TriggerTime": 0,  # the same everywhere: a placeholder
            "TemporalPositionIdentifier": None,
            "InstanceNumber": 100 - number,  # trusted less than the others
        }
        value = f"1259{50 + number}.5" if key == "AcquisitionTime" else number
        edit(path, **{**known, key: value})
    cine = read(study)
    assert cine.source["frames_sorted_by"] == key
    assert np.array_equal(cine.image, read(drawn).image)
    assert cine.frame_times_ms is None


def test_classic_multi_frame_files_hold_a_slice_each(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    files = scans(study)
    for z in range(5):
        frames = [pydicom.dcmread(p) for p in files[10 * z : 10 * z + 10]]
        joined = frames[0]
        del joined.TriggerTime, joined.TemporalPositionIdentifier
        joined.NumberOfFrames, joined.FrameTime = 10, 38.5
        joined.PixelData = b"".join(f.PixelData for f in frames)
        joined.save_as(study / "scan" / f"slice{4 - z}.dcm")
    for path in files:
        path.unlink()
    agree(read(study), read(drawn))


def test_files_without_preamble_are_read_where_their_name_says_dicom(
    drawn: Path, tmp_path: Path
) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    for path in scans(study):
        dataset = pydicom.dcmread(path)
        bare = pydicom.Dataset()
        bare.update({element.tag: element for element in dataset})
        bare.save_as(path, implicit_vr=True, little_endian=True)
        assert path.read_bytes()[128:132] != b"DICM"
    agree(read(study), read(drawn))


def test_rescaled_values_are_read_and_slopes_may_differ(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    expected = read(drawn).image
    edit(scans(study)[0], RescaleSlope="2.5", RescaleIntercept="-10")
    values = read(study).image
    assert np.allclose(values[:, :, 0, 0], 2.5 * expected[:, :, 0, 0] - 10)
    assert np.array_equal(values[:, :, 1:], expected[:, :, 1:])


def test_values_that_are_not_whole_numbers_survive_with_16_bits(
    drawn: Path, tmp_path: Path
) -> None:
    image = nib.load(drawn / "sa.nii.gz")
    values = np.asarray(image.dataobj) * np.float32(0.0123) - 3
    nib.save(nib.Nifti1Image(values, image.affine), drawn / "sa.nii.gz")
    for form in ({}, {"multi_frame": True}):
        found = read(as_dicom(drawn, tmp_path / f"dicom{len(form)}", **form)).image
        assert np.abs(found - values).max() < np.ptp(values) / 65535


def test_label_saved_with_other_axes_is_turned_and_one_elsewhere_is_refused(
    drawn: Path, tmp_path: Path
) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    path = study / "label_sa_ED.nii.gz"
    label = nib.load(path)
    turned = label.as_reoriented(np.array([[1, -1], [0, 1], [2, -1]]))
    assert turned.shape != label.shape
    nib.save(turned, path)
    agree(read(study), read(drawn))
    affine = label.affine.copy()
    affine[:3, 3] += [5, 0, 0]
    nib.save(nib.Nifti1Image(np.asarray(label.dataobj), affine), path)
    with pytest.raises(InputError, match=r"label_sa_ED.nii.gz: the label does not lie on the cine"):
        read(study)


def test_several_studies_are_told_from_several_series(drawn: Path, tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_cine(drawn / "sa.nii.gz", tmp_path / "all" / name / "deep" / "scan")
    assert [s["name"] for s in find_studies(tmp_path / "all")] == ["a", "b"]
    same = generate_uid()
    for k in range(2):
        target = tmp_path / "one" / f"series{k}"
        write_cine(drawn / "sa.nii.gz", target, study_uid=same, series_number=k)
    assert [s["name"] for s in find_studies(tmp_path / "one")] == ["one"]
    target = tmp_path / "1.2.840.4711"
    write_cine(drawn / "sa.nii.gz", tmp_path / "enhanced", multi_frame=True)
    shutil.copy(tmp_path / "enhanced" / "cine.dcm", target)
    agreed = read(target)
    assert np.array_equal(agreed.image, read(drawn).image) and agreed.name == target.name


def other_series(drawn: Path, target: Path, frames: int, number: int, name: str) -> None:
    """A long-axis series beside the short-axis cine."""
    folder = target.parent / f"nifti{number}"
    write_study(folder, frames=frames, slices=1)
    affine = oblique()
    affine[:3, :3] = affine[:3, [2, 0, 1]]
    affine[:3, :3] *= np.array([1.5, 1.5, 8]) / np.linalg.norm(affine[:3, :3], axis=0)
    place(folder, affine)
    write_cine(folder / "sa.nii.gz", target, series_number=number, description=name)
    shutil.rmtree(folder)


def test_cine_is_found_among_other_series_or_asked_for(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom", series_number=7, description="SAX")
    other_series(drawn, study / "late", 2, 8, "late enhancement")
    other_series(drawn, study / "phase", 10, 9, "velocity")
    edit_all(study / "phase", ImageType=["ORIGINAL", "PRIMARY", "P"])
    other_series(drawn, study / "ct", 10, 10, "CT")
    edit_all(study / "ct", Modality="CT")
    assert read(study).source["series_numbers"] == [7]
    other_series(drawn, study / "long", 10, 11, "4 chamber")
    expected = (
        r"2 cine series: series 7 'SAX' \(5 slices x 10 frames\); series 11 '4 chamber' "
        r'\(1 slice x 10 frames\)\. Choose one in info\.json .*"series": NUMBER'
    )
    with pytest.raises(InputError, match=expected):
        read(study)
    uid = pydicom.dcmread(scans(study)[0]).SeriesInstanceUID
    for wanted in (7, "7", "sax", uid, [7]):
        (study / "info.json").write_text(json.dumps({"series": wanted}))
        assert read(study).image.shape[2] == 5
    (study / "info.json").write_text('{"series": "4 Chamber"}')
    (study / "label_sa_ED.nii.gz").unlink()
    assert read(study).image.shape[2] == 1
    for wanted in (99, [99]):
        (study / "info.json").write_text(json.dumps({"series": wanted}))
        with pytest.raises(InputError, match=r"info.json asks for the series .*99"):
            read(study)


def test_slice_taken_twice_is_not_guessed_and_a_list_chooses(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom", series_per_slice=True)
    uid = generate_uid()
    (study / "again").mkdir()
    for path in scans(study)[20:30]:
        copy = Path(shutil.copy(path, study / "again" / path.name))
        edit(copy, SeriesInstanceUID=uid, SeriesNumber=6, SOPInstanceUID=generate_uid())
    with pytest.raises(InputError, match="6 cine series"):
        read(study)
    (study / "info.json").write_text('{"series": [1, 2, 6, 4, 5], "ed_frame": 0}')
    agree(read(study), read(drawn))


def test_three_levels_at_unequal_distances_are_read_with_a_warning(
    drawn: Path, tmp_path: Path
) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    (study / "label_sa_ED.nii.gz").unlink()
    for path in scans(study)[10:20] + scans(study)[40:]:
        path.unlink()
    cine = read(study)
    assert np.linalg.norm(cine.affine[:3, 2]) == pytest.approx(12)
    assert cine.warnings == [
        "Slice distances differ (16.0, 8.0 mm). Files of results say 12.0 mm throughout; slices "
        "are tracked one by one, so nothing within a slice depends on it."
    ]


def test_different_heart_rates_are_averaged_with_a_warning(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    for path in scans(study)[:10]:
        edit(path, TriggerTime=2 * float(pydicom.dcmread(path).TriggerTime))
    cine = read(study)
    assert cine.frame_times_ms is not None
    assert cine.frame_times_ms[-1] == pytest.approx(9 * 38.5 * 1.2)
    assert len(cine.warnings) == 1 and "different heart rates" in cine.warnings[0]


def test_slices_never_taken_can_be_allowed(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    (study / "label_sa_ED.nii.gz").unlink()
    for path in scans(study)[10:20]:
        path.unlink()
    (study / "info.json").write_text('{"allow_missing_slices": true}')
    assert read(study).image.shape[2] == 4


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def drop(paths: list[Path]) -> None:
    for path in paths:
        path.unlink()


def tilt(paths: list[Path]) -> None:
    for path in paths:
        old = np.array(pydicom.dcmread(path).ImageOrientationPatient, float).reshape(2, 3)
        turn = Rotation.from_rotvec(10 * old[0], degrees=True)
        edit(path, ImageOrientationPatient=[f"{v:.9f}" for v in turn.apply(old).ravel()])


def shift(paths: list[Path]) -> None:
    for path in paths:
        dataset = pydicom.dcmread(path)
        along = np.array(dataset.ImageOrientationPatient[:3], float)
        moved = np.array(dataset.ImagePositionPatient, float) + 4 * along
        edit(path, ImagePositionPatient=[f"{v:.6f}" for v in moved])


def compress_falsely(path: Path) -> None:
    dataset = pydicom.dcmread(path)
    dataset.PixelData = pydicom.encaps.encapsulate([dataset.PixelData[:500]])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.save_as(path)


BAD_DICOM: dict[str, tuple[Callable[[Path], object], str]] = {
    "wrong modality": (
        lambda s: edit_all(s, Modality="CT"),
        r"50 x modality CT, not MR \(IM001_00001.dcm\)",
    ),
    "cut in the pixels": (
        lambda s: cut(scans(s)[13], 3000),
        r"IM001_00014.dcm: its pixels cannot be read, probably cut short \(3000 bytes",
    ),
    "cut in the header": (
        lambda s: cut(scans(s)[13], 700),
        r"IM001_00014.dcm: .*cut short \(700 bytes",
    ),
    "empty file": (lambda s: cut(scans(s)[13], 0), r"IM001_00014.dcm: not a .*DICOM file"),
    "not DICOM": (
        lambda s: (s / "scan" / "IM001_00001.dcm").write_text("hello " * 100),
        r"IM001_00001.dcm: not a .*DICOM file.*Export it again",
    ),
    "missing frame": (
        lambda s: drop(scans(s)[13:14]),
        r"slice 1 of series 1 .* has 9 frames where others have 10 .*IM001_000",
    ),
    "missing slice": (
        lambda s: drop(scans(s)[10:20]),
        r"lacks 1 slice between slice 0 and 1: they are 16.0 mm apart, the others 8.0 mm",
    ),
    "single pictures": (
        lambda s: drop([p for k, p in enumerate(scans(s)) if k % 10]),
        r"no cine: no series shows a slice more than once",
    ),
    "tilted slice": (lambda s: tilt(scans(s)[10:20]), r"dcm: lies at 10.0 degrees to IM001_00001"),
    "shifted slice": (
        lambda s: shift(scans(s)[10:20]),
        r"IM001_000..\.dcm: its ImagePositionPatient is shifted by 4.0 mm within the slice plane",
    ),
    "copied file": (
        lambda s: shutil.copy(scans(s)[3], s / "copy.dcm"),
        r"has the SOPInstanceUID of .*: the picture is there twice",
    ),
    "no order": (
        lambda s: edit_all(
            s, TriggerTime=None, TemporalPositionIdentifier=None, InstanceNumber=None
        ),
        r"the order of the frames is not known: none of TriggerTime, .* InstanceNumber",
    ),
    "no position": (
        lambda s: edit_all(s, ImagePositionPatient=None),
        r"no MR picture that says where it lies; found: 50 x no ImagePositionPatient",
    ),
    "no decoder": (
        lambda s: compress_falsely(scans(s)[4]),
        r"IM001_00005.dcm: its pixels are compressed \(JPEG 2000.*Install pylibjpeg",
    ),
    "modality table": (
        lambda s: edit(scans(s)[0], ModalityLUTSequence=[pydicom.Dataset()]),
        r"IM001_00001.dcm: has a ModalityLUTSequence",
    ),
}


@pytest.mark.parametrize("change", BAD_DICOM)
def test_bad_dicom_names_file_value_and_fix(drawn: Path, tmp_path: Path, change: str) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    action, expected = BAD_DICOM[change]
    action(study)
    with pytest.raises(InputError, match=expected) as error:
        read(study)
    assert "\n" not in str(error.value)


def test_enhanced_file_cut_short_is_named(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom", multi_frame=True)
    cut(study / "scan" / "cine.dcm", 200_000)
    with pytest.raises(InputError, match=r"cine.dcm: .*cut short \(200000 bytes"):
        read(study)


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


@pytest.mark.parametrize("multi_frame", [False, True])
def test_real_cine_tracked_from_dicom_gives_the_same_numbers_and_fields(
    real_cines: Path, net_weights: Path, tmp_path: Path, multi_frame: bool
) -> None:
    weights = SHIPPED if SHIPPED.is_file() else net_weights
    source = real_cines / "patient001"
    study = as_dicom(source, tmp_path / "dicom" / "patient001", multi_frame=multi_frame)
    shutil.copy(source / "info.json", study)
    track(source, weights, tmp_path / "a", report=False)
    track(study, weights, tmp_path / "b", report=False)
    largest = same_results(tmp_path / "a" / "patient001", tmp_path / "b" / "patient001")
    assert largest > (2 if SHIPPED.is_file() else 0)


def test_writer_refuses_a_folder_in_use_and_a_sheared_cine(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out"
    assert main([str(drawn / "sa.nii.gz"), "--output", str(target), "--multi-frame"]) == 0
    assert [p.name for p in target.iterdir()] == ["cine.dcm"]
    assert main([str(drawn / "sa.nii.gz"), "--output", str(target)]) == 1
    assert "out: is there already. Choose a new folder" in capsys.readouterr().err
    affine = oblique()
    affine[:3, 2] += affine[:3, 0]
    place(drawn, affine)
    with pytest.raises(InputError, match="not at right angles"):
        write_cine(drawn / "sa.nii.gz", tmp_path / "sheared")
    assert not (tmp_path / "sheared").exists()
