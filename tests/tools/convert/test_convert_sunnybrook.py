"""Contour files of Sunnybrook become labels where they were drawn, on the frames that they name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from myomotion.errors import InputError
from myomotion.io.cine import find_studies, read_cine
from tests.support.public_data import FRAMES, SLICES, make_heart, save
from tests.support.studies import write_study
from tools.convert.__main__ import convert, main
from tools.convert.dicom import write_cine
from tools.convert.source import Source
from tools.convert.sunnybrook import find_sunnybrook
from tools.verify.robustness.faults import dicom

ED, ES = 0, 4
# Column and row of the heart's middle, voxel (20, 17) of the drawn file: in DICOM its second axis,
# which runs to the right, is the columns, and its first one, which runs to the back, the rows.
MIDDLE = np.array([17.0, 19.0])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Pictures, contours and table as the Cardiac Atlas hands them out."""
    root = tmp_path / "public"
    image, _ = make_heart(ES, ED)
    save(tmp_path / "drawn.nii.gz", image)
    pictures = root / "SCD_IMAGES_01" / "SCD0000101" / "CINESAX_300"
    pictures.parent.mkdir(parents=True)
    for number, path in enumerate(write_cine(tmp_path / "drawn.nii.gz", pictures), 1):
        path.rename(pictures / f"IM-0003-{number:04d}.dcm")
    (pictures / ".myomotion.json").unlink()
    lines = root / "SCD_ManualContours" / "SC-HF-I-01" / "contours-manual" / "IRCCI-expert"
    for z in range(1, SLICES - 1):
        inner = 8.0 - 0.7 * z
        write_contour(lines, z, ED, "i", inner)
        write_contour(lines, z, ED, "o", inner + 4)
        write_contour(lines, z, ES, "i", inner - 2.4)
        write_contour(lines, z, ED, "p1", 1.0)
    table = "PatientID,OriginalID,Gender,Age\nSCD0000101,SC-HF-I-1,Male,59\n"
    (root / "scd_patientdata.csv").write_text(table)
    (root / "notes").mkdir()
    return root


def read_only(root: Path) -> Source:
    """The one subject of a folder."""
    (reader,) = find_sunnybrook(root).values()
    return reader()


def same(source: Source, other: Source) -> None:
    """Claim: both are the same cine with the same labels."""
    assert np.array_equal(np.asarray(source.image.dataobj), np.asarray(other.image.dataobj))
    assert np.array_equal(source.label_ed.codes, other.label_ed.codes)
    assert np.array_equal(source.label_es.codes, other.label_es.codes)
    assert (source.ed_frame, source.es_frame) == (other.ed_frame, other.es_frame)


def rename_pictures(root: Path, series: str) -> None:
    for path in root.rglob("*.dcm"):
        path.rename(path.with_name(series + path.name.removeprefix("IM-0003")))


