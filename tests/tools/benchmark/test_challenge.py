"""The layout of the 2011 motion tracking challenge, as a miniature of one volunteer."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import pyvista as pv

from myomotion.errors import InputError
from tools.benchmark.__main__ import main
from tools.benchmark.challenge import read_challenge, with_levels

ED, ES, FRAMES, SIZE = 0, 2, 4, (40, 40, 10)
RADII = {4.0: 8.0, 28.0: 15.0, 52.0: 20.0}  # of the walls' points by height, apex below
MIDDLE = np.array([-39.0, -39.0])
DESCENT = {4.0: 0.0, 28.0: 5.0, 52.0: 12.0}  # towards the apex, which no slice shows
TWO_POINTS = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])


def starts() -> np.ndarray:
    """Twelve points, the levels mixed."""
    walls = [
        [MIDDLE[0] + r * np.cos(a), MIDDLE[1] + r * np.sin(a), z]
        for a in np.arange(4) * np.pi / 2
        for z, r in RADII.items()
    ]
    return np.array(walls)


def moved(frame: int) -> np.ndarray:
    share = frame / ES if frame <= ES else (FRAMES - frame) / (FRAMES - ES)
    down = np.array([DESCENT[z] for z in starts()[:, 2]])
    return starts() - share * down[:, None] * [0.0, 0.0, 1.0]


def write_points(path: Path, points: np.ndarray) -> None:
    """A legacy VTK file of polygonal data, in text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["# vtk DataFile Version 3.0", "landmarks", "ASCII", "DATASET POLYDATA"]
    lines.append(f"POINTS {len(points)} float")
    lines += [" ".join(f"{v:.6f}" for v in point) for point in points]
    lines.append(f"VERTICES {len(points)} {2 * len(points)}")
    lines += [f"1 {i}" for i in range(len(points))]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def volunteer(tmp_path: Path) -> Path:
    """Two observers, one half a millimetre beside the other but at the start."""
    folder = tmp_path / "GT" / "SSFP" / "v1"
    for frame in range(FRAMES):
        for observer in (1, 2):
            off = 0.5 if observer == 2 and frame != ED else 0.0
            name = f"obs{observer}_groundTruth{frame:02d}.vtk"
            points = moved(frame) + np.array([off, 0.0, 0.0])
            write_points(folder / "LMKS" / "DICOM_COORDINATES" / name, points)
            write_points(folder / "LMKS" / "INRIA_COORDINATES" / name, -points)
    return folder


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A result in which nothing moves in the planes."""
    folder = tmp_path / "study"
    (folder / "displacement").mkdir(parents=True)
    for t in range(FRAMES):
        field = np.zeros((*SIZE, 1, 3), np.float32)
        image = nib.Nifti1Image(field, np.diag([2.0, 2.0, 8.0, 1.0]))
        nib.save(image, folder / "displacement" / f"frame_{t:03d}.nii.gz")
    (folder / "summary.json").write_text(
        json.dumps({"reference_frame": ED, "es_frame": ES, "name": "still"})
    )
    return folder


def test_points_of_every_frame_and_observer_are_read_in_the_patient(volunteer: Path) -> None:
    found = read_challenge(volunteer)
    assert len(found) == 24
    assert {mark.observer for mark in found} == {"1", "2"}
    fifth = next(m for m in found if m.name == "05" and m.observer == "2")
    assert sorted(fifth.places) == list(range(FRAMES))
    assert fifth.places[ES] == pytest.approx(moved(ES)[4] + np.array([0.5, 0, 0]), abs=1e-4)


def test_a_file_in_binary_is_read_as_well(volunteer: Path) -> None:
    path = volunteer / "LMKS" / "DICOM_COORDINATES" / "obs1_groundTruth02.vtk"
    pv.PolyData(moved(ES).astype(np.float32) + 1).save(path, binary=True)
    first = next(m for m in read_challenge(volunteer) if m.name == "01" and m.observer == "1")
    assert first.places[ES] == pytest.approx(moved(ES)[0] + 1, abs=1e-4)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_levels_are_told_by_their_place_whatever_the_order(volunteer: Path, sign: float) -> None:
    found = with_levels(read_challenge(volunteer), np.array([0.0, 0.0, sign]))
    by_height = {mark.places[ED][2]: mark.level for mark in found}
    names = {4.0: "apical", 28.0: "mid-ventricular", 52.0: "basal"}
    assert {round(z, 3): level for z, level in by_height.items()} == names


def test_points_that_lie_at_no_three_levels_have_none(volunteer: Path) -> None:
    across = with_levels(read_challenge(volunteer), np.array([1.0, 0.0, 0.0]))
    assert {mark.level for mark in across} == {""}


def test_medians_by_level_stand_beside_those_between_observers(
    volunteer: Path, study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "found.json"
    command = ["landmarks", "--study", str(study), "--points", str(volunteer)]
    assert main([*command, "--output", str(output)]) == 0
    found = json.loads(output.read_text())
    systole = found["end_systole"]
    assert systole["in_plane"]["space"]["n"] == 24
    assert systole["observers"]["space"] == systole["observers"]["plane"]
    assert systole["observers"]["space"]["median"] == pytest.approx(0.5, abs=1e-4)
    assert systole["in_plane"]["plane"]["mean"] == pytest.approx(0.25, abs=1e-4)
    basal = found["levels"]["basal"]["end_systole"]["in_plane"]["space"]
    assert basal["median"] == pytest.approx((12 + np.hypot(12, 0.5)) / 2, abs=1e-4)
    assert "basal, end-systole, between observers: median 0.50 mm" in capsys.readouterr().out


def test_a_folder_of_several_volunteers_is_asked_about(volunteer: Path) -> None:
    name = "obs1_groundTruth00.vtk"
    other = volunteer.with_name("v2") / "LMKS" / "DICOM_COORDINATES" / name
    write_points(other, TWO_POINTS)
    with pytest.raises(InputError, match=r"several folders: v1/.*, v2/"):
        read_challenge(volunteer.parent)


def test_a_folder_on_an_image_grid_is_refused(volunteer: Path) -> None:
    with pytest.raises(InputError, match=r"not in the patient.*DICOM_COORDINATES"):
        read_challenge(volunteer / "LMKS" / "INRIA_COORDINATES")


def test_a_folder_without_landmarks_says_what_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file obs1_groundTruth00\.vtk"):
        read_challenge(tmp_path)


@pytest.mark.parametrize(
    ("name", "points", "said"),
    [
        ("obs1_groundTruth001.vtk", TWO_POINTS, "frame 1 of observer 1 is there twice"),
        ("obs1_groundTruth09.vtk", TWO_POINTS, "files of 2, 12 points"),
        ("obs1_groundTruth09.vtk", np.full((12, 3), np.nan), "a point has no place"),
    ],
)
def test_files_that_do_not_go_together_are_refused(
    volunteer: Path, name: str, points: np.ndarray, said: str
) -> None:
    write_points(volunteer / "LMKS" / "DICOM_COORDINATES" / name, points)
    with pytest.raises(InputError, match=said):
        read_challenge(volunteer)


def test_a_file_that_is_no_mesh_is_named(volunteer: Path) -> None:
    path = volunteer / "LMKS" / "DICOM_COORDINATES" / "obs1_groundTruth09.vtk"
    path.write_text("12 points")
    with pytest.raises(InputError, match=r"obs1_groundTruth09\.vtk"):
        read_challenge(volunteer)
