"""Labels that are coded, named, placed or drawn otherwise (kind K2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from myomotion.io.labels import CAVITY, MYOCARDIUM
from tools.verify.robustness.faults.changes import Change, cine_of, label_of, save, save_label
from tools.verify.robustness.faults.files import LABEL_FILES
from tools.verify.robustness.faults.row import (
    Outcome,
    Row,
    both,
    doubted,
    either,
    refused,
    said,
    same,
)

DOES_NOT_FIT = "label|ventricle"
NO_CAVITY = "no cavity inside"
GAP_RADIANS = 1.2


def recoded(codes: Mapping[int, int], **info: object) -> Change:
    """The label with other codes, those that are not named left out; and what info.json says."""

    def change(folder: Path) -> None:
        label = label_of(folder)
        new = np.zeros(label.shape, np.int16)
        for old, code in codes.items():
            new[label == old] = code
        save_label(folder, new)
        if info:
            (folder / "info.json").write_text(json.dumps(info))

    return change


def moved(voxels: tuple[int, int]) -> Change:
    """The label, moved within the slices as that of another patient lies."""
    return lambda folder: save_label(folder, np.roll(label_of(folder), voxels, (0, 1)))


def transposed(folder: Path) -> None:
    """Saved from an array whose rows come first, without geometry."""
    label, shape = label_of(folder), cine_of(folder)[0].shape
    turned = np.zeros(shape[:3], label.dtype)
    rows, columns = min(shape[:2]), min(shape[:2])
    turned[:rows, :columns] = label.transpose(1, 0, 2)[:rows, :columns]
    save_label(folder, turned, np.eye(4))


def slices_reversed(folder: Path) -> None:
    """The apex where the base is."""
    save_label(folder, label_of(folder)[..., ::-1])


def apex_without_cavity(folder: Path) -> None:
    """The last slice shows a wall alone."""
    label = label_of(folder)
    last = label[..., -1]
    last[np.isin(last, (CAVITY, MYOCARDIUM))] = MYOCARDIUM
    save_label(folder, label)


def wall_alone_with(opening: float) -> Change:
    """No cavity is drawn, and the ring of the middle slice has an opening, in radians."""

    def change(folder: Path) -> None:
        label = label_of(folder)
        center = np.argwhere(label == CAVITY).mean(0)[:2]
        x, y = np.indices(label.shape[:2]) - center[:, None, None]
        ring = label == MYOCARDIUM
        ring[np.abs(np.arctan2(y, x)) < opening / 2, label.shape[2] // 2] = False
        save_label(folder, ring.astype(np.uint8))

    return change


def line_missing(folder: Path) -> None:
    """One row of the wall is not drawn."""
    label = label_of(folder)
    middle, row = label.shape[2] // 2, label.shape[1] // 2
    label[:, row, middle][label[:, row, middle] == MYOCARDIUM] = 0
    save_label(folder, label)


def of_every_frame(folder: Path) -> None:
    """A label of the cine's length, drawn at end-diastole alone."""
    label, frames = label_of(folder), cine_of(folder)[0].shape[3]
    whole = np.zeros((*label.shape, frames), np.uint8)
    whole[..., 0] = label
    save_label(folder, whole)


def of_frame(labelled: int) -> Change:
    """A label of the cine's length, drawn at a later frame, which is end-diastole."""

    def change(folder: Path) -> None:
        label, (image, _) = label_of(folder), cine_of(folder)
        whole = np.zeros((*label.shape, image.shape[3]), np.uint8)
        whole[..., labelled] = label
        save(folder, np.roll(image, labelled, 3))
        save_label(folder, whole)

    return change


def as_numbers(factor: float) -> Change:
    """Stored as floating-point numbers that are not quite whole."""
    return lambda folder: save_label(folder, label_of(folder).astype(np.float32) * factor)


def interpolated(folder: Path) -> None:
    """Resampled as a picture is."""
    save_label(folder, ndimage.gaussian_filter(label_of(folder).astype(np.float32), (1, 1, 0)))


def stored_otherwise(folder: Path) -> None:
    """Its axes are in another order and direction than those of the cine, and it says so."""
    image = nib.Nifti1Image.from_filename(folder / "label_sa_ED.nii.gz")
    turned = image.as_reoriented(np.array([[1, -1], [0, 1], [2, -1]]))
    save_label(folder, np.asarray(turned.dataobj), turned.affine)


def field_of_view(margin: tuple[int, int]) -> Change:
    """The label of a larger or smaller part of the slices, by voxels on either side."""

    def change(folder: Path) -> None:
        label, affine = label_of(folder), cine_of(folder)[1]
        wider = [(max(m, 0),) * 2 for m in (*margin, 0)]
        cut = tuple(slice(max(-m, 0), -m * (m < 0) * -1 or None) for m in (*margin, 0))
        affine[:3, 3] -= affine[:3, :3] @ [*margin, 0]
        save_label(folder, np.pad(label[cut], wider), affine)

    return change


def half_a_voxel_off(folder: Path) -> None:
    """On a grid of its own between the cine's voxels."""
    affine = cine_of(folder)[1]
    affine[:3, 3] += affine[:3, :2] @ [0.5, 0.5]
    save_label(folder, label_of(folder), affine)


def without_forms(folder: Path) -> None:
    """Its header says of no form what it is."""
    image = nib.Nifti1Image(label_of(folder), None)
    image.header.set_zooms((1.8, 1.8, 8))
    nib.save(image, folder / "label_sa_ED.nii.gz")


