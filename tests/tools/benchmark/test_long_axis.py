"""Longitudinal shortening from long-axis contours: arcs of ellipses have known lengths."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.special import ellipeinc

from myomotion.errors import InputError
from tools.benchmark.__main__ import main
from tools.benchmark.long_axis import Tissues, contour_length, read_contour, shortening

RADIUS, LONG = 25.0, 70.0  # mm, half axes of the endocardium
OPENING = np.deg2rad(65)  # from the axis upwards: the mitral valve's half
CODES = Tissues()


def arc(scale: float = 1.0, count: int = 400) -> np.ndarray:
    """Contour in an oblique plane, from one side of the valve around the apex to the other."""
    angle = np.linspace(OPENING, 2 * np.pi - OPENING, count)
    flat = scale * np.stack([RADIUS * np.sin(angle), LONG * np.cos(angle)], axis=-1)
    across, along = np.array([0.6, 0.8, 0.0]), np.array([0.48, -0.36, 0.8])
    return flat[:, :1] * across + flat[:, 1:] * along + [10.0, -20.0, 5.0]


def exact() -> float:
    """Length of the arc: an incomplete elliptic integral of the second kind."""
    squared = 1 - (LONG / RADIUS) ** 2
    ends = [ellipeinc(angle, squared) for angle in (OPENING, np.pi)]
    return float(2 * RADIUS * (ends[1] - ends[0]))


def write_csv(path: Path, points: np.ndarray) -> Path:
    lines = ["x,y,z", *(",".join(f"{v:.5f}" for v in p) for p in points)]
    path.write_text("\n".join(lines))
    return path


def write_label(
    path: Path, scale: float = 1.0, wall: int = 2, spacing: float = 1.25, turn: float = 0.4
) -> Path:
    """Wall and cavity of a view; the cavity ends flat at the valve."""
    size = 140
    step = spacing * (np.arange(size) - size / 2)
    a, b = np.meshgrid(step, step, indexing="ij")
    x, y = a * np.cos(turn) - b * np.sin(turn), a * np.sin(turn) + b * np.cos(turn)
    within = (x / (scale * RADIUS)) ** 2 + (y / (scale * LONG)) ** 2 < 1
    around = (x / (scale * RADIUS + 9)) ** 2 + (y / (scale * LONG + 9)) ** 2 < 1
    below = y < scale * LONG * np.cos(OPENING)
    codes = np.where(within & below, 1, np.where(around & below, wall, 0)).astype(np.uint8)
    affine = np.array([[0, 0, 8, 5], [spacing, 0, 0, -80], [0, spacing, 0, 30], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(codes[:, :, None], affine.astype(float)), path)
    return path


def study(folder: Path, volume: dict | None) -> Path:
    folder.mkdir()
    summary = {"name": "s", **({} if volume is None else {"volume": volume})}
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def test_length_of_an_arc_is_the_elliptic_integral(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "ed.csv", arc())
    assert contour_length(path, read_contour(path, CODES)) == pytest.approx(exact(), rel=1e-4)


def test_a_label_gives_the_arc_that_touches_the_wall(tmp_path: Path) -> None:
    path = write_label(tmp_path / "ed.nii.gz")
    points = read_contour(path, CODES)
    assert contour_length(path, points) == pytest.approx(exact(), rel=0.03)
    assert np.ptp(points[:, 0]) < 1e-6  # the slice's plane, by the file's header
    assert points[:, 0].mean() == pytest.approx(-5)  # LPS against RAS


def test_shortening_of_scaled_arcs_is_the_scale(tmp_path: Path) -> None:
    ed, es = (write_csv(tmp_path / f"{s}.csv", arc(s)) for s in (1.0, 0.85))
    assert shortening([ed], [es], CODES)["gls_percent"] == pytest.approx(-15, abs=1e-3)
    label_ed, label_es = (write_label(tmp_path / f"{s}.nii.gz", s) for s in (1.0, 0.85))
    found = shortening([ed, label_ed], [es, label_es], CODES)
    assert found["views"][1]["gls_percent"] == pytest.approx(-15, abs=1.0)
    both = [view["gls_percent"] for view in found["views"]]
    assert found["gls_percent"] == pytest.approx(np.mean(both))


def test_it_stands_beside_the_study_in_space(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study(tmp_path / "s", {"gls_percent": -12.0, "gls_uncertainty": 2.5})
    ed, es = (write_csv(tmp_path / f"{s}.csv", arc(s)) for s in (1.0, 0.85))
    output = tmp_path / "found.json"
    command = ["long_axis", "--study", str(folder), "--ed", str(ed), "--es", str(es)]
    assert main([*command, "--output", str(output)]) == 0
    found = json.loads(output.read_text())["study"]
    assert found["difference"] == pytest.approx(3.0, abs=1e-3)
    assert found["within_uncertainty"] is False
    assert "GLS of the contours -15.0 %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("volume", "said"),
    [(None, "--volume True"), ({"not_computed_because": "2 slices"}, "2 slices")],
)
def test_a_study_without_motion_in_space_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], volume: dict | None, said: str
) -> None:
    folder, ed = study(tmp_path / "s", volume), write_csv(tmp_path / "ed.csv", arc())
    output = tmp_path / "found.json"
    command = ["long_axis", "--study", str(folder), "--ed", str(ed), "--es", str(ed)]
    assert main([*command, "--output", str(output)]) != 0
    assert said in capsys.readouterr().err and not output.exists()


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (arc(count=5), "5 points"),
        (arc() / 10, "Give millimetres"),
        (np.concatenate([arc(), arc()[:1]]), "the contour is closed"),
        (arc()[np.random.default_rng(0).permutation(40) * 10], "Give millimetres|in their order"),
        (np.delete(arc(), slice(60, 200), axis=0), "in their order along the contour, evenly"),
    ],
)
def test_what_is_no_open_contour_is_refused(tmp_path: Path, points: np.ndarray, said: str) -> None:
    path = write_csv(tmp_path / "ed.csv", points)
    with pytest.raises(InputError, match=said):
        contour_length(path, read_contour(path, CODES))


def test_a_label_without_wall_is_refused(tmp_path: Path) -> None:
    path = write_label(tmp_path / "ed.nii.gz", wall=7)
    with pytest.raises(InputError, match=r"no voxel has label 2 \(wall\).*--wall-label"):
        read_contour(path, CODES)
    assert len(read_contour(path, Tissues(wall=7))) > 100


def test_a_label_of_a_stack_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ed.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((8, 8, 3), np.uint8), np.eye(4)), path)
    with pytest.raises(InputError, match="a single slice"):
        read_contour(path, CODES)


def test_every_view_needs_both_phases(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "ed.csv", arc())
    with pytest.raises(InputError, match="one of each for every view"):
        shortening([path, path], [path], CODES)
