"""Commands for developers and studies: evaluation, comparison, verification, data preparation."""

import sys
from pathlib import Path

# The package ``myomotion`` of the same clone, which is not installed.
if (bundles := str(Path(__file__).resolve().parents[1] / "bundles")) not in sys.path:
    sys.path.insert(0, bundles)