def one_part_each(folder: Path) -> None:
    """A volume a code, as networks give it."""
    label = label_of(folder)
    save_label(folder, np.stack([label == code for code in range(4)], -1).astype(np.uint8))


def in_lower_case(folder: Path) -> None:
    """As another program names it."""
    (folder / "label_sa_ED.nii.gz").rename(folder / "label_sa_ed.nii.gz")


def nearly_named(folder: Path) -> None:
    """A slip of the name."""
    (folder / "label_sa_ED.nii.gz").rename(folder / "labels_sa_ED.nii.gz")


def cavity_at_end_systole(folder: Path) -> None:
    """The end-systolic label shows the cavity alone, as experts of one data set drew it."""
    label = (label_of(folder) == CAVITY).astype(np.uint8) * 3
    affine = nib.Nifti1Image.from_filename(folder / "label_sa_ED.nii.gz").affine
    nib.save(nib.Nifti1Image(label, affine), folder / "label_sa_ES.nii.gz")
    (folder / "info.json").write_text('{"ed_frame": 0, "es_frame": 5}')


def scored_on_the_cavity(found: Outcome, _: Outcome) -> str | None:
    """The cavity's change of area is compared, the wall's is not."""
    if found.study is None:
        return "it was refused"
    first = found.study.quality.slices[0].values
    if first.get("cavity_change_error") is None or first.get("area_change_error") is not None:
        return "the cavity was not scored"
    return None


ACDC, SUNNYBROOK, OWN = {1: 3, 2: 2, 3: 1}, {1: 3, 2: 2}, {1: 600, 2: 205, 3: 500}
LABELS = (
    Row(name="codes of ACDC, nothing says so", change=recoded(ACDC), right=same()),
    Row(
        name="2 wall, 3 cavity and no 1, as Sunnybrook",
        change=recoded(SUNNYBROOK),
        right=same(err=2),
    ),
    Row(name="1 wall, 2 cavity", change=recoded({1: 2, 2: 1}), right=same()),
    Row(name="codes of one's own, nothing says so", change=recoded(OWN), right=same()),
    Row(
        name="codes of one's own, stated",
        change=recoded(OWN),
        right=same(),
        settings={"label_coding": "{205: myocardium, 600: cavity, 500: right ventricle}"},
    ),
    Row(name="0 and 255", change=recoded({2: 255}), right=same()),
    Row(
        name="a coding is stated that cannot be right",
        change=recoded(ACDC, labels="mnms"),
        right=refused("called .* but lies as"),
    ),
    Row(name="moved by (18, 10) voxels", change=moved((18, 10)), right=doubted(DOES_NOT_FIT)),
    Row(name="moved by (-40, -40) voxels", change=moved((-40, -40)), right=doubted(DOES_NOT_FIT)),
    Row(
        name="transposed, without geometry",
        of="drawn off centre",
        change=transposed,
        right=doubted(DOES_NOT_FIT),
    ),
    *(
        Row(name=name, of=of, change=change, right=doubted(DOES_NOT_FIT))
        for of, name, change in (
            ("real", "moved by (18, 10) voxels", moved((18, 10))),
            ("virtual", "moved by (18, 10) voxels", moved((18, 10))),
            ("real", "moved by (-40, -40) voxels", moved((-40, -40))),
            ("virtual", "moved by (-40, -40) voxels", moved((-40, -40))),
            ("real", "transposed", transposed),  # a virtual heart lies in the middle
        )
    ),
    Row(
        name="slices in the other order",
        of="tapering",
        change=slices_reversed,
        right=doubted(DOES_NOT_FIT),
    ),
    Row(
        name="cavity alone at end-systole", change=cavity_at_end_systole, right=scored_on_the_cavity
    ),
    Row(name="apex without a cavity", change=apex_without_cavity, right=said(NO_CAVITY)),
    Row(
        name="wall alone, its ring open",
        change=wall_alone_with(GAP_RADIANS),
        right=either(said(NO_CAVITY), same(err=3)),
    ),
    Row(name="a row of the wall missing", change=line_missing, right=same(err=3)),
    Row(name="label_sa_ed.nii.gz", change=in_lower_case, right=same()),
    Row(
        name="labels_sa_ED.nii.gz",
        change=nearly_named,
        right=both(said("did you mean label_sa_ed"), said("drawn by a network")),
    ),
    Row(name="label of every frame", change=of_every_frame, right=same()),
    Row(name="label of every frame, drawn in frame 3", change=of_frame(3), right=same()),
    Row(name="0.9995, 1.999 and 2.9985", change=as_numbers(0.9995), right=same()),
    Row(name="interpolated", change=interpolated, right=refused("not whole numbers")),
    Row(name="other axes than the cine's", change=stored_otherwise, right=same()),
    Row(
        name="a smaller field of view",
        change=field_of_view((-8, -6)),
        right=both(same(), said("begin at voxel")),
    ),
    Row(
        name="a larger field of view",
        change=field_of_view((5, 3)),
        right=both(same(), said("begin at voxel")),
    ),
    Row(
        name="half a voxel off",
        change=half_a_voxel_off,
        right=refused("does not lie on the cine's grid.*Resample"),
    ),
    Row(name="header without forms", change=without_forms, right=same()),
    Row(name="a volume a code", change=one_part_each, right=refused("one a structure")),
    *LABEL_FILES,
)
