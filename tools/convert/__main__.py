"""Turn a public data set of short-axis cines into folders that the bundles read.

python -m tools.convert {acdc,mnms,mnms2,sunnybrook,ukbb} SOURCE --output DIR

DIR receives, for each subject, a folder NAME with sa.nii.gz, label_sa_ED.nii.gz,
label_sa_ES.nii.gz and info.json. Voxels and label codes stay as they are;
info.json names the coding. A subject converted before is kept; one that cannot be converted is
reported and the others are done.
"""

from __future__ import annotations

import argparse
import logging
import sys
import zlib
from collections.abc import Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from fem_sim.command_line import add_workers, make_parser, run_command
from fem_sim.parallel import ended_jobs
from myomotion.core.segments import slice_levels
from myomotion.core.stack_order import StackOrder
from myomotion.errors import InputError
from myomotion.files.atomic import clear_leftovers
from myomotion.files.outputs import WRITTEN_BY, refuse_unsafe, replaced_folder
from myomotion.files.tables import json_text
from myomotion.io.cine import Cine, find_studies, read_cine
from myomotion.io.info import read_info, slice_name
from myomotion.io.label_geometry import label_order
from myomotion.io.labels import CAVITY, MYOCARDIUM
from myomotion.io.nifti import repaired_geometry
from tools.convert.layouts import LAYOUTS
from tools.convert.nifti import cine_bytes, label_bytes
from tools.convert.source import PartsReader, Reader, Source, folders

LOG = logging.getLogger(__name__)
STUDY = "study"  # kind of a converted study, see myomotion.files.outputs
EXAMPLES = 3  # names shown with a note


@dataclass
class Outcome:
    """What became of the subjects of a data set.

    Attributes:
        converted: names of those converted now.
        kept: names of those converted before.
        failed: reason by name.
        skipped: folders in which there was no subject.
        notes: names by note, of those converted now.
    """

    converted: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)


def convert(
    layout: str, source: Path, output: Path, *, workers: int = 1, progress: bool = True
) -> Outcome:
    """Convert every subject of a data set.

    Args:
        layout: key of :data:`~tools.convert.layouts.LAYOUTS`.
        source: folder of the data set.
        output: folder to fill, outside ``source``.
        workers: subjects at a time.
        progress: show a progress bar.

    Returns:
        What became of each subject.

    Raises:
        InputError: if ``source`` holds no subject of the layout, or ``output`` lies within it.

    Examples:
        >>> outcome = convert("acdc", Path("/data/ACDC"), Path("/my/cines"))
        >>> outcome.converted[:2], outcome.failed
        (['patient001', 'patient002'], {})
    """
    if not source.is_dir():
        raise InputError(f"{source}: no such folder. Give the folder of the data set.")
    if output.resolve().is_relative_to(source.resolve()):
        raise InputError(f"--output {output}: lies within {source}. Choose a folder outside it.")
    readers = LAYOUTS[layout](source)
    if not readers:
        raise InputError(
            f"{source}: no subject in the layout '{layout}' found. Give the folder that holds the "
            "subjects' folders, or another layout."
        )
    parts = [reader.folders for reader in readers.values() if isinstance(reader, PartsReader)]
    names = {*readers, *(folder.name for own in parts for folder in own)}
    outcome = Outcome(skipped=without_subject(source, names))
    todo = {}
    for name, reader in readers.items():
        clear_leftovers(output / name)
        if is_converted(output / name):
            outcome.kept.append(name)
        else:
            todo[name] = reader
    bar = tqdm(total=len(readers), initial=len(outcome.kept), unit="subject", disable=not progress)

    def work(name: str) -> list[str]:
        return convert_subject(todo[name], output / name, layout)

    # Threads are enough: the time goes into zlib and NumPy, which run side by side.
    with bar, closing(ended_jobs(work, list(todo), workers=workers, threads=True)) as ended:
        for name, notes, error in ended:
            _record(outcome, name, notes or [], error)
            bar.update()
    outcome.converted.sort()
    return outcome


def without_subject(source: Path, subjects: Set[str]) -> list[str]:
    """Folders right below ``source`` that neither are a subject nor hold one.

    Args:
        source: folder of the data set.
        subjects: names of those found, and of folders of their parts.
    """
    inside = sorted(p for p in source.iterdir() if p.is_dir() and not p.name.startswith("."))
    return [
        folder.name
        for folder in inside
        if source.name not in subjects
        and not subjects & {folder.name, *(p.name for p in folders(folder))}
    ]


def is_converted(folder: Path) -> bool:
    """Whether :func:`convert_subject` made a folder."""
    file = folder / "info.json"
    try:
        return file.is_file() and "source_files" in read_info(file).content
    except InputError:
        return False


