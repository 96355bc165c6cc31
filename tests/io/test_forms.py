"""ITK places results where it places the cine, whatever its header says, and labels lie there."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from myomotion.errors import InputError
from myomotion.io.cine import Cine, find_studies, read_cine
from myomotion.io.label_grid import on_grid
from myomotion.transforms.save_motion import image_of
from tests.support.studies import write_study
from tools.verify.robustness.faults.changes import cine_of, label_of
from tools.verify.robustness.faults.drawn import along_the_scanner, oblique, rounded, skewed

POINT = (31, 22, 1)
SHAPE = (80, 72, 2)  # of a drawn study
QUATERN_B = 256  # its first byte in a header


def study(
    folder: Path, sform: np.ndarray, code: int, qform: np.ndarray | None = None, step: float = 0.04
) -> Cine:
    """A drawn cine with these forms, frames 40 ms apart."""
    write_study(folder)
    (folder / "label_sa_ED.nii.gz").unlink()
    image = nib.Nifti1Image(cine_of(folder)[0], sform)
    image.set_sform(sform, code)
    if qform is not None:
        image.set_qform(qform, 1, strip_shears=True)
    image.header.set_zooms((1.8, 1.8, 8, step))
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, folder / "sa.nii.gz")
    return read_cine(find_studies(folder)[0])


CASES = {
    "sform alone": (oblique(), 2, None),
    "both alike": (oblique(), 1, oblique()),
    "both differ, the scanner's is the qform": (oblique(), 2, along_the_scanner()),
    "both differ, the scanner's is the sform": (oblique(), 1, along_the_scanner()),
    "rounded beside a qform": (rounded(), 2, rounded()),
    "skewed beside a qform": (skewed(), 2, skewed()),
    "neither": (oblique(), 0, None),
}


def mirrored(axis: int) -> np.ndarray:
    """The place of the oblique cine, counted from its other end along an axis."""
    affine = oblique()
    affine[:3, 3] += affine[:3, axis] * (SHAPE[axis] - 1)
    affine[:3, axis] *= -1
    return affine


TWO_BOXES = {
    f"the sform is the qform counted from the other end of axis {axis}": (
        mirrored(axis),
        2,
        oblique(),
    )
    for axis in range(3)
}


def as_frames(folder: Path) -> Cine:
    """The cine of a study in frames whose headers say the same of their place."""
    path = folder / "sa.nii.gz"
    image = nib.load(path)
    values = np.asarray(image.dataobj)
    path.rename(folder / "whole.nii.gz")
    (folder / "frames").mkdir()
    for t in range(values.shape[3]):
        frame = nib.Nifti1Image(values[..., t], None, image.header)
        nib.save(frame, folder / "frames" / f"{t}.nii.gz")
    return read_cine(find_studies(folder)[0])


@pytest.mark.parametrize("framed", [False, True], ids=["whole", "frames"])
@pytest.mark.parametrize("name", CASES)
def test_itk_finds_the_same_voxel_at_a_point_of_cine_and_result(
    name: str, framed: bool, tmp_path: Path
) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    folder = tmp_path / "one"
    cine = study(folder, *CASES[name])
    cine = as_frames(folder) if framed else cine
    nib.save(image_of(cine, cine.image), tmp_path / "result.nii.gz")
    before = sitk.ReadImage(str(folder / ("frames/0.nii.gz" if framed else "sa.nii.gz")))
    after = sitk.ReadImage(str(tmp_path / "result.nii.gz"))
    axes = before.GetDimension()
    point = before.TransformIndexToPhysicalPoint((*POINT, 0)[:axes])
    found = after.TransformPhysicalPointToContinuousIndex((*point, 0)[:4])
    assert found[:3] == pytest.approx(POINT, abs=1e-3)
    # Displacements are stated along the axes that ITK sees.
    columns = np.array(before.GetDirection()).reshape(axes, axes)[:3, :3]
    direction = columns * before.GetSpacing()[:3]

    assert np.allclose(np.diag([-1, -1, 1]) @ direction, cine.forms.itk[:3, :3], atol=1e-3)


def saved_by_itk(folder: Path, codes: np.ndarray, cine: Cine, how: str) -> str:
    """A label of a cine as other programs save it; its file."""
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    result = folder / "label_sa_ED.nii.gz"
    nib.save(image_of(cine, cine.storage.to_memory(codes)), result)
    label = sitk.ReadImage(str(result))
    if how == "drawn on the cine":
        frame = sitk.ReadImage(str(folder / "sa.nii.gz"))[:, :, :, 0]
        label = sitk.GetImageFromArray(codes.T)
        label.CopyInformation(frame)
        result.unlink()
        result = folder / "label_sa_ED.nrrd"
    if how != "as it was written":
        sitk.WriteImage(label, str(result))
    return str(result)


@pytest.mark.parametrize("how", ["as it was written", "saved again", "drawn on the cine"])
@pytest.mark.parametrize("name", [*CASES, *TWO_BOXES])
def test_label_on_the_grid_where_itk_places_the_cine_is_read_voxel_by_voxel(
    name: str, how: str, tmp_path: Path
) -> None:
    folder = tmp_path / "one"
    write_study(tmp_path / "drawn")
    codes = label_of(tmp_path / "drawn")
    cine = study(folder, *{**CASES, **TWO_BOXES}[name])
    path = saved_by_itk(folder, codes, cine, how)
    found = read_cine({"image": str(folder / "sa.nii.gz"), "label_ed": path})
    assert found.label_ed is not None
    assert np.array_equal(cine.storage.to_file(found.label_ed), codes)


def test_label_of_a_skewed_stack_comes_back_from_where_results_lie(tmp_path: Path) -> None:
    write_study(tmp_path / "drawn")
    codes = label_of(tmp_path / "drawn")
    cine = study(tmp_path / "one", skewed(), 2)  # which ITK refuses to read
    path = saved_by_itk(tmp_path / "one", codes, cine, "saved again")
    found = read_cine({"image": str(tmp_path / "one" / "sa.nii.gz"), "label_ed": path})
    assert found.label_ed is not None
    assert np.array_equal(cine.storage.to_file(found.label_ed), codes)


def stored_otherwise(codes: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A label whose second axis is counted from its other end."""
    turned = nib.Nifti1Image(codes, affine).as_reoriented(np.array([[0, 1], [1, -1], [2, 1]]))
    return np.asarray(turned.dataobj), np.asarray(turned.affine)


