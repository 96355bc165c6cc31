"""A bundle that lacks something is not packed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from myomotion.errors import InputError
from myomotion.networks.recurrent import RecurrentMotionNet
from tests.support.paths import BUNDLES
from tests.support.pickled import Pickled
from tools.package.checks import check_bundle


def change_metadata(folder: Path, key: str, value: object) -> None:
    path = folder / "configs" / "metadata.json"
    content = json.loads(path.read_text())
    if value is None:
        del content[key]
    else:
        content[key] = value
    path.write_text(json.dumps(content))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no licence": (lambda b: (b / "LICENSE").unlink(), "LICENSE missing"),
    "empty readme": (lambda b: (b / "docs/README.md").write_text(""), "docs/README.md missing"),
    "no weights": (lambda b: (b / "models/model.pt").unlink(), "models/model.pt missing"),
    "no training": (lambda b: (b / "configs/train.yaml").unlink(), "configs/train.yaml missing"),
    "broken": (lambda b: (b / "configs/metadata.json").write_text("{"), "not valid JSON"),
    "no task": (lambda b: change_metadata(b, "task", None), "task missing"),
    "no packages": (
        lambda b: change_metadata(b, "required_packages_version", None),
        "required_packages_version missing",
    ),
    "loose version": (lambda b: change_metadata(b, "numpy_version", ">=2"), "give it as X.Y.Z"),
    "no changelog": (lambda b: change_metadata(b, "version", "9.9.9"), "no entry for version 9"),
    "other name": (lambda b: change_metadata(b, "name", "spleen"), "name is 'spleen'"),
    "optional packages": (
        lambda b: change_metadata(b, "optional_packages_version", {"mlflow": "3.0.0"}),
        "takes the place of required_packages_version",
    ),
    "unknown part": (
        lambda b: (b / "configs/extra.yaml").write_text(
            "net: {_target_: myomotion.core.flow.Wrap}"
        ),
        "extra.yaml: there is no myomotion.core.flow.Wrap",
    ),
    "other network": (
        lambda b: torch.save(RecurrentMotionNet().state_dict(), b / "models/model.pt"),
        "weights of a RecurrentMotionNet, expected a",
    ),
    "nested weights": (
        lambda b: torch.save({"model": torch.load(b / "models/model.pt")}, b / "models/model.pt"),
        "nested",
    ),
    "pickle": (
        lambda b: torch.save({"bias": Pickled(b / "ran")}, b / "models/model.pt"),
        "not a plain state dict",
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_incomplete_bundle_is_not_packed(
    damage: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    bundle = tmp_path / "vae_regulariser"
    shutil.copytree(BUNDLES / "vae_regulariser", bundle)
    damage(bundle)
    with pytest.raises(InputError, match=re.escape(message)):
        check_bundle(bundle)
    assert not (bundle / "ran").exists()
