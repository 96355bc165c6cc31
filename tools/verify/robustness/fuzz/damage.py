"""Damage to the files of a study: what is done to which file, and what nobody could see of it."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

# Parts of a cine that other bytes can change without anything else in the file contradicting them.
VALUES, SCALE, PICTURE, PLACE, TIMES = "values", "scale", "one picture", "place", "frame times"
ED, ES, LABEL_ED, LABEL_ES, LEVELS = "ed_frame", "es_frame", "label_ed", "label_es", "levels"

# NIfTI-1: field to first and last byte (exclusive), its type, and what it can change unseen.
NIFTI_FIELDS: dict[str, tuple[int, int, str, tuple[str, ...]]] = {
    "sizeof_hdr": (0, 4, "i", ()),
    "dim": (40, 56, "h", ()),
    "datatype": (70, 72, "h", (VALUES,)),
    "bitpix": (72, 74, "h", ()),
    "qfac": (76, 80, "f", (PLACE,)),
    "voxel size": (80, 92, "f", (PLACE,)),
    "frame distance": (92, 96, "f", (TIMES,)),
    "vox_offset": (108, 112, "f", ()),
    "scl_slope": (112, 116, "f", (SCALE,)),
    "scl_inter": (116, 120, "f", (SCALE,)),
    "xyzt_units": (123, 124, "B", (TIMES,)),
    "form codes": (252, 256, "h", (PLACE,)),
    "qform": (256, 280, "f", (PLACE,)),
    "sform": (280, 328, "f", (PLACE,)),
    "magic": (344, 348, "B", ()),
    "extension": (348, 352, "B", ()),
}
HOSTILE = {
    "h": (0, -1, 1, 2, 5, 7, 16, 256, 32767, -32768),
    "f": (0.0, -1.0, 1.0, -1.5, 1e-30, 1e30, float("nan"), float("inf"), 352.5, 1e9),
    "i": (0, -1, 540, 0x5C010000, 2**31 - 1),
    "B": (0, 1, 7, 63, 128, 255),
}
DICOM_UNSEEN = {
    **dict.fromkeys(("PixelData", "RescaleSlope", "RescaleIntercept"), (PICTURE,)),
    **dict.fromkeys(("TriggerTime", "NominalInterval"), (TIMES,)),
}
ITK_UNSEEN = {
    "place": re.compile(rb"TransformMatrix|Offset|ElementSpacing|space directions|space origin"),
    "number": re.compile(rb"ElementType|ElementByteOrderMSB|BinaryDataByteOrderMSB|type|endian"),
}
WRONG_VALUES: tuple[Any, ...] = (
    *("0", "zwei", "", 0.5, -1, 99, True, None, float("nan"), float("inf"), 10**400, [], [0], {}),
    *({"1": "wall"}, [{"level": 5}], [[0, 1], [2]], [0.0] * 8, [None] * 8, "false", "acdc"),
)
INFO_KEYS = (*("ed_frame", "es_frame", "labels", "slices", "frame_times_ms", "series"), "levels")


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One file of a study with other content.

    Attributes:
        study: kind of the sound study that is damaged, a key of :data:`DAMAGES`.
        file: name of the file within it.
        what: what was done.
        content: of the damaged file.
        unseen: parts of the cine that this may change without anything to tell it by.
    """

    study: str
    file: str
    what: str
    content: bytes
    unseen: frozenset[str] = frozenset()

    def make(self, sound: Path, folder: Path) -> Path:
        """Copy a sound study with this damage.

        Args:
            sound: the study.
            folder: to make; of the damaged one.

        Returns:
            The damaged file.
        """
        shutil.copytree(sound, folder)
        (folder / self.file).write_bytes(self.content)
        return folder / self.file


def damages(sound: Path, count: int, rng: np.random.Generator) -> list[Damage]:
    """Random damages, of all kinds in turn.

    Args:
        sound: holds a folder with a sound study for each key of :data:`DAMAGES`.
        count: how many.
        rng: what draws them.

    Returns:
        The damages.
    """
    kinds = list(DAMAGES)
    return [_changed(sound / kinds[n % len(kinds)], rng) for n in range(count)]


def _changed(study: Path, rng: np.random.Generator) -> Damage:
    """Damage that changes its file: a field may be drawn as it is."""
    while True:
        damage = DAMAGES[study.name](study, rng)
        if damage.content != (study / damage.file).read_bytes():
            return damage


