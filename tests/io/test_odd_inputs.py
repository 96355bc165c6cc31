"""Studies that are odd but sound give the numbers that plain ones give."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from myomotion.analysis.measures.tracked import tracked_slices
from myomotion.analysis.motion import Motion, lps_vectors, source_motion
from myomotion.analysis.tables.strain import strain_rows
from myomotion.core.axes import LPS_FROM_RAS
from myomotion.io.cine import Cine, find_studies, read_cine
from myomotion.transforms.load_cine import LoadCine
from tests.support.studies import write_study
from tools.verify.robustness.faults.changes import (
    Change,
    cine_of,
    header,
    label_of,
    save,
    save_label,
    voxels,
)

SHRINK = 0.1  # of the motion that studies are measured with: x = 0.9 X
STRAIN = 100 * ((1 - SHRINK) ** 2 - 1) / 2


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A drawn study of two slices and three frames."""
    write_study(tmp_path / "studies" / "odd", frames=3)
    return tmp_path / "studies" / "odd"


def measure(folder: Path) -> tuple[Cine, dict[str, Any], Motion, list[dict[str, Any]]]:
    """Read a study as inference does and measure a motion that shrinks it by a tenth."""
    item = LoadCine()(find_studies(folder)[0])
    cine = item["slices"].cine
    axis = (torch.arange(96) - 47.5) * 1.5
    field = -SHRINK * torch.stack(torch.meshgrid(axis, axis, indexing="ij"))
    displacement = torch.zeros(*item["image"].shape[:2], 2, 96, 96)
    displacement[:, 1] = field
    motion = source_motion(item["slices"], displacement)
    return cine, item, motion, strain_rows(tracked_slices(motion))


def assert_strain(rows: list[dict[str, Any]], slices: tuple[int, ...] = (0, 1)) -> None:
    whole = [row for row in rows if row["segment"] == 0 and row["frame"] == 1]
    assert tuple(row["slice"] for row in whole) == slices
    for row in whole:
        assert row["ecc_percent"] == pytest.approx(STRAIN, abs=0.01)
        assert row["err_percent"] == pytest.approx(STRAIN, abs=0.01)
        assert row["mean_j"] == pytest.approx((1 - SHRINK) ** 2, abs=1e-3)


def assert_vectors(cine: Cine, motion: Motion) -> None:
    """Written vectors take a voxel's place in the patient to where its index moves."""
    vectors = lps_vectors(motion.displacement[1], cine.affine)[:, :, :, 0] @ LPS_FROM_RAS
    index = np.array([30.0, 41.0, 1.0])
    at = tuple(index.astype(int))
    moved = index.copy()
    moved[:2] += motion.displacement[1, 1, :, at[0], at[1]] / np.array(cine.spacing)
    expected = cine.affine[:3, :3] @ (moved - index)
    assert np.linalg.norm(expected) > 0.5
    assert np.allclose(vectors[at], expected, atol=1e-4)


def on_affine(affine: np.ndarray) -> Change:
    def change(folder: Path) -> None:
        save(folder, cine_of(folder)[0], affine)

    return change


def turned(folder: Path) -> None:
    """Oblique in space: rotated about two axes."""
    a, b = np.deg2rad([35, -50])
    first = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    second = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = first @ second @ np.diag([1.8, 1.8, 8.0])
    affine[:3, 3] = [-40, 12, 300]
    save(folder, cine_of(folder)[0], affine)


def gantry_tilt(folder: Path) -> None:
    """Slices shifted along the plane from one to the next: sheared, but not within a slice."""
    image, affine = cine_of(folder)
    affine[:3, 2] += 2 * affine[:3, 0]
    save(folder, image, affine)


def placeholder_affine(folder: Path) -> None:
    image = nib.Nifti1Image(cine_of(folder)[0], np.eye(4))
    image.header.set_zooms((1.8, 1.8, 8, 1))
    nib.save(image, folder / "sa.nii.gz")
    header(pixdim=[1, 1.8, 1.8, 8, 1, 0, 0, 0], sform_code=2, qform_code=0)(folder)


GEOMETRIES: dict[str, Change] = {
    "left-handed": on_affine(np.diag([1.8, -1.8, 8.0, 1.0])),
    "mirrored along all axes": on_affine(np.diag([-1.8, -1.8, -8.0, 1.0])),
    "oblique": turned,
    "voxels longer than wide": voxels([1.8, 1.2]),
    "small voxels": voxels(0.9),
    "tilted stack": gantry_tilt,
    "unit affine beside pixdim": placeholder_affine,
}


