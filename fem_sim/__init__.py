"""Finite-element simulation of short-axis myocardial motion, and virtual cines made of it."""

import sys
from pathlib import Path

# The package ``myomotion`` of the same clone, which is not installed.
if (bundles := str(Path(__file__).resolve().parents[1] / "bundles")) not in sys.path:
    sys.path.append(bundles)
