"""The example application of the MONAI Deploy App SDK gives what the bundle gives by itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.downstream.environments import (
    field,
    loopback_only,
    python_of,
    run_directly,
    unpacked_bundles,
)
from tests.support.paths import ROOT
from tests.support.studies import write_study

pytestmark = pytest.mark.downstream
APP = ROOT / "tools" / "deploy_app" / "app.py"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The registration bundle, unpacked."""
    return unpacked_bundles(tmp_path_factory.mktemp("deploy")) / "cardiac_motion_reg"


def run_app(bundle: Path, cines: Path, output: Path) -> subprocess.CompletedProcess[str]:
    python = python_of(".venv-deploy")
    refused = output.with_name("refused.txt")
    output.mkdir()
    done = subprocess.run(
        [str(part) for part in (python, APP, "-i", cines, "-o", output, "-m", bundle)],
        cwd=output.parent,
        env=loopback_only(refused),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert not refused.exists(), refused.read_text()
    return done


def test_app_writes_what_the_bundle_writes_when_run_directly(bundle: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_study(tmp_path / "cines" / name)
    done = run_app(bundle, tmp_path / "cines", tmp_path / "app")
    assert done.returncode == 0, done.stderr[-3000:]
    for name in ("one", "two"):
        own = run_directly(bundle, tmp_path / "cines" / name, tmp_path / f"direct-{name}")
        for frame in range(4):
            expected = field(own, frame)
            np.testing.assert_allclose(
                field(tmp_path / "app" / name, frame), expected, atol=1e-4, err_msg=f"{frame}"
            )
        assert np.abs(expected).max() > 0.5
        assert (tmp_path / "app" / name / "strain.csv").read_text().count("\n") > 10
        page = (tmp_path / "app" / name / "report.html").read_text()
        assert page.count("data:image/png;base64,") >= 2 * 4  # every frame of both slices


def test_app_tracks_a_real_cine(bundle: Path, real_cines: Path, tmp_path: Path) -> None:
    cine = real_cines / "patient001" / "sa.nii.gz"
    done = run_app(bundle, cine, tmp_path / "app")
    assert done.returncode == 0, done.stderr[-3000:]
    expected = field(run_directly(bundle, cine, tmp_path / "direct"), 11)
    assert 3 < np.abs(expected).max() < 30
    np.testing.assert_allclose(field(tmp_path / "app" / "patient001", 11), expected, atol=1e-3)


def test_app_refuses_a_cine_that_cannot_be_read(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "cine.nii.gz").write_bytes(b"not a picture")
    done = run_app(bundle, tmp_path / "cine.nii.gz", tmp_path / "app")
    assert done.returncode != 0
    assert "cine.nii.gz: not a readable NIfTI file" in done.stderr
    assert not list((tmp_path / "app").iterdir())
