"""The moving wall as meshes: where the points are, what they carry, when frames are."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import pyvista as pv
import torch

from myomotion.analysis.grids import working_slices
from myomotion.analysis.study import analyse
from myomotion.errors import InputError
from myomotion.io.cine import find_studies, read_cine
from myomotion.transforms.save_motion import write_study as write_study_results
from tests.support.analytic import ring_contraction
from tests.support.studies import write_study
from tools.export_vtk.__main__ import export_vtk, main

FRAMES = 4


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of rings on a rotated grid that contract without a change of area."""
    folder = tmp_path_factory.mktemp("vtk")
    write_study(folder / "ring", frames=FRAMES)
    (folder / "ring" / "info.json").write_text('{"frame_times_ms": [0, 40, 90, 130]}')
    drops = [0.0, 200.0, 500.0, 300.0]
    cycle = np.stack([ring_contraction(area_drop=d) if d else np.zeros((2, 96, 96)) for d in drops])
    field = torch.from_numpy(np.stack([cycle, cycle])).float()
    cine = read_cine(find_studies(folder / "ring")[0], "internal")
    write_study_results(
        folder / "motion" / "ring", analyse(working_slices(cine), field), report=False
    )
    return folder / "motion" / "ring"


@pytest.fixture(scope="module")
def meshes(result: Path, tmp_path_factory: pytest.TempPathFactory) -> list[pv.PolyData]:
    """The frames as ParaView's reader finds them through the collection file."""
    reader = pv.get_reader(str(export_vtk(result, tmp_path_factory.mktemp("meshes"))))
    frames = []
    for time in reader.time_values:
        reader.set_active_time_value(time)
        frames.append(reader.read()[0])
    return frames


def areas(mesh: pv.PolyData) -> np.ndarray:
    return mesh.compute_cell_sizes(length=False, volume=False)["Area"]


@pytest.mark.slow
def test_collection_plays_every_frame_at_its_time(result: Path, tmp_path: Path) -> None:
    path = export_vtk(result, tmp_path)
    assert path == tmp_path / "ring" / "ring.pvd"
    assert pv.get_reader(str(path)).time_values == [0, 40, 90, 130]
    assert len(list(path.parent.glob("[!.]*"))) == FRAMES + 1


