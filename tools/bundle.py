"""The registration bundle as its users run it, part by part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

ROOT = Path(__file__).resolve().parents[1]
BUNDLES = ROOT / "bundles"
REGISTRATION = BUNDLES / "cardiac_motion_reg"
INFERENCE_CONFIG = REGISTRATION / "configs" / "inference.yaml"


def inference_parts(**changes: Any) -> ConfigParser:
    """The inference configuration, ready to hand out its parts.

    Args:
        changes: keys of ``configs/inference.yaml`` with other values.

    Returns:
        Parser; ``get_parsed_content("network")`` and so on give the parts.
    """
    parser = ConfigParser()
    parser.read_config(str(INFERENCE_CONFIG))
    parser["bundle_root"] = str(REGISTRATION)
    for key, value in changes.items():
        parser[key] = value
    return parser