def convert_subject(reader: Reader, target: Path, layout: str) -> list[str]:
    """Read one subject, check it and write its folder, whole or not at all.

    Args:
        reader: gives the subject.
        target: folder to make.
        layout: name of the data set's layout, for the record.

    Returns:
        Notes for the user.

    Raises:
        InputError: if something about the subject is wrong.
        OutputError: if ``target`` is something else, see
            :func:`~myomotion.files.outputs.replaced_folder`.
    """
    refuse_unsafe(target, kind=STUDY)
    source = reader()
    if len(source.image.shape) != 4:
        raise InputError(
            f"{source.path}: expected a 4-D cine (x, y, z, t), found {source.image.shape}. "
            "Join the frames into one 4-D file."
        )
    affine, repair = repaired_geometry(source.path, source.image)
    files = {
        "sa.nii.gz": source.path,
        "label_sa_ED.nii.gz": source.label_ed.path,
        "label_sa_ES.nii.gz": source.label_es.path,
    }
    with replaced_folder(target, STUDY, files.values()) as folder:
        cine_file = folder / "sa.nii.gz"
        cine_file.write_bytes(cine_bytes(source.path, source.image, affine, repair is not None))
        (folder / "label_sa_ED.nii.gz").write_bytes(label_bytes(source.label_ed, affine))
        (folder / "label_sa_ES.nii.gz").write_bytes(label_bytes(source.label_es, affine))
        cine = _read_back(folder, source, files)
        notes = [*source.notes, *([repair] if repair else []), *_doubts(source, cine)]
        info: dict[str, Any] = {
            **WRITTEN_BY,
            "patient": target.name,
            "dataset": layout,
            "ed_frame": source.ed_frame,
            "es_frame": source.es_frame,
            "n_frames": int(cine.image.shape[3]),
            "labels": source.coding,
            "slices": [
                {"level": level, "source_slice_index": z} for z, level in enumerate(levels_of(cine))
            ],
            "spacing_mm": np.linalg.norm(affine[:3, :3], axis=0).round(6).tolist(),
        }
        if cine.frame_times_ms is not None:
            info["frame_times_ms"] = cine.frame_times_ms.round(3).tolist()
        info |= source.record
        info["source_files"] = {name: path.name for name, path in files.items()}
        info["notes"] = notes
        (folder / "info.json").write_text(json_text(info, indent=1) + "\n", encoding="utf-8")
    return notes


def order_of(cine: Cine) -> StackOrder:
    """Where base and apex of a cine are.

    Args:
        cine: a cine with ``label_ed``.
    """
    assert cine.label_ed is not None
    return label_order(cine.levels, cine.label_ed, cine.affine)


def levels_of(cine: Cine) -> list[str]:
    """Name each slice, see :func:`~myomotion.core.segments.levels_by_thirds`.

    Args:
        cine: a cine with ``label_ed``.

    Returns:
        basal, mid or apical; ``sliceNN`` where there is no myocardium.
    """
    assert cine.label_ed is not None
    wall = (cine.label_ed == MYOCARDIUM).sum(axis=(0, 1))
    names = [slice_name(z) for z in range(len(wall))]
    levels = slice_levels(names, wall.tolist(), order_of(cine).base_first)
    return [level or name for level, name in zip(levels, names, strict=True)]


def _record(outcome: Outcome, name: str, notes: list[str], error: BaseException | None) -> None:
    """Enter how one subject ended.

    Raises:
        BaseException: an error that is not the subject's.
    """
    if isinstance(error, InputError | OSError | EOFError | zlib.error):
        outcome.failed[name] = str(error)
        LOG.info("failed: %s: %s", name, error)
        return
    if error is not None:
        raise error
    outcome.converted.append(name)
    for note in notes:
        outcome.notes.setdefault(note, []).append(name)


def _read_back(folder: Path, source: Source, files: dict[str, Path]) -> Cine:
    """Read what was written as the bundles will; messages name the data set's own files."""
    if source.ed_frame == source.es_frame:
        raise InputError(
            f"{source.path}: ED and ES are the same frame ({source.ed_frame}, from 0). "
            "Correct the data set's table of frames."
        )
    study = {
        **find_studies(folder)[0],
        "ed_frame": source.ed_frame,
        "es_frame": source.es_frame,
    }
    try:
        return read_cine(study, source.coding)
    except InputError as error:
        message = str(error)
        for name, path in files.items():
            message = message.replace(str(folder / name), str(path))
        raise InputError(message) from error


def _doubts(source: Source, cine: Cine) -> list[str]:
    """What looks wrong but may be right."""
    doubts = []
    for labels in (source.label_ed, source.label_es):
        if not np.allclose(labels.affine[:3], source.image.affine[:3], atol=1e-2):
            doubts.append("labels lie elsewhere in the header; they were matched voxel by voxel")
            break
    assert cine.label_ed is not None and cine.label_es is not None
    if (cine.label_es == CAVITY).sum() >= (cine.label_ed == CAVITY).sum():
        doubts.append("the cavity is not smaller at ES than at ED; check the two frames")
    doubt = order_of(cine).doubt
    return [*doubts, doubt] if doubt else doubts


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.convert", __doc__)
    parser.add_argument("layout", choices=LAYOUTS, help="layout of SOURCE")
    parser.add_argument("source", type=Path, metavar="SOURCE", help="folder of the data set")
    parser.add_argument("--output", type=Path, required=True, help="folder to fill")
    add_workers(parser, 2, "subjects at a time")
    options = parser.parse_args(arguments)
    return run_command(lambda: _convert(options))


def _convert(options: argparse.Namespace) -> int:
    outcome = convert(options.layout, options.source, options.output, workers=options.workers)
    for note, names in sorted(outcome.notes.items()):
        more = ", ..." if len(names) > EXAMPLES else ""
        print(f"note ({len(names)}): {note}: {', '.join(sorted(names)[:EXAMPLES])}{more}")
    for name, reason in sorted(outcome.failed.items()):
        print(f"not converted: {name}: {reason}", file=sys.stderr)
    if outcome.skipped:
        print(
            f"skipped, nothing in the layout '{options.layout}' in them: "
            f"{', '.join(outcome.skipped)}",
            file=sys.stderr,
        )
    print(
        f"{options.output}: {len(outcome.converted)} converted, {len(outcome.kept)} kept, "
        f"{len(outcome.failed)} not converted"
    )
    return 0 if outcome.converted or outcome.kept else 1


if __name__ == "__main__":
    sys.exit(main())
