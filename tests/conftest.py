"""Shared fixtures: where things are, small data sets, real cines where they are at hand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from analytic import write_cycles

ROOT = Path(__file__).resolve().parents[1]
BUNDLES = ROOT / "bundles"


@pytest.fixture(scope="session")
def real_cines() -> Path:
    """Folder of real cines beside the project; tests that need it are skipped without it."""
    folder = ROOT.parent / "shared" / "data" / "acdc_cine"
    if not folder.is_dir():
        pytest.skip(f"no real cines at {folder}")
    return folder


@pytest.fixture(scope="session")
def cycles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of analytic cycles with a data list."""
    return write_cycles(tmp_path_factory.mktemp("cycles"))


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of two studies whose end-systole is known."""
    folder = tmp_path_factory.mktemp("studies")
    for name in ("one", "two"):
        write_study(folder / name)
        label = (folder / name / "label_sa_ED.nii.gz").read_bytes()
        (folder / name / "label_sa_ES.nii.gz").write_bytes(label)
        (folder / name / "info.json").write_text('{"ed_frame": 0, "es_frame": 2}')
    return folder


@pytest.fixture(scope="session")
def vae_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of an untrained autoencoder with plausible statistics."""
    from myomotion.gradient_vae import GradientVAE

    torch.manual_seed(0)
    vae = GradientVAE()
    vae.gradient_std.fill_(0.15)
    path = tmp_path_factory.mktemp("vae") / "model.pt"
    torch.save(vae.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def net_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of an untrained registration network."""
    from myomotion.pyramid_net import PyramidMotionNet

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("net") / "model.pt"
    torch.save(PyramidMotionNet().state_dict(), path)
    return path


@pytest.fixture
def run_bundle() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``python -m monai.bundle`` as a user does."""

    def run(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "monai.bundle", *(str(a) for a in arguments)]
        environment = {**os.environ, "OMP_NUM_THREADS": "2"}
        return subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
        )

    return run


@pytest.fixture
def small_study(tmp_path: Path) -> Path:
    """A study of two slices and four frames: a bright disc in a dark ring that shrinks."""
    folder = tmp_path / "studies" / "small"
    write_study(folder)
    return folder


def write_study(folder: Path, frames: int = 4, slices: int = 2) -> None:
    """Write ``sa.nii.gz`` and ``label_sa_ED.nii.gz`` of a shrinking ring on a rotated grid."""
    folder.mkdir(parents=True, exist_ok=True)
    x, y = np.meshgrid(np.arange(80) - 38.0, np.arange(72) - 36.0, indexing="ij")
    radius = np.hypot(x * 1.8, y * 1.8)
    image = np.zeros((80, 72, slices, frames), np.float32)
    label = np.zeros((80, 72, slices), np.uint8)
    for z in range(slices):
        for t in range(frames):
            inner = 24 - 2 * z - 2.5 * np.sin(np.pi * t / frames)
            outer = np.sqrt(inner**2 + 480)
            image[:, :, z, t] = np.where(radius < inner, 900, np.where(radius < outer, 250, 500))
        label[..., z] = np.where(radius < 24 - 2 * z, 1, np.where(radius < outer, 2, 0))
    angle = np.deg2rad(25)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine[:3, :3] *= [1.8, 1.8, 8.0]
    affine[:3, 3] = [10, -20, 30]
    nib.save(nib.Nifti1Image(image, affine), folder / "sa.nii.gz")
    nib.save(nib.Nifti1Image(label, affine), folder / "label_sa_ED.nii.gz")
