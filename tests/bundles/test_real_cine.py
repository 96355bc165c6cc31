"""Real hearts tracked from file to file, and the results read by other software."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from myomotion.analysis.grids import working_grids
from myomotion.core.contours import dice
from myomotion.io.cine import Cine, find_studies, read_cine
from myomotion.io.labels import MYOCARDIUM
from myomotion.networks.recurrent import RecurrentMotionNet
from myomotion.networks.weights import load_state
from tests.support.bundle_runs import evaluated, run
from tests.support.paths import SHIPPED


@pytest.fixture(scope="module")
def itk() -> Any:
    """SimpleITK, which knows nothing of this project."""
    return pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")


def itk_transform(itk: Any, folder: Path, frame: int) -> Any:
    """A written field as a transform of ITK."""
    field = itk.ReadImage(str(folder / "displacement" / f"frame_{frame:03d}.nii.gz"))
    return itk.DisplacementFieldTransform(itk.Cast(field, itk.sitkVectorFloat64))


def itk_warp(itk: Any, image: Any, transform: Any) -> np.ndarray:
    """Resample with ITK on the image's own grid, axes in the order of the file."""
    return itk.GetArrayFromImage(itk.Resample(image, transform, itk.sitkLinear, 0.0)).T


def itk_frame(itk: Any, path: str, frame: int) -> Any:
    """One frame of a four-dimensional file as ITK reads it."""
    return itk.Cast(itk.ReadImage(path)[..., frame], itk.sitkFloat64)


def inside_working_grid(cine: Cine) -> np.ndarray:
    """Voxels of the source grid that lie on the working grid of their slice."""
    return np.stack(
        [
            grid.to_source(torch.ones(1, 1, grid.size, grid.size))[0, 0].numpy() > 0
            for grid in working_grids(cine)
        ],
        axis=-1,
    )


def itk_agrees(itk: Any, cine: Cine, folder: Path, frame: int) -> None:
    """Claim: ITK warps the frame with the written field to the written warped frame."""
    transform = itk_transform(itk, folder, frame)
    other = itk_warp(itk, itk_frame(itk, cine.files["image"], frame), transform)
    ours = np.asarray(nib.load(folder / "warped.nii.gz").dataobj)[..., frame]
    inside = inside_working_grid(cine)
    assert np.abs(ours - cine.image[..., frame])[inside].max() > 0.05 * np.ptp(cine.image)
    assert np.abs(ours - other)[inside].max() < 0.01 * np.ptp(cine.image)


@pytest.mark.slow
def test_itk_reads_and_applies_fields_of_a_slice_that_lies_obliquely(
    itk: Any, small_study: Path, net_weights: Path, tmp_path: Path
) -> None:
    weights = load_state(RecurrentMotionNet(), net_weights)
    for decoder in weights.decoder:
        decoder[-1].weight.data *= 0.5  # many passes of random weights move beyond the picture
    torch.save(weights.state_dict(), tmp_path / "model.pt")
    run(
        "inference",
        dataset_dir=str(small_study),
        weights=str(tmp_path / "model.pt"),
        output_dir=str(tmp_path / "motion"),
    )
    itk_agrees(itk, read_cine(find_studies(small_study)[0]), tmp_path / "motion" / "small", 2)


@pytest.mark.slow
def test_itk_warps_a_real_heart_with_the_written_field_as_we_do(
    itk: Any, tracked_heart: tuple[Cine, Path]
) -> None:
    cine, folder = tracked_heart
    assert cine.es_frame is not None
    itk_agrees(itk, cine, folder, cine.es_frame)


@pytest.mark.slow
def test_motion_of_a_real_heart_is_finite_and_unfolded(tracked_heart: tuple[Cine, Path]) -> None:
    cine, folder = tracked_heart
    fields = [np.asarray(nib.load(p).dataobj) for p in sorted(folder.glob("displacement/*"))]
    assert len(fields) == cine.image.shape[3]
    assert all(f.shape == (*cine.image.shape[:3], 1, 3) and np.isfinite(f).all() for f in fields)
    assert np.abs(fields[cine.ed_frame]).max() == 0
    jacobian = np.asarray(nib.load(folder / "jacobian.nii.gz").dataobj)
    assert np.isfinite(jacobian).all()
    assert cine.label_ed is not None
    assert jacobian[cine.label_ed == MYOCARDIUM].min() > 0
    summary = json.loads((folder / "summary.json").read_text())
    assert [row["level"] for row in summary["at_end_systole"]] == ["basal", "mid", "apical"]
    assert all(row["fold_fraction"] == 0 for row in summary["at_end_systole"])


@pytest.mark.slow
@pytest.mark.skipif(not SHIPPED.is_file(), reason=f"no shipped weights at {SHIPPED}")
def test_end_systole_of_a_real_heart_comes_to_lie_on_end_diastole_at_every_level(
    itk: Any, tracked_heart: tuple[Cine, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    cine, folder = tracked_heart
    assert cine.label_ed is not None and cine.label_es is not None and cine.es_frame is not None
    transform = itk_transform(itk, folder, cine.es_frame)
    label = itk.ReadImage(cine.files["label_es"])
    code = itk.Cast(itk.Equal(label, 1), itk.sitkFloat64)
    warped = itk_warp(itk, code, transform) > 0.5
    reference, moving = cine.label_ed == MYOCARDIUM, cine.label_es == MYOCARDIUM
    for z, level in enumerate(cine.levels):
        before = dice(moving[..., z], reference[..., z])
        after = dice(warped[..., z], reference[..., z])
        with capsys.disabled():
            print(f"\nDice of patient001, {level}: unregistered {before:.3f}, tracked {after:.3f}")
        assert after > before + 0.1 and after > 0.75


@pytest.mark.slow
@pytest.mark.skipif(not SHIPPED.is_file(), reason=f"no shipped weights at {SHIPPED}")
def test_short_training_on_a_real_heart_registers_another_one(
    real_cines: Path, tmp_path: Path
) -> None:
    for name in ("patient001", "patient002"):  # for training, for validation
        shutil.copytree(real_cines / name, tmp_path / "cines" / name)
    network = RecurrentMotionNet()
    for parameter in network.parameters():
        parameter.data.zero_()
    torch.save(network.state_dict(), tmp_path / "rest.pt")
    data = {"dataset_dir": str(tmp_path / "cines"), "device": "cpu"}

    def trained(name: str, epochs: int, **options: object) -> Path:
        output = tmp_path / name
        lasting = {"epochs": epochs, "val_interval": epochs, "output_dir": str(output)}
        run("train", run_id="training", **data, **lasting, **options)
        return output / "model.pt"

    def overlap(weights: Path) -> float:
        output = tmp_path / "scores" / weights.parent.name
        return evaluated("cardiac_motion_reg", output, weights=str(weights), **data)["dice"]

    rest = overlap(tmp_path / "rest.pt")
    tuned = trained("tuned", 1, pairs_per_cine=2, start_from=str(SHIPPED), learning_rate=1e-4)
    assert overlap(tuned) > rest + 0.15
    moved = load_state(RecurrentMotionNet(), tuned).state_dict()
    shipped = load_state(RecurrentMotionNet(), SHIPPED).state_dict()
    assert max(float((moved[key] - value).abs().max()) for key, value in shipped.items()) > 5e-5
    assert overlap(trained("from nothing", 40)) > rest + 0.03
