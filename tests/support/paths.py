"""Where things are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUNDLES = ROOT / "bundles"
SHIPPED = BUNDLES / "cardiac_motion_reg" / "models" / "model.pt"
VENTRICLES = BUNDLES / "ventricle_segmentation" / "models" / "model.pt"
