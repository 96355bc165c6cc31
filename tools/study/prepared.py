"""What of each cine a study compares: all of it, or the labelled frames and three levels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from myomotion.analysis.provenance import input_hashes
from myomotion.core.segments import LEVELS, at_shares
from myomotion.errors import InputError
from myomotion.files.outputs import replaced_folder
from myomotion.files.tables import json_text
from myomotion.io.cine import Cine, read_cine
from myomotion.io.info import read_info
from myomotion.io.labels import CAVITY, MYOCARDIUM

PAIR, ALL = "pair", "all"
KIND = "cut for a study"
OF_FRAMES = ("n_frames", "slices", "frame_times_ms", "frame_interval_ms")  # of info.json


def prepared(
    studies: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], folder: Path
) -> list[Mapping[str, Any]]:
    """The studies as they are compared.

    Args:
        studies: from :func:`~myomotion.io.cine.find_studies`, with labels at both phases.
        settings: ``frames``, ``all`` or ``pair`` (end-diastole and end-systole alone); and
            ``levels``, true for the slices at 25, 50 and 75 % of the labelled ones, where a study
            does not name its levels itself.
        folder: receives studies that are cut; what an earlier run has cut is taken.

    Returns:
        Studies, in the same order.

    Raises:
        InputError: for another setting, or a file whose last axis but time is not that of slices.
    """
    frames, levels = settings.get("frames", ALL), bool(settings.get("levels", False))
    if frames not in (PAIR, ALL):
        raise InputError(f"cines: frames is {frames!r}. Use {PAIR} or {ALL}.")
    if frames == ALL and not levels:
        return list(studies)
    return [_prepared(study, frames == PAIR, levels, folder) for study in studies]


def _prepared(
    study: Mapping[str, Any], pair: bool, levels: bool, folder: Path
) -> Mapping[str, Any]:
    asked = json.dumps([input_hashes(study), pair, levels], sort_keys=True)
    key = hashlib.sha256(asked.encode()).hexdigest()
    target = folder / str(study["name"])
    names = {"image": "sa", "label_ed": "label_sa_ED", "label_es": "label_sa_ES"}
    files = {k: target / f"{name}.nii.gz" for k, name in names.items()}
    made = {**study, **files, "info": target / "info.json"}
    if made["info"].is_file() and read_info(made["info"]).content.get("cut") == key:
        return made
    cine = read_cine(study)
    if cine.es_frame is None or cine.storage.order[2] != 2:
        raise InputError(
            f"{study['image']}: slices are not its third axis, or end-systole is unknown. Leave "
            "'cines' out of the configuration."
        )
    frames = list(range(cine.image.shape[3]))
    frames = sorted({cine.ed_frame, cine.es_frame}) if pair else frames
    slices = level_slices(cine) if levels else dict(enumerate(cine.levels))
    with replaced_folder(target, KIND, [study["image"]]) as new:
        for name, path in files.items():
            _cut(Path(str(study[name])), new / path.name, list(slices), frames)
        truth = Path(str(study["image"])).with_name("truth.npz")
        if truth.is_file():
            with np.load(truth, allow_pickle=False) as archive:
                motion = archive["displacement"][np.ix_(frames, list(slices))]
            np.savez_compressed(new / "truth.npz", displacement=motion)
        about = dict(read_info(study.get("info")).content)
        if "cycles" in about:
            about["cycles"] = [about["cycles"][z] for z in slices]
        whole = OF_FRAMES + (("slice_spacing_mm",) if levels else ())
        about = {k: v for k, v in about.items() if k not in whole} | {
            "cut": key,
            "ed_frame": frames.index(cine.ed_frame),
            "es_frame": frames.index(cine.es_frame),
            "slices": [{"level": level} for level in slices.values()],
        }
        (new / "info.json").write_text(json_text(about, indent=1) + "\n", encoding="utf-8")
    return made


def level_slices(cine: Cine) -> dict[int, str]:
    """Slices at 25, 50 and 75 % of the labelled ones and their levels.

    The base is the end whose half has the larger cross-section.

    Args:
        cine: with an end-diastolic label.

    Returns:
        Slice to ``basal``, ``mid`` or ``apical``, in the order of the file; all slices, as they are
        named, of a cine that names them so, or has three or fewer.
    """
    assert cine.label_ed is not None
    area = np.isin(cine.label_ed, (CAVITY, MYOCARDIUM)).sum((0, 1))
    labelled = np.flatnonzero(area)
    if set(cine.levels) & set(LEVELS) or len(labelled) <= len(LEVELS):
        return dict(enumerate(cine.levels))
    chosen = [int(z) for z in labelled[at_shares(len(labelled))]]
    half = len(labelled) // 2
    falls = area[labelled[:half]].sum() >= area[labelled[-half:]].sum()
    return dict(zip(chosen, LEVELS if falls else LEVELS[::-1], strict=True))


def _cut(source: Path, target: Path, slices: list[int], frames: list[int]) -> None:
    """Some slices of a NIfTI file and, of a cine, some frames; the place of the first is kept."""
    image = nib.load(source)
    assert isinstance(image, nib.Nifti1Pair)
    values = np.asanyarray(image.dataobj)[:, :, slices]
    values = values[..., frames] if values.ndim == 4 else values
    nib.save(nib.Nifti1Image(values, image.affine, image.header), target)
