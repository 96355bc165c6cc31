"""Where the bundles of this clone are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUNDLES = ROOT / "bundles"
REGISTRATION = BUNDLES / "cardiac_motion_reg"
VAE = BUNDLES / "vae_regulariser"
INFERENCE_CONFIG = REGISTRATION / "configs" / "inference.yaml"