def write_contour(folder: Path, z: int, t: int, side: str, radius: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    angle = np.linspace(0, 2 * np.pi, 400)
    around = radius / np.cos(np.pi / 399)  # no corner of the circle is cut off
    points = MIDDLE + around * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    kind = f"{side}contour" if len(side) == 1 else side
    name = f"IM-0001-{z * FRAMES + t + 1:04d}-{kind}-manual.txt"
    np.savetxt(folder / name, points, fmt="%.5f")


def test_contours_are_labels_where_they_were_drawn(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["sunnybrook", str(root), "--output", str(out)]) == 0
    assert "skipped, nothing in the layout 'sunnybrook' in them: notes" in capsys.readouterr().err
    (study,) = find_studies(out)
    cine = read_cine(study)
    info = json.loads((out / "SCD0000101" / "info.json").read_text())
    assert (cine.ed_frame, cine.es_frame) == (ED, ES)
    assert info["labels"] == "internal" and info["papillary_muscles"] == "cavity"
    _, labels = make_heart(ES, ED)
    wanted = np.where(labels == 3, 0, labels)  # the right ventricle has no contours
    truth = read_cine({"image": str(tmp_path / "drawn.nii.gz"), "ed_frame": 0})
    assert cine.image.shape == truth.image.shape
    # DICOM knows no order of slices but their place: this stack comes back from the other end.
    turn = slice(None, None, -1) if not np.array_equal(cine.image, truth.image) else slice(None)
    np.testing.assert_array_equal(cine.image[:, :, turn], truth.image)
    assert cine.label_ed is not None and cine.label_es is not None
    memory = truth.storage.to_memory(wanted)
    np.testing.assert_array_equal(cine.label_ed[:, :, turn], memory[..., ED])
    cavity = np.where(memory[..., ES] == 1, 1, 0)
    np.testing.assert_array_equal(cine.label_es[:, :, turn], cavity)


def test_drawn_contours_win_over_automatic_ones_and_lacks_are_named(
    root: Path, tmp_path: Path
) -> None:
    lines = next(root.rglob("IRCCI-expert"))
    manual = next(lines.glob(f"IM-0001-{FRAMES + ED + 1:04d}-icontour-manual.txt"))
    wrong = manual.with_name(manual.name.replace("manual", "auto"))
    wrong.write_text("0 0\n1 0\n0 1\n")
    outcome = convert("sunnybrook", root, tmp_path / "out", progress=False)
    assert outcome.converted == ["SCD0000101"]
    cine = read_cine(find_studies(tmp_path / "out")[0])
    assert cine.label_ed is not None and (cine.label_ed == 1).any(axis=(0, 1)).sum() == SLICES - 2

    manual.write_text("0 0\n1 0\n")
    outcome = convert("sunnybrook", root, tmp_path / "again", progress=False)
    assert "a contour has three points x y or more" in outcome.failed["SCD0000101"]
    for path in lines.glob("*.txt"):
        number = int(path.name.split("-")[2])
        if (number - 1) % FRAMES == ES:
            path.unlink()
    outcome = convert("sunnybrook", root, tmp_path / "third", progress=False)
    assert "contours of one frame alone (0, from 0)" in outcome.failed["SCD0000101"]
    rename_pictures(root, "MR")
    outcome = convert("sunnybrook", root, tmp_path / "fourth", progress=False)
    assert "contour-manual.txt: is of no one picture" in outcome.failed["SCD0000101"]


def test_pictures_without_contours_are_no_subject(root: Path, tmp_path: Path) -> None:
    for path in root.rglob("*.txt"):
        path.unlink()
    with pytest.raises(InputError, match="no subject in the layout 'sunnybrook'"):
        convert("sunnybrook", root, tmp_path / "out", progress=False)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["challenge", "equal names"])
def test_other_forms_of_the_data_set_give_the_same(root: Path, form: str) -> None:
    atlas = read_only(root)
    (root / "scd_patientdata.csv").unlink()
    rename_pictures(root, "IM-0116" if form == "challenge" else "IM-0001")
    pictures = root / "SCD_IMAGES_01" / "SCD0000101"
    if form == "challenge":
        (pictures / "CINESAX_300").rename(pictures.with_name("SC-HF-I-1"))
        pictures.rmdir()
    else:
        (root / "SCD_ManualContours" / "SC-HF-I-01").rename(
            root / "SCD_ManualContours" / "SCD0000101"
        )
    same(read_only(root), atlas)


@pytest.mark.slow
@pytest.mark.parametrize("known", ["folder", "description", "info.json"])
def test_the_short_axis_is_told_from_perfusion(root: Path, tmp_path: Path, known: str) -> None:
    atlas = read_only(root)
    pictures = root / "SCD_IMAGES_01" / "SCD0000101"
    write_study(tmp_path / "perfusion", frames=8, slices=3)
    write_cine(tmp_path / "perfusion" / "sa.nii.gz", pictures / "PERF_9", series_number=9)
    if known != "folder":
        (pictures / "CINESAX_300").rename(pictures / "series300")
    if known == "description":
        for path in (pictures / "series300").glob("*.dcm"):
            dicom.edit(path, lambda dataset: setattr(dataset, "SeriesDescription", "SE3_CINESAX"))
    if known == "info.json":
        with pytest.raises(InputError, match=r"2 cine series: .*Choose one in info.json"):
            read_only(root)
        (pictures / "info.json").write_text('{"series": 1}')
    same(read_only(root), atlas)


def test_names_that_nothing_brings_together_are_said(root: Path, tmp_path: Path) -> None:
    table = root / "scd_patientdata.csv"
    table.write_text("PatientID;OriginalID\nSCD0000101;SC-HF-I-1\n")
    said = r"contours of SC-HF-I-01 and pictures of SCD0000101.*scd_patientdata.csv .* OriginalID"
    with pytest.raises(InputError, match=said):
        convert("sunnybrook", root, tmp_path / "out", progress=False)
    table.unlink()
    with pytest.raises(InputError, match=said):
        convert("sunnybrook", root, tmp_path / "out", progress=False)
