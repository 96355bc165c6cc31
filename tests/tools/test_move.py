"""Moving along: known motions move points, meshes, labels and images by what is known."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import pyvista as pv
from scipy.spatial.transform import Rotation

from tools.move.__main__ import main

SIZE, FRAMES, ED = (24, 20, 5), 3, 1
STEP = np.array([4.0, -2.0, 0.0])  # LPS millimetres from end-diastole to the last frame
GROWTH = 1.5  # of the first frame, about MIDDLE, within the slice
RAS_FROM_LPS = np.array([-1.0, -1.0, 1.0])


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """Frame 0 larger than end-diastole (frame 1), frame 2 shifted; axes along the scanner's."""
    return write_result(tmp_path / "result", np.diag([2.0, 2.0, 8.0, 1.0]))


def write_result(folder: Path, affine: np.ndarray) -> Path:
    points = lps_of_voxels(affine)
    middle = points.reshape(-1, 3).mean(0)
    in_plane = affine[:3, :2] * RAS_FROM_LPS[:, None] / np.linalg.norm(affine[:3, :2], axis=0)
    plane = in_plane @ in_plane.T
    fields = {
        "displacement": [(GROWTH - 1) * (points - middle) @ plane, 0 * points, points * 0 + STEP],
        "inverse": [(1 / GROWTH - 1) * (points - middle) @ plane, 0 * points, points * 0 - STEP],
    }
    for kind, frames in fields.items():
        (folder / kind).mkdir(parents=True)
        for t, field in enumerate(frames):
            image = nib.Nifti1Image(field[:, :, :, None].astype(np.float32), affine)
            image.header.set_intent(1007)
            nib.save(image, folder / kind / f"frame_{t:03d}.nii.gz")
    (folder / "summary.json").write_text(json.dumps({"reference_frame": ED, "name": "known"}))
    return folder


def lps_of_voxels(affine: np.ndarray) -> np.ndarray:
    index = np.moveaxis(np.indices(SIZE), 0, -1)
    return (index @ affine[:3, :3].T + affine[:3, 3]) * RAS_FROM_LPS


def points_file(path: Path, points: np.ndarray) -> Path:
    lines = ["name,x,y,z", *(f"p,{x},{y},{z}" for x, y, z in points)]
    path.write_text("\n".join(lines))
    return path


def moved_points(path: Path) -> dict[int, np.ndarray]:
    rows = list(csv.DictReader(path.open()))
    frames = sorted({int(row["frame"]) for row in rows})
    return {
        t: np.array([[float(r[a]) for a in "xyz"] for r in rows if int(r["frame"]) == t])
        for t in frames
    }


def test_points_go_where_the_displacement_points(result: Path, tmp_path: Path) -> None:
    points = np.array([[-20.0, -18.0, 16.0], [-24.5, -13.25, 12.0]])
    source, out = points_file(tmp_path / "p.csv", points), tmp_path / "out.csv"
    assert main(["--result", str(result), "--points", str(source), "--output", str(out)]) == 0
    found = moved_points(out)
    middle = lps_of_voxels(np.diag([2.0, 2.0, 8.0, 1.0])).reshape(-1, 3).mean(0)
    grown = middle + (points - middle) * [GROWTH, GROWTH, 1]
    np.testing.assert_allclose(found[0], grown, atol=1e-3)
    np.testing.assert_allclose(found[ED], points, atol=1e-9)
    np.testing.assert_allclose(found[2], points + STEP, atol=1e-3)


