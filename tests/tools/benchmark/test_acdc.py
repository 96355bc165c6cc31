"""The protocol of published tables: a made pair gives known scores, real pairs come near theirs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from tests.support.public_data import write_acdc
from tools.benchmark.__main__ import main
from tools.benchmark.acdc import Frames, Grid, find_frames
from tools.benchmark.both_ways import make_register, settings_of
from tools.benchmark.volume_scores import MEASURES, overlap, scored, volume_keeping

SPACING = (1.5, 1.5, 8.0)
GRID = Grid(spacing=SPACING, size=(48, 48, 12))
SHIFT = (3, -2)  # voxels from end-diastole to end-systole


def shifted_frames(slices: int = 8) -> Frames:
    """Blocks of three tissues that are shifted as a whole in the plane."""
    ed = np.zeros((48, 48, slices), np.float32)
    ed[12:36, 12:36], ed[18:30, 18:30], ed[12:36, 6:12] = 2, 1, 3
    both = np.stack([ed, np.roll(ed, SHIFT, (0, 1))])
    affine = torch.diag(torch.tensor([*SPACING, 1.0], dtype=torch.float64))
    volumes = [MetaTensor(torch.from_numpy(part), affine=affine) for part in (both + 1, both)]
    return Frames(images=volumes[0], labels=volumes[1], layout="pair")


def true_fields(slices: int = 8) -> torch.Tensor:
    """The shift in mm, both ways."""
    there = torch.tensor(SHIFT, dtype=torch.float32) * SPACING[0]
    return torch.stack([there, -there])[:, None, :, None, None].repeat(1, slices, 1, 48, 48)


def test_true_motion_scores_full_marks_in_both_directions() -> None:
    found = scored(shifted_frames(), true_fields(), GRID)
    for own in found.values():
        assert own["dice"] == own["dice_rv"] == own["dice_myo"] == own["dice_lv"] == 1
        assert own["hd95_mm"] == own["fold_fraction"] == 0
        assert own["sd_log_j"] == pytest.approx(0, abs=1e-6)


def test_motion_in_the_wrong_direction_is_worse_than_none() -> None:
    frames = shifted_frames()
    still = scored(frames, torch.zeros_like(true_fields()), GRID)["mean"]
    wrong = scored(frames, -true_fields(), GRID)["mean"]
    assert wrong["dice"] < still["dice"] < 1
    # Shifted by (3, 2) of 12 voxels: what two squares share.
    assert still["dice_lv"] == pytest.approx((12 - 3) * (12 - 2) / 144)
    assert wrong["hd95_mm"] > still["hd95_mm"] > 0


def test_distances_are_in_millimetres_along_every_axis() -> None:
    """A tissue moved by one slice is one slice away, by one voxel one voxel."""
    block = torch.zeros(8, 48, 48)
    block[2:6, 12:36, 12:36], block[2:6, 18:30, 18:30], block[2:6, 12:36, 6:12] = 2, 1, 3
    along = {0: 8.0, 1: 1.5, 2: 2.5}
    for axis, step in along.items():
        spacing = (1.5, 2.5, 8.0)
        moved = torch.roll(block, 1, axis)
        assert overlap(moved, block, moved, spacing)["hd95_lv_mm"] == pytest.approx(step)


def test_tissue_that_is_warped_away_counts_as_where_it_was() -> None:
    fixed = shifted_frames().labels.as_tensor()[0].permute(2, 0, 1)
    gone = torch.where(fixed == 3, 0, fixed)
    found = overlap(gone, fixed, torch.roll(fixed, 4, 1), SPACING)
    assert found["dice_rv"] == 0 and found["dice_lv"] == 1
    assert found["hd95_rv_mm"] == pytest.approx(4 * 1.5)


def test_sd_of_log_j_is_that_of_a_known_stretch() -> None:
    """J is 1.2 in six of twelve slices, 1 in those that are filled up."""
    x = torch.arange(48.0)
    field = torch.zeros(6, 2, 48, 48)
    field[:, 0] = 0.2 * x[:, None]
    share = 6 / 8  # of the slices without the two outermost at each end
    spread = math.log(4.2) - math.log(4)
    found = volume_keeping(field, 12)
    assert found["sd_log_j"] == pytest.approx(spread * math.sqrt(share * (1 - share)), rel=1e-4)
    assert found["fold_fraction"] == 0
    field[:, 0] = -1.5 * x[:, None]
    assert volume_keeping(field, 12)["fold_fraction"] == pytest.approx(6 * 44 * 44 / (12 * 48 * 48))


@pytest.mark.slow
def test_peer_registers_each_direction() -> None:
    pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    frames = shifted_frames()
    found = scored(frames, make_register("demons")(frames), GRID)
    still = scored(frames, make_register("none")(frames), GRID)
    for direction in ("es_to_ed", "ed_to_es"):
        assert found[direction]["dice"] > 0.95 > still[direction]["dice"]


@pytest.mark.slow
def test_slices_without_a_picture_stay_still() -> None:
    frames = shifted_frames()
    images = frames.images.clone()
    images[..., -1] = 0
    empty = Frames(images=images, labels=frames.labels, layout="pair")
    field = make_register("demons")(empty)
    assert field.shape == true_fields().shape
    assert not field[:, -1].any() and field[:, 0].any()


def test_grid_keeps_the_place_of_what_it_resamples() -> None:
    """Twice as fine: the middle of a block stays where it is, in millimetres."""
    frames = shifted_frames()
    fine = Grid(spacing=(0.75, 0.75, 8.0), size=(96, 96, 8)).of(frames)
    assert fine.images.shape == fine.labels.shape == (2, 96, 96, 8)
    for given, own in zip(frames.labels, fine.labels, strict=True):
        places = [
            np.argwhere(label.numpy() == 1).mean(0) @ np.asarray(volumes.affine)[:3, :3].T
            + np.asarray(volumes.affine)[:3, 3]
            for label, volumes in ((given, frames.labels), (own, fine.labels))
        ]
        assert np.allclose(places[0], places[1], atol=0.75)
    assert Grid(spacing=SPACING, size=(40, 52, 5)).of(frames).images.shape == (2, 40, 52, 5)


def test_layout_of_the_release_gives_frames_rows_and_a_table(tmp_path: Path) -> None:
    write_acdc(tmp_path / "data", "patient007")
    write_acdc(tmp_path / "data", "patient008", ed=2, es=7)
    output = tmp_path / "found.json"
    command = ["acdc", "--data", str(tmp_path / "data"), "--output", str(output)]
    size = ["--spacing", "1.25", "1.25", "8", "--size", "48", "48", "12"]
    assert main([*command, *size, "--methods", "none"]) == 0
    found = json.loads(output.read_text())
    assert [row["subject"] for row in found["subjects"]] == ["patient007", "patient008"]
    first = found["subjects"][0]
    assert first["group"] == "DCM" and first["grid_slices"] == 8 and first["layout"] == "release"
    assert set(first["mean"]) == set(MEASURES)
    mean = np.mean([row["mean"]["dice_lv"] for row in found["subjects"]])
    assert found["methods"]["none"]["mean"]["dice_lv"] == pytest.approx(mean)
    assert found["methods"]["none"]["n"] == 2
    assert f"| none | 2 | {100 * found['methods']['none']['mean']['dice']:.2f}" in found["table"]
    # Right ventricles of the drawn hearts do not move, cavities do.
    assert first["mean"]["dice_rv"] == 1 and first["mean"]["dice_lv"] < 0.9


def test_pair_is_told_apart_by_its_cavities(tmp_path: Path) -> None:
    release = find_frames(write_acdc(tmp_path / "release"))["patient007"]()
    codes = np.array([0, 3, 2, 1], np.uint8)[release.labels.numpy().astype(int)]
    for name, phase in (("fixed", 1), ("moving", 0)):  # end-systole is the fixed one
        for ending, volumes in (("", release.images.numpy()), ("_gt", codes)):
            image = nib.Nifti1Image(volumes[phase], release.images.affine.numpy())
            (tmp_path / "p1").mkdir(exist_ok=True)
            nib.save(image, tmp_path / "p1" / f"{name}{ending}.nii.gz")
    found = find_frames(tmp_path / "p1")
    assert list(found) == ["p1"]
    pair = found["p1"]()
    assert torch.equal(pair.labels.as_tensor(), release.labels.as_tensor())
    assert torch.equal(pair.images.as_tensor(), release.images.as_tensor())


def test_subject_without_a_right_ventricle_is_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_acdc(tmp_path / "data")
    path = next(folder.glob("*_frame05_gt.nii.gz"))
    image = nib.load(path)
    codes = np.asarray(image.dataobj)  # type: ignore[attr-defined]
    nib.save(nib.Nifti1Image(np.where(codes == 1, 0, codes), np.eye(4)), path)
    output = tmp_path / "found.json"
    command = ["acdc", "--data", str(tmp_path / "data"), "--output", str(output)]
    assert main([*command, "--methods", "none"]) != 0
    assert "no rv labelled at end-systole" in capsys.readouterr().err and not output.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--spacing 1.8 0.9 10", "spacing 1.8 0.9 10: give three sizes above 0 mm"),
        ("--spacing 0 0 10", "spacing 0 0 10: give three sizes above 0 mm"),
        ("--spacing nan nan 10", "spacing nan nan 10: give three sizes above 0 mm"),
        ("--size 128 160 4", "size 128 160 4: give at least 5 voxels along each axis"),
        ("--set refine_steps=9", "--set refine_steps: none of the methods none takes it"),
        ("--size 8 8 12", "labelled at end-diastole within the grid of 8 x 8 x 12 voxels"),
    ],
)
def test_options_that_could_give_no_right_number_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: str, said: str
) -> None:
    write_acdc(tmp_path / "data")
    output = tmp_path / "found.json"
    command = ["acdc", "--data", str(tmp_path / "data"), "--output", str(output)]
    assert main([*command, "--methods", "none", *options.split()]) != 0
    assert said in capsys.readouterr().err and not output.exists()


def test_settings_of_the_refinement_leave_the_network_as_it_is() -> None:
    changes = {"refine_steps": 9, "weights": "model.pt"}
    assert settings_of("refined", changes) == changes
    assert settings_of("network", changes) == {"weights": "model.pt"}
    assert settings_of("none", changes) == settings_of("demons", changes) == {}


@pytest.mark.slow
def test_real_subject_comes_closer_than_where_nothing_moves(
    acdc_groups: Path, tmp_path: Path
) -> None:
    name = next(iter(find_frames(acdc_groups)))
    output = tmp_path / "found.json"
    command = ["acdc", "--data", str(acdc_groups), "--only", name, "--output", str(output)]
    assert main([*command, "--methods", "none", "network"]) == 0
    means = {m: own["mean"] for m, own in json.loads(output.read_text())["methods"].items()}
    assert 0.3 < means["none"]["dice"] < 0.9
    assert means["network"]["dice"] > means["none"]["dice"] + 0.05
    assert means["network"]["hd95_mm"] < means["none"]["hd95_mm"]
    assert 0 < means["network"]["sd_log_j"] < 0.2 and means["network"]["fold_fraction"] < 1e-3
