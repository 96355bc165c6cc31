"""Slices of walls whose motion is known: what stays in a plane, and what goes through it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from fem_sim.__main__ import main
from fem_sim.heart3d.mesh import ellipsoid_lofting, ventricle_mesh
from fem_sim.heart3d.modes.learn import modes_of
from fem_sim.heart3d.motion import HeartMotion
from fem_sim.heart3d.stacks.dataset import made_with, make_stacks
from fem_sim.heart3d.stacks.pictures import contraction_of, level_names, wall_motion
from fem_sim.heart3d.stacks.stack import StackSettings, slice_heart
from fem_sim.heart3d.wall import moving_wall
from myomotion.analysis.volume.lattice import ANGLES, DEPTHS, HEIGHTS
from myomotion.analysis.volume.lift import LiftSettings
from myomotion.analysis.volume.modes import HeartModes
from myomotion.errors import InputError
from tools.verify.volume.hearts import true_errors, unseen_jobs

STRETCH = 0.9  # along the axis
SEED = 12345  # of no heart that shipped modes are of


def heart(name: str = "h00000") -> HeartMotion:
    """An ellipsoid that moves towards its apex as a whole, then shortens evenly, and comes back."""
    mesh = ventricle_mesh(ellipsoid_lofting((25.0, 60.0), (35.0, 70.0), 15.0), 2, 5, 1)
    down = mesh.nodes + np.array([0.0, 0.0, -4.0])
    short = mesh.nodes * np.array([STRETCH**-0.5, STRETCH**-0.5, STRETCH])
    return HeartMotion(
        positions=np.stack([mesh.nodes, down, short, down, mesh.nodes]).astype(np.float32),
        cells=mesh.cells,
        endocardium=mesh.loaded,
        depth=mesh.depth.astype(np.float32),
        height=mesh.height.astype(np.float32),
        volume_ml=np.ones(5),
        pressure_kpa=np.ones(5),
        tension_kpa=np.ones(5),
        es_frame=2,
        provenance={
            "seed": SEED,
            "subject": name,
            "heart": {"kind": "normal"},
            "function": {"gls": 100 * (STRETCH - 1), "torsion": 0.0, "ejection_fraction": 0.0},
        },
    )


@pytest.fixture(scope="module")
def motion() -> HeartMotion:
    return heart()


def thin() -> StackSettings:
    return StackSettings(distance=10.0, thickness=0.01, shift=0.0)


def test_lattice_lies_on_the_ellipsoids_and_moves_with_them(motion: HeartMotion) -> None:
    wall = moving_wall(motion, HEIGHTS, ANGLES, DEPTHS)
    inner = wall.positions[0, :, :, 0]
    level = (np.hypot(inner[..., 0], inner[..., 1]) / 25) ** 2 + (inner[..., 2] / 60) ** 2
    assert np.abs(np.sqrt(level[:-1]) - 1).max() < 0.01
    expected = wall.positions[0] * np.array([STRETCH**-0.5, STRETCH**-0.5, STRETCH])
    assert np.abs(wall.positions[2] - expected).max() < 0.01


def test_a_plane_that_stays_sees_another_level_of_a_heart_that_goes_down(
    motion: HeartMotion,
) -> None:
    stack = slice_heart(motion, thin(), np.random.default_rng(0))
    radius = np.linalg.norm(stack.seen[:, :, :, 0], axis=-1).mean(-1)
    expected = 25 * np.sqrt(1 - ((stack.levels + 4) / 60) ** 2)
    below = stack.levels < 10  # above, the base has left the plane
    assert np.abs(radius[1] - expected)[below].max() < 0.1
    tissue = stack.tissue[1] - stack.tissue[0]
    assert np.abs(tissue - np.array([0, 0, -4.0])).max() < 0.01


def test_what_the_base_has_left_is_hidden(motion: HeartMotion) -> None:
    settings = StackSettings(distance=2.0, thickness=1.0, shift=0.0)
    stack = slice_heart(motion, settings, np.random.default_rng(2))
    assert stack.shown[0].all()
    hidden = stack.levels > 15 - 4 + 0.6
    assert hidden.any()
    assert not stack.shown[1, hidden].any()
    assert stack.shown[1, stack.levels < 9].all()
    assert np.isnan(stack.moves[1, hidden]).all()


def test_breath_holds_shift_slices_and_not_their_motion(motion: HeartMotion) -> None:
    still = slice_heart(motion, thin(), np.random.default_rng(0))
    settings = StackSettings(distance=10.0, thickness=0.01, shift=3.0)
    moved = slice_heart(motion, settings, np.random.default_rng(0))
    apart = moved.seen - still.seen
    assert np.abs(apart - moved.shifts[:, None, None]).max() < 1e-9
    assert np.nanmax(np.abs(moved.moves - still.moves)) < 1e-9


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="thickness <= distance"):
        StackSettings(distance=5.0, thickness=8.0)


def test_motion_of_pixels_is_that_of_the_lines_of_tissue() -> None:
    middle = 95.25
    ray = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1)
    start = middle + (20 + 10 * DEPTHS[None, :, None]) * ray[:, None]
    turn = np.deg2rad(5.0)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    seen = np.stack([start, middle + (start - middle) @ matrix.T])
    field, labels = wall_motion(seen)
    wall = np.argwhere(labels == 2) * 1.5 - middle
    expected = wall @ matrix.T - wall
    found = field[1][:, labels == 2].T
    assert np.abs(found - expected).max() < 0.02
    area = (labels == 2).sum() * 1.5**2
    assert area == pytest.approx(np.pi * (30**2 - 20**2), rel=0.03)


def test_contraction_is_one_where_the_cavity_is_smallest() -> None:
    ray = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1)
    radii = np.array([20.0, 16.0, 14.0, 18.0])
    found = contraction_of(radii[:, None, None] * ray)
    assert found.argmax() == 2
    assert found[[0, 2]] == pytest.approx([0.0, 1.0])


def test_levels_are_named_from_the_apex_on() -> None:
    assert level_names(7) == [*["apical"] * 3, *["mid"] * 2, *["basal"] * 2]


def test_modes_remember_which_hearts_they_are_of(tmp_path: Path) -> None:
    paths = []
    for name in ("h00000", "h00001"):
        paths.append(tmp_path / f"{name}.npz")
        heart(name).save(paths[-1])
    modes = modes_of(paths, (2, 1))
    assert modes.provenance["hearts"] == [f"seed {SEED}, h00000", f"seed {SEED}, h00001"]
    modes.save(tmp_path / "modes.npz")
    again = type(modes).load(tmp_path / "modes.npz")
    assert again.provenance == modes.provenance
    assert np.allclose(again.fields[0], modes.fields[0], atol=1e-6)


@pytest.fixture
def hearts(tmp_path: Path) -> Path:
    """A folder of one ventricle, as ``hearts3d`` makes it."""
    folder = tmp_path / "hearts"
    folder.mkdir()
    heart().save(folder / "h00000.npz")
    entry = {"motion": "h00000.npz", "subject": "h00000", "kind": "normal"}
    (folder / "datalist.json").write_text(json.dumps({"training": [entry]}))
    return folder


def test_modes_are_learned_by_command(hearts: Path, tmp_path: Path) -> None:
    output = tmp_path / "modes.npz"
    command = ["modes3d", "--hearts", str(hearts), "--output", str(output), "--counts", "2", "1"]
    assert main(command) == 0
    assert [len(field) for field in HeartModes.load(output).fields] == [2, 1]


def test_modes_are_written_under_the_name_that_was_given_and_no_other(
    hearts: Path, tmp_path: Path
) -> None:
    foreign = tmp_path / "modes.npz"
    foreign.write_bytes(b"somebody's")
    output = tmp_path / "modes"
    command = ["modes3d", "--hearts", str(hearts), "--output", str(output), "--counts", "2"]
    assert main(command) == 0
    assert len(HeartModes.load(output).fields) == 1
    assert foreign.read_bytes() == b"somebody's"


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (["99"], "counts: 99 modes of order 0. Give 0 to 4"),
        (["2", "-1"], "counts: -1 modes of order 1. Give 0 to 4"),
        (["0"] * 20, "counts: 20 orders of waves. Give at most 19"),
    ],
)
def test_more_modes_than_there_are_and_fewer_than_none_are_refused(
    counts: list[str], said: str, hearts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "modes.npz"
    command = ["modes3d", "--hearts", str(hearts), "--output", str(output), "--counts", *counts]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not output.exists()


@pytest.mark.parametrize("command", ["modes3d --hearts", "stacks3d --hearts", "phantom --cycles"])
def test_folder_of_something_else_is_refused_by_name(
    command: str, hearts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listing, maker = hearts / "datalist.json", "simulate"
    if command != "phantom --cycles":
        entry = {"cycle": "s00000_mid.npz", "subject": "s00000", "level": "mid"}
        sections = ("training", "validation", "test")
        listing.write_text(json.dumps({section: [entry] for section in sections}))
        maker = "hearts3d"
    assert main([*command.split(), str(hearts), "--output", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {listing}: not every entry") and error.count("\n") == 1
    assert f"Give a folder that python -m fem_sim {maker} made" in error


def test_errors_of_a_lift_that_is_measured_are_those_of_a_known_motion(hearts: Path) -> None:
    jobs = unseen_jobs(hearts, StackSettings(shift=0.0))
    ((name, found),) = true_errors(jobs, LiftSettings())
    assert name == "h00000"
    # No simulated heart moves so; what the tracks alone leave open is smaller all the same.
    assert found.point_mm < found.plane_only_mm
    assert abs(found.torsion) < 0.3


@pytest.mark.slow
def test_stacks_are_drawn_by_command_and_go_on(
    hearts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "stacks"
    command = [
        *("stacks3d", "--hearts", str(hearts), "--output", str(output), "--distance", "20"),
        *("--sections", "training", "--workers", "1", "--quiet"),
    ]
    assert main(command) == 0
    image = nib.load(output / "h00000" / "sa.nii.gz")
    info = json.loads((output / "h00000" / "info.json").read_text())
    assert image.header.get_zooms()[2] == 20.0
    assert image.shape[2:] == (len(info["stack"]["kept"]), 5)
    before = (output / "h00000" / "info.json").stat().st_mtime_ns
    assert main(command) == 0
    assert (output / "h00000" / "info.json").stat().st_mtime_ns == before
    capsys.readouterr()
    heart("another").save(hearts / "h00000.npz")  # of the same arrays
    assert main(command) == 0
    other = heart()
    replace(other, positions=other.positions * 1.1).save(hearts / "h00000.npz")
    assert main(command) == 1
    assert "other settings (h00000: made of other input)" in capsys.readouterr().err


def test_truth_of_stacks_is_told_by_how_they_were_made(hearts: Path, tmp_path: Path) -> None:
    output = tmp_path / "stacks"
    settings = StackSettings(distance=15.0, shift=0.5)
    make_stacks(output, hearts, settings=settings, seed=3, sections=("training",), progress=False)
    assert made_with(output, hearts) == (settings, 3)
    with pytest.raises(InputError, match=f"ventricles are of {hearts.name}, not of others"):
        made_with(output, tmp_path / "others")
    (output / "settings.json").write_text("[]")
    with pytest.raises(InputError, match="says nothing of stacks"):
        made_with(output, hearts)
    with pytest.raises(InputError, match="says nothing of stacks"):
        made_with(hearts, hearts)
