"""How public data sets of short-axis cines lie on disk: ACDC, M&Ms, and ukbb_cardiac's output."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from myomotion.errors import InputError
from tools.convert.nifti import (
    ALIKE,
    SAME,
    Labels,
    frame_differences,
    join_frames,
    load_image,
    read_labels,
    values_of,
)
from tools.convert.source import Reader, Source, first_file, folders, listed, named

ACDC_CAVITY = 3
MNMS_COLUMNS = ("External code", "ED", "ES")
PHASES = ("ED", "ES")


def find_acdc(source: Path) -> dict[str, Reader]:
    """Folders with ``*_4d.nii.gz``, ``*_frameNN.nii.gz`` or ``Info.cfg``, by name."""

    def is_patient(folder: Path) -> bool:
        names = [p.name for p in folder.iterdir() if not p.name.startswith(".")]
        return any(re.search(r"(_4d|_frame\d+)\.nii(\.gz)?$|^Info\.cfg$", n) for n in names)

    return named(source, ((f, partial(read_acdc, f)) for f in folders(source) if is_patient(f)))


def read_acdc(folder: Path) -> Source:
    """Read ``patientNNN``; without its 4-D cine the two labelled frames make one of two frames.

    Frames are counted from 1 in ``Info.cfg`` and in file names. Without ``Info.cfg`` the labelled
    frame with the larger cavity is end-diastole.

    Raises:
        InputError: naming the file, what was found and the fix.
    """
    frames, labels = _acdc_frames(folder, ""), _acdc_frames(folder, "_gt")
    ed, es, record, notes = _acdc_phases(folder, labels)
    missing = [n for n in (ed, es) if n not in labels]
    if missing:
        raise InputError(
            f"{folder}: no *_frame{missing[0]:02d}_gt.nii.gz; labelled frames: "
            f"{listed(labels)}. Add the labels or correct ED and ES in Info.cfg."
        )
    cine_path = first_file(folder, "*_4d.nii.gz", "*_4d.nii")
    pair = sorted({ed, es})
    if cine_path is not None:
        path, image, order = cine_path, load_image(cine_path), None
        _check_acdc_frames(cine_path, image, {n: frames[n] for n in pair if n in frames})
    elif all(n in frames for n in pair):
        path, order = frames[pair[0]], pair
        image = join_frames([frames[n] for n in pair])
        record["source_frames"] = pair
        notes.append("no 4-D cine: the cine is made of the labelled frames only")
    else:
        raise InputError(
            f"{folder}: neither *_4d.nii.gz nor both labelled frames ({listed(pair)}) are there; "
            f"frames found: {listed(frames)}. Add the 4-D cine."
        )
    return Source(
        path=path,
        image=image,
        ed_frame=order.index(ed) if order else ed - 1,
        es_frame=order.index(es) if order else es - 1,
        label_ed=read_labels(labels[ed]),
        label_es=read_labels(labels[es]),
        coding="acdc",
        record=record,
        notes=notes,
    )


def find_mnms(source: Path) -> dict[str, Reader]:
    """Folders with ``CODE_sa.nii.gz``, by code, each with its line of the data set's CSV."""
    found = [(f, p) for f in folders(source) if (p := first_file(f, "*_sa.nii.gz", "*_sa.nii"))]
    table_path, rows = _mnms_table(source)

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
    ed_frame = 0 if diastole is None else _matching_frame(path, cine, diastole, notes)
    if ed_frame:
        notes.append("sa_ED is not frame 0 of the cine; the frame that it shows was taken")
    return Source(
        path=path,
        image=image,
        ed_frame=ed_frame,
        es_frame=_matching_frame(path, cine, systole, notes),
        label_ed=read_labels(labels["ED"]),
        label_es=read_labels(labels["ES"]),
        coding="ukbb",
        notes=notes,
    )


LAYOUTS: dict[str, Callable[[Path], dict[str, Reader]]] = {
    "acdc": find_acdc,
    "mnms": find_mnms,
    "ukbb": find_ukbb,
}


