"""The two patient coordinate systems: RAS (NIfTI, nibabel) and LPS (DICOM, ITK).

Their first two axes point to opposite sides (right and left, anterior and posterior).
"""

from __future__ import annotations

import numpy as np

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0])
RAS_FROM_LPS = LPS_FROM_RAS  # its own inverse