@pytest.mark.parametrize("case", GEOMETRIES)
def test_odd_geometry_gives_the_same_strain_and_vectors_along_the_patient(
    study: Path, case: str
) -> None:
    GEOMETRIES[case](study)
    save_label(study, label_of(study))  # on the cine's new grid
    cine, _, motion, rows = measure(study)
    assert_strain(rows)
    assert_vectors(cine, motion)
    expected = {"small voxels": (0.9, 0.9), "voxels longer than wide": (1.8, 1.2)}
    assert cine.spacing == pytest.approx(expected.get(case, (1.8, 1.8)), rel=1e-5)


def scaled_integers(folder: Path) -> None:
    image, affine = cine_of(folder)
    stored = nib.Nifti1Image(np.round(image).astype(np.int16), affine)
    stored.header.set_slope_inter(0.5, 0)
    nib.save(stored, folder / "sa.nii.gz")
    header(scl_slope=2.5, scl_inter=0.0)(folder)


def big_endian(folder: Path) -> None:
    image, affine = cine_of(folder)
    stored = nib.Nifti1Header(endianness=">")
    stored.set_data_dtype(np.float32)
    nib.save(nib.Nifti1Image(image, affine, stored), folder / "sa.nii.gz")


def unpacked(folder: Path) -> None:
    (folder / "sa.nii").write_bytes(gzip.decompress((folder / "sa.nii.gz").read_bytes()))
    (folder / "sa.nii.gz").unlink()


INTENSITIES: dict[str, Change] = {
    "int16 with a slope": scaled_integers,
    "uint8 of a quarter": lambda f: save(f, np.round(cine_of(f)[0] / 4).astype(np.uint8)),
    "float64 of 1e-6": lambda f: save(f, cine_of(f)[0].astype(np.float64) * 1e-6),
    "big-endian": big_endian,
    "not compressed": unpacked,
}


@pytest.mark.slow
@pytest.mark.parametrize("case", INTENSITIES)
def test_number_format_and_scale_do_not_change_what_the_network_sees(
    study: Path, case: str
) -> None:
    plain = LoadCine()(find_studies(study)[0])["image"]
    INTENSITIES[case](study)
    _, item, _, rows = measure(study)
    assert torch.allclose(item["image"], plain, atol=0.004)
    assert_strain(rows)


@pytest.mark.parametrize("axis", [3, 4])
def test_fifth_axis_of_one_entry_is_no_axis(study: Path, axis: int) -> None:
    (plain,) = find_studies(study)
    expected = read_cine(plain).image
    image, affine = cine_of(study)
    save(study, np.expand_dims(image, axis), affine)
    assert np.array_equal(read_cine(plain).image, expected)


def test_image_that_is_not_square_is_tracked_about_the_heart(study: Path) -> None:
    image, _ = cine_of(study)
    save(study, np.pad(image, ((40, 10), (0, 0), (0, 0), (0, 0)), mode="edge"))
    save_label(study, np.pad(label_of(study), ((40, 10), (0, 0), (0, 0))))
    _, _, motion, rows = measure(study)
    assert motion.grids[0].center == pytest.approx((78, 36), abs=0.2)
    assert motion.displacement.shape == (3, 2, 2, 130, 72)
    assert_strain(rows)


@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.float64])
def test_label_may_be_stored_as_any_number(study: Path, dtype: Any) -> None:
    save_label(study, label_of(study).astype(dtype))
    cine, _, _, rows = measure(study)
    assert cine.label_ed is not None and set(np.unique(cine.label_ed)) == {0, 1, 2}
    assert_strain(rows)


def test_slice_without_a_label_is_skipped_and_the_others_are_measured(study: Path) -> None:
    label = label_of(study)
    label[..., 0] = 0
    save_label(study, label)
    _, item, _, rows = measure(study)
    assert torch.isfinite(item["image"]).all()
    assert_strain(rows, slices=(1,))


def test_label_that_touches_the_border_of_the_image_is_measured_within_it(study: Path) -> None:
    save(study, cine_of(study)[0][22:])  # the wall begins in the first row
    save_label(study, label_of(study)[22:])
    cine, item, motion, rows = measure(study)
    assert cine.label_ed is not None and (cine.label_ed[0] == 2).any()
    assert torch.isfinite(item["image"]).all() and np.isfinite(motion.on_window(0).warped).all()
    assert_strain(rows)


def test_half_a_ring_without_a_cavity_gives_no_strain(study: Path) -> None:
    label = (label_of(study) == 2).astype(np.uint8)
    label[:38] = 0  # nothing says where its centre is
    save_label(study, label)
    assert measure(study)[3] == []
