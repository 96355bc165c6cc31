"""ParaView opens every mesh that the project writes, plays it, and draws what it should."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvista as pv
import torch
from PIL import Image

from myomotion.analysis.grids import working_slices
from myomotion.analysis.study import analyse
from myomotion.io.cine import find_studies, read_cine
from myomotion.transforms.save_motion import write_study as write_study_results
from tests.support.analytic import ring_contraction
from tests.support.studies import write_study
from tools.export_vtk.__main__ import export_vtk
from tools.move.__main__ import main as move

pytestmark = pytest.mark.downstream
SCRIPT = Path(__file__).with_name("open_in_paraview.py")
DROPS = (0.0, 200.0, 500.0, 300.0)  # mm^2 that the cavity loses in each frame
SLICES = 5


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracked stack of contracting rings, lifted into space."""
    folder = tmp_path_factory.mktemp("paraview")
    write_study(folder / "ring", frames=len(DROPS), slices=SLICES)
    (folder / "ring" / "info.json").write_text('{"frame_times_ms": [0, 40, 90, 130]}')
    cycle = np.stack([ring_contraction(area_drop=d) if d else np.zeros((2, 96, 96)) for d in DROPS])
    field = torch.from_numpy(np.stack([cycle] * SLICES)).float()
    cine = read_cine(find_studies(folder / "ring")[0], "internal")
    study = analyse(working_slices(cine), field, volume=True)
    assert study.volume is not None, study.summary["volume"]
    write_study_results(folder / "motion" / "ring", study, report=False)
    return folder / "motion" / "ring"


@pytest.fixture(scope="module")
def meshes(result: Path) -> dict[str, Path]:
    """Every kind of mesh that commands write."""
    folder = result.parents[1]
    wall = export_vtk(result, folder / "meshes")
    files = {"wall": wall, "volume": result / "volume" / "wall.pvd"}
    surface = pv.read(wall.with_name("ring_000.vtp"))
    for ending, mesh in {"vtp": surface, "vtu": surface.cast_to_unstructured_grid()}.items():
        given = folder / f"scar.{ending}"
        mesh.save(given)
        output = folder / f"moved-{ending}"
        command = ["--result", str(result), "--mesh", str(given), "--output", str(output)]
        assert move(command) == 0
        files[f"moved {ending}"] = output / "scar.pvd"
    return files


@pytest.fixture(scope="module")
def seen(meshes: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ParaView found in each, and its pictures."""
    program = shutil.which("pvpython")
    if program is None:
        pytest.skip("no pvpython; Debian's packages paraview, xvfb and xauth have what it needs")
    screen = [] if shutil.which("xvfb-run") is None else ["xvfb-run", "-a"]
    found: dict[str, Any] = {}
    for name, path in meshes.items():
        pictures = tmp_path_factory.mktemp("pictures")
        done = subprocess.run(
            [
                *screen,
                program,
                "--force-offscreen-rendering",
                str(SCRIPT),
                str(pictures),
                str(path),
            ],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        (report,) = json.loads(done.stdout.splitlines()[-1]).values()
        found[name] = report | {"picture": pictures / f"{path.stem}.png", "said": done.stderr}
    return found


def test_every_mesh_is_opened_and_played_without_an_error(seen: dict[str, Any]) -> None:
    assert set(seen) == {"wall", "volume", "moved vtp", "moved vtu"}
    for name, report in seen.items():
        assert "ERR" not in report["said"], (name, report["said"])
        assert report["kind"] == "PVDReader"
        assert len(report["frames"]) == len(DROPS)
        points = {frame["points"] for frame in report["frames"]}
        cells = {frame["cells"] for frame in report["frames"]}
        assert len(points) == len(cells) == 1 and min(points) > 100 and min(cells) > 100
    assert seen["wall"]["times"] == seen["volume"]["times"] == [0, 40, 90, 130]
    assert seen["moved vtp"]["times"] == [0, 1, 2, 3]


def test_arrays_are_there_by_name(seen: dict[str, Any]) -> None:
    arrays = {name: report["frames"][2]["arrays"] for name, report in seen.items()}
    assert ["POINTS", "displacement", 3] in arrays["wall"]
    for measure in ("J", "Err", "Ecc"):
        assert ["CELLS", measure, 1] in arrays["wall"]
    assert ["POINTS", "displacement", 3] in arrays["volume"]


def test_walls_are_where_pyvista_reads_them_and_contract(
    seen: dict[str, Any], meshes: dict[str, Path]
) -> None:
    for name, path in meshes.items():
        reader = pv.get_reader(str(path))
        widths = []
        for time, frame in zip(reader.time_values, seen[name]["frames"], strict=True):
            reader.set_active_time_value(time)
            own = reader.read()[0]
            assert frame["points"] == own.n_points and frame["cells"] == own.n_cells
            np.testing.assert_allclose(frame["bounds"], own.bounds, atol=1e-3)
            widths.append(frame["bounds"][1] - frame["bounds"][0])
        assert widths[2] < widths[0] - 1  # a millimetre narrower at end-systole


def test_pictures_show_a_wall_in_colour(seen: dict[str, Any]) -> None:
    for name, report in seen.items():
        picture = np.asarray(Image.open(report["picture"]).convert("RGB")).astype(int)
        assert picture.shape == (400, 500, 3)
        colourful = np.ptp(picture, axis=2) > 40
        assert 0.01 < colourful.mean() < 0.9, name
