"""Unpack UK Biobank's bulk DICOM: each short-axis zip (field 20209) becomes a study folder.

python -m tools.convert.ukbb_dicom SOURCE --output DIR

SOURCE is EID_20209_INSTANCE_ARRAY.zip or a folder of such. DIR receives a folder for each, with
its DICOM files and info.json; the bundles find the short-axis stack among the series. What was
unpacked before is kept; what is skipped is listed with the reason.
"""

from __future__ import annotations

import argparse
import re
import sys
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from fem_sim.command_line import make_parser, run_command
from myomotion.errors import InputError
from myomotion.files.outputs import WRITTEN_BY, refuse_unsafe, replaced_folder
from myomotion.files.tables import json_text
from tools.convert.__main__ import STUDY, is_converted

ZIP = re.compile(r"\d+_(\d+)_\d+_\d+\.zip")
SHORT_AXIS = "20209"
OTHER_FIELDS = {"20207": "scout images", "20208": "long axes", "20210": "aortic distensibility"}
LARGEST_SIZE = 8 << 30  # bytes, unpacked


def unpack(source: Path, output: Path) -> tuple[list[str], dict[str, str]]:
    """Unpack every short-axis zip of a folder.

    Args:
        source: a zip, or a folder that is searched for them with those below it.
        output: folder to fill.

    Returns:
        Names of the studies that are there now, and for each zip that was skipped the reason.

    Raises:
        InputError: if there is no zip.
        OutputError: if a study would take the place of something else.
    """
    zips = [source] if source.is_file() else sorted(source.rglob("*.zip"))
    if not zips:
        raise InputError(f"{source}: no zip. Give the folder of the bulk files of field 20209.")
    studies: list[str] = []
    skipped: dict[str, str] = {}
    for path in zips:
        try:
            _unpack(path, output / path.stem)
            studies.append(path.stem)
        except (InputError, zipfile.BadZipFile, zlib.error, EOFError) as error:
            skipped[path.name] = str(error)
    return studies, skipped


def _unpack(path: Path, target: Path) -> None:
    named = ZIP.fullmatch(path.name)
    if named is None:
        raise InputError("not called EID_20209_INSTANCE_ARRAY.zip")
    if named[1] != SHORT_AXIS:
        kind = OTHER_FIELDS.get(named[1], "another field")
        raise InputError(f"field {named[1]}, {kind}; the short axis is {SHORT_AXIS}")
    if is_converted(target):
        return
    refuse_unsafe(target, kind=STUDY)
    with zipfile.ZipFile(path) as archive:
        entries = [e for e in archive.infolist() if e.filename.lower().endswith(".dcm")]
        if not entries:
            raise InputError("holds no DICOM file")
        names = [PurePosixPath(entry.filename).name for entry in entries]
        if len(set(names)) < len(names) or sum(e.file_size for e in entries) > LARGEST_SIZE:
            raise InputError("holds files of one name, or more than can be: not as handed out")
        with replaced_folder(target, STUDY, [path]) as folder:
            for entry, name in zip(entries, names, strict=True):
                (folder / name).write_bytes(archive.read(entry))
            info = {**WRITTEN_BY, "dataset": "ukbb_dicom", "source_files": {"dicom": path.name}}
            (folder / "info.json").write_text(json_text(info, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.convert.ukbb_dicom", __doc__)
    parser.add_argument("source", type=Path, metavar="SOURCE", help="a zip or a folder of zips")
    parser.add_argument("--output", type=Path, required=True, help="folder to fill")
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    studies, skipped = unpack(options.source, options.output)
    for name, reason in skipped.items():
        print(f"skipped: {name}: {reason}", file=sys.stderr)
    print(f"{options.output}: {len(studies)} studies, {len(skipped)} skipped")
    return 0 if studies else 1


if __name__ == "__main__":
    sys.exit(main())
