"""A cine given as a folder of three-dimensional frames."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from myomotion.errors import InputError
from myomotion.io.cine import find_studies, read_cine
from tests.support.bundle_runs import track
from tests.support.studies import write_study


@pytest.fixture
def framed(tmp_path: Path) -> Path:
    """A study of twelve frames, named so that their order by letters is wrong."""
    return split(tmp_path / "framed", "patient7_frame{}.nii.gz")


def split(folder: Path, name: str) -> Path:
    write_study(folder, frames=12)
    cine = nib.load(folder / "sa.nii.gz")
    (folder / "frames").mkdir()
    for t in range(12):
        frame = nib.Nifti1Image(np.asarray(cine.dataobj)[..., t], cine.affine)
        nib.save(frame, folder / "frames" / name.format(t))
    (folder / "sa.nii.gz").rename(folder / "whole.nii.gz")
    return folder


@pytest.mark.parametrize("name", ["sa_{:03d}.nii.gz", "patient7_frame{}.nii.gz", "t{}.nii"])
def test_frames_join_to_the_cine_in_the_order_of_their_numbers(tmp_path: Path, name: str) -> None:
    folder = split(tmp_path / "study", name)
    (folder / "frames" / "notes.txt").write_text("not a frame")
    (study,) = find_studies(folder)
    assert study["name"] == "study" and "label_ed" in study
    cine = read_cine(study)
    whole = nib.load(folder / "whole.nii.gz")
    assert np.array_equal(cine.image, np.asarray(whole.dataobj))
    assert np.allclose(cine.affine, whole.affine)
    assert cine.label_ed is not None and cine.frame_times_ms is None
    (folder / "info.json").write_text(json.dumps({"frame_times_ms": list(range(0, 360, 30))}))
    timed = read_cine(find_studies(folder)[0])
    assert timed.frame_times_ms is not None and timed.frame_times_ms[-1] == 330
    assert (timed.forms.step, timed.forms.unit) == (30, "msec")


def test_names_are_read_in_any_case(framed: Path) -> None:
    expected = read_cine(find_studies(framed)[0])
    for path in sorted((framed / "frames").iterdir()):
        path.rename(path.with_name(path.name.upper()))
    (framed / "frames").rename(framed / "Frames")
    (study,) = find_studies(framed.parent)
    cine = read_cine(study)
    assert cine.source["files"][11] == "PATIENT7_FRAME11.NII.GZ"
    assert np.array_equal(cine.image, expected.image) and cine.label_ed is not None


def rewritten(folder: Path, change: Callable[[nib.Nifti1Image], nib.Nifti1Image]) -> None:
    for path in sorted((folder / "frames").iterdir()):
        image = change(nib.load(path))
        np.asarray(image.dataobj)  # read before it is written
        nib.save(image, path)


def test_frames_without_a_place_take_a_label_voxel_by_voxel(framed: Path) -> None:
    expected = read_cine(find_studies(framed)[0]).label_ed

    def without_forms(image: nib.Nifti1Image) -> nib.Nifti1Image:
        plain = nib.Nifti1Image(np.asarray(image.dataobj), None)
        plain.header.set_zooms((1.8, 1.8, 8))
        return plain

    rewritten(framed, without_forms)
    found = read_cine(find_studies(framed)[0])
    label = nib.load(framed / "label_sa_ED.nii.gz")
    assert found.label_ed is not None and expected is not None
    assert np.array_equal(found.storage.to_file(found.label_ed), np.asarray(label.dataobj))


def test_slices_of_frames_lie_along_any_axis(framed: Path) -> None:
    expected = read_cine(find_studies(framed)[0])

    def slices_first(image: nib.Nifti1Image) -> nib.Nifti1Image:
        values = np.asarray(image.dataobj).transpose(2, 0, 1)
        return nib.Nifti1Image(values, image.affine[:, [2, 0, 1, 3]])

    rewritten(framed, slices_first)
    found = read_cine(find_studies(framed)[0])
    assert np.array_equal(found.image, expected.image)
    assert np.allclose(found.affine, expected.affine)


def save(path: Path, values: np.ndarray, affine: np.ndarray) -> None:
    nib.save(nib.Nifti1Image(values, affine), path)


def frame(folder: Path, t: int) -> tuple[Path, np.ndarray, np.ndarray]:
    path = folder / "frames" / f"patient7_frame{t}.nii.gz"
    image = nib.load(path)
    return path, np.asarray(image.dataobj).copy(), image.affine


def other_shape(folder: Path) -> None:
    path, values, affine = frame(folder, 3)
    save(path, values[:-1], affine)


def other_place(folder: Path) -> None:
    path, values, affine = frame(folder, 3)
    affine[0, 3] += 1
    save(path, values, affine)


def four_axes(folder: Path) -> None:
    path, values, affine = frame(folder, 3)
    save(path, np.stack([values, values], -1), affine)


def truncated(folder: Path) -> None:
    path = frame(folder, 3)[0]
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def missing(folder: Path) -> None:
    frame(folder, 3)[0].unlink()


def label_inside(folder: Path) -> None:
    path, values, affine = frame(folder, 3)
    save(path.with_name("patient7_frame3_gt.nii.gz"), values, affine)


def no_number(folder: Path) -> None:
    path = frame(folder, 3)[0]
    path.rename(path.with_name("mean.nii.gz"))


BAD_FRAMES: dict[Callable[[Path], None], str] = {
    other_shape: r"frame3.nii.gz: frame of shape \(79, 72, 2\), but patient7_frame0.nii.gz has",
    other_place: r"frame3.nii.gz: lies elsewhere than patient7_frame0.nii.gz",
    four_axes: r"frame3.nii.gz: expected a 3-D frame \(x, y, z\), found shape \(80, 72, 2, 2\)",
    truncated: r"frame3.nii.gz: not a readable NIfTI file",
    missing: r"frames: number 3 is missing between patient7_frame0.nii.gz and patient7_frame11",
    label_inside: r"frame3_gt.nii.gz: frame 3 is also patient7_frame3.nii.gz",
    no_number: r"mean.nii.gz: no number in the name",
}


@pytest.mark.parametrize("change", BAD_FRAMES, ids=lambda c: c.__name__)
def test_bad_frames_are_named(framed: Path, change: Callable[[Path], None]) -> None:
    change(framed)
    with pytest.raises(InputError, match=BAD_FRAMES[change]):
        read_cine(find_studies(framed)[0])


@pytest.mark.slow
def test_tracking_says_what_the_frames_were_and_that_end_diastole_was_assumed(
    framed: Path, net_weights: Path, tmp_path: Path
) -> None:
    track(framed, net_weights, tmp_path / "motion", report=False)
    folder = tmp_path / "motion" / "framed"
    assert len(list((folder / "displacement").iterdir())) == 12
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["source"]["format"] == "NIfTI frames"
    assert summary["source"]["files"][10] == "patient7_frame10.nii.gz"
    assert summary["reference_frame_from"] == "assumed: the first frame"
    assert set(summary["input_sha256"]) == {"image", "label_ed"}
    (framed / "info.json").write_text('{"ed_frame": 1, "es_frame": 5}')
    track(framed, net_weights, tmp_path / "given", report=False)
    given = json.loads((tmp_path / "given" / "framed" / "summary.json").read_text())
    assert (given["reference_frame"], given["reference_frame_from"]) == (1, "given")
    assert (given["es_frame"], given["es_frame_from"]) == (5, "given")
