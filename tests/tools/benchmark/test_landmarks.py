"""Landmarks: known motions give known distances, in plane and in space."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tools.benchmark.__main__ import main

SIZE, FRAMES, ED, ES = (16, 14, 4), 3, 1, 2
STEP = np.array([3.0, -4.0, 0.0])  # LPS millimetres from end-diastole to end-systole, as tracked
DESCENT = np.array([0.0, 0.0, 12.0])  # of the tissue through the planes, which no slice shows
TRUE = STEP + DESCENT
POINTS = {"a": np.array([-8.0, -10.0, 8.0]), "b": np.array([-12.0, -6.0, 16.0])}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Nothing moves in frame 0; in frame 2 all is shifted in the planes of the slices."""
    return _write_study(tmp_path / "study")


def _write_study(folder: Path, order: tuple[int, ...] = (0, 1, 2)) -> Path:
    _write_fields(folder, STEP, order)
    (folder / "summary.json").write_text(
        json.dumps({"reference_frame": ED, "es_frame": ES, "name": "known"})
    )
    return folder


def _write_fields(folder: Path, step: np.ndarray, order: tuple[int, ...] = (0, 1, 2)) -> None:
    """Fields of a step, their axes in an order: 2 is that of the slices."""
    (folder / "displacement").mkdir(parents=True)
    affine = np.diag([2.0, 2.0, 8.0, 1.0])[:, [*order, 3]]
    for t in range(FRAMES):
        field = np.zeros((*SIZE, 1, 3), np.float32) + (step if t == ES else 0)
        image = nib.Nifti1Image(field.astype(np.float32).transpose(*order, 3, 4), affine)
        nib.save(image, folder / "displacement" / f"frame_{t:03d}.nii.gz")


def _table(path: Path, observers: dict[str, np.ndarray]) -> Path:
    """Every point of each observer, off by a constant in all frames but end-diastole."""
    lines = ["id,observer,frame,x,y,z"]
    for who, error in observers.items():
        for name, start in POINTS.items():
            places = {ED: start, 0: start + error, ES: start + TRUE + error}
            lines += [f"{name},{who},{t},{x},{y},{z}" for t, (x, y, z) in places.items()]
    path.write_text("\n".join(lines))
    return path


def _compared(study: Path, points: Path) -> dict:
    output = study.parent / "found.json"
    command = ["landmarks", "--study", str(study), "--points", str(points)]
    assert main([*command, "--output", str(output)]) == 0
    found: dict = json.loads(output.read_text())
    return found


def test_tracking_in_the_planes_lacks_the_way_through_them(study: Path, tmp_path: Path) -> None:
    found = _compared(study, _table(tmp_path / "p.csv", {"x": np.zeros(3)}))
    systole = found["end_systole"]
    assert systole["none"]["plane"]["median"] == pytest.approx(5)
    assert systole["none"]["space"]["median"] == pytest.approx(13)
    assert systole["in_plane"]["plane"]["median"] == pytest.approx(0, abs=1e-5)
    assert systole["in_plane"]["space"]["median"] == pytest.approx(12)
    assert systole["in_plane"]["space"]["n"] == len(POINTS)
    assert found["all_frames"]["in_plane"]["space"]["mean"] == pytest.approx(6)
    assert "in_space" not in systole and systole["observers"]["space"] == {"n": 0}
    assert found["levels"] == {} and found["es_frame"] == ES


