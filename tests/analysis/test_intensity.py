"""What does not belong to the heart does not scale it: bright spots, borders, padding, offsets."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from myomotion.analysis.grids import working_slices
from myomotion.analysis.intensity import intensities
from myomotion.analysis.segmentation import Contours
from myomotion.analysis.study import analyse
from myomotion.errors import InputError
from myomotion.io.cine import find_studies, read_cine
from myomotion.io.pictures.moving import moving_center
from myomotion.tracker import Tracker
from myomotion.transforms.load_cine import LoadCine
from tests.support.cines.ring import beat, ring_cine
from tests.support.studies import write_study
from tools.verify.robustness.faults.changes import cine_of, save

Edit = Callable[[np.ndarray], np.ndarray]


@pytest.fixture
def airy(small_study: Path) -> Path:
    """The drawn study with air at its sides, as the body leaves it in a field of view."""
    image, _ = cine_of(small_study)
    air = np.random.default_rng(0).uniform(10, 30, (16, *image.shape[1:]))
    image[:8], image[72:] = air[:8], air[8:]
    save(small_study, image)
    return small_study


def rim(image: np.ndarray) -> np.ndarray:
    x, y = np.indices(image.shape[:2])
    return np.asarray(np.hypot(x - 40, y - 36) > 36.5)


def patch(times: float) -> Edit:
    def edit(image: np.ndarray) -> np.ndarray:
        image[8:14, 4:12] = times * image.max()
        return image

    return edit


def border(value: float) -> Edit:
    def edit(image: np.ndarray) -> np.ndarray:
        image[rim(image)] = value
        return image

    return edit


EDITS: dict[str, Edit] = {
    "a patch, 3 times": patch(3),
    "a patch, 20 times": patch(20),
    "a bright border": border(30000),
    "negative padding": border(-2000),
    "padding": border(32767),
    "an offset": lambda image: image + 1000,
}


@pytest.mark.parametrize("name", EDITS)
def test_what_is_not_the_heart_leaves_its_intensities_as_they_are(airy: Path, name: str) -> None:
    (study,) = find_studies(airy)
    plain = LoadCine()(study)["image"]
    save(airy, EDITS[name](cine_of(airy)[0]))
    odd = LoadCine()(study)["image"]
    heart = slice(20, 76)  # 42 mm about the middle
    assert plain[..., heart, heart].max() == pytest.approx(1, abs=0.01)
    assert torch.allclose(odd[..., heart, heart], plain[..., heart, heart], atol=0.03)
    assert odd.min() >= 0 and odd.max() <= 1.2


@pytest.mark.parametrize("constant", [-1200, -300, 300, 1000, 5000])
def test_a_constant_on_all_intensities_changes_nothing_even_without_air(
    small_study: Path, constant: float
) -> None:
    plain = LoadCine()(find_studies(small_study)[0])["image"]
    save(small_study, cine_of(small_study)[0] + constant)
    assert torch.allclose(LoadCine()(find_studies(small_study)[0])["image"], plain, atol=1e-3)


def test_padding_is_said_and_dark_margins_stay(airy: Path) -> None:
    (study,) = find_studies(airy)
    plain = read_cine(study)
    assert plain.warnings == []
    image = cine_of(airy)[0]
    image[rim(image)] = 32767
    save(airy, image)
    padded = read_cine(study)
    assert padded.image.max() == plain.image.max()
    assert padded.warnings == [
        "Padding of value 32767 along the border is no intensity: the nearest intensities took its "
        "place."
    ]
    image[rim(image)] = 0
    save(airy, image)
    dark = read_cine(study)
    assert dark.warnings == [] and dark.image.min() == 0


@pytest.mark.parametrize("sides", [(20, 24), (0, 24), (20, 0)])
def test_zeros_about_a_picture_that_was_made_larger_are_no_air(
    airy: Path, sides: tuple[int, int]
) -> None:
    image = cine_of(airy)[0]
    image[0, :, :, 0] = 0  # a picture has a dark voxel now and then
    widths = [(side, side) for side in (*sides, 0, 0)]
    save(airy, np.pad(image, widths))
    padded = read_cine({"image": airy / "sa.nii.gz"})
    assert np.array_equal(padded.image, np.pad(image, widths, "edge"))
    assert padded.warnings[0].startswith("Padding of value 0 along the border is no intensity")
    ragged = np.pad(image, widths)
    ragged[sides[0] - 1, sides[1] - 1] = 7
    save(airy, ragged)
    assert np.array_equal(read_cine({"image": airy / "sa.nii.gz"}).image, ragged)


def test_what_flickers_is_not_what_beats(airy: Path) -> None:
    x, y = np.indices((80, 72))
    radius = 12 - 3 * np.sin(np.pi * np.arange(16) / 16)
    image = np.where(np.hypot(x - 50, y - 30)[..., None] < radius, 900.0, 300.0)[:, :, None]
    assert moving_center(image) == pytest.approx((50, 30), abs=0.5)
    image[:8] += 5000 * np.random.default_rng(0).random(16)
    assert moving_center(image) == pytest.approx((50, 30), abs=0.5)


@pytest.mark.parametrize("strip", [0.0, 900.0, 5000.0])
def test_what_changes_along_the_border_of_a_pair_is_no_heart(strip: float) -> None:
    x, y = np.indices((80, 72))
    radius = np.array([14.0, 8.0])
    image = np.where(np.hypot(x - 50, y - 30)[..., None] < radius, 900.0, 300.0)[:, :, None]
    image += np.random.default_rng(0).normal(0, 5, image.shape)
    image[:8, ..., 1] += strip
    assert moving_center(image) == pytest.approx((50, 30), abs=1)


@pytest.mark.parametrize("frames", [1, 2, 30])
def test_a_still_image_is_centred_on_its_middle(frames: int) -> None:
    still = np.random.default_rng(0).random((40, 31, 2, 1)).repeat(frames, 3)
    assert moving_center(still) == (19.5, 15)


def without_slice(folder: Path, z: int, *files: str) -> None:
    """Nothing in a slice of some files."""
    for file in files:
        image = nib.load(folder / file)
        values = np.asarray(image.dataobj).copy()
        values[:, :, z] = 0
        nib.save(nib.Nifti1Image(values, image.affine), folder / file)


@pytest.mark.parametrize("z", [0, 1, 2])
def test_a_blank_slice_without_a_label_is_left_out_and_said(small_study: Path, z: int) -> None:
    write_study(small_study, slices=3)
    without_slice(small_study, z, "sa.nii.gz")
    with pytest.raises(InputError, match=f"slice {z} is empty around the heart"):
        LoadCine()(find_studies(small_study)[0])
    without_slice(small_study, z, "label_sa_ED.nii.gz")
    (study,) = find_studies(small_study)
    for label_ed in ("file", "none"):
        loaded = LoadCine(contours=Contours(label_ed))(study)
        assert loaded["image"][z].abs().max() == 0
        still = torch.zeros(3, 4, 2, 96, 96)
        tracked = analyse(loaded["slices"], still)
        measured = [part["measured"] for part in tracked.summary["slices"]]
        assert measured == [k != z for k in range(3)]
        said = f"Slice {z}: one value throughout; nothing is measured there."
        assert said in tracked.summary["warnings"]


def test_a_cine_of_blank_slices_is_refused(small_study: Path) -> None:
    image, _ = cine_of(small_study)
    image[:] = np.array([3, 5])[:, None]
    save(small_study, image)
    with pytest.raises(InputError, match="every slice holds one value"):
        read_cine(find_studies(small_study)[0])


@pytest.mark.slow
def test_strain_of_a_real_cine_is_that_of_the_plain_one(real_cines: Path, tmp_path: Path) -> None:
    source = real_cines / "patient001"
    cine = nib.load(source / "sa.nii.gz")
    plain = np.asarray(cine.dataobj, np.float32)
    x, y = np.indices(plain.shape[:2])
    far = np.hypot(x - plain.shape[0] / 2, y - plain.shape[1] / 2) > 105
    top = float(np.percentile(plain, 99.5))
    odd = {"plain": plain, "offset": plain + 1000}
    odd["patch"] = plain.copy()
    middle = np.argwhere(np.asarray(nib.load(source / "label_sa_ED.nii.gz").dataobj).any(2)).mean(0)
    first, second = (int(max(c - 42, 0)) for c in middle)
    odd["patch"][first : first + 12, second : second + 12] = 6 * top
    for name, value in (("ring", 30 * top), ("padding", -1000)):
        odd[name] = plain.copy()
        odd[name][far] = value
    tracker, ecc = Tracker(), {}
    for name, image in odd.items():
        folder = tmp_path / name
        folder.mkdir()
        nib.save(nib.Nifti1Image(image, cine.affine), folder / "sa.nii.gz")
        for file in ("label_sa_ED.nii.gz", "info.json"):
            shutil.copy(source / file, folder)
        result = tracker(find_studies(folder)[0])
        ecc[name] = result.summary["mean_of_slices_at_end_systole"]["ecc_percent"]
    assert ecc["plain"] == pytest.approx(-7.0, abs=0.1)  # by the shipped weights
    for name, value in ecc.items():
        assert value == pytest.approx(ecc["plain"], abs=0.1), name


def test_range_of_intensities_is_that_of_end_diastole() -> None:
    cine = ring_cine(beat())
    brighter = replace(cine, image=cine.image.copy())
    brighter.image[..., 1:] *= 3
    assert intensities(working_slices(brighter), 0) == intensities(working_slices(cine), 0)
