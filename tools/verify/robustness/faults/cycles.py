"""Cycles that begin elsewhere, end early, or are two frames (kind K4)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import torch

from myomotion.transforms.save_motion import image_of
from myomotion.transforms.served_field import chosen_frame
from tools.verify.robustness.faults.changes import (
    Change,
    cine_of,
    label_of,
    save,
    save_label,
)
from tools.verify.robustness.faults.row import Outcome, Row, both, doubted, said, same

FRAME_MS = 41.5


def rolled(frames: int, stated: bool = False) -> Change:
    """End-diastole is a later frame; nothing says so, or the first frame is stated instead."""

    def change(folder: Path) -> None:
        image, affine = cine_of(folder)
        save(folder, np.roll(image, frames, 3), affine)
        for path in [folder / "info.json", *folder.glob("label_sa_ES*")]:
            path.unlink(missing_ok=True)
        if stated:
            (folder / "info.json").write_text('{"ed_frame": 0}')

    return change


def kept(frames: Sequence[int] | slice, **info: object) -> Change:
    """Some of the frames, end-diastole among them as the first."""

    def change(folder: Path) -> None:
        image, affine = cine_of(folder)
        save(folder, np.ascontiguousarray(image[..., frames]), affine)
        for path in [folder / "info.json", *folder.glob("label_sa_ES*")]:
            path.unlink(missing_ok=True)
        (folder / "info.json").write_text(json.dumps({"ed_frame": 0, **info}))

    return change


def two_thirds(folder: Path) -> None:
    """A cine that is triggered prospectively and ends in diastole."""
    frames = cine_of(folder)[0].shape[3]
    kept(slice(0, frames * 2 // 3))(folder)


def slice_above_base(folder: Path) -> None:
    """A slice of noise without a label lies above the base."""
    image, affine = cine_of(folder)
    noise = np.random.default_rng(0).integers(0, 900, (*image.shape[:2], 1, image.shape[3]))
    affine[:3, 3] -= affine[:3, 2]
    save(folder, np.concatenate([noise.astype(image.dtype), image], axis=2), affine)
    label = label_of(folder)
    save_label(folder, np.concatenate([np.zeros_like(label[..., :1]), label], axis=2), affine)


def frame_distance(folder: Path) -> None:
    """The header says how far frames are apart."""
    path = folder / "sa.nii.gz"
    image = nib.Nifti1Image.from_filename(path)
    values = np.asarray(image.dataobj)
    stored = nib.Nifti1Image(values, image.affine, image.header)
    stored.header.set_zooms((*image.header.get_zooms()[:3], FRAME_MS))
    stored.header.set_xyzt_units("mm", "msec")
    nib.save(stored, path)


def kept_in_results(found: Outcome, _: Outcome) -> str | None:
    """Results have the input's frame distance."""
    if found.study is None:
        return "it was refused"
    cine = found.study.cine
    step = float(image_of(cine, cine.image).header.get_zooms()[3])
    return None if abs(step - FRAME_MS) < 1e-3 else f"results have frames {step:g} ms apart"


def one_end_systole(found: Outcome, _: Outcome) -> str | None:
    """Server and summary name the same frame, and what is called "at end-systole" is of it."""
    if found.study is None:
        return "it was refused"
    motion, quality = found.study.motion, found.study.quality
    field = motion.slices.cine.from_ed(motion.working_displacement, axis=0)
    served = chosen_frame(motion.slices, torch.from_numpy(field).transpose(0, 1), None)
    if served != motion.es_frame:
        return f"the server takes frame {served}, the summary {motion.es_frame}"
    for judged in quality.slices:
        ratio = next(
            row["cavity_area_ratio"]
            for row in quality.frames
            if (row["slice"], row["frame"]) == (judged.slice, motion.es_frame)
        )
        if abs(1 - ratio - (judged.values["ejection_area_fraction"] or 0)) > 1e-9:
            return f"the ejected area of slice {judged.slice} is not that of end-systole"
    return None


def not_shrunk(found: Outcome, sound: Outcome) -> str | None:
    """Refinement of a pair leaves at least nine tenths of the motion of the network."""
    if found.ejected is None or sound.ejected is None:
        return "it was refused"
    share = found.ejected / sound.ejected
    return None if share >= 0.9 else f"refinement leaves {share:.0%} of the motion"


CYCLES = (
    Row(name="end-diastole is frame 4", change=rolled(4), right=both(same(), said("was taken"))),
    *(
        Row(
            name="end-diastole is frame 10",
            of=of,
            change=rolled(10),
            right=both(same(ecc=1.0, err=4, ejected=0.04), said("was taken")),
        )
        for of in ("real", "virtual")
    ),
    Row(
        name="end-diastole is stated wrongly",
        change=rolled(4, stated=True),
        right=doubted("ed_frame"),
    ),
    Row(
        name="end-diastole is stated wrongly",
        of="real",
        change=rolled(10, stated=True),
        right=doubted("ed_frame"),
    ),
    Row(name="a pair of frames", of="long", change=kept([0, 10]), right=same()),
    Row(
        name="a pair of frames, refined",
        of="long",
        change=kept([0, 10]),
        right=not_shrunk,
        settings={"refine_steps": 40},
    ),
    Row(name="ends in diastole", of="long", change=kept(slice(0, 14)), right=same()),
    *(
        Row(name="ends after two thirds", of=of, change=two_thirds, right=same(ejected=0.03))
        for of in ("real", "virtual")
    ),
    Row(name="a slice of noise above the base", change=slice_above_base, right=same()),
    Row(name="frame distance", change=frame_distance, right=both(same(), kept_in_results)),
    Row(name="end-systole means one frame", change=lambda _: None, right=one_end_systole),
)