@pytest.mark.parametrize("order", [(2, 0, 1), (0, 2, 1)])
def test_plane_is_that_of_the_slices_whichever_axis_counts_them(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    points = _table(tmp_path / "p.csv", {"x": np.zeros(3)})
    systole = _compared(_write_study(tmp_path / "study", order), points)["end_systole"]
    assert systole["none"]["plane"]["median"] == pytest.approx(5)
    assert systole["in_plane"]["plane"]["median"] == pytest.approx(0, abs=1e-5)
    assert systole["in_plane"]["space"]["median"] == pytest.approx(12)


def test_motion_in_space_is_taken_where_the_study_has_it(study: Path, tmp_path: Path) -> None:
    _write_fields(study / "volume", TRUE - [0, 0, 2])
    systole = _compared(study, _table(tmp_path / "p.csv", {"x": np.zeros(3)}))["end_systole"]
    assert systole["in_space"]["space"]["median"] == pytest.approx(2, abs=1e-5)
    assert systole["in_space"]["plane"]["median"] == pytest.approx(0, abs=1e-5)


def test_observers_are_held_against_each_other(study: Path, tmp_path: Path) -> None:
    points = _table(tmp_path / "p.csv", {"x": np.zeros(3), "y": np.array([0.0, 1.0, 0.0])})
    found = _compared(study, points)
    between = found["all_frames"]["observers"]
    assert between["space"]["n"] == (FRAMES - 1) * len(POINTS)  # both start from the same places
    assert between["space"]["mean"] == between["plane"]["mean"] == pytest.approx(1)
    assert found["end_systole"]["in_plane"]["plane"]["mean"] == pytest.approx(0.5, abs=1e-5)


def test_points_beyond_the_stack_are_left_out_and_said(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = _table(tmp_path / "p.csv", {"x": np.zeros(3)})
    points.write_text(points.read_text() + f"\nfar,x,{ED},500,0,0\nfar,x,{ES},500,0,0")
    found = _compared(study, points)
    assert found["outside"] == ["far (x)"] and "left out: far (x)" in capsys.readouterr().err
    assert found["end_systole"]["none"]["plane"]["n"] == len(POINTS)


def test_levels_of_a_table_have_medians_of_their_own(study: Path, tmp_path: Path) -> None:
    points = _table(tmp_path / "p.csv", {"x": np.zeros(3)})
    lines = points.read_text().splitlines()
    named = {"a": "basal", "b": "apical", "i": "level"}
    points.write_text("\n".join(f"{line},{named[line[0]]}" for line in lines))
    found = _compared(study, points)
    assert set(found["levels"]) == {"basal", "apical"}
    assert found["levels"]["basal"]["end_systole"]["in_plane"]["space"]["n"] == 1


def test_points_of_another_space_are_asked_about_or_flipped(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points, output = tmp_path / "ras.csv", tmp_path / "found.json"
    lines = ["id,observer,frame,x,y,z"]
    for t, place in ((ED, POINTS["a"]), (ES, POINTS["a"] + STEP)):
        lines.append(f"a,x,{t},{-place[0]},{-place[1]},{place[2]}")
    points.write_text("\n".join(lines))
    command = ["landmarks", "--study", str(study), "--points", str(points)]
    assert main([*command, "--output", str(output)]) != 0
    assert "none of the 1 points lies in the stack" in capsys.readouterr().err
    assert main([*command, "--output", str(output), "--space", "RAS"]) == 0
    systole = json.loads(output.read_text())["end_systole"]
    assert systole["in_plane"]["space"]["median"] == pytest.approx(0, abs=1e-5)


def test_end_systole_of_observers_may_be_another_frame(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points, output = tmp_path / "p.csv", tmp_path / "found.json"
    points.write_text(f"id,observer,frame,x,y,z\na,x,{ED},-8,-10,8\na,x,0,-8,-10,9")
    command = ["landmarks", "--study", str(study), "--points", str(points)]
    assert main([*command, "--output", str(output)]) == 0
    assert "no point is followed in frame 2" in capsys.readouterr().err
    assert main([*command, "--output", str(output), "--es-frame", "0"]) == 0
    systole = json.loads(output.read_text())["end_systole"]
    assert systole["none"]["space"]["median"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("c,x,0,1,2,3", "point c of observer x has no place in frame 1"),
        ("a,x,0,1,2,3", "line 8: point a of observer x is there twice in frame 0"),
        ("c,x,one,1,2,3", "line 8 has no frame or no place"),
        ("c,x,1,1,nan,3", "line 8 has no frame or no place"),
        (f"a,x,{FRAMES},1,2,3", "the result has frames 0 to 2"),
    ],
)
def test_a_table_that_says_too_little_is_refused(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    points = _table(tmp_path / "p.csv", {"x": np.zeros(3)})
    points.write_text(f"{points.read_text()}\n{line}")
    output = tmp_path / "found.json"
    command = ["landmarks", "--study", str(study), "--points", str(points)]
    assert main([*command, "--output", str(output)]) != 0
    assert said in capsys.readouterr().err and not output.exists()
