"""The package that the bundles of the same clone share with the simulator."""

from __future__ import annotations

import sys
from pathlib import Path


def use_bundle_code() -> None:
    """Make the package ``myomotion`` importable."""
    bundles = str(Path(__file__).resolve().parents[1] / "bundles")
    if bundles not in sys.path:
        sys.path.append(bundles)
