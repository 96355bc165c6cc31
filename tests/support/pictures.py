"""What a drawn picture must show at least."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def is_drawn(path: Path, width: int = 600) -> bool:
    """Whether a file is a whole picture of some width with much on it.

    Args:
        path: of the picture.
        width: pixels that it must have at least.

    Returns:
        True if a fifth of its pixels differ from its most frequent grey value, in 50 grey values
        or more: neither a page with axes alone nor a single flat area passes.
    """
    with Image.open(path) as picture:
        picture.load()  # all of it
        grey = np.asarray(picture.convert("L"))
    count = np.bincount(grey.ravel(), minlength=256)
    return (
        grey.shape[1] >= width
        and count.max() < 0.8 * grey.size
        and int((count > 1e-5 * grey.size).sum()) >= 50
    )