def test_points_of_another_frame_go_back_by_the_inverse_and_on(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = np.array([[-20.0, -18.0, 16.0]])
    command = ["--result", str(result), "--from", "2", "--to", "0", "--space", "RAS"]
    source, out = points_file(tmp_path / "p.csv", points * RAS_FROM_LPS), tmp_path / "out.csv"
    assert main([*command, "--points", str(source), "--output", str(out)]) == 0
    middle = lps_of_voxels(np.diag([2.0, 2.0, 8.0, 1.0])).reshape(-1, 3).mean(0)
    at_ed = points - STEP
    expected = middle + (at_ed - middle) * [GROWTH, GROWTH, 1]
    np.testing.assert_allclose(moved_points(out)[0] * RAS_FROM_LPS, expected, atol=1e-3)
    assert "back to frame 1 by inverse/frame_002, then x = X + u(X)" in capsys.readouterr().out


def test_points_beyond_the_stack_stay_and_are_named(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = np.array([[-20.0, -18.0, 16.0], [-20.0, -18.0, 60.0]])
    source, out = points_file(tmp_path / "p.csv", points), tmp_path / "out.csv"
    main(["--result", str(result), "--points", str(source), "--output", str(out), "--to", "2"])
    np.testing.assert_allclose(moved_points(out)[2], [points[0] + STEP, points[1]], atol=1e-3)
    assert [row["inside"] for row in csv.DictReader(out.open())] == ["1", "0"]
    assert "1 of 2 points lie beyond the stack" in capsys.readouterr().err


def test_labels_move_with_the_heart_and_not_against_it(result: Path, tmp_path: Path) -> None:
    label = np.zeros(SIZE, np.uint8)
    label[8:12, 6:10, 1:4] = 2
    label[9:11, 7:9, 1:4] = 1
    nib.save(nib.Nifti1Image(label, np.diag([2.0, 2.0, 8.0, 1.0])), tmp_path / "l.nii.gz")
    out = tmp_path / "out.nii.gz"
    command = ["--result", str(result), "--labels", str(tmp_path / "l.nii.gz")]
    assert main([*command, "--output", str(out)]) == 0
    moved = np.asarray(nib.load(out).dataobj)
    assert moved.shape == (*SIZE, FRAMES) and moved.dtype == np.uint8
    assert np.array_equal(moved[..., ED], label)
    # 4 mm to the left is two voxels down axis 0, which runs to the right; -2 mm is one up axis 1.
    assert np.array_equal(moved[..., 2], np.roll(label, (-2, 1), axis=(0, 1)))
    assert (moved[..., 0] > 0).sum() > (label > 0).sum()


@pytest.mark.parametrize(("kind", "written"), [(np.int64, np.uint16), (np.int16, np.int16)])
def test_labels_of_64_bits_become_the_smallest_type_that_holds_them(
    result: Path, tmp_path: Path, kind: type, written: type
) -> None:
    label = np.zeros(SIZE, kind)
    label[8:12, 6:10, 1:4] = 300
    image = nib.Nifti1Image(label, np.diag([2.0, 2.0, 8.0, 1.0]), dtype=kind)
    nib.save(image, tmp_path / "l.nii.gz")
    command = ["--result", str(result), "--labels", str(tmp_path / "l.nii.gz")]
    assert main([*command, "--output", str(tmp_path / "o.nii.gz"), "--to", "2"]) == 0
    moved = np.asarray(nib.load(tmp_path / "o.nii.gz").dataobj)
    assert moved.dtype == written
    assert np.array_equal(moved, np.roll(label, (-2, 1), axis=(0, 1)))


@pytest.mark.parametrize(("off", "said"), [(0.004, ""), (0.4, "not whole numbers")])
def test_labels_are_whole_within_the_rounding_of_a_scaled_file(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], off: float, said: str
) -> None:
    label = np.zeros(SIZE, np.float32)
    label[8:12, 6:10, 1:4] = 2 + off
    nib.save(nib.Nifti1Image(label, np.diag([2.0, 2.0, 8.0, 1.0])), tmp_path / "l.nii.gz")
    command = ["--result", str(result), "--labels", str(tmp_path / "l.nii.gz")]
    status = main([*command, "--output", str(tmp_path / "o.nii.gz"), "--to", "2"])
    assert bool(status) == bool(said) and said in capsys.readouterr().err
    if not said:
        moved = np.asarray(nib.load(tmp_path / "o.nii.gz").dataobj)
        assert np.array_equal(moved, np.roll(label, (-2, 1), axis=(0, 1)).round())


def test_moved_frames_are_as_far_apart_as_those_of_the_result(result: Path, tmp_path: Path) -> None:
    affine = np.diag([2.0, 2.0, 8.0, 1.0])
    cine = nib.Nifti1Image(np.zeros((*SIZE, FRAMES), np.float32), affine)
    cine.header.set_zooms((2, 2, 8, 37.5))
    cine.header.set_xyzt_units("mm", "msec")
    nib.save(cine, result / "warped.nii.gz")
    rows = ["frame,time_ms", *(f"{t},{37.5 * t}" for t in range(FRAMES))]
    (result / "strain.csv").write_text("\n".join(rows))
    nib.save(nib.Nifti1Image(np.ones(SIZE, np.uint8), affine), tmp_path / "l.nii.gz")
    pv.Sphere(radius=6, center=(-22, -18, 16)).save(tmp_path / "ball.vtp")
    labels = ["--labels", str(tmp_path / "l.nii.gz"), "--output", str(tmp_path / "o.nii.gz")]
    mesh = ["--mesh", str(tmp_path / "ball.vtp"), "--output", str(tmp_path / "meshes")]
    for what in (labels, mesh):
        assert main(["--result", str(result), *what]) == 0
    header = nib.load(tmp_path / "o.nii.gz").header
    assert header.get_zooms() == (2, 2, 8, 37.5) and header.get_xyzt_units() == ("mm", "msec")
    assert pv.get_reader(tmp_path / "meshes" / "ball.pvd").time_values == [0.0, 37.5, 75.0]
    assert main(["--result", str(result), *mesh, "--to", "2"]) == 0
    assert pv.get_reader(tmp_path / "meshes" / "ball.pvd").time_values == [75.0]


@pytest.mark.parametrize("oblique", [False, True])
def test_itk_moves_points_and_images_to_the_same_places(tmp_path: Path, oblique: bool) -> None:
    itk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    affine = np.diag([2.0, 2.0, 8.0, 1.0])
    if oblique:
        affine[:3, :3] = Rotation.from_euler("xyz", [30, -40, 20], degrees=True).as_matrix()
        affine[:3, :3] *= [2.0, 2.0, 8.0]
        affine[:3, 3] = [12.0, -30.0, 5.0]
    result = write_result(tmp_path / "result", affine)
    volume = np.random.default_rng(0).random(SIZE).astype(np.float32)
    nib.save(nib.Nifti1Image(volume, affine), tmp_path / "i.nii.gz")
    out = tmp_path / "moved.nii.gz"
    command = ["--result", str(result), "--image", str(tmp_path / "i.nii.gz")]
    assert main([*command, "--output", str(out), "--to", "0"]) == 0

    def transform(kind: str) -> object:
        field = itk.ReadImage(str(result / kind / "frame_000.nii.gz"), itk.sitkVectorFloat64)
        return itk.DisplacementFieldTransform(field)

    image = itk.ReadImage(str(tmp_path / "i.nii.gz"))
    theirs = itk.GetArrayFromImage(itk.Resample(image, image, transform("inverse"), itk.sitkLinear))
    ours = np.asarray(nib.load(out).dataobj)
    inner = (slice(3, -3), slice(3, -3), slice(1, -1))
    assert np.abs(ours[inner] - volume[inner]).max() > 0.1
    np.testing.assert_allclose(ours[inner], theirs.T[inner], atol=1e-4)

    points = lps_of_voxels(affine)[inner].reshape(-1, 3)[::7] + 0.4
    table = tmp_path / "moved.csv"
    source = points_file(tmp_path / "p.csv", points)
    main(["--result", str(result), "--points", str(source), "--output", str(table), "--to", "0"])
    forward = transform("displacement")
    expected = [forward.TransformPoint(p) for p in points]  # type: ignore[attr-defined]
    np.testing.assert_allclose(moved_points(table)[0], expected, atol=1e-3)


def test_meshes_move_by_their_vertices_and_open_again(result: Path, tmp_path: Path) -> None:
    sphere = pv.Sphere(radius=6, center=(-22, -18, 16))
    sphere.save(tmp_path / "ball.stl")
    out = tmp_path / "meshes"
    command = ["--result", str(result), "--mesh", str(tmp_path / "ball.stl")]
    assert main([*command, "--output", str(out)]) == 0
    before = pv.read(tmp_path / "ball.stl")
    after = pv.read(out / "ball_002.vtp")
    np.testing.assert_allclose(after.points, before.points + STEP, atol=1e-3)
    np.testing.assert_allclose(after.point_data["displacement"], after.points - before.points)
    assert after.n_cells == before.n_cells and after.point_data["inside"].all()
    reader = pv.get_reader(out / "ball.pvd")
    assert reader.time_values == [0.0, 1.0, 2.0]
    assert main([*command, "--output", str(out), "--to", "0"]) == 0  # its own is replaced
    assert sorted(p.name for p in out.glob("*.vtp")) == ["ball_000.vtp"]


def test_structured_mesh_keeps_its_ending(result: Path, tmp_path: Path) -> None:
    x, y, z = np.meshgrid([-24.0, -20.0], [-20.0, -16.0], [14.0, 18.0], indexing="ij")
    pv.StructuredGrid(x, y, z).save(tmp_path / "wall.vts")
    out = tmp_path / "meshes"
    command = ["--result", str(result), "--mesh", str(tmp_path / "wall.vts")]
    assert main([*command, "--output", str(out), "--to", "2"]) == 0
    moved = pv.read(out / "wall_002.vts").points - pv.read(tmp_path / "wall.vts").points
    np.testing.assert_allclose(moved, np.broadcast_to(STEP, moved.shape), atol=1e-3)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b,c\n1,2,3\n", "no rows with the columns x, y, z"),
        ("x,y,z\n1,2,three\n", "line 2 is no point: 1, 2, three"),
        ("x,y,z\n1,2,3\nnan,2,3\n", "line 3 is no point: nan, 2, 3"),
        ("x,y,z\n1,inf,3\n", "line 2 is no point: 1, inf, 3"),
    ],
)
def test_what_is_no_point_is_named(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    (tmp_path / "p.csv").write_text(content)
    command = ["--result", str(result), "--points", str(tmp_path / "p.csv")]
    assert main([*command, "--output", str(tmp_path / "o.csv")]) != 0
    assert said in capsys.readouterr().err and not (tmp_path / "o.csv").exists()


def test_mesh_with_a_vertex_that_has_no_place_is_refused(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sphere = pv.Sphere(radius=6, center=(-22, -18, 16))
    sphere.points[3] = np.nan
    sphere.save(tmp_path / "ball.vtp")
    command = ["--result", str(result), "--mesh", str(tmp_path / "ball.vtp")]
    assert main([*command, "--output", str(tmp_path / "meshes")]) != 0
    assert "a point has no place" in capsys.readouterr().err
    assert not (tmp_path / "meshes").exists()


def test_wrong_frames_results_and_outputs_are_named(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = points_file(tmp_path / "p.csv", np.zeros((1, 3)))
    out = ["--output", str(tmp_path / "o.csv")]
    assert main(["--result", str(result), "--points", str(source), *out, "--to", "3"]) != 0
    assert "frame 3: the result has frames 0 to 2" in capsys.readouterr().err
    assert main(["--result", str(tmp_path), "--points", str(source), *out]) != 0
    assert "no summary.json with displacement" in capsys.readouterr().err
    label = ["--result", str(result), "--labels", str(result / "displacement/frame_000.nii.gz")]
    assert main([*label, "--output", str(tmp_path / "o.nii.gz")]) != 0
    assert "Give a 3-D image of one frame" in capsys.readouterr().err