def nifti_damage(study: Path, rng: np.random.Generator) -> Damage:
    """A NIfTI file whose header, voxels or length are damaged."""
    file, content = _one_file(study, rng, "*.nii")
    kind = str(rng.choice(["field", "field", "field", "header bytes", "voxels", "cut", "longer"]))
    changed = bytearray(content)
    unseen: set[str] = set()
    if kind == "field":
        kind, unseen = _hostile_field(changed, rng)
    elif kind == "header bytes":
        places = rng.integers(0, 352, int(rng.integers(1, 4)))
        changed[:] = _with_bytes(content, places, rng)
        unseen = {part for place in places for part in _unseen_at(int(place))}
        kind = f"header bytes {sorted(places.tolist())}"
    elif kind == "voxels":
        changed[:] = _with_bytes(content, rng.integers(352, len(content), 3), rng)
        unseen = {VALUES}
    elif kind == "cut":
        changed, kind = _cut(content, rng)
    else:
        changed += bytes(int(rng.integers(1, 4000)))
        kind = "bytes after the last voxel"
    return _damage(study, file, kind, bytes(changed), _of_file(file, unseen))


def packed_damage(study: Path, rng: np.random.Generator) -> Damage:
    """A compressed NIfTI file with other bytes or cut short: it carries a sum of its content."""
    file, content = _one_file(study, rng, "*.nii.gz")
    kind = str(rng.choice(["bytes", "bytes", "cut", "half twice"]))
    if kind == "bytes":
        places = rng.integers(0, len(content), int(rng.integers(1, 4)))
        return _damage(
            study,
            file,
            f"packed bytes {sorted(places.tolist())}",
            _with_bytes(content, places, rng),
        )
    if kind == "cut":
        changed, kind = _cut(content, rng)
        return _damage(study, file, kind, bytes(changed))
    plain = gzip.decompress(content)
    return _damage(study, file, "half of it, packed anew", gzip.compress(plain[: len(plain) // 2]))


def dicom_damage(study: Path, rng: np.random.Generator) -> Damage:
    """A DICOM file with other bytes, cut short, or without one of its elements."""
    file, content = _one_file(study, rng, "*.dcm")
    kind = str(rng.choice(["bytes", "bytes", "text", "cut", "element"]))
    if kind == "cut":
        changed, kind = _cut(content, rng)
        return _damage(study, file, kind, bytes(changed))
    dataset = pydicom.dcmread(study / file)
    places = _element_places(dataset, len(content))
    if kind == "element":
        keyword = str(rng.choice([k for k in places if k in dataset]))
        delattr(dataset, keyword)
        target = study.parent / "without.dcm"
        dataset.save_as(target)
        changed_bytes = target.read_bytes()
        target.unlink()
        unseen = set(DICOM_UNSEEN.get(keyword, ()))
        return _damage(study, file, f"without {keyword}", changed_bytes, unseen)
    if kind == "text":  # digits become other digits: believable, and other than in all other files
        keyword = str(rng.choice([k for k in places if str(dataset[k].VR) in ("DS", "IS", "UI")]))
        first, last = places[keyword]
        digits = [n for n in range(first, last) if chr(content[n]).isdigit()]
        at = int(rng.choice(digits)) if digits else first
        changed = bytearray(content)
        changed[at] = ord(str(int(rng.integers(1, 10))))
        unseen = set(DICOM_UNSEEN.get(keyword, ()))
        return _damage(study, file, f"another digit in {keyword}", bytes(changed), unseen)
    at_places = rng.integers(0, len(content) if rng.random() < 0.3 else places["PixelData"][0], 2)
    unseen = {
        part
        for at in at_places
        for keyword, (first, last) in places.items()
        if first - 8 <= at < last
        for part in DICOM_UNSEEN.get(keyword, ())
    }
    what = f"bytes {sorted(at_places.tolist())}"
    return _damage(study, file, what, _with_bytes(content, at_places, rng), unseen)


def info_damage(study: Path, rng: np.random.Generator) -> Damage:
    """An ``info.json`` with other bytes, cut short, with wrong values, unknown keys or nonsense."""
    content = (study / "info.json").read_bytes()
    everything = {ED, ES, LEVELS, TIMES}  # a number that is another number
    kind = str(rng.choice(["bytes", "cut", "value", "value", "value", "key", "nonsense"]))
    if kind == "bytes":
        places = rng.integers(0, len(content), 2)
        return _damage(
            study, "info.json", f"bytes {places}", _with_bytes(content, places, rng), everything
        )
    if kind == "cut":
        changed, kind = _cut(content, rng)
        return _damage(study, "info.json", kind, bytes(changed))
    said = json.loads(content)
    if kind == "value":
        key = str(rng.choice(INFO_KEYS))
        value = WRONG_VALUES[int(rng.integers(len(WRONG_VALUES)))]
        said[key] = value
        unseen = {
            "ed_frame": {ED} if value in (None, "0") else set(),  # a number is a number
            "es_frame": {ES} if value in (None, "0") else set(),
            "slices": {LEVELS},
            "frame_times_ms": {TIMES} if value is None else set(),
        }.get(key, set())
        return _damage(study, "info.json", f"{key}: {str(value)[:30]}", _json(said), unseen)
    if kind == "key":
        key = str(rng.choice(INFO_KEYS[:5]))
        wrong = key[:-1] if rng.random() < 0.5 else key.replace("_", "-").title() + "s"
        said = {wrong if k == key else k: v for k, v in said.items()}
        return _damage(study, "info.json", f"{wrong} for {key}", _json(said))
    nonsense = (
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe{}",
        b"null",
        b"\0" * 64,
        b'{"a": 1} x',
    )
    return _damage(study, "info.json", "nonsense", nonsense[int(rng.integers(len(nonsense)))])


def itk_damage(study: Path, rng: np.random.Generator) -> Damage:
    """A NRRD or MetaImage file with other bytes in header or voxels, cut, or of absurd size."""
    file, content = _one_file(study, rng, "sa.*")
    end = content.index(b"LOCAL\n") + 6 if file.endswith(".mha") else content.index(b"\n\n") + 2
    kind = str(rng.choice(["bytes", "bytes", "sizes", "lost line", "voxels", "cut"]))
    if kind == "cut":
        changed, kind = _cut(content, rng)
        return _damage(study, file, kind, bytes(changed))
    if kind == "voxels":
        places = rng.integers(end, len(content), 3)
        return _damage(study, file, kind, _with_bytes(content, places, rng), {VALUES})
    if kind == "sizes":
        shape = b" ".join(b"%d" % n for n in rng.choice([1, 3, 20, 40, 10**6, 10**9], 4))
        changed_bytes = re.sub(rb"(sizes:|DimSize =)[^\n]*", rb"\1 " + shape, content, count=1)
        return _damage(study, file, f"sizes {shape.decode()}", changed_bytes)
    lines = content[:end].split(b"\n")
    number = int(rng.integers(1, len(lines) - 3))
    line = lines[number]
    if kind == "lost line":
        del lines[number]
        what = f"without {line.decode()[:30]}"
    else:
        lines[number] = (
            _with_bytes(line, rng.integers(0, max(len(line), 1), 1), rng) if line else b"?"
        )
        what = f"{line.decode()[:40]} as {lines[number]!r}"
    unseen = {PLACE, TIMES} if ITK_UNSEEN["place"].search(line) else set()
    unseen |= {VALUES} if ITK_UNSEEN["number"].search(line) else set()
    if kind == "lost line":
        unseen -= {PLACE}
    return _damage(study, file, what, b"\n".join(lines) + content[end:], unseen)


def _hostile_field(content: bytearray, rng: np.random.Generator) -> tuple[str, set[str]]:
    name = str(rng.choice(list(NIFTI_FIELDS)))
    first, last, form, unseen = NIFTI_FIELDS[name]
    size = struct.calcsize(form)
    at = first + size * int(rng.integers((last - first) // size))
    value = HOSTILE[form][int(rng.integers(len(HOSTILE[form])))]
    struct.pack_into(f"<{form}", content, at, value)
    return f"{name} at {at}: {value:g}", set(unseen)


def _unseen_at(place: int) -> tuple[str, ...]:
    return next((u for a, b, _, u in NIFTI_FIELDS.values() if a <= place < b), ())


def _of_file(file: str, unseen: set[str]) -> set[str]:
    """What damage to a label may change: that label's voxels, if theirs were touched."""
    if not file.startswith("label"):
        return unseen
    return {LABEL_ED if "ED" in file else LABEL_ES} if VALUES in unseen else set()


def _element_places(dataset: Any, size: int) -> dict[str, tuple[int, int]]:
    """Where the values of a file's elements begin and end."""
    known = [e for e in dataset if e.keyword and getattr(e, "file_tell", None)]
    ends = [*(e.file_tell - 8 for e in known[1:]), size]
    return {e.keyword: (int(e.file_tell), int(end)) for e, end in zip(known, ends, strict=True)}


def _one_file(study: Path, rng: np.random.Generator, pattern: str) -> tuple[str, bytes]:
    files = sorted(study.glob(pattern))
    path = files[int(rng.integers(len(files)))]
    return path.name, path.read_bytes()


def _with_bytes(
    content: bytes, places: Sequence[int] | np.ndarray, rng: np.random.Generator
) -> bytes:
    changed = bytearray(content)
    for place in places:
        changed[int(place)] ^= int(rng.integers(1, 256))
    return bytes(changed)


def _cut(content: bytes, rng: np.random.Generator) -> tuple[bytearray, str]:
    kept = int(rng.integers(0, len(content)))
    return bytearray(content[:kept]), f"cut to {kept} of {len(content)} bytes"


def _json(content: object) -> bytes:
    return json.dumps(content).encode()


def _damage(
    study: Path,
    file: str,
    what: str,
    content: bytes,
    unseen: set[str] | frozenset[str] = frozenset(),
) -> Damage:
    return Damage(study=study.name, file=file, what=what, content=content, unseen=frozenset(unseen))


DAMAGES: dict[str, Callable[[Path, np.random.Generator], Damage]] = {
    "nifti": nifti_damage,
    "packed": packed_damage,
    "dicom": dicom_damage,
    "info": info_damage,
    "nrrd": itk_damage,
    "mha": itk_damage,
}
