"""The same heart, however its file is stored."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from myomotion.io.cine import Cine, find_studies, read_cine
from tools.convert.dicom import write_cine

# Which axis of the file each axis of the heart becomes, and whether it runs backwards.
ORIENTATIONS = [
    np.column_stack([axes, flips])
    for axes in itertools.permutations(range(3))
    for flips in itertools.product((1, -1), repeat=3)
]
SHAPE, FRAMES = (18, 16, 3), 2
AS_DRAWN = (Phase.explicit, Phase.generate)  # files take long to try again in smaller forms


@st.composite
def geometries(draw: st.DrawFn) -> np.ndarray:
    """Affine ``(4, 4)`` of slices that lie anywhere, right-handed, as scanners make them."""
    turn = Rotation.from_euler("xyz", draw(st.tuples(*[st.floats(-180, 180)] * 3)), degrees=True)
    sizes = (draw(st.floats(0.7, 2.5)), draw(st.floats(0.7, 2.5)), draw(st.floats(4, 12)))
    affine = np.eye(4)
    affine[:3, :3] = turn.as_matrix() * sizes
    affine[:3, 3] = draw(st.tuples(*[st.floats(-200, 200)] * 3))
    return affine


def heart(affine: np.ndarray) -> tuple[nib.Nifti1Image, nib.Nifti1Image]:
    """A cine whose every voxel has a value of its own, and a label without any symmetry."""
    rng = np.random.default_rng(0)
    image = rng.permutation(np.prod(SHAPE) * FRAMES).reshape(*SHAPE, FRAMES).astype(np.int16)
    label = rng.integers(0, 4, SHAPE).astype(np.uint8)
    return nib.Nifti1Image(image, affine), nib.Nifti1Image(label, affine)


def save(folder: Path, image: nib.Nifti1Image, label: nib.Nifti1Image) -> Path:
    nib.save(image, folder / "sa.nii.gz")
    nib.save(label, folder / "label_sa_ED.nii.gz")
    return folder


def read(folder: Path) -> Cine:
    (study,) = find_studies(folder)
    return read_cine(study)


def same_points(cine: Cine, image: nib.Nifti1Image) -> np.ndarray:
    """Claim: at the place of every voxel of the original the cine has its values.

    Returns:
        Voxel of the cine for each voxel of the original, ``(3, X, Y, Z)``.
    """
    shape = image.shape[:3]
    index = np.indices(shape).reshape(3, -1)
    points = image.affine @ np.vstack([index, np.ones(index.shape[1])])
    found = (np.linalg.inv(cine.affine) @ points)[:3]
    nearest = np.rint(found).astype(int)
    assert np.abs(found - nearest).max() < 1e-3
    assert cine.image.size == np.prod(image.shape)
    assert np.array_equal(cine.image[tuple(nearest)], np.asarray(image.dataobj)[tuple(index)])
    return nearest.reshape(3, *shape)


@given(st.sampled_from(ORIENTATIONS), st.sampled_from(ORIENTATIONS), geometries())
@settings(max_examples=30, phases=AS_DRAWN)
def test_cine_and_label_keep_their_physical_points_in_every_orientation_of_either_file(
    tmp_path_factory: pytest.TempPathFactory,
    stored: np.ndarray,
    label_stored: np.ndarray,
    affine: np.ndarray,
) -> None:
    image, label = heart(affine)
    folder = tmp_path_factory.mktemp("turned")
    save(folder, image.as_reoriented(stored), label.as_reoriented(label_stored))
    cine = read(folder)
    voxels = same_points(cine, image)
    assert cine.label_ed is not None
    assert np.array_equal(cine.label_ed[tuple(voxels)], np.asarray(label.dataobj))


@pytest.mark.slow
@given(
    geometries(),
    st.sampled_from([{}, {"multi_frame": True}, {"series_per_slice": True}]),
    st.integers(1, 3),
    st.integers(2, 4),
    st.floats(15, 80),
)
@settings(max_examples=15, phases=AS_DRAWN)
def test_cine_comes_back_from_dicom_of_any_geometry(
    tmp_path_factory: pytest.TempPathFactory,
    affine: np.ndarray,
    form: dict[str, bool],
    slices: int,
    frames: int,
    step: float,
) -> None:
    folder = tmp_path_factory.mktemp("cine")
    values = np.random.default_rng(slices).integers(0, 4096, (20, 16, slices, frames))
    image = nib.Nifti1Image(values.astype(np.int16), affine)
    nib.save(image, folder / "sa.nii.gz")
    times = (np.arange(frames) * step).tolist()
    (folder / "info.json").write_text(json.dumps({"frame_times_ms": times}))
    write_cine(folder / "sa.nii.gz", folder / "scan" / "dicom", **form)
    cine = read(folder / "scan")
    same_points(cine, image)
    assert cine.frame_times_ms == pytest.approx(times, abs=1e-6)
