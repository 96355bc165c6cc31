"""Shared fixtures: where things are, small data sets, real cines where they are at hand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import settings

from tests.support.analytic import write_cycles
from tests.support.paths import ROOT, SHIPPED
from tests.support.seen_hearts import write_slices
from tests.support.studies import write_study

ON_REQUEST = ("processes", "downstream", "network")

if TYPE_CHECKING:
    from myomotion.io.cine import Cine


def pytest_configure() -> None:
    """Properties try the same few examples every time, however slow the machine."""
    settings.register_profile(
        "project", deadline=None, derandomize=True, max_examples=25, database=None
    )
    settings.load_profile("project")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests with marks on request run only where ``-m`` names the mark; ``not slow`` does not."""
    asked = config.getoption("markexpr")
    left_out = {mark for mark in ON_REQUEST if mark not in asked}
    dropped = [item for item in items if left_out & {mark.name for mark in item.iter_markers()}]
    config.hook.pytest_deselected(items=dropped)
    items[:] = [item for item in items if item not in dropped]


def real_data(name: str) -> Path:
    """Folder of real data; tests that need it are skipped without it.

    Args:
        name: folder in that of the environment variable MYOMOTION_DATA, or beside the project.
    """
    beside = ROOT.parent / "shared" / "data"
    folder = Path(os.environ.get("MYOMOTION_DATA", beside)).expanduser() / name
    if not folder.is_dir():
        pytest.skip(
            f"no real data at {folder}: set MYOMOTION_DATA to a folder that holds {name}, "
            f"or put it at {beside / name}"
        )
    return folder


@pytest.fixture(scope="session")
def real_cines() -> Path:
    """Three levels of eight ACDC cines, myocardium alone labelled."""
    return real_data("acdc_cine")


@pytest.fixture(scope="session")
def acdc_groups() -> Path:
    """Seven slices of eight ACDC cines of four groups, labels in ACDC's coding."""
    return real_data("acdc_groups")


@pytest.fixture(scope="session")
def sunnybrook() -> Path:
    """Whole Sunnybrook stacks with geometry and frame times, and pairs of frames."""
    return real_data("sunnybrook")


@pytest.fixture(scope="session")
def cycles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of analytic cycles with a data list."""
    return write_cycles(tmp_path_factory.mktemp("cycles"))


@pytest.fixture(scope="session")
def drawn_slices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of slices with labels and a data list."""
    return write_slices(tmp_path_factory.mktemp("slices"))


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
    from myomotion.networks.gradient_vae import GradientVAE

    torch.manual_seed(0)
    vae = GradientVAE()
    vae.gradient_std.fill_(0.15)
    path = tmp_path_factory.mktemp("vae") / "model.pt"
    torch.save(vae.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def net_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of an untrained registration network."""
    from myomotion.networks.recurrent import RecurrentMotionNet

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("net") / "model.pt"
    torch.save(RecurrentMotionNet().state_dict(), path)
    return path


@pytest.fixture(scope="session")
def tracked_heart(
    real_cines: Path, net_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Cine, Path]:
    """Patient 001 and its results, with the shipped weights or, without them, random ones."""
    from myomotion.io.cine import find_studies, read_cine
    from tests.support.bundle_runs import track

    output = tmp_path_factory.mktemp("tracked")
    weights = SHIPPED if SHIPPED.is_file() else net_weights
    study = real_cines / "patient001"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        track(study, weights, output)
    return read_cine(find_studies(study)[0]), output / "patient001"


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


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bundles run in this process are found from the repository root, as a user's are."""
    monkeypatch.chdir(ROOT)
