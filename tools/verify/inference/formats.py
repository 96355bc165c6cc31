"""The claim that a cine gives the same numbers from NIfTI and from DICOM."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fem_sim.claims import Claim, at_most
from myomotion.io.cine import find_studies
from tools.convert.dicom import write_cine
from tools.verify.inference.runs import run_command

LIMIT = 1e-4
SIDE_FILES = ("label_sa_ED.nii.gz", "label_sa_ES.nii.gz", "info.json")
NOT_COMPARED = ("files", "input_sha256", "parameters", "versions", "warnings", "source")


def format_claims(data: Path, from_nifti: Path, work: Path) -> Iterator[Claim]:
    """Tables and summaries of all studies are the same from DICOM files as from NIfTI.

    Args:
        data: folder of studies in NIfTI.
        from_nifti: their results.
        work: folder for the DICOM files and their results.
    """
    for name, multi_frame in (("DICOM", False), ("multi-frame DICOM", True)):
        folder, output = work / name / "studies", work / name / "motion"
        names = write_dicom_studies(data, folder, multi_frame)
        run_command(folder, output)
        gaps = [
            gap
            for study in names
            for gap in (
                table_gap(from_nifti / study / "strain.csv", output / study / "strain.csv"),
                summary_gap(from_nifti / study, output / study),
            )
        ]
        note = f"strain.csv and summary.json of {len(names)} cines, largest difference"
        yield at_most(f"the same numbers from NIfTI and {name}", max(gaps), LIMIT, "", note)


def write_dicom_studies(data: Path, folder: Path, multi_frame: bool) -> list[str]:
    """Write studies as DICOM, labels and ``info.json`` beside the files.

    Args:
        data: folder of studies in NIfTI.
        folder: to write into.
        multi_frame: one file a cine.

    Returns:
        Names of the studies.
    """
    names = []
    for study in find_studies(data):
        image = Path(str(study["image"]))
        target = folder / str(study["name"])
        write_cine(image, target, multi_frame)
        for side in SIDE_FILES:
            if image.with_name(side).is_file():
                shutil.copy(image.with_name(side), target / side)
        names.append(target.name)
    return names


def table_gap(first: Path, second: Path) -> float:
    """Largest difference between the numbers of two tables; infinite where anything else differs.

    Args:
        first: CSV file.
        second: CSV file.
    """
    tables = [list(csv.reader(p.read_text().splitlines())) for p in (first, second)]
    return gap(*tables)


def summary_gap(first: Path, second: Path) -> float:
    """The same of ``summary.json`` in two result folders, without what names files and the run.

    Args:
        first: result folder.
        second: result folder.
    """
    summaries = []
    for folder in (first, second):
        content = json.loads((folder / "summary.json").read_text())
        summaries.append({k: v for k, v in content.items() if k not in NOT_COMPARED})
    return gap(*summaries)


def gap(first: Any, second: Any) -> float:
    """Largest difference between numbers at the same place of two nested values.

    Args:
        first: dictionaries, lists, numbers, text.
        second: the same.

    Returns:
        Infinity where the structure or anything but a number differs.
    """
    if isinstance(first, dict) and isinstance(second, dict):
        if first.keys() != second.keys():
            return math.inf
        return max((gap(first[k], second[k]) for k in first), default=0.0)
    if isinstance(first, list) and isinstance(second, list):
        if len(first) != len(second):
            return math.inf
        return max((gap(a, b) for a, b in zip(first, second, strict=True)), default=0.0)
    if first == second:
        return 0.0
    try:
        difference = abs(float(first) - float(second))
    except (TypeError, ValueError):
        return math.inf
    return difference if math.isfinite(difference) else math.inf