def test_of_two_grids_the_one_counts_on_which_less_of_a_label_changes() -> None:
    codes = np.zeros(SHAPE, np.uint8)
    codes[5:40, 7:50] = np.random.default_rng(0).integers(1, 4, (35, 43, 2))
    grids = (mirrored(0), oblique())
    for affine in grids:
        part = affine.copy()
        part[:3, 3] += part[:3, :3] @ [5, 7, 0]
        cropped = codes[5:40, 7:50]
        assert np.array_equal(on_grid(Path("a.nii"), cropped, part, SHAPE, grids)[0], codes)
        for given in (affine, part):
            turned, turned_affine = stored_otherwise(codes if given is affine else cropped, given)
            with pytest.raises(InputError, match=r"a.nii: .*on both grids .*Save it with the axes"):
                on_grid(Path("a.nii"), turned, turned_affine, SHAPE, grids)


def test_a_label_that_lies_alike_on_two_grids_is_no_question() -> None:
    codes = np.random.default_rng(0).integers(0, 4, SHAPE).astype(np.uint8)
    turned, affine = stored_otherwise(codes, oblique())
    found, notes = on_grid(Path("a.nii"), turned, affine, SHAPE, (rounded(), oblique()))
    assert np.array_equal(found, codes) and not notes


def test_results_keep_the_forms_frame_distance_and_unit_of_the_file(tmp_path: Path) -> None:
    cine = study(tmp_path / "one", oblique(), 2, along_the_scanner())
    header = image_of(cine, cine.image).header
    assert np.allclose(header.get_sform(), oblique(), atol=1e-4)
    assert np.allclose(header.get_qform(), along_the_scanner(), atol=1e-4)
    assert (int(header["sform_code"]), int(header["qform_code"])) == (2, 1)
    assert header.get_zooms()[3] == pytest.approx(0.04)
    assert header.get_xyzt_units() == ("mm", "sec")


