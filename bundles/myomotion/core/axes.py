"""The two patient coordinate systems: RAS (NIfTI, nibabel) and LPS (DICOM, ITK)."""

from __future__ import annotations

import numpy as np

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0])
