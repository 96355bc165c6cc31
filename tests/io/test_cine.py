"""Reading studies, the working grid, and refusing what cannot be tracked."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from myomotion.analysis.grids import working_grids, working_slices
from myomotion.core.working_grid import WorkingGrid
from myomotion.errors import InputError
from myomotion.files.outputs import MARKER
from myomotion.io.cine import find_studies, read_cine
from myomotion.io.labels import MYOCARDIUM, read_label
from myomotion.io.studies import folders_without_cine
from myomotion.transforms.frame_pairs import RandFramePairs
from myomotion.transforms.load_cine import LoadCine
from tests.support.bad_images import BAD_INPUT, image_with
from tests.support.studies import write_study


def test_study_is_found_from_file_folder_and_parent(small_study: Path) -> None:
    for where in (small_study / "sa.nii.gz", small_study, small_study.parent):
        assert [Path(str(s["image"])).name for s in find_studies(where)] == ["sa.nii.gz"]
    assert "label_ed" in find_studies(small_study)[0]


def test_folder_without_a_cine_is_named_and_a_folder_of_results_is_not(small_study: Path) -> None:
    parent = small_study.parent
    assert folders_without_cine(parent) == folders_without_cine(None) == {}
    for name in ("labels alone", "results"):
        (parent / name).mkdir()
    (small_study / "label_sa_ED.nii.gz").rename(parent / "labels alone" / "label_sa_ED.nii.gz")
    (parent / "results" / MARKER).write_text("{}")
    (lacking,) = folders_without_cine(parent).items()
    assert lacking[0] == "labels alone" and "labels alone: no cine in it" in lacking[1]
    assert [s["name"] for s in find_studies(parent)] == [small_study.name]


def test_label_of_the_cavity_alone_is_said(small_study: Path) -> None:
    label = nib.load(small_study / "label_sa_ED.nii.gz")
    codes = np.asarray(label.dataobj)
    assert read_cine(find_studies(small_study)[0]).warnings == []
    cavity = nib.Nifti1Image((codes == 1).astype(np.uint8), label.affine)
    nib.save(cavity, small_study / "label_sa_ED.nii.gz")
    (warning,) = read_cine(find_studies(small_study)[0], "internal").warnings
    assert warning.startswith("label_sa_ED.nii.gz labels the cavity alone.")


def test_working_grid_keeps_a_linear_ramp_and_comes_back() -> None:
    grid = WorkingGrid(source_size=(120, 140), source_spacing=(1.2, 0.9), center=(63.3, 70.8))
    x, y = np.meshgrid(np.arange(120.0), np.arange(140.0), indexing="ij")
    ramp = torch.from_numpy(3 * x + 2 * y)[None, None]
    working = grid.to_working(ramp)
    step = working[0, 0, 40, 41] - working[0, 0, 40, 40]
    assert step.item() == pytest.approx(2 * 1.5 / 0.9)
    assert working[0, 0, 47:49, 47:49].mean().item() == pytest.approx(3 * 63.3 + 2 * 70.8)
    back = grid.to_source(working)
    assert torch.allclose(back[0, 0, 40:80, 50:90], ramp[0, 0, 40:80, 50:90])
    assert back[0, 0, 0, 0] == 0


def test_place_of_the_source_has_the_index_that_the_sampler_uses() -> None:
    grid = WorkingGrid(source_size=(120, 140), source_spacing=(1.2, 0.9), center=(63.3, 70.8))
    x, y = np.meshgrid(np.arange(120.0), np.arange(140.0), indexing="ij")
    own = torch.from_numpy(np.indices((96, 96)).astype(float))
    back = grid.to_source(own[None])[0]
    places = np.stack([x, y], axis=-1)
    expected = grid.index_of(places)
    assert np.allclose(back.permute(1, 2, 0).numpy()[30:90, 40:100], expected[30:90, 40:100])
    assert np.allclose(grid.place_of(expected), places)


def test_identity_grid_returns_the_slice_bit_for_bit() -> None:
    grid = WorkingGrid(source_size=(96, 96), source_spacing=(1.5, 1.5), center=(47.5, 47.5))
    image = torch.rand(1, 1, 96, 96)
    assert torch.equal(grid.to_working(image), image)
    assert torch.equal(grid.to_source(image), image)


@pytest.mark.parametrize(("axis", "end"), [(0, 0), (0, -1), (1, 0), (1, -1)])
def test_label_that_touches_the_edge_ends_with_the_picture(
    small_study: Path, axis: int, end: int
) -> None:
    cine = read_cine(find_studies(small_study)[0])
    assert cine.label_ed is not None
    away = np.argwhere(cine.label_ed.any(2))[:, axis]
    shift = -away.min() if end == 0 else cine.label_ed.shape[axis] - 1 - away.max()
    cine.label_ed = np.roll(cine.label_ed, shift, axis)
    assert (cine.label_ed.take(end, axis) == MYOCARDIUM).any()
    slices = working_slices(cine)
    for code, soft in slices.soft.items():
        voxels = (cine.label_ed == code).sum() * np.prod(cine.spacing)
        assert float(soft.sum()) * slices.spacing**2 == pytest.approx(voxels, rel=0.02)
        for part, grid in zip(soft, slices.grids, strict=True):
            assert not bool(part[~grid.within_source()].any())
    assert not bool(slices.grids[0].within_source().all())


def test_working_grid_is_centred_on_the_labelled_ventricle(small_study: Path) -> None:
    cine = read_cine(find_studies(small_study)[0])
    for grid in working_grids(cine):
        assert grid.center == pytest.approx((38.0, 36.0), abs=0.2)
    cine.label_ed = None
    for grid in working_grids(cine):
        assert grid.center == pytest.approx((38.0, 36.0), abs=1.0)


def test_reference_frame_comes_first_and_is_normalised(small_study: Path) -> None:
    (small_study / "info.json").write_text(json.dumps({"ed_frame": 2, "es_frame": 1}))
    item = LoadCine()(find_studies(small_study)[0])
    assert item["image"].shape == (2, 4, 96, 96)
    assert torch.quantile(item["image"][0, 0], 0.995).item() == pytest.approx(1.0)
    assert item["es_index"] == 3
    cine = read_cine(find_studies(small_study)[0])
    grid = working_grids(cine)[0]
    frame = grid.to_working(torch.from_numpy(cine.image[:, :, 0, 2].copy())[None, None])[0, 0]
    zero = 250 - 0.04 / 0.96 * 650  # the dark end, 250, lies at 0.04; the blood, 900, at 1
    assert torch.allclose(item["image"][0, 0], (frame - zero) / (900 - zero), atol=1e-4)


def test_random_pairs_show_a_moving_frame_and_end_diastole(small_study: Path) -> None:
    item = LoadCine()(find_studies(small_study)[0])
    pairs = RandFramePairs(5).set_random_state(0)(item)
    assert len(pairs) == 5
    for pair in pairs:
        assert pair["mask"].sum() > 100
        assert any(torch.equal(pair["image"][1], item["image"][z, 0]) for z in range(2))
        assert not torch.equal(pair["image"][0], pair["image"][1])


def test_label_codings_give_the_same_internal_label(small_study: Path) -> None:
    path = small_study / "label_sa_ED.nii.gz"
    original = nib.load(path)
    internal = np.asarray(original.dataobj)
    recoded = np.select([internal == 1, internal == 2], [3, 2], 0).astype(np.uint8)
    for name, values in (("acdc", recoded), ("myocardium", (internal == 2).astype(np.uint8))):
        other = small_study / f"{name}.nii.gz"
        nib.save(nib.Nifti1Image(values, original.affine), other)
        assert np.array_equal(read_label(other, internal.shape, name).map, internal)


@pytest.mark.parametrize("change", BAD_INPUT)
def test_bad_input_names_file_value_and_fix(small_study: Path, change: str) -> None:
    image_with(small_study, change)
    # "auto" would see what the shapes are, whatever their codes.
    coding = "internal" if change in ("no myocardium", "unknown code") else "auto"
    with pytest.raises(InputError, match=BAD_INPUT[change]):
        read_cine(find_studies(small_study)[0], coding)


def test_two_studies_are_listed_by_name(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_study(tmp_path / name, frames=2, slices=1)
    assert [s["name"] for s in find_studies(tmp_path)] == ["a", "b"]


def test_real_label_of_myocardium_only_gets_its_cavity(real_cines: Path) -> None:
    cine = read_cine(find_studies(real_cines / "patient001")[0])
    assert cine.levels == ["basal", "mid", "apical"]
    assert cine.label_ed is not None
    for z in range(3):
        assert (cine.label_ed[..., z] == 1).sum() > 100


@pytest.mark.parametrize("axes", [((0, 1), (1, 1), (2, 1)), ((1, -1), (0, 1), (2, -1))])
@pytest.mark.parametrize(("kept", "lost"), [(slice(1, None), 0), (slice(0, 2), 2)])
def test_label_of_fewer_or_of_more_slices_lies_where_its_affine_says(
    tmp_path: Path, kept: slice, lost: int, axes: tuple[tuple[int, int], ...]
) -> None:
    write_study(tmp_path / "small", slices=3)
    path, cine = tmp_path / "small" / "label_sa_ED.nii.gz", tmp_path / "small" / "sa.nii.gz"
    entry = {"image": str(cine), "label_ed": str(path)}
    expected = read_cine(entry).label_ed
    assert expected is not None
    own, frames = (  # in memory: the files are replaced
        nib.Nifti1Image(np.array(image.dataobj), image.affine)
        for image in (nib.load(path), nib.load(cine))
    )
    nib.save(own.slicer[:, :, kept].as_reoriented(np.array(axes)), path)
    fewer = expected.copy()
    fewer[..., lost] = 0
    assert np.array_equal(read_cine(entry).label_ed, fewer)
    nib.save(own.as_reoriented(np.array(axes)), path)
    nib.save(frames.slicer[:, :, kept], cine)
    assert np.array_equal(read_cine(entry).label_ed, expected[..., kept])


def test_label_of_other_levels_is_refused(tmp_path: Path) -> None:
    write_study(tmp_path / "small")
    path = tmp_path / "small" / "label_sa_ED.nii.gz"
    own = nib.load(path)
    affine = own.affine.copy()
    affine[:3, 3] += 5 * affine[:3, 2]
    nib.save(nib.Nifti1Image(np.asarray(own.dataobj), affine), path)
    with pytest.raises(InputError, match="the label lies outside the cine"):
        read_cine({"image": str(tmp_path / "small" / "sa.nii.gz"), "label_ed": str(path)})


def test_label_stored_with_other_axes_is_turned_and_one_elsewhere_is_refused(
    tmp_path: Path,
) -> None:
    write_study(tmp_path / "small")
    path = tmp_path / "small" / "label_sa_ED.nii.gz"
    entry = {"image": str(tmp_path / "small" / "sa.nii.gz"), "label_ed": str(path)}
    expected = read_cine(entry).label_ed
    own = nib.load(path)
    values = np.asarray(own.dataobj).copy()
    flipped = nib.Nifti1Image(values, own.affine).as_reoriented(np.array([[0, -1], [1, 1], [2, 1]]))
    nib.save(flipped, path)
    assert not np.array_equal(np.asarray(flipped.dataobj), values)
    assert np.array_equal(read_cine(entry).label_ed, expected)
    moved = own.affine.copy()
    moved[0, 3] += 20
    nib.save(nib.Nifti1Image(values, moved), path)
    with pytest.raises(InputError, match=r"label_sa_ED\.nii\.gz: the label does not lie on"):
        read_cine(entry)
