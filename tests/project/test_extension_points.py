"""What CONTRIBUTING says of adding a format, network, measure, material or peer is all it takes."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import nibabel as nib
import numpy as np
import pytest

import fem_sim.dataset
import myomotion
from fem_sim.mechanics.cycle import Cycle
from fem_sim.mechanics.materials.registry import MATERIALS
from myomotion.analysis.measures import registry
from myomotion.analysis.quality import columns
from myomotion.io import source
from myomotion.networks.registry import NETWORKS
from tests.support.bundle_runs import run
from tests.support.paths import ROOT
from tools import peers
from tools.evaluate.__main__ import main as evaluate

STEPS = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
BULLETS = dict(re.findall(r"^- \*\*([^*]+?)\.?\*\*(.*?)(?=^- |^## )", STEPS, re.M | re.S))

READER = """
import numpy as np
from myomotion.io.image import CineImage
from myomotion.io.readers.base import FileReader

class Npy(FileReader):
    endings = (".npy",)

    def read(self, place, info):
        return CineImage(values=np.load(place), affine=np.diag([1.8, 1.8, 8.0, 1.0]))
"""
NETWORK = """
from torch import cat, nn
from myomotion.networks.pair import PairNetwork

class Shallow(PairNetwork):
    def __init__(self, width=4, *, field="velocity", spacing=1.5, size=96):
        super().__init__({"width": width}, field=field, spacing=spacing, size=size)
        self.features = nn.Conv2d(1, width, 3, padding=1)
        self.head = nn.Conv2d(2 * width, 2, 3, padding=1)

    def encode(self, image):
        return [self.features(image).relu()]

    def decode(self, moving, reference):
        return self.head(cat([moving[0], reference[0]], dim=1))
"""
MEASURE = """
from myomotion.analysis.measures.measure import FrameMeasure

BRIGHTNESS = FrameMeasure(
    key="brightness",
    compute=lambda tracked: [float(frame[tracked.part].mean()) for frame in tracked.images],
)
"""
MATERIAL = """
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from fem_sim.mechanics.materials.first_invariant import FirstInvariant

@dataclass(frozen=True, kw_only=True)
class Quadratic(FirstInvariant):
    name: ClassVar[str] = "quadratic"
    mu_kpa: float = 20.0
    growth: float = 0.5

    def modulus(self, i1):
        return self.mu_kpa * (1 + self.growth * (i1 - 3))

    def slope(self, i1):
        return np.full_like(i1, self.mu_kpa * self.growth)
"""
PEER = """
import numpy as np

PACKAGE = "numpy"

def register(moving, reference, mask, spacing, *, shift=0.0):
    return np.stack([np.full(moving.shape, shift * spacing), np.zeros(moving.shape)])
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], ModuleType]:
    """Write a file and import it."""

    def made(name: str, text: str) -> ModuleType:
        folder = tmp_path / "added"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, name, raising=False)
        return importlib.import_module(name)

    return made


Module = Callable[[str, str], ModuleType]


@pytest.mark.parametrize("name", BULLETS)
def test_files_and_lists_that_a_step_names_are_there(name: str) -> None:
    named = re.findall(r"`([^`]+)`", BULLETS[name])
    files = [ROOT / n for n in named if "/" in n and "NAME" not in n and "(" not in n]
    assert files or name == "Command"
    assert [path for path in files if not path.exists()] == []
    text = "".join(p.read_text() for p in files if p.is_file())
    lists = [n for n in named if n.isupper() and n not in ("PACKAGE",)]
    folders = [p / "__init__.py" for p in files if p.is_dir()]
    text += "".join(p.read_text() for p in folders if p.is_file())
    assert [n for n in lists if not re.search(rf"^{n}\b", text, re.M)] == []


def test_every_extension_point_that_is_promised_is_described() -> None:
    assert {"Format of cines", "Network", "Measure", "Material", "Peer", "Claim"} <= set(BULLETS)