def test_frames_are_numbered_where_times_are_unknown(result: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(result, tmp_path / "ring")
    (copy / "strain.csv").unlink()
    assert pv.get_reader(str(export_vtk(copy, tmp_path / "out"))).time_values == [0, 1, 2, 3]


def test_points_are_at_end_diastole_plus_the_displacement_of_the_files(
    result: Path, meshes: list[pv.PolyData]
) -> None:
    start = meshes[0].points
    assert np.abs(meshes[0].point_data["displacement"]).max() < 1e-9
    image = nib.load(result / "displacement" / "frame_002.nii.gz")
    to_lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    index = np.c_[start, np.ones(len(start))] @ np.linalg.inv(to_lps).T
    nearest = np.rint(index[:, :3]).astype(int)
    file = np.asarray(image.dataobj)[:, :, :, 0][tuple(nearest.T)]
    for mesh in meshes:
        assert np.allclose(mesh.points, start + mesh.point_data["displacement"], atol=1e-4)
        assert np.array_equal(mesh.faces, meshes[0].faces)
    # The nearest voxel is at most 1.3 mm away and neighbours differ by a fraction of that.
    assert np.abs(meshes[2].point_data["displacement"] - file).max() < 0.5
    assert np.abs(file).max() > 2


def test_mesh_covers_the_labelled_wall_of_every_slice(
    result: Path, meshes: list[pv.PolyData]
) -> None:
    label = np.asarray(nib.load(result / "labels.nii.gz").dataobj)[..., 0]
    slices = meshes[0].cell_data["slice"]
    for z in range(label.shape[2]):
        voxels = (label[..., z] == 2).sum() * 1.8**2
        assert areas(meshes[0])[slices == z].sum() == pytest.approx(voxels, rel=0.03)
        height = meshes[0].points[meshes[0].regular_faces[slices == z].ravel(), 2]
        assert np.allclose(height, 30 + 8 * z)


def test_area_of_the_cells_changes_by_the_jacobian(meshes: list[pv.PolyData]) -> None:
    for mesh in meshes[1:]:
        ratio = areas(mesh) / areas(meshes[0])
        assert np.abs(ratio - mesh.cell_data["J"]).mean() < 0.01
        assert ratio.mean() == pytest.approx(1.0, abs=0.01)  # the motion keeps areas


def test_strain_of_the_contracting_ring_is_the_analytic_one(meshes: list[pv.PolyData]) -> None:
    mesh, start = meshes[2], meshes[0]
    middles = start.cell_centers().points
    for z in range(2):
        own = start.cell_data["slice"] == z
        radius = np.linalg.norm((middles[own] - middles[own].mean(0))[:, :2], axis=1)
        new = np.sqrt(radius**2 - 500 / np.pi)
        err, ecc = ((radius / new) ** 2 - 1) / 2, ((new / radius) ** 2 - 1) / 2
        for name, expected in (("Err", err), ("Ecc", ecc)):
            found = mesh.cell_data[name][own]
            assert np.abs(found - 100 * expected).mean() < 0.5
    assert mesh.cell_data["Ecc"].mean() < -8


def test_slices_that_are_stored_first_give_the_same_meshes(
    result: Path, meshes: list[pv.PolyData], tmp_path: Path
) -> None:
    copy = shutil.copytree(result, tmp_path / "ring")
    for path in (copy / "labels.nii.gz", *(copy / "displacement").iterdir()):
        image = nib.load(path)
        values = np.moveaxis(np.asarray(image.dataobj), 2, 0)
        nib.save(nib.Nifti1Image(values, image.affine[:, [2, 0, 1, 3]]), path)
    reader = pv.get_reader(str(export_vtk(copy, tmp_path / "out")))
    reader.set_active_time_value(reader.time_values[2])
    found = reader.read()[0]
    assert np.allclose(found.points, meshes[2].points)
    for name in ("J", "Ecc", "slice"):
        assert np.allclose(found.cell_data[name], meshes[2].cell_data[name])


def test_slice_without_a_ring_is_left_out_and_named(
    result: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = shutil.copytree(result, tmp_path / "ring")
    image = nib.load(copy / "labels.nii.gz")
    label = np.asarray(image.dataobj).copy()
    label[:40, :, 1] = 0  # half a ring
    nib.save(nib.Nifti1Image(label, image.affine), copy / "labels.nii.gz")
    mesh = pv.read(export_vtk(copy, tmp_path / "out").with_name("ring_000.vtp"))
    assert set(mesh.cell_data["slice"]) == {0}
    assert "slice 1 is left out" in caplog.text
    label[:40] = 0
    nib.save(nib.Nifti1Image(label, image.affine), copy / "labels.nii.gz")
    with pytest.raises(InputError, match=r"ring: no slice can be meshed \(slice 0: .*slice 1: "):
        export_vtk(copy, tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("summary.json", "no summary.json that can be read. Give the folder of one study"),
        ("labels.nii.gz", "no labels.nii.gz. A mesh needs the wall"),
        ("displacement/frame_003.nii.gz", "3 files in displacement for 4 frames"),
    ],
)
def test_unfinished_result_ends_with_one_line_and_writes_nothing(
    result: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    missing: str,
    expected: str,
) -> None:
    copy = shutil.copytree(result, tmp_path / "ring")
    (copy / missing).unlink()
    assert main([str(copy), "--output", str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and expected in line
    assert not (tmp_path / "out").exists()


def test_damaged_field_leaves_no_half_written_meshes(result: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(result, tmp_path / "ring")
    field = copy / "displacement" / "frame_002.nii.gz"
    field.write_bytes(field.read_bytes()[:500])
    with pytest.raises(InputError, match=r"frame_002.nii.gz: not a readable NIfTI file"):
        export_vtk(copy, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
