"""The same heart gives the same arrays and numbers, however its file stores the axes."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from myomotion.io.cine import find_studies, read_cine
from myomotion.io.storage import storage_of
from tests.support.bundle_runs import track
from tests.support.studies import write_study

ORIENTATIONS = [
    np.array(list(zip(order, flips, strict=True)))
    for order in itertools.permutations(range(3))
    for flips in itertools.product((1, -1), repeat=3)
]


def turn(source: Path, target: Path, orientation: np.ndarray) -> None:
    """Store a study with other axes; every voxel stays where it is in the patient."""
    target.mkdir(parents=True)
    for file in source.glob("*.nii.gz"):
        image = nib.load(file)
        turned = image.as_reoriented(orientation)  # of the three spatial axes
        nib.save(turned, target / file.name)


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_every_storage_of_a_study_is_read_as_the_same_arrays(
    tmp_path: Path, orientation: np.ndarray
) -> None:
    write_study(tmp_path / "own", frames=2, slices=3)
    turn(tmp_path / "own", tmp_path / "turned" / "own", orientation)
    own, turned = (
        read_cine(find_studies(folder)[0]) for folder in (tmp_path / "own", tmp_path / "turned")
    )
    # Slices keep the file's order; all else is equal.
    against = orientation[2, 1] < 0
    step = slice(None, None, -1 if against else 1)
    np.testing.assert_array_equal(turned.image, own.image[:, :, step])
    assert own.label_ed is not None and turned.label_ed is not None
    np.testing.assert_array_equal(turned.label_ed, own.label_ed[:, :, step])
    corner = np.array([0, 0, own.image.shape[2] - 1 if against else 0, 1.0])
    np.testing.assert_allclose(turned.affine[:, 3], own.affine @ corner, atol=1e-3)


def test_way_to_memory_and_back_changes_nothing() -> None:
    generator = np.random.default_rng(0)
    values = generator.random((5, 4, 3, 2))
    for orientation in ORIENTATIONS:
        affine = np.diag([1.2, 1.3, 8.0, 1.0])
        matrix = np.zeros((4, 4))
        matrix[3, 3] = 1
        for axis, (source, sign) in enumerate(orientation):
            matrix[source, axis] = sign
        storage = storage_of(values.shape, affine @ matrix)
        np.testing.assert_array_equal(storage.to_file(storage.to_memory(values)), values)


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_points_that_info_names_stay_where_they_are_in_the_patient(
    tmp_path: Path, orientation: np.ndarray
) -> None:
    write_study(tmp_path / "own", frames=2, slices=3)
    turn(tmp_path / "own", tmp_path / "turned", orientation)
    shape = nib.load(tmp_path / "own" / "sa.nii.gz").shape[:3]
    marked = {}
    for name, stored in (("own", ORIENTATIONS[0]), ("turned", orientation)):
        points = {}
        for key, voxel in (("anterior", (30, 20, 1)), ("inferior", (25, 50, 1))):
            point = [0, 0, 0]
            for axis, (place, sign) in enumerate(stored.astype(int)):
                point[place] = voxel[axis] if sign > 0 else shape[axis] - 1 - voxel[axis]
            points[key] = point
        info = json.dumps({"septum_points": points})
        (tmp_path / name / "info.json").write_text(info, encoding="utf-8")
        cine = read_cine(find_studies(tmp_path / name)[0])
        assert cine.septum_points is not None
        marked[name] = nib.affines.apply_affine(cine.affine, cine.septum_points)
    np.testing.assert_allclose(marked["turned"], marked["own"], atol=1e-3)


def test_vectors_turn_with_their_axes() -> None:
    """The field ``u = A x`` of the patient is the same field for every in-plane storage."""
    plane = [o for o in ORIENTATIONS if o[2, 0] == 2 and o[2, 1] == 1]
    assert len(plane) == 8
    found = []
    for orientation in plane:
        matrix = np.zeros((4, 4))
        matrix[2, 2] = matrix[3, 3] = 1
        for axis, (source, sign) in enumerate(orientation[:2]):
            matrix[source, axis] = sign
            matrix[source, 3] = 5 if sign < 0 else 0
        affine = np.diag([1.5, 1.5, 8.0, 1.0]) @ matrix
        index = np.stack(np.meshgrid(np.arange(6), np.arange(6), indexing="ij")).astype(float)
        points = np.einsum("ij,jxy->ixy", affine[:2, :2], index) + affine[:2, 3, None, None]
        patient = np.einsum("ij,jxy->ixy", np.array([[0.1, 0.2], [-0.3, 0.05]]), points)
        along = np.einsum("ji,jxy->ixy", affine[:2, :2] / 1.5, patient)
        storage = storage_of((6, 6, 1), affine)
        found.append(storage.vectors_to_memory(along[None])[0])
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("orientation", [ORIENTATIONS[i] for i in (5, 14, 27, 47)], ids=str)
def test_numbers_and_fields_do_not_depend_on_the_storage(
    tmp_path: Path, net_weights: Path, orientation: np.ndarray
) -> None:
    write_study(tmp_path / "own" / "a", frames=3)
    turn(tmp_path / "own" / "a", tmp_path / "turned" / "a", orientation)
    for place in ("own", "turned"):
        track(tmp_path / place, net_weights, tmp_path / f"{place}-out", report=False)
    own, turned = (tmp_path / f"{place}-out" / "a" for place in ("own", "turned"))
    if orientation[2, 1] > 0:
        assert (own / "strain.csv").read_text() == (turned / "strain.csv").read_text()
    fields = [nib.load(p / "displacement" / "frame_001.nii.gz") for p in (own, turned)]
    for image, study in zip(fields, (tmp_path / "own", tmp_path / "turned"), strict=True):
        np.testing.assert_allclose(image.affine, nib.load(study / "a" / "sa.nii.gz").affine)
    # Vectors are in patient coordinates: at one place in the patient they are the same vector.
    to_other = np.linalg.inv(fields[1].affine) @ fields[0].affine
    index = np.argwhere(np.ones(fields[0].shape[:3], bool))
    there = np.rint(index @ to_other[:3, :3].T + to_other[:3, 3]).astype(int)
    a = np.asarray(fields[0].dataobj)[tuple(index.T)]
    b = np.asarray(fields[1].dataobj)[tuple(there.T)]
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_offsets_in_the_plane_turn_with_the_axes() -> None:
    affine = np.diag([1.2, 1.3, 8.0, 1.0])
    exchanged = affine[:, [1, 0, 2, 3]] * np.array([-1, 1, 1, 1])  # axis 0 runs against patient's y
    offsets = np.array([[3.0, 0.0], [0.0, 5.0]])
    assert storage_of((9, 9, 3), affine).offsets_to_memory(offsets).tolist() == offsets.tolist()
    storage = storage_of((9, 9, 3), exchanged)
    assert storage.offsets_to_memory(offsets).tolist() == [[0.0, -3.0], [5.0, 0.0]]
