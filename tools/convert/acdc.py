"""ACDC (Bernard et al., IEEE TMI 2018): ``patientNNN`` with a 4-D cine and two labelled frames."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from myomotion.errors import InputError
from myomotion.io.info import RANGES
from myomotion.io.labels import CAVITY, LABEL_CODINGS
from tools.convert.nifti import (
    COPY_TOLERANCE,
    frame_differences,
    join_frames,
    load_image,
    read_labels,
    values_of,
)
from tools.convert.source import PHASES, Reader, Source, first_file, folders, listed, named


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
    frames, labels = _numbered_frames(folder, ""), _numbered_frames(folder, "_gt")
    ed, es, record, notes = _phases(folder, labels)
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
        _check_frames(cine_path, image, {n: frames[n] for n in pair if n in frames})
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


def _numbered_frames(folder: Path, ending: str) -> dict[int, Path]:
    """Files ``*_frameNN<ending>.nii.gz`` by NN."""
    pattern = re.compile(rf"_frame(\d+){ending}\.nii(\.gz)?$")
    found = ((pattern.search(p.name), p) for p in sorted(folder.glob("[!.]*")))
    return {int(match[1]): path for match, path in found if match}


def _phases(folder: Path, labels: dict[int, Path]) -> tuple[int, int, dict[str, object], list[str]]:
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
        body, notes = _body(info)
        return int(info["ED"]), int(info["ES"]), record | body, notes
    if len(labels) != 2:
        raise InputError(
            f"{folder}: no Info.cfg, and labelled frames {listed(labels)} where two are needed to "
            "tell end-diastole from end-systole. Add Info.cfg with ED and ES."
        )
    cavity = next(c for c, meaning in LABEL_CODINGS["acdc"].items() if meaning == CAVITY)
    volume = {n: int((read_labels(p).codes == cavity).sum()) for n, p in labels.items()}
    es, ed = sorted(volume, key=lambda n: volume[n])
    return ed, es, {}, ["no Info.cfg: the labelled frame with the larger cavity is end-diastole"]


def _body(info: Mapping[str, str]) -> tuple[dict[str, object], list[str]]:
    """Height and weight as ``info.json`` has them; what cannot be is left out with a note."""
    found: dict[str, object] = {}
    notes = []
    for key, name in (("height_cm", "Height"), ("weight_kg", "Weight")):
        low, high, meaning = RANGES[key]
        text = info.get(name, "")
        if re.fullmatch(r"\d+(\.\d+)?", text) and low <= float(text) <= high:
            found[key] = float(text)
        elif text:
            notes.append(f"{name} in Info.cfg is {text!r}, which is not {meaning}: left out")
    return found, notes


def _check_frames(cine_path: Path, image: Any, frames: dict[int, Path]) -> None:
    """Refuse a cine whose frames are not those that its frame files show."""
    cine = values_of(cine_path, image) if frames else np.zeros(0)
    for number, path in frames.items():
        differences = frame_differences(cine_path, cine, path)
        best = int(np.argmin(differences))
        here = differences[number - 1] if number <= len(differences) else np.inf
        if differences[best] < COPY_TOLERANCE <= here:
            raise InputError(
                f"{path}: the same as frame {best + 1} of {cine_path.name}, not {number}. "
                "Rename the frame or fetch the cine again."
            )