def _acdc_frames(folder: Path, ending: str) -> dict[int, Path]:
    """Files ``*_frameNN<ending>.nii.gz`` by NN."""
    pattern = re.compile(rf"_frame(\d+){ending}\.nii(\.gz)?$")
    found = ((pattern.search(p.name), p) for p in sorted(folder.glob("[!.]*")))
    return {int(match[1]): path for match, path in found if match}


def _acdc_phases(
    folder: Path, labels: dict[int, Path]
) -> tuple[int, int, dict[str, object], list[str]]:
    """End-diastolic and end-systolic frame (from 1), the record, notes."""
    path = folder / "Info.cfg"
    if path.is_file():
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        pairs = (line.partition(":") for line in lines if ":" in line)
        info = {key.strip(): value.strip() for key, _, value in pairs}
        for phase in PHASES:
            if not re.fullmatch(r"0*[1-9]\d*", info.get(phase, "")):
                raise InputError(
                    f"{path}: {phase} is {info.get(phase)!r}. Give a frame, counted from 1."
                )
        record: dict[str, object] = {"group": info["Group"]} if info.get("Group") else {}
        return int(info["ED"]), int(info["ES"]), record, []
    if len(labels) != 2:
        raise InputError(
            f"{folder}: no Info.cfg, and labelled frames {listed(labels)} where two are needed to "
            "tell end-diastole from end-systole. Add Info.cfg with ED and ES."
        )
    volume = {n: int((read_labels(p).codes == ACDC_CAVITY).sum()) for n, p in labels.items()}
    es, ed = sorted(volume, key=lambda n: volume[n])
    return ed, es, {}, ["no Info.cfg: the labelled frame with the larger cavity is end-diastole"]


def _check_acdc_frames(cine_path: Path, image: Any, frames: dict[int, Path]) -> None:
    """Refuse a cine whose frames are not those that its frame files show."""
    cine = values_of(cine_path, image) if frames else np.zeros(0)
    for number, path in frames.items():
        differences = frame_differences(cine_path, cine, path)
        best = int(np.argmin(differences))
        here = differences[number - 1] if number <= len(differences) else np.inf
        if differences[best] < SAME <= here:
            raise InputError(
                f"{path}: the same as frame {best + 1} of {cine_path.name}, not {number}. "
                "Rename the frame or fetch the cine again."
            )


def _mnms_table(source: Path) -> tuple[Path, dict[str, dict[str, str]]]:
    """The newest CSV with the needed columns in the folder or the two above, its lines by code."""
    for folder in (source, *source.resolve().parents[:2]):
        for path in sorted(folder.glob("*.csv"), reverse=True):
            text = path.read_text(encoding="utf-8-sig", errors="replace")
            reader = csv.DictReader(text.splitlines(), skipinitialspace=True)
            if set(MNMS_COLUMNS) <= set(reader.fieldnames or ()):
                lines = [{k: (v or "").strip() for k, v in line.items() if k} for line in reader]
                return path, {line[MNMS_COLUMNS[0]]: line for line in lines}
    raise InputError(
        f"{source}: no CSV with the columns {', '.join(MNMS_COLUMNS)} here or in the two folders "
        "above. Put the data set's information table beside its folders."
    )


def _matching_frame(path: Path, cine: np.ndarray, frame_path: Path, notes: list[str]) -> int:
    """Index of the frame that a file shows, exactly or most nearly (noted)."""
    differences = frame_differences(path, cine, frame_path)
    best = int(np.argmin(differences))
    if not differences[best] < ALIKE:
        raise InputError(
            f"{frame_path}: shows no frame of {path.name} (nearest: {best}, off by "
            f"{differences[best]:.2f} of its standard deviation). Export it again."
        )
    if differences[best] >= SAME:
        notes.append(f"{frame_path.name} is no exact copy of a frame; the nearest was taken")
    return best
