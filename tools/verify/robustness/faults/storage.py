"""The same heart, its file stored along other axes (kind K5)."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from tools.verify.robustness.faults.changes import Change
from tools.verify.robustness.faults.row import Outcome, Row, both, same

POINTS = 0.2  # by which a segment's Ecc may differ
STORAGES = {  # where an axis goes, and whether it is turned round
    "first axis flipped": ((0, -1), (1, 1), (2, 1)),
    "both axes flipped": ((0, -1), (1, -1), (2, 1)),
    "transposed": ((1, 1), (0, 1), (2, 1)),
    "turned by a quarter": ((1, -1), (0, 1), (2, 1)),
    "slices first": ((2, 1), (0, 1), (1, 1)),
}


def stored(axes: tuple[tuple[int, int], ...]) -> Change:
    """Cine and labels stored along other axes, affines likewise.

    Args:
        axes: as nibabel's orientations.
    """

    def change(folder: Path) -> None:
        for path in [folder / "sa.nii.gz", *folder.glob("label_sa_*.nii.gz")]:
            image = nib.Nifti1Image.from_filename(path)
            turned = image.as_reoriented(np.array(axes, float))
            nib.save(nib.Nifti1Image(np.asarray(turned.dataobj), turned.affine), path)

    return change


def same_segments(found: Outcome, sound: Outcome) -> str | None:
    """Every segment has the Ecc that it had."""
    if found.segments.shape != sound.segments.shape:
        return f"{len(found.segments)} segments for {len(sound.segments)}"
    off = float(np.abs(found.segments - sound.segments).max())
    return None if off <= POINTS else f"a segment's Ecc differs by {off:.2f} points"


STORED = tuple(
    Row(name=name, of=of, change=stored(axes), right=both(same(0.1, 0.5), same_segments))
    for of in ("drawn", "real")
    for name, axes in STORAGES.items()
)
