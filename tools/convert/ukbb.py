"""Output of ukbb_cardiac (Bai et al., JCMR 2018): ``sa.nii.gz``, its frames and its labels."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from myomotion.errors import InputError
from tools.convert.nifti import (
    COPY_TOLERANCE,
    LIKENESS_LIMIT,
    frame_differences,
    load_image,
    read_labels,
    values_of,
)
from tools.convert.source import PHASES, Reader, Source, first_file, folders, named


def find_ukbb(source: Path) -> dict[str, Reader]:
    """Folders with ``sa.nii.gz``, by name."""
    found = (f for f in folders(source) if first_file(f, "sa.nii.gz", "sa.nii"))
    return named(source, ((f, partial(read_ukbb, f)) for f in found))


def read_ukbb(folder: Path) -> Source:
    """Read a subject; the frames are those that ``sa_ED.nii.gz`` and ``sa_ES.nii.gz`` show.

    Labels are ``label_sa_*.nii.gz`` (drawn), else ``seg_sa_*.nii.gz`` (predicted). End-diastole is
    frame 0 where there is no ``sa_ED.nii.gz``.

    Raises:
        InputError: naming the file, what was found and the fix.
    """
    path = first_file(folder, "sa.nii.gz", "sa.nii")
    systole = first_file(folder, "sa_ES.nii.gz", "sa_ES.nii")
    labels = {
        phase: first_file(
            folder, *(f"{k}_sa_{phase}.nii{z}" for k in ("label", "seg") for z in (".gz", ""))
        )
        for phase in PHASES
    }
    needed = {"sa": path, "sa_ES": systole}
    needed |= {f"label_sa_{k} or seg_sa_{k}": v for k, v in labels.items()}
    missing = [name for name, file in needed.items() if file is None]
    if path is None or systole is None or labels["ED"] is None or labels["ES"] is None:
        raise InputError(f"{folder}: no {' and no '.join(missing)} (.nii.gz). Add what is missing.")
    image = load_image(path)
    cine = values_of(path, image)
    diastole = first_file(folder, "sa_ED.nii.gz", "sa_ED.nii")
    notes: list[str] = []
    ed_frame = 0 if diastole is None else matching_frame(path, cine, diastole, notes)
    if ed_frame:
        notes.append("sa_ED is not frame 0 of the cine; the frame that it shows was taken")
    return Source(
        path=path,
        image=image,
        ed_frame=ed_frame,
        es_frame=matching_frame(path, cine, systole, notes),
        label_ed=read_labels(labels["ED"]),
        label_es=read_labels(labels["ES"]),
        coding="ukbb",
        notes=notes,
    )


def matching_frame(path: Path, cine: np.ndarray, frame_path: Path, notes: list[str]) -> int:
    """Index of the frame that a file shows, exactly or most nearly (noted)."""
    differences = frame_differences(path, cine, frame_path)
    best = int(np.argmin(differences))
    if not differences[best] < LIKENESS_LIMIT:
        raise InputError(
            f"{frame_path}: shows no frame of {path.name} (nearest: {best}, off by "
            f"{differences[best]:.2f} of its standard deviation). Export it again."
        )
    if differences[best] >= COPY_TOLERANCE:
        notes.append(f"{frame_path.name} is no exact copy of a frame; the nearest was taken")
    return best
