"""M&Ms (Campello et al., IEEE TMI 2021): ``CODE_sa.nii.gz``, 4-D labels, a table of frames."""

from __future__ import annotations

import csv
import re
from functools import partial
from pathlib import Path

import numpy as np

from myomotion.errors import InputError
from tools.convert.nifti import Labels, load_image, values_of
from tools.convert.source import PHASES, Reader, Source, first_file, folders, listed, named

COLUMNS = ("External code", "ED", "ES")


def find_mnms(source: Path) -> dict[str, Reader]:
    """Folders with ``CODE_sa.nii.gz``, by code, each with its line of the data set's CSV."""
    found = [(f, p) for f in folders(source) if (p := first_file(f, "*_sa.nii.gz", "*_sa.nii"))]
    table_path, rows = _table(source)

    def reader(path: Path) -> Reader:
        code = path.name.split("_sa.nii")[0]
        return partial(read_mnms, path, rows.get(code), table_path)

    return named(source, ((folder, reader(path)) for folder, path in found))


def read_mnms(path: Path, row: dict[str, str] | None, table_path: Path) -> Source:
    """Read ``CODE_sa.nii.gz`` and, of ``CODE_sa_gt.nii.gz``, the two frames named in the CSV.

    Raises:
        InputError: naming the file, what was found and the fix.
    """
    code = path.name.split("_sa.nii")[0]
    if row is None:
        raise InputError(f"{table_path}: no line for '{code}' (External code). Add it.")
    label_path = first_file(path.parent, f"{code}_sa_gt.nii.gz", f"{code}_sa_gt.nii")
    if label_path is None:
        raise InputError(f"{path.parent}: no {code}_sa_gt.nii.gz. Only labelled subjects convert.")
    phases = {}
    for phase in PHASES:
        if not re.fullmatch(r"\d+(\.0)?", row[phase]):
            raise InputError(
                f"{table_path}: {phase} of '{code}' is '{row[phase]}'. Give a frame, from 0."
            )
        phases[phase] = int(float(row[phase]))
    image, label = load_image(path), load_image(label_path)
    if label.shape != image.shape or len(label.shape) != 4:
        raise InputError(
            f"{label_path}: labels of shape {label.shape} for a cine of {image.shape}. "
            "Both must be 4-D on the same grid."
        )
    codes = values_of(label_path, label)
    labelled = np.flatnonzero(codes.any(axis=(0, 1, 2))).tolist()
    for phase, frame in phases.items():
        if frame not in labelled:
            raise InputError(
                f"{label_path}: no labels in frame {frame}, which {table_path.name} gives as "
                f"{phase}; labelled frames, from 0: {listed(labelled)}. Correct the table."
            )
    maps = {
        phase: Labels(path=label_path, codes=codes[..., frame], affine=label.affine)
        for phase, frame in phases.items()
    }
    known = {"group": row.get("Pathology"), "vendor": row.get("VendorName")}
    return Source(
        path=path,
        image=image,
        ed_frame=phases["ED"],
        es_frame=phases["ES"],
        label_ed=maps["ED"],
        label_es=maps["ES"],
        coding="mnms",
        record={k: v for k, v in known.items() if v},
    )


def _table(source: Path) -> tuple[Path, dict[str, dict[str, str]]]:
    """The newest CSV with the needed columns in the folder or the two above, its lines by code."""
    for folder in (source, *source.resolve().parents[:2]):
        for path in sorted(folder.glob("*.csv"), reverse=True):
            text = path.read_text(encoding="utf-8-sig", errors="replace")
            reader = csv.DictReader(text.splitlines(), skipinitialspace=True)
            if set(COLUMNS) <= set(reader.fieldnames or ()):
                lines = [{k: (v or "").strip() for k, v in line.items() if k} for line in reader]
                return path, {line[COLUMNS[0]]: line for line in lines}
    raise InputError(
        f"{source}: no CSV with the columns {', '.join(COLUMNS)} here or in the two folders "
        "above. Put the data set's information table beside its folders."
    )
