"""Virtual hearts beside real ones: what their labels say is measured rightly."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tools.figures.virtual_hearts import Slice, main, slices_of, table


def write_ring(folder: Path, group: str, inner: float, outer: float, inner_es: float) -> None:
    """A cine of two frames with round labels, radii in mm on voxels of 1 mm."""
    folder.mkdir(parents=True)
    axis = np.arange(100) - 49.5
    radius = np.hypot(axis[:, None], axis[None])
    frames = np.stack([np.where(radius < r, 900, 300) for r in (inner, inner_es)], axis=-1)
    affine = np.diag([1.0, 1.0, 8.0, 1.0])
    nib.save(nib.Nifti1Image(frames[:, :, None].astype(np.int16), affine), folder / "sa.nii.gz")
    for phase, hole in (("ED", inner), ("ES", inner_es)):
        label = ((radius < outer) * 2 - (radius < hole)).astype(np.uint8)
        nib.save(nib.Nifti1Image(label[:, :, None], affine), folder / f"label_sa_{phase}.nii.gz")
    notes = {"group": group, "ed_frame": 0, "es_frame": 1, "labels": "internal"}
    (folder / "info.json").write_text(json.dumps(notes))


def test_radius_wall_and_ejected_share_of_round_labels(tmp_path: Path) -> None:
    write_ring(tmp_path / "a", "NOR", 20, 30, 14)
    (found,) = slices_of([tmp_path])
    assert found.group == "NOR"
    assert found.radius == pytest.approx(20, abs=0.2)
    assert found.wall == pytest.approx(10, abs=0.2)
    assert found.ejected == pytest.approx(1 - (14 / 20) ** 2, abs=0.02)
    assert found.grown == pytest.approx((30**2 - 14**2) / (30**2 - 20**2), rel=0.02)


@pytest.mark.parametrize(
    ("unlabelled", "said"),
    [("virtual", "virtual cines: no value of 'ejected'"), ("real", "real cines: no value of 'eje")],
)
def test_cines_without_labels_at_end_systole_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unlabelled: str, said: str
) -> None:
    for kind in ("virtual", "real"):
        write_ring(tmp_path / kind / "a", "NOR", 20, 30, 14)
    (tmp_path / unlabelled / "a" / "label_sa_ES.nii.gz").unlink()
    folders = "--cines", str(tmp_path / "virtual"), "--real", str(tmp_path / "real")
    assert main([*folders, "--output", str(tmp_path / "out.png")]) == 1
    printed = capsys.readouterr()
    assert said in printed.err and "nan" not in printed.out
    assert not (tmp_path / "out.png").exists()


def test_share_within_the_population_is_of_the_slices_that_have_a_value() -> None:
    virtual = [Slice("-", 20, 10, ejected, 1) for ejected in (0.2, 0.6)]
    real = [Slice("NOR", 20, 10, ejected, 1) for ejected in (0.5, float("nan"))]
    assert "100 % of the real" in next(line for line in table(virtual, real) if "ejected" in line)


@pytest.mark.slow
def test_figure_and_table_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, inner in enumerate((15, 20, 25)):
        write_ring(tmp_path / "virtual" / f"s{number}", "normal", inner, 35, 12)
    write_ring(tmp_path / "real" / "a", "NOR", 20, 30, 14)
    folders = "--cines", str(tmp_path / "virtual"), "--real", str(tmp_path / "real")
    assert main([*folders, "--output", str(tmp_path / "out" / "hearts.png")]) == 0
    printed = capsys.readouterr().out
    assert "3 virtual and 1 real slices" in printed
    assert "100 % of the real slices within the population" in printed
    assert (tmp_path / "out" / "hearts.png").read_bytes().startswith(b"\x89PNG")
