"""Claims about damaged files: refused in one line, or read rightly; never anything else."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import itk
import nibabel as nib
import numpy as np

from fem_sim.claims import Claim, at_most
from myomotion.io.frame_times import BELIEVABLE_MS
from myomotion.io.nifti import BELIEVABLE_MM, SHEAR
from tools.convert.dicom import write_cine
from tools.verify.robustness.fuzz.damage import (
    DAMAGES,
    PICTURE,
    PLACE,
    SCALE,
    TIMES,
    VALUES,
    Damage,
    damages,
)
from tools.verify.robustness.fuzz.guarded import Reading, readings
from tools.verify.robustness.world import write_study

COUNT = 300
SIZE, SLICES, FRAMES, STEP_S = 40, 3, 8, 0.04
PLACE_TOLERANCE = (5e-3, 0.5)  # of a voxel's size, and of a position in millimetres
FARTHEST_MM = 1e4
SHOWN = 8
SUFFIXES = (".nii", ".gz", ".dcm", ".nrrd", ".mha")


def fuzz_claims(work: Path, seed: int, count: int = COUNT) -> Iterator[Claim]:
    """Randomly damaged files end in a refusal that names the file, or in the right cine.

    Args:
        work: folder to work in.
        seed: of the damages.
        count: how many.
    """
    make_sound(work / "sound")
    drawn = damages(work / "sound", count, np.random.default_rng(seed))
    places = [work / f"{number:04d}" for number in range(len(drawn))]
    for damage, place in zip(drawn, places, strict=True):
        damage.make(work / "sound" / damage.study, place)
    kinds = list(DAMAGES)
    sound = dict(zip(kinds, readings(work / "sound" / kind for kind in kinds), strict=True))
    if broken := [kind for kind, reading in sound.items() if not reading.parts]:
        raise RuntimeError(f"sound studies cannot be read: {broken}")
    found = list(readings(places))
    yield from judged(drawn, found, sound)


def judged(
    drawn: Sequence[Damage], found: Sequence[Reading], sound: dict[str, Reading]
) -> Iterator[Claim]:
    """Claims about what came of damaged studies.

    Args:
        drawn: the damages.
        found: their readings.
        sound: readings of the studies before, by kind.
    """
    refused = sum(bool(reading.refusal) for reading in found)
    by_kind = Counter(damage.study for damage in drawn)
    note = f"{refused} refused; " + ", ".join(f"{k} {n}" for k, n in by_kind.items())
    faults: dict[str, list[str]] = {"crash": [], "refusal": [], "wrong": []}
    for damage, reading in zip(drawn, found, strict=True):
        about = f"{damage.study} {damage.file}, {damage.what}"
        if reading.fault:
            faults["crash"].append(f"{about}: {reading.fault}")
        elif reading.refusal:
            if fault := unclear(reading.refusal, damage):
                faults["refusal"].append(f"{about}: {fault}")
        else:
            wrong = wrong_parts(sound[damage.study].parts, reading, damage.unseen)
            faults["wrong"] += [f"{about}: {part}" for part in wrong]
    for key, what in (
        ("crash", "tracebacks, hangs, deaths, absurd memory"),
        ("refusal", "refusals that are not one line naming the file"),
        ("wrong", "wrong numbers that could be known"),
    ):
        shown = "; ".join([note, *faults[key][:SHOWN]])
        yield at_most(f"{len(drawn)} damaged files: {what}", len(faults[key]), 0, "", shown)


def unclear(refusal: str, damage: Damage) -> str:
    """What a refusal lacks: one line, the name of a file, knowledge before memory is asked for.

    Where two files contradict each other, or a DICOM file others of its series, the message names
    any of them, or the folder.
    """
    if "\n" in refusal:
        return f"several lines: {refusal[:80]!r}"
    if re.search("alloc|memory", refusal):
        return f"asked for too much memory: {refusal[:120]}"
    place = refusal.split(": ", 1)[0]
    named = Path(place).is_dir() or Path(place).suffix in (".json", *SUFFIXES)
    return "" if named else f"does not name a file: {refusal[:80]}"


def wrong_parts(right: dict[str, Any], reading: Reading, unseen: frozenset[str]) -> list[str]:
    """Parts of a cine that are other than they were although that could be known.

    Args:
        right: parts of the sound study.
        reading: of the damaged one.
        unseen: parts that the damage may change unseen; they must be believable still.

    Returns:
        Sentences; none if all is right.
    """
    found = reading.parts
    if found["values"].shape != right["values"].shape:
        return [f"shape {found['values'].shape}"]
    wrong = [
        f"{key} is {str(found[key])[:60]}"
        for key in ("ed_frame", "es_frame", "levels", "label_ed", "label_es")
        if key not in unseen and not np.array_equal(found[key], right[key])
    ]
    if not _values_hold(right["values"], found["values"], unseen):
        wrong.append("voxels differ")
    if not _place_holds(right["place"], found["place"], PLACE in unseen):
        wrong.append(f"affine is {np.round(found['place'][:3], 3).tolist()}")
    if not _times_hold(right["frame times"], found["frame times"], TIMES in unseen):
        wrong.append(f"frame times are {found['frame times']}")
    return wrong


def _values_hold(right: np.ndarray, found: np.ndarray, unseen: frozenset[str]) -> bool:
    if np.array_equal(right, found):
        return True
    if not np.isfinite(found).all():
        return False
    if VALUES in unseen:
        return True
    if PICTURE in unseen:
        return int((right != found).any((0, 1)).sum()) == 1
    together = np.corrcoef(right.ravel().astype(float), found.ravel().astype(float))[0, 1]
    return SCALE in unseen and abs(together) > 0.999


def _place_holds(right: np.ndarray, found: np.ndarray, unseen: bool) -> bool:
    relative, absolute = PLACE_TOLERANCE
    sizes = np.linalg.norm(right[:3, :3], axis=0)
    near = np.abs(found - right)[:3, :3].max(0) <= relative * sizes
    if near.all() and np.abs(found - right)[:3, 3].max() <= absolute:
        return True
    if not unseen or not np.isfinite(found).all():
        return False
    lengths = np.linalg.norm(found[:3, :3], axis=0)
    in_plane = (lengths[:2] >= BELIEVABLE_MM[0]) & (lengths[:2] <= BELIEVABLE_MM[1])
    cosine = abs(float(found[:3, 0] @ found[:3, 1]) / lengths[:2].prod())
    across = BELIEVABLE_MM[0] <= lengths[2] <= 100
    return bool(
        in_plane.all() and across and cosine <= SHEAR and np.abs(found[:3, 3]).max() <= FARTHEST_MM
    )


def _times_hold(right: Any, found: Any, unseen: bool) -> bool:
    if right is None or found is None:
        return found is None and (right is None or unseen)
    if np.allclose(right, found, rtol=1e-3):
        return True
    steps = np.diff(found)
    believable = (steps >= BELIEVABLE_MS[0]) & (steps <= BELIEVABLE_MS[1])
    return bool(unseen and np.isfinite(found).all() and believable.all())


def _voxels(path: Path) -> np.ndarray:
    image: Any = nib.load(path)
    return np.asarray(image.dataobj)


def make_sound(folder: Path) -> None:
    """Write one study in every format that is damaged.

    Args:
        folder: to make; its folders are the keys of :data:`DAMAGES`.
    """
    plain = folder / "nifti"
    write_study(plain, 8)
    image = _voxels(plain / "sa.nii.gz")
    low = (image.shape[0] - SIZE) // 2
    window = slice(low, low + SIZE)
    frames = np.abs(np.arange(FRAMES) - FRAMES // 2) * 2 // FRAMES  # out and back
    movie = np.concatenate([image[window, window] + 10 * z for z in range(SLICES)], axis=2)
    _save(plain / "sa.nii", movie[..., frames] + np.arange(FRAMES, dtype=movie.dtype))
    for phase in ("ED", "ES"):
        label = _voxels(plain / f"label_sa_{phase}.nii.gz")
        _save(plain / f"label_sa_{phase}.nii", np.repeat(label[window, window], SLICES, 2))
    for packed in plain.glob("*.nii.gz"):
        packed.unlink()
    said = {"ed_frame": 0, "es_frame": FRAMES // 2, "labels": "internal"}
    (plain / "info.json").write_text(json.dumps(said))
    for kind in ("packed", "info", "nrrd", "mha"):
        (folder / kind).mkdir()
        (folder / kind / "info.json").write_text(json.dumps(said))
    for file in plain.glob("*.nii"):
        nib.save(nib.load(file), folder / "packed" / f"{file.name}.gz")
        nib.save(nib.load(file), folder / "info" / file.name)
    levels = [{"level": "basal"}, {"level": "mid"}, {"level": "apical"}]
    times = [1000 * STEP_S * n for n in range(FRAMES)]
    more = said | {"slices": levels, "frame_times_ms": times}
    (folder / "info" / "info.json").write_text(json.dumps(more))
    write_cine(plain / "sa.nii", folder / "dicom")
    (folder / "dicom" / ".myomotion.json").unlink()
    (folder / "dicom" / "info.json").write_text(json.dumps(said))
    for kind in ("nrrd", "mha"):
        values = np.ascontiguousarray(_voxels(plain / "sa.nii").T)
        picture = itk.image_view_from_array(values)
        picture.SetSpacing([1.5, 1.5, 8.0, 1000 * STEP_S])
        itk.imwrite(picture, str(folder / kind / f"sa.{kind}"))


def _save(path: Path, values: np.ndarray) -> None:
    image = nib.Nifti1Image(values, np.diag([1.5, 1.5, 8, 1]))
    image.set_qform(image.affine, 1)
    if values.ndim == 4:
        image.header.set_zooms((1.5, 1.5, 8, STEP_S))
        image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)
