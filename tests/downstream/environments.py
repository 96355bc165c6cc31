"""What the tests of other programs share: environments, packed bundles, a bundle run directly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.support.paths import ROOT
from tools.package.__main__ import package
from tools.unpack import unpack

LOOPBACK_ONLY = Path(__file__).with_name("loopback_only")


def python_of(environment: str) -> Path:
    """Python of an environment that ``make test-downstream`` makes; skips the test without it."""
    path = ROOT / environment / "bin" / "python"
    if not path.exists():
        pytest.skip(f"no {environment}; make test-downstream makes it")
    return path


def unpacked_bundles(folder: Path) -> Path:
    """Folder with the bundles as a user has them after unpacking."""
    for path in package(folder / "zips"):
        unpack(path, folder / "zips" / "SHA256SUMS", folder / "bundles")
    return folder / "bundles"


def loopback_only(refused: Path) -> dict[str, str]:
    """Environment variables of a process that may talk to this machine only.

    Args:
        refused: file that receives the other addresses it asked for.
    """
    return {
        **os.environ,
        "PYTHONPATH": str(LOOPBACK_ONLY),
        "REFUSED_ADDRESSES": str(refused),
        "OMP_NUM_THREADS": "1",
        "no_proxy": "127.0.0.1",
    }


def run_directly(bundle: Path, cine: Path, output: Path, *options: str) -> Path:
    """Run a bundle on ``cine`` with ``python -m monai.bundle run``; returns the study's folder."""
    subprocess.run(
        [
            *(sys.executable, "-m", "monai.bundle", "run", "--dataset_dir", cine),
            *("--config_file", bundle / "configs" / "inference.json"),
            *("--output_dir", output, "--device", "cpu", *options),
        ],
        cwd=bundle,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        timeout=300,
    )
    (folder,) = (path.parent for path in output.glob("*/summary.json"))
    return folder


def field(folder: Path, frame: int) -> np.ndarray:
    """Displacement of a frame as it was written, ``(X, Y, Z, 3)`` in LPS millimetres."""
    path = folder / "displacement" / f"frame_{frame:03d}.nii.gz"
    return np.asarray(nib.load(path).dataobj)[:, :, :, 0]