def test_rounded_axes_alone_become_upright_ones(tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    cine = study(tmp_path / "one", rounded(), 2)
    nib.save(image_of(cine, cine.image), tmp_path / "result.nii.gz")
    direction = sitk.ReadImage(str(tmp_path / "result.nii.gz")).GetDirection()
    columns = np.array(direction).reshape(4, 4)[:3, :3]
    assert np.allclose(columns.T @ columns, np.eye(3), atol=1e-6)
    assert np.allclose(np.diag([-1, -1, 1]) @ columns, oblique()[:3, :3] / [1.8, 1.8, 8], atol=1e-3)


def test_results_of_a_skewed_stack_lie_straight_above_its_first_slice(tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    affine = skewed()
    cine = study(tmp_path / "one", affine, 2)
    sideways = affine[:3, 2] - (affine[:3, 2] @ oblique()[:3, 2] / 64) * oblique()[:3, 2]
    assert np.linalg.norm(sideways) > 0.5
    (warning,) = (text for text in cine.warnings if "sideways" in text)
    assert f"{np.linalg.norm(sideways):.1f} mm sideways of the one before" in warning
    nib.save(image_of(cine, cine.image), tmp_path / "result.nii.gz")
    after = sitk.ReadImage(str(tmp_path / "result.nii.gz"))
    for z in (0, 1):
        point = affine @ (*POINT[:2], z, 1) - [*(z * sideways), 0]
        found = after.TransformIndexToPhysicalPoint((*POINT[:2], z, 0))[:3]
        assert found == pytest.approx([-point[0], -point[1], point[2]], abs=1e-3)


def test_skewed_stack_beside_a_qform_lies_where_the_file_says(tmp_path: Path) -> None:
    cine = study(tmp_path / "one", skewed(), 2, skewed())
    assert not [text for text in cine.warnings if "sideways" in text]


def half_a_turn(folder: Path, sform_code: int, length: float) -> Cine:
    """A drawn cine turned by 180 degrees about the first axis, with a quaternion of this length."""
    affine = np.diag([1.8, -1.8, -8, 1.0])
    study(folder, affine, sform_code, affine)
    path = folder / "sa.nii.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into("<f", content, QUATERN_B, length)
    path.write_bytes(gzip.compress(content, 1))
    return read_cine(find_studies(folder)[0])


@pytest.mark.parametrize("sform_code", [0, 1, 2])
def test_half_a_turn_that_rounding_made_longer_is_half_a_turn(
    sform_code: int, tmp_path: Path
) -> None:
    sound, rounded_up = (
        half_a_turn(tmp_path / name, sform_code, length)
        for name, length in (("sound", 1.0), ("longer", 1.000001))
    )
    assert np.array_equal(rounded_up.image, sound.image)
    assert np.allclose(rounded_up.affine, sound.affine, atol=1e-4)
    assert np.allclose(rounded_up.forms.qform, sound.forms.qform, atol=1e-4)
    assert rounded_up.forms.codes == sound.forms.codes


@pytest.mark.parametrize("sform_code", [0, 1])
def test_a_quaternion_that_is_none_is_named(sform_code: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sa.nii.gz: .*quaternion \[1.01, 0.0, 0.0\].*longer"):
        half_a_turn(tmp_path / "one", sform_code, 1.01)


def test_frames_where_slices_belong_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    write_study(folder, frames=10, slices=3)
    image, affine = cine_of(folder)
    nib.save(nib.Nifti1Image(image.transpose(0, 1, 3, 2), affine), folder / "sa.nii.gz")
    with pytest.raises(InputError, match=r"stored as \(x, y, t, z\).*Exchange the last two axes"):
        read_cine({"image": str(folder / "sa.nii.gz")})