@pytest.mark.slow
def test_a_format_is_a_reader_and_a_line(
    module: Module, monkeypatch: pytest.MonkeyPatch, small_study: Path, net_weights: Path
) -> None:
    reader = module("npy_cine", READER).Npy()
    monkeypatch.setattr(source, "READERS", (reader, *source.READERS))
    image = np.asarray(nib.load(small_study / "sa.nii.gz").dataobj, np.float32)
    (small_study / "sa.nii.gz").unlink()
    (small_study / "label_sa_ED.nii.gz").unlink()
    np.save(small_study / "sa.npy", image)
    result = myomotion.track(small_study, weights=net_weights)
    assert np.array_equal(result.cine.image, image)
    assert list(result.summary["input_sha256"]) == ["image"]


@pytest.mark.slow
def test_a_network_is_a_class_and_a_line(
    module: Module,
    monkeypatch: pytest.MonkeyPatch,
    studies: Path,
    vae_weights: Path,
    tmp_path: Path,
) -> None:
    shallow = module("shallow", NETWORK).Shallow
    monkeypatch.setitem(NETWORKS, "Shallow", shallow)
    options = {"network_def::_target_": "shallow.Shallow", "network_def::width": 6}
    run(
        "train",
        run_id="training",
        dataset_dir=str(studies),
        vae_weights=str(vae_weights),
        output_dir=str(tmp_path / "trained"),
        epochs=1,
        val_interval=1,
        **options,
    )
    weights = tmp_path / "trained" / "model.pt"
    tracker = myomotion.Tracker(weights=weights)
    assert type(tracker.network) is shallow
    assert tracker.network.architecture == {"width": 6}
    assert tracker.network.trained == {"field": "velocity", "spacing": 1.5, "size": 96}
    result = myomotion.track(studies / "one", weights=weights)
    assert np.abs(result.motion.displacement).max() > 0


@pytest.mark.slow
def test_a_measure_is_an_object_and_a_line(
    module: Module, monkeypatch: pytest.MonkeyPatch, small_study: Path, net_weights: Path
) -> None:
    measure = module("brightness", MEASURE).BRIGHTNESS
    monkeypatch.setattr(registry, "MEASURES", (*registry.MEASURES, measure))
    result = myomotion.track(small_study, weights=net_weights)
    assert columns()[-1] == "brightness"
    values = [row["brightness"] for row in result.quality.frames if row["slice"] == 0]
    assert len(values) == 4 and 200 < values[0] < 400  # the wall is drawn with 250


@pytest.mark.slow
def test_a_material_is_a_class_and_a_line(
    module: Module, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(MATERIALS, "quadratic", module("quadratic", MATERIAL).Quadratic)
    output = tmp_path / "cycles"
    fem_sim.dataset.simulate_dataset(
        output, count=1, levels=3, material="quadratic", progress=False
    )
    cycle = Cycle.load(output / "s00000_basal.npz")
    record = cycle.provenance["parameters"]["material"]
    assert record == {"name": "quadratic", "mu_kpa": 20.0, "growth": 0.5}
    assert cycle.pressure_kpa[0] > 0 and np.abs(cycle.displacement[-1]).max() > 1


def test_a_peer_is_a_file(monkeypatch: pytest.MonkeyPatch, studies: Path, tmp_path: Path) -> None:
    folder = tmp_path / "more_peers"
    folder.mkdir()
    (folder / "shifted.py").write_text(PEER)
    monkeypatch.setattr(peers, "__path__", [*peers.__path__, str(folder)])
    options = ["--data", str(studies), "--method", "shifted", "--only", "one"]
    assert evaluate([*options, "--set", "shift=2", "--output", str(tmp_path / "out.json")]) == 0
    with np.load(tmp_path / "out" / "one.npz") as archive:
        assert (archive["displacement"][:, 0] == 3.0).all()  # 2 voxels of 1.5 mm
