"""Claims about reading label maps: grids, codings, phases and every kind of bad file."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from fem_sim.geometry.labels import find_label_files, read_label_slices
from myomotion.errors import InputError

AFFINE = np.diag([1.5, 1.5, 10.0, 1.0])


def _ring(
    shape: tuple[int, int],
    spacing: tuple[float, float],
    *,
    inner: float = 20.0,
    outer: float = 30.0,
    shear: float = 0.0,
) -> np.ndarray:
    """Internal codes of a circular ring in mm on an anisotropic, possibly sheared grid."""
    i, j = np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij")
    x = i * spacing[0] + j * shear
    radius = np.hypot(x, j * spacing[1])
    labels = np.zeros(shape, np.uint8)
    labels[radius <= outer] = 2
    labels[radius <= inner] = 1
    return labels


def _save(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, affine), path)
    return path


def _areas_mm2(labels: np.ndarray) -> tuple[float, float]:
    return float(np.sum(labels == 1)) * 2.25, float(np.sum(labels == 2)) * 2.25


def test_anisotropic_spacing_gives_a_round_ring_of_true_area(tmp_path: Path) -> None:
    labels = _ring((128, 90), (0.9, 1.7))
    path = _save(tmp_path / "a.nii.gz", labels[..., None], np.diag([0.9, 1.7, 8.0, 1.0]))
    (result,) = read_label_slices(path, "internal")
    cavity, wall = _areas_mm2(result.labels)
    assert cavity == pytest.approx(np.pi * 400, rel=0.02)
    assert wall == pytest.approx(np.pi * 500, rel=0.02)
    extent = np.ptp(np.argwhere(result.labels > 0), axis=0)
    assert abs(int(extent[0]) - int(extent[1])) <= 2
    np.testing.assert_allclose(np.argwhere(result.labels == 1).mean(axis=0), 47.5, atol=1.0)


def test_rotation_of_the_affine_changes_nothing(tmp_path: Path) -> None:
    labels = _ring((128, 90), (0.9, 1.7))[..., None]
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = rotation @ np.diag([0.9, 1.7, 8.0])
    plain = _save(tmp_path / "plain.nii.gz", labels, np.diag([0.9, 1.7, 8.0, 1.0]))
    turned = _save(tmp_path / "turned.nii.gz", labels, affine)
    np.testing.assert_array_equal(
        read_label_slices(plain, "internal")[0].labels,
        read_label_slices(turned, "internal")[0].labels,
    )


def test_sheared_affine_keeps_areas_and_roundness(tmp_path: Path) -> None:
    labels = _ring((128, 100), (1.0, 1.4), shear=0.3)
    affine = np.diag([1.0, 1.4, 8.0, 1.0])
    affine[0, 1] = 0.3
    (result,) = read_label_slices(
        _save(tmp_path / "s.nii.gz", labels[..., None], affine), "internal"
    )
    assert _areas_mm2(result.labels)[0] == pytest.approx(np.pi * 400, rel=0.02)
    second = np.cov(np.argwhere(result.labels == 1).T)
    assert second[0, 0] == pytest.approx(second[1, 1], rel=0.05)


def test_slices_along_the_first_axis_are_found(tmp_path: Path) -> None:
    stack = np.stack([_ring((90, 90), (1.5, 1.5))] * 3)
    path = _save(tmp_path / "x.nii.gz", stack, np.diag([9.0, 1.5, 1.5, 1.0]))
    slices = read_label_slices(path, "internal")
    assert [s.level for s in slices] == ["basal", "mid", "apical"]
    assert _areas_mm2(slices[0].labels)[0] == pytest.approx(np.pi * 400, rel=0.02)


@pytest.mark.parametrize(
    ("coding", "codes"),
    [("acdc", (3, 2, 1)), ("mnms", (1, 2, 3)), ("ukbb", (1, 2, 4)), ("internal", (1, 2, 3))],
)
def test_every_coding_gives_the_same_internal_labels(
    tmp_path: Path, coding: str, codes: tuple[int, int, int]
) -> None:
    ring = _ring((96, 96), (1.5, 1.5))
    ring[5:15, 5:15] = 3
    coded = np.choose(ring, (0, *codes)).astype(np.float32)
    (result,) = read_label_slices(_save(tmp_path / "c.nii.gz", coded), coding)
    assert _areas_mm2(result.labels)[0] == pytest.approx(np.pi * 400, rel=0.02)
    assert np.any(result.labels == 3)


def test_myocardium_only_maps_get_their_cavity_filled(tmp_path: Path) -> None:
    wall = (_ring((96, 96), (1.5, 1.5)) == 2).astype(np.uint8)
    (result,) = read_label_slices(_save(tmp_path / "m.nii.gz", wall), "myocardium")
    assert _areas_mm2(result.labels)[0] == pytest.approx(np.pi * 400, rel=0.02)


def test_a_map_of_the_cavity_alone_is_refused(tmp_path: Path) -> None:
    cavity = (_ring((96, 96), (1.5, 1.5)) == 1).astype(np.uint8)
    path = _save(tmp_path / "blood.nii.gz", cavity)
    with pytest.raises(InputError, match=r"blood\.nii\.gz: no voxel is myocardium"):
        read_label_slices(path, "internal")


@pytest.mark.parametrize("coding", ["auto", "{5: myocardium, 9: cavity}"])
def test_a_coding_may_be_told_by_shapes_or_by_the_user(tmp_path: Path, coding: str) -> None:
    ring = _ring((96, 96), (1.5, 1.5))
    coded = np.choose(ring, (0, 9, 5)).astype(np.uint8)
    (result,) = read_label_slices(_save(tmp_path / "own.nii.gz", coded), coding)
    assert _areas_mm2(result.labels)[0] == pytest.approx(np.pi * 400, rel=0.02)
    assert _areas_mm2(result.labels)[1] == pytest.approx(np.pi * 500, rel=0.02)


def test_four_dimensional_map_gives_the_phase_by_cavity_size(tmp_path: Path) -> None:
    cine = np.zeros((96, 96, 1, 5), np.uint8)
    cine[:, :, 0, 1] = _ring((96, 96), (1.5, 1.5), inner=24.0, outer=32.0)
    cine[:, :, 0, 3] = _ring((96, 96), (1.5, 1.5), inner=16.0, outer=28.0)
    path = _save(tmp_path / "A0S9V9_sa_gt.nii.gz", cine)
    systole = read_label_slices(path, "mnms", phase="ES")[0].labels
    diastole = read_label_slices(path, "mnms", phase="ED")[0].labels
    assert _areas_mm2(systole)[0] == pytest.approx(np.pi * 256, rel=0.05)
    assert _areas_mm2(diastole)[0] == pytest.approx(np.pi * 576, rel=0.05)


def test_acdc_folder_gives_the_frame_of_the_phase(tmp_path: Path) -> None:
    for name, inner in (("frame01", 24.0), ("frame12", 16.0)):
        ring = _ring((96, 96), (1.5, 1.5), inner=inner, outer=30.0)
        coded = np.choose(ring, (0, 3, 2, 1)).astype(np.uint8)
        _save(tmp_path / "patient007" / f"patient007_{name}_gt.nii.gz", coded)
    by_volume = find_label_files(tmp_path, "ES", "acdc")
    assert [(s, p.name) for s, p in by_volume] == [("patient007", "patient007_frame12_gt.nii.gz")]
    (tmp_path / "patient007" / "Info.cfg").write_text("ED: 12\nES: 1\nGroup: NOR\n")
    assert find_label_files(tmp_path, "ES", "acdc")[0][1].name == "patient007_frame01_gt.nii.gz"


def test_uk_biobank_folders_are_named_by_subject(tmp_path: Path) -> None:
    for subject in ("1000001", "1000002"):
        for phase in ("ED", "ES"):
            _save(tmp_path / subject / f"label_sa_{phase}.nii.gz", _ring((96, 96), (1.5, 1.5)))
    found = find_label_files(tmp_path, "ES", "ukbb")
    assert [s for s, _ in found] == ["1000001", "1000002"]
    assert all(p.name == "label_sa_ES.nii.gz" for _, p in found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: np.where(a == 1, np.nan, a), "NaN"),
        (lambda a: a * 0.5, r"not whole numbers \(for example 0\.5\)"),
        (lambda a: a + 7, r"values \[7, 8, 9\] are not part of the coding 'internal'"),
        (lambda a: (a > 0) * 1.0, "no voxel is myocardium"),
    ],
)
def test_bad_values_are_named_with_the_file(tmp_path: Path, change, message: str) -> None:  # type: ignore[no-untyped-def]
    data = change(_ring((96, 96), (1.5, 1.5)).astype(np.float32)).astype(np.float32)
    path = _save(tmp_path / "bad.nii.gz", data)
    with pytest.raises(InputError, match=message) as caught:
        read_label_slices(path, "internal")
    assert "bad.nii.gz" in str(caught.value)


def test_files_that_are_no_nifti_and_missing_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "no.nii.gz").write_text("not an image")
    with pytest.raises(InputError, match=r"no\.nii\.gz: not a readable NIfTI"):
        read_label_slices(tmp_path / "no.nii.gz", "internal")
    with pytest.raises(InputError, match="no such file or folder"):
        find_label_files(tmp_path / "missing", "ES", "acdc")
    with pytest.raises(InputError, match="'other' is unknown"):
        read_label_slices(_save(tmp_path / "r.nii.gz", _ring((96, 96), (1.5, 1.5))), "other")


def test_unit_affine_beside_real_pixdim_takes_the_voxel_sizes_of_pixdim(tmp_path: Path) -> None:
    image = nib.Nifti1Image(_ring((96, 96), (1.5, 1.5))[..., None], np.eye(4))
    image.header.set_zooms((1.5, 1.5, 10.0))
    nib.save(image, tmp_path / "unit.nii.gz")
    stored = nib.load(tmp_path / "unit.nii.gz")
    assert np.allclose(np.diag(stored.affine)[:3], 1)
    (result,) = read_label_slices(tmp_path / "unit.nii.gz", "internal")
    assert _areas_mm2(result.labels)[0] == pytest.approx(np.pi * 400, rel=0.02)


def test_contradicting_voxel_sizes_are_refused(tmp_path: Path) -> None:
    image = nib.Nifti1Image(_ring((96, 96), (1.5, 1.5))[..., None], np.diag([2.0, 2.0, 8.0, 1.0]))
    image.header.set_zooms((1.5, 1.5, 10.0))
    nib.save(image, tmp_path / "both.nii.gz")
    with pytest.raises(InputError, match=r"in the affine but .* in pixdim"):
        read_label_slices(tmp_path / "both.nii.gz", "internal")
