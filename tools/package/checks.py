"""What a bundle must hold before it is packed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from pydoc import ErrorDuringImport, locate
from typing import Any

import torch
from monai.bundle import ConfigParser

from myomotion.errors import InputError
from myomotion.networks.weights import load_state

REQUIRED_FILES = (
    "LICENSE",
    "docs/README.md",
    "docs/model_card.md",
    "configs/metadata.json",
    "configs/logging.conf",
    "configs/train.yaml",
    "configs/inference.yaml",
    "models/model.pt",
)
REQUIRED_METADATA = (
    "schema",
    "version",
    "changelog",
    "monai_version",
    "pytorch_version",
    "numpy_version",
    "required_packages_version",
    "supported_apps",
    "name",
    "task",
    "description",
    "authors",
    "copyright",
    "intended_use",
    "network_data_format",
)
EXACT_VERSION = re.compile(r"\d+\.\d+\.\d+")


def check_bundle(folder: Path) -> dict[str, Any]:
    """Check files, metadata, configurations and weights of a bundle.

    Args:
        folder: the bundle; its name is the folder's name.

    Returns:
        Its metadata.

    Raises:
        InputError: naming what is missing or wrong.
    """
    missing = [name for name in REQUIRED_FILES if not _holds_something(folder / name)]
    if missing:
        raise InputError(f"{folder}: {', '.join(missing)} missing or empty. Nothing was packed.")
    metadata = check_metadata(folder / "configs" / "metadata.json", folder.name)
    for path in sorted((folder / "configs").glob("*.yaml")):
        check_parts(path)
    check_weights(folder, metadata)
    return metadata


def check_metadata(path: Path, name: str) -> dict[str, Any]:
    """Read ``metadata.json`` and check what a download needs of it.

    Args:
        path: the file.
        name: name of the bundle.

    Returns:
        Its content.

    Raises:
        InputError: if it is no JSON, a key or the version's changelog entry is missing, a version
            is not exact, or the name differs.
    """
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error}).") from error
    missing = [key for key in REQUIRED_METADATA if key not in metadata]
    if missing:
        raise InputError(f"{path}: {', '.join(missing)} missing.")
    if metadata["name"] != name:
        raise InputError(f"{path}: name is {metadata['name']!r}, the folder is {name!r}.")
    if "optional_packages_version" in metadata:
        raise InputError(
            f"{path}: optional_packages_version takes the place of required_packages_version when "
            "MONAI reads it. Leave it out."
        )
    versions = {key: metadata[key] for key in REQUIRED_METADATA if key.endswith("version")}
    packages = versions.pop("required_packages_version")
    for key, version in {**versions, **packages}.items():
        if not EXACT_VERSION.fullmatch(str(version)):
            raise InputError(f"{path}: version of {key} is {version!r}; give it as X.Y.Z.")
    if not str(metadata["changelog"].get(metadata["version"], "")).strip():
        raise InputError(
            f"{path}: changelog has no entry for version {metadata['version']}. Say what changed."
        )
    return metadata


def check_parts(path: Path) -> None:
    """Check that every part of the shared package that a configuration names can be imported.

    Args:
        path: YAML configuration.

    Raises:
        InputError: naming the part.
    """
    for target in sorted(set(targets(ConfigParser.load_config_file(str(path))))):
        if not target.startswith("myomotion."):
            continue
        try:
            found = locate(target)
        except ErrorDuringImport as error:
            raise InputError(f"{path}: {target} cannot be imported ({error}).") from error
        if found is None:
            raise InputError(f"{path}: there is no {target}.")


def check_weights(folder: Path, metadata: dict[str, Any]) -> None:
    """Check that all weights load into the network of ``inference.yaml``, safely, and that it has
    the shapes that the metadata promise.

    Args:
        folder: the bundle.
        metadata: its metadata.

    Raises:
        InputError: if weights are a pickle, nested, not finite or do not fit, or shapes differ.
    """
    parser = ConfigParser()
    parser.read_config(str(folder / "configs" / "inference.yaml"))
    parser["bundle_root"] = str(folder)
    parser["code_path"] = None  # the code at hand, not another copy of it
    try:
        network = parser.get_parsed_content("network_def").eval()
    except SystemExit as error:  # how the parts of a configuration report an error of the input
        raise InputError(str(error).removeprefix("error: ")) from error
    for path in sorted((folder / "models").glob("*.pt")):
        load_state(network, path)
        state = torch.load(path, map_location="cpu", weights_only=True)
        if set(state) != set(network.state_dict()):
            raise InputError(f"{path}: the state dict is nested. Save it plain, as MONAI reads it.")
        bad = [key for key, value in state.items() if not bool(torch.isfinite(value).all())]
        if bad:
            raise InputError(f"{path}: {', '.join(bad[:5])} hold NaN or infinite values.")
    layout = metadata["network_data_format"]
    image, pred = (
        (1, tensor["num_channels"], *tensor["spatial_shape"])
        for tensor in (layout["inputs"]["image"], layout["outputs"]["pred"])
    )
    with torch.no_grad():
        found = tuple(network(torch.zeros(image)).shape)
    if found != pred:
        raise InputError(f"{folder}: the network gives {found}, metadata.json says {pred}.")


def targets(config: Any) -> Iterator[str]:
    """Every ``_target_`` in the content of a configuration."""
    if isinstance(config, dict):
        if isinstance(config.get("_target_"), str):
            yield config["_target_"]
        config = list(config.values())
    if isinstance(config, list):
        for value in config:
            yield from targets(value)


def _holds_something(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
