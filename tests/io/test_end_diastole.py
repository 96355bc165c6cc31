"""The reference frame is checked where nobody names it."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from myomotion.io.cine import find_studies, read_cine
from myomotion.io.pictures.moving import FRAMES_PER_HARMONIC, SLOW_SHARE, _slow_deviation
from tests.support.studies import write_study

FRAMES = 10


@pytest.fixture
def rolled(tmp_path: Path) -> Path:
    """A study whose end-diastole is frame 4; nothing says so."""
    write_study(tmp_path / "rolled", frames=FRAMES)
    path = tmp_path / "rolled" / "sa.nii.gz"
    image = nib.load(path)
    values = np.roll(np.asarray(image.dataobj), 4, axis=3)
    nib.save(nib.Nifti1Image(values, image.affine), path)
    return tmp_path / "rolled"


def test_frame_in_which_the_label_fits_is_found_and_said(rolled: Path) -> None:
    cine = read_cine(find_studies(rolled)[0])
    assert cine.ed_frame == 4
    assert "label fits best" in cine.ed_found
    assert any("frame 4 was taken" in warning for warning in cine.warnings)


def test_fullest_heart_is_found_without_a_label(rolled: Path) -> None:
    (rolled / "label_sa_ED.nii.gz").unlink()
    cine = read_cine(find_studies(rolled)[0])
    assert cine.ed_frame in (3, 4, 5)
    assert "fullest heart" in cine.ed_found


def test_given_frame_wins_and_a_first_frame_that_fits_is_kept(rolled: Path, tmp_path: Path) -> None:
    (rolled / "info.json").write_text(json.dumps({"ed_frame": 1}))
    assert read_cine(find_studies(rolled)[0]).ed_frame == 1
    write_study(tmp_path / "plain", frames=FRAMES)
    cine = read_cine(find_studies(tmp_path / "plain")[0])
    assert (cine.ed_frame, cine.ed_found) == (0, "assumed: the first frame")
    assert cine.warnings == []


def test_end_diastole_of_a_pair_is_its_fuller_frame(tmp_path: Path) -> None:
    write_study(tmp_path / "pair", frames=4)
    path = tmp_path / "pair" / "sa.nii.gz"
    image = nib.load(path)
    pair = np.asarray(image.dataobj)[..., [2, 0]]
    nib.save(nib.Nifti1Image(pair, image.affine), path)
    assert read_cine(find_studies(tmp_path / "pair")[0]).ed_frame == 1


@pytest.mark.slow
def test_real_cines_in_any_rotation_of_their_frames(real_cines: Path) -> None:
    from myomotion.io.pictures.end_diastole import find_end_diastole

    wrong = []
    for study in find_studies(real_cines):
        cine = read_cine(study)
        frames = cine.image.shape[3]
        for shift in range(0, frames, 7):
            image = np.roll(cine.image, shift, axis=3)
            found = find_end_diastole(image, cine.affine, cine.label_ed).frame
            apart = (found - cine.ed_frame - shift + frames // 2) % frames - frames // 2
            if abs(apart) > 0.15 * frames:
                wrong.append((cine.name, shift, apart))
    assert len(wrong) <= 1, wrong


@pytest.mark.parametrize("frames", [2, 3, 4, 5, 12, 25, 30])
def test_slow_share_is_that_of_all_harmonics(frames: int) -> None:
    rng = np.random.default_rng(frames)
    beat = np.sin(2 * np.pi * np.arange(frames) / frames + 0.4)
    cine = (rng.random((40, 40, frames)) + rng.random((40, 40, 1)) * beat).astype(np.float32)
    power = np.abs(np.fft.rfft(cine, axis=-1)[..., 1:]) ** 2
    slow = power[..., : max(1, frames // FRAMES_PER_HARMONIC)].sum(-1)
    expected = np.where(slow >= SLOW_SHARE * power.sum(-1), cine.std(axis=-1), 0.0)
    np.testing.assert_array_equal(_slow_deviation(cine), expected)
    assert frames < 4 or 0 < (expected > 0).mean() < 1
