"""M&Ms-2 (Martín-Isla et al., IEEE JBHI 2023): ``CODE_SA_CINE``, single frames and their labels."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

from myomotion.errors import InputError
from tools.convert.nifti import load_image, read_labels, values_of
from tools.convert.source import PHASES, Reader, Source, first_file, folders, named
from tools.convert.ukbb import matching_frame

TABLE_COLUMNS = {"SUBJECT_CODE", "DISEASE", "VENDOR"}


def find_mnms2(source: Path) -> dict[str, Reader]:
    """Folders with ``CODE_SA_CINE.nii.gz``, by code, each with its line of the table if there."""
    found = [(f, p) for f in folders(source) if (p := first_file(f, "*_SA_CINE.nii*"))]
    rows = _table(source)

    def reader(path: Path) -> Reader:
        code = path.name.split("_SA_CINE")[0]
        return partial(read_mnms2, path, rows.get(code.lstrip("0"), {}))

    return named(source, ((folder, reader(path)) for folder, path in found))


def read_mnms2(path: Path, row: dict[str, str]) -> Source:
    """Read a subject; the frames are those that ``CODE_SA_ED`` and ``CODE_SA_ES`` show.

    Raises:
        InputError: naming the file, what was found and the fix.
    """
    code, folder = path.name.split("_SA_CINE")[0], path.parent
    frames = {phase: first_file(folder, f"{code}_SA_{phase}.nii*") for phase in PHASES}
    labels = {phase: first_file(folder, f"{code}_SA_{phase}_gt.nii*") for phase in PHASES}
    missing = [
        f"{code}_SA_{phase}{ending}"
        for files, ending in ((frames, ""), (labels, "_gt"))
        for phase in PHASES
        if files[phase] is None
    ]
    if missing:
        raise InputError(f"{folder}: no {' and no '.join(missing)} (.nii.gz). Add what is missing.")
    image = load_image(path)
    cine, notes = values_of(path, image), list[str]()
    places = {p: matching_frame(path, cine, f, notes) for p, f in frames.items() if f is not None}
    maps = {phase: read_labels(file) for phase, file in labels.items() if file is not None}
    known = {"group": row.get("DISEASE"), "vendor": row.get("VENDOR")}
    return Source(
        path=path,
        image=image,
        ed_frame=places["ED"],
        es_frame=places["ES"],
        label_ed=maps["ED"],
        label_es=maps["ES"],
        coding="mnms",
        record={key: value for key, value in known.items() if value},
        notes=notes,
    )


def _table(source: Path) -> dict[str, dict[str, str]]:
    """Lines of the data set's table by code without leading zeros, none where it is not there."""
    for folder in (source, source.resolve().parent):
        for path in sorted(folder.glob("*.csv")):
            text = path.read_text(encoding="utf-8-sig", errors="replace")
            reader = csv.DictReader(text.splitlines(), skipinitialspace=True)
            if set(reader.fieldnames or ()) >= TABLE_COLUMNS:
                lines = [{k: (v or "").strip() for k, v in line.items() if k} for line in reader]
                return {line["SUBJECT_CODE"].lstrip("0"): line for line in lines}
    return {}
