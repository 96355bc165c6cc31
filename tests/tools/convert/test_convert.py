"""Public data sets' layouts become studies that the bundles read, with nothing changed or lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from myomotion.errors import InputError
from myomotion.files.processes import host_name
from myomotion.io.cine import Cine, find_studies, read_cine
from tests.support.processes import dead_process
from tests.support.public_data import (
    AFFINE,
    FRAMES,
    TO_ACDC,
    WRITERS,
    make_heart,
    save,
    write_acdc,
    write_mnms,
    write_ukbb,
)
from tools.convert.__main__ import convert, main

LEVELS = ["slice00", "basal", "basal", "mid", "mid", "apical", "apical", "slice07"]


def run(layout: str, root: Path, **options: Any) -> Path:
    """Convert; the output folder."""
    output = root.parent / "out"
    convert(layout, root, output, progress=False, **options)
    return output


def only_failure(layout: str, root: Path) -> str:
    """Reason for the one subject that cannot be converted; nothing of it is left behind."""
    output = root.parent / "out"
    outcome = convert(layout, root, output, progress=False)
    (reason,) = outcome.failed.values()
    assert not outcome.converted
    assert not output.exists() or not list(output.iterdir())
    return reason


def read_only(output: Path) -> tuple[Cine, dict[str, Any]]:
    """The one study in a folder and its record."""
    (study,) = find_studies(output)
    return read_cine(study), json.loads(Path(str(study["info"])).read_text())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "public"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("layout", WRITERS)
@pytest.mark.parametrize(("ed", "es"), [(0, 4), (6, 2)])
def test_a_subject_is_read_back_with_its_frames_labels_and_levels(
    root: Path, layout: str, ed: int, es: int
) -> None:
    folder = WRITERS[layout](root, ed=ed, es=es)
    image, labels = make_heart(es, ed)
    cine, info = read_only(run(layout, root))
    assert cine.name == folder.name
    assert (cine.ed_frame, cine.es_frame) == (ed, es)
    np.testing.assert_array_equal(cine.storage.to_file(cine.image), image)
    np.testing.assert_allclose(cine.storage.affine, AFFINE)
    np.testing.assert_array_equal(cine.storage.to_file(cine.label_ed), labels[..., ed])
    np.testing.assert_array_equal(cine.storage.to_file(cine.label_es), labels[..., es])
    assert cine.levels == LEVELS
    assert info["labels"] == {"mnms2": "mnms"}.get(layout, layout)  # the coding of its forerunner
    assert info["spacing_mm"] == [1.25, 1.25, 8.0]


def test_codes_stay_those_of_the_data_set(root: Path) -> None:
    folder = write_acdc(root)
    output = run("acdc", root)
    before = nib.load(folder / "patient007_frame01_gt.nii.gz").dataobj
    after = nib.load(output / "patient007" / "label_sa_ED.nii.gz").dataobj
    np.testing.assert_array_equal(np.asarray(after), np.asarray(before))


def test_a_file_with_right_geometry_is_copied_byte_for_byte(root: Path) -> None:
    folder = write_ukbb(root)
    output = run("ukbb", root)
    assert (output / "1000001" / "sa.nii.gz").read_bytes() == (folder / "sa.nii.gz").read_bytes()


def test_apex_first_gives_the_same_levels_reversed(root: Path) -> None:
    folder = write_ukbb(root)
    for path in folder.iterdir():
        image = nib.load(path)
        save(path, np.asarray(image.dataobj)[:, :, ::-1])
    cine, _ = read_only(run("ukbb", root))
    assert cine.levels == ["slice00", *LEVELS[6:0:-1], "slice07"]


def test_unit_voxels_in_the_affine_give_way_to_pixdim(root: Path) -> None:
    folder = write_acdc(root)
    path = folder / "patient007_4d.nii.gz"
    data = np.asarray(nib.load(path).dataobj)
    image = nib.Nifti1Image(data, np.diag([-1.0, -1, 1, 1]))
    image.header["pixdim"][1:4] = 1.5625, 1.5625, 10
    image.header.set_slope_inter(0.5, 3)
    nib.save(image, path)
    assert nib.load(path).header.get_zooms()[0] == 1.5625
    cine, info = read_only(run("acdc", root))
    np.testing.assert_allclose(cine.storage.affine, np.diag([-1.5625, -1.5625, 10, 1]))
    np.testing.assert_array_equal(
        cine.storage.to_file(cine.image), np.asarray(nib.load(path).dataobj)
    )
    assert nib.load(cine.files["image"]).header.get_zooms()[:3] == (1.5625, 1.5625, 10)
    assert any("pixdim" in note for note in info["notes"])


def test_two_real_voxel_sizes_that_differ_are_refused(root: Path) -> None:
    path = write_ukbb(root) / "sa.nii.gz"
    image = nib.load(path)
    image = nib.Nifti1Image(np.asarray(image.dataobj), AFFINE)
    image.header["pixdim"][1:3] = 1.8
    nib.save(image, path)
    reason = only_failure("ukbb", root)
    assert str(path) in reason and "1.25" in reason and "1.8" in reason


@pytest.mark.parametrize(("ed", "es"), [(0, 4), (6, 2)])
@pytest.mark.parametrize("with_table", [True, False])
def test_acdc_without_a_cine_gives_its_two_labelled_frames(
    root: Path, ed: int, es: int, with_table: bool
) -> None:
    folder = write_acdc(root, ed=ed, es=es)
    (folder / "patient007_4d.nii.gz").unlink()
    if not with_table:
        (folder / "Info.cfg").unlink()
    image, labels = make_heart(es, ed)
    cine, info = read_only(run("acdc", root))
    np.testing.assert_array_equal(cine.storage.to_file(cine.image), image[..., sorted((ed, es))])
    assert (cine.ed_frame, cine.es_frame) == ((0, 1) if ed < es else (1, 0))
    np.testing.assert_array_equal(cine.storage.to_file(cine.label_es), labels[..., es])
    assert info["source_frames"] == [n + 1 for n in sorted((ed, es))]
    assert any("4-D" in note for note in info["notes"])
    assert any("Info.cfg" in note for note in info["notes"]) != with_table
    assert "frame_times_ms" not in info


@pytest.mark.slow
def test_real_frames_of_acdc_become_a_cine_of_two(real_cines: Path, tmp_path: Path) -> None:
    stack = real_cines.parent / "acdc_stack"
    if not stack.is_dir():
        pytest.skip(f"no real stack at {stack}")
    convert("acdc", stack, tmp_path / "out", progress=False)
    cine, _ = read_only(tmp_path / "out")
    assert cine.image.shape == (216, 256, 10, 2)
    assert cine.spacing == (1.5625, 1.5625)
    assert cine.levels == ["slice00", *(v for v in ("basal", "mid", "apical") for _ in range(3))]
    assert cine.label_ed is not None and cine.label_es is not None
    for frame, label in (("01", cine.label_ed), ("12", cine.label_es)):
        codes = nib.load(stack / "patient001" / f"patient001_frame{frame}_gt.nii.gz").dataobj
        np.testing.assert_array_equal(cine.storage.to_file(label), TO_ACDC[np.asarray(codes)])
    reference = read_cine(find_studies(real_cines / "patient001")[0])
    for level, z in (("basal", 2), ("mid", 5), ("apical", 7)):
        mine = (cine.label_ed[..., z] == 2).sum()
        assert reference.label_ed is not None
        assert mine == (reference.label_ed[..., reference.levels.index(level)] == 2).sum()


def test_a_bad_subject_is_reported_and_the_others_are_done(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_acdc(root, "patient001")
    broken = write_acdc(root, "patient002") / "patient002_4d.nii.gz"
    broken.write_bytes(broken.read_bytes()[:5000])
    unlabelled = write_acdc(root, "patient003")
    (unlabelled / "patient003_frame05_gt.nii.gz").unlink()
    output = root.parent / "out"
    assert main(["acdc", str(root), "--output", str(output)]) == 0
    assert [p.name for p in output.iterdir()] == ["patient001"]
    said = capsys.readouterr().err
    assert str(broken) in said
    assert "no *_frame05_gt.nii.gz; labelled frames: 1" in said


def test_status_is_one_where_nothing_converts(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(root.parent / "out")
    assert main(["ukbb", str(root), "--output", output]) == 1
    assert "no subject in the layout 'ukbb'" in capsys.readouterr().err
    (write_ukbb(root) / "sa_ES.nii.gz").unlink()
    assert main(["ukbb", str(root), "--output", output]) == 1
    assert "no sa_ES (.nii.gz)" in capsys.readouterr().err


def test_a_second_run_keeps_what_is_done_and_goes_on(root: Path) -> None:
    write_mnms(root, "A0S9V9")
    output = run("mnms", root)
    written = (output / "A0S9V9" / "sa.nii.gz").stat().st_mtime_ns
    write_mnms(root, "B1T0W0")
    left = output / f".B1T0W0.{host_name()}-{dead_process()}-0a1b2c3d.partial"
    left.mkdir()
    outcome = convert("mnms", root, output, workers=2, progress=False)
    assert (outcome.kept, outcome.converted) == (["A0S9V9"], ["B1T0W0"])
    assert (output / "A0S9V9" / "sa.nii.gz").stat().st_mtime_ns == written
    assert sorted(p.name for p in output.iterdir()) == ["A0S9V9", "B1T0W0"]


def test_a_folder_made_by_others_is_never_replaced(root: Path) -> None:
    folder = write_ukbb(root)
    outcome = convert("ukbb", root, root.parent, progress=False)
    assert outcome.converted == ["1000001"]
    own = root.parent / "own" / "1000001"
    own.mkdir(parents=True)
    (own / "sa.nii.gz").write_bytes(b"mine")
    outcome = convert("ukbb", root, own.parent, progress=False)
    assert "cannot be replaced: it is there already" in outcome.failed["1000001"]
    assert (own / "sa.nii.gz").read_bytes() == b"mine"
    with pytest.raises(InputError, match="lies within"):
        convert("ukbb", root, folder / "out", progress=False)


def test_mnms_frames_that_the_table_gets_wrong_are_named(root: Path) -> None:
    folder = write_mnms(root)
    (table,) = root.glob("*.csv")
    table.write_text(table.read_text().replace(",0,4,HCM", ",1,5,HCM"))
    reason = only_failure("mnms", root)
    assert str(folder / "A0S9V9_sa_gt.nii.gz") in reason
    assert "frame 1" in reason and "labelled frames, from 0: 0, 4" in reason


def test_mnms_subjects_without_a_line_or_labels_are_reported(root: Path) -> None:
    write_mnms(root)
    (write_mnms(root, "B1") / "B1_sa_gt.nii.gz").unlink()
    write_mnms(root, "C2")
    (table,) = root.glob("*.csv")
    table.write_text(table.read_text().replace("C2,", "D3,"))
    outcome = convert("mnms", root, root.parent / "out", progress=False)
    assert outcome.converted == ["A0S9V9"]
    assert "B1_sa_gt.nii.gz" in outcome.failed["B1"]
    assert "no line for 'C2'" in outcome.failed["C2"]


def test_mnms_table_is_found_above_the_folder(root: Path) -> None:
    folder = write_mnms(root)
    outcome = convert("mnms", folder.parent, root.parent / "out", progress=False)
    assert outcome.converted == ["A0S9V9"]


def test_ukbb_frame_is_the_nearest_where_none_is_the_same(root: Path) -> None:
    folder = write_ukbb(root)
    path = folder / "sa_ES.nii.gz"
    save(path, np.asarray(nib.load(path).dataobj) + np.int16(9))
    cine, info = read_only(run("ukbb", root))
    assert cine.es_frame == 4
    assert any("no exact copy" in note for note in info["notes"])


def test_ukbb_frame_of_another_heart_is_refused(root: Path) -> None:
    folder = write_ukbb(root)
    path = folder / "sa_ES.nii.gz"
    save(path, np.flip(np.asarray(nib.load(path).dataobj), 0) * 2)
    assert f"{path}: shows no frame of sa.nii.gz" in only_failure("ukbb", root)


def test_ukbb_drawn_labels_win_over_predicted_ones(root: Path) -> None:
    folder = write_ukbb(root)
    drawn = make_heart(4)[1][..., 0]
    drawn[drawn == 3] = 0
    save(folder / "label_sa_ED.nii.gz", drawn)
    cine, info = read_only(run("ukbb", root))
    np.testing.assert_array_equal(cine.storage.to_file(cine.label_ed), drawn)
    assert info["source_files"]["label_sa_ED.nii.gz"] == "label_sa_ED.nii.gz"
    assert info["source_files"]["label_sa_ES.nii.gz"] == "seg_sa_ES.nii.gz"


def test_acdc_frame_that_shows_another_moment_is_refused(root: Path) -> None:
    folder = write_acdc(root)
    save(folder / "patient007_frame05.nii.gz", make_heart(4)[0][..., 5])
    reason = only_failure("acdc", root)
    assert "the same as frame 6 of patient007_4d.nii.gz, not 5" in reason


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda labels: np.pad(labels[:-1], ((0, 0), (1, 0), (0, 0))), "does not lie on"),
        (lambda labels: labels * 0, "no voxel is myocardium"),
        (lambda labels: labels * 2, "label values [4, 6]"),
        (lambda labels: labels * 0.7, "not whole numbers"),
    ],
)
def test_bad_labels_are_named_by_their_own_file(
    root: Path, change: Callable[[np.ndarray], np.ndarray], said: str
) -> None:
    path = write_acdc(root) / "patient007_frame05_gt.nii.gz"
    save(path, change(np.asarray(nib.load(path).dataobj)))
    reason = only_failure("acdc", root)
    assert reason.startswith(str(path)) and said in reason


@pytest.mark.parametrize(
    ("text", "said"),
    [("ED: 1\nES: 31\n", "31"), ("ED: 1\n", "ES is None"), ("ED: 0\nES: 5\n", "ED is '0'")],
)
def test_bad_frames_in_info_cfg_are_reported(root: Path, text: str, said: str) -> None:
    (write_acdc(root) / "Info.cfg").write_text(text)
    assert said in only_failure("acdc", root)


def test_height_and_weight_of_acdc_are_taken_where_they_can_be(root: Path) -> None:
    with (write_acdc(root) / "Info.cfg").open("a") as file:
        file.write("Height: 184.0\nWeight: 0\n")
    cine, info = read_only(run("acdc", root))
    assert cine.subject.height_cm == 184 and "weight_kg" not in info
    assert any("Weight in Info.cfg is '0'" in note for note in info["notes"])


def test_the_same_frame_for_both_phases_is_refused(root: Path) -> None:
    (write_acdc(root) / "Info.cfg").write_text("ED: 5\nES: 5\n")
    assert "the same frame" in only_failure("acdc", root)


def test_a_cine_of_three_dimensions_is_refused(root: Path) -> None:
    path = write_acdc(root) / "patient007_4d.nii.gz"
    for frame in path.parent.glob("*_frame0?.nii.gz"):
        frame.unlink()
    save(path, make_heart(4)[0][..., 0])
    assert "expected a 4-D cine" in only_failure("acdc", root)


def test_a_cavity_that_grows_is_noted(root: Path) -> None:
    folder = write_mnms(root)
    (table,) = root.glob("*.csv")
    table.write_text(table.read_text().replace(",0,4,HCM", ",4,0,HCM"))
    _, info = read_only(run("mnms", root))
    assert any("not smaller at ES" in note for note in info["notes"])
    assert info["group"] == "HCM" and info["patient"] == folder.name


def test_frame_times_of_ukbb_reach_the_record(root: Path) -> None:
    write_ukbb(root)
    _, info = read_only(run("ukbb", root))
    np.testing.assert_allclose(info["frame_times_ms"], np.arange(FRAMES) * 31.2, atol=1e-2)
