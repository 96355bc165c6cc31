"""Claims about storage: a heart gives the same numbers however its file stores the axes."""

from __future__ import annotations

import itertools
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from fem_sim.claims import Claim, Groups, at_least, at_most
from myomotion.io.cine import find_studies, read_cine
from myomotion.io.info import read_info
from myomotion.io.labels import MYOCARDIUM
from myomotion.tracker import Tracker
from tools.evaluate.methods import REFINE_STEPS
from tools.verify.robustness.faults.changes import copy_study
from tools.verify.robustness.faults.storage import stored
from tools.verify.robustness.given import Given, Study

ECC_POINTS, ERR_POINTS = 0.2, 0.5
VIRTUAL = 1  # studies beside one of each real data set
FEW_FRAMES = 10  # that are taken of a longer cine
REFINED = (3, 8, 13)  # of the storages, for one virtual and one real study

Axes = tuple[tuple[int, int], ...]
# In-plane order and directions, slices either way; the first is that of the file.
STORAGES: tuple[Axes, ...] = tuple(
    ((order[0], first), (order[1], second), (2, across))
    for across in (1, -1)
    for order in ((0, 1), (1, 0))
    for first, second in itertools.product((1, -1), repeat=2)
)

Segments = dict[tuple[int, int, int], tuple[float, float]]  # frame, slice, segment to Ecc, Err, %


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The largest one between two storages of a heart.

    Attributes:
        study: name.
        axes: of the storage, as nibabel's orientations.
        ecc: of a segment's circumferential strain, points.
        err: of its radial strain, points.
        missing: segments that one of the two does not have, or has no number for.
        compared: numbers of segments, slices and frames that both have.
    """

    study: str
    axes: Axes
    ecc: float
    err: float
    missing: int
    compared: int


def storage_groups(given: Given) -> Groups:
    """Claims of network and refinement.

    Args:
        given: studies and place.
    """
    work = given.work / "storage"

    def network() -> Iterator[Claim]:
        chosen = [*given.virtual_studies[:VIRTUAL], *first_of_data_sets(given.real_studies)]
        # What a network sees in the frames has no part in the strain of labelled slices.
        tracker = Tracker(tissues=False)
        yield from storage_claims("network", tracker, chosen, STORAGES, work / "network")

    def refined() -> Iterator[Claim]:
        chosen = [*given.virtual_studies[:1], *first_of_data_sets(given.real_studies)[:1]]
        tracker = Tracker(refine_steps=REFINE_STEPS)
        axes = [STORAGES[n] for n in REFINED]
        yield from storage_claims("refined", tracker, chosen, axes, work / "refined")

    return {"storage": network, "storage, refined": refined}


def first_of_data_sets(studies: Sequence[Study]) -> list[Study]:
    """The first study with a labelled wall of every folder of studies.

    Args:
        studies: in order.
    """
    found: dict[Path, Study] = {}
    for study in studies:
        folder = Path(str(study["image"])).parents[1]
        if folder in found or not study.get("label_ed"):
            continue
        label = read_cine(study).label_ed
        if label is not None and (label == MYOCARDIUM).any():
            found[folder] = study
    return list(found.values())


def storage_claims(
    title: str,
    tracker: Callable[[Study], Any],
    studies: Sequence[Study],
    storages: Sequence[Axes],
    work: Path,
) -> Iterator[Claim]:
    """Every segment of every slice and frame has the strain that it has as the file is stored.

    Args:
        title: of what tracks.
        tracker: tracks a study.
        studies: with labels, each in a folder of its own.
        storages: axes to store them along.
        work: folder to work in.
    """
    found = [
        difference
        for number, study in enumerate(studies)
        for difference in differences(tracker, study, storages, work / str(number))
    ]
    names = ", ".join(str(study["name"]) for study in studies)
    about = f"{title}: {len(storages)} storages of {len(studies)} studies"
    for key, limit in (("ecc", ECC_POINTS), ("err", ERR_POINTS)):
        worst = max(found, key=lambda d: float(getattr(d, key)))
        note = f"{names}; worst: {worst.study} {worst.axes}"
        value = float(getattr(worst, key))
        yield at_most(f"{about}: largest segment {key.title()}", value, limit, "points", note)
    missing = sum(d.missing for d in found)
    yield at_most(f"{about}: segments that are not in both", missing, 0, "", names)
    fewest = min(d.compared for d in found)
    yield at_least(f"{about}: segments and frames compared in the least", fewest, 1, "", names)


def differences(
    tracker: Callable[[Study], Any], study: Study, storages: Sequence[Axes], work: Path
) -> Iterator[Difference]:
    """Track a study in its own storage and in others.

    Args:
        tracker: tracks a study.
        study: with labels.
        storages: axes to store it along.
        work: folder to make.

    Yields:
        One difference a storage.
    """
    own = copied(study, work / "own")
    depth = read_cine(own).image.shape[2]
    wanted = segments(tracker, own)
    for number, axes in enumerate(storages):
        turned = copied(study, work / str(number))
        folder = Path(str(turned["image"])).parent
        stored(axes)(folder)
        against = axes[2][1] < 0
        if against:
            reverse_levels(folder / "info.json")
        found = {
            (frame, depth - 1 - z if against else z, segment): values
            for (frame, z, segment), values in segments(tracker, turned).items()
        }
        shutil.rmtree(work / str(number))
        print(f"{study['name']}: storage {number + 1} of {len(storages)}", file=sys.stderr)
        both = found.keys() & wanted.keys()
        ecc, err = (
            float(np.nanmax([abs(found[k][i] - wanted[k][i]) for k in both], initial=0))
            for i in (0, 1)
        )
        numbered = [k for k in both if not np.isnan([found[k], wanted[k]]).any()]
        unknown = sum(np.isnan(found[k]).any() != np.isnan(wanted[k]).any() for k in both)
        yield Difference(
            study=str(study["name"]),
            axes=axes,
            ecc=ecc,
            err=err,
            missing=len(found.keys() ^ wanted.keys()) + unknown,
            compared=len(numbered),
        )


def segments(tracker: Callable[[Study], Any], study: Study) -> Segments:
    """Strain of every frame, slice and segment, the rows of ``strain.csv``.

    Args:
        tracker: tracks a study.
        study: with labels.
    """
    return {
        (row["frame"], row["slice"], row["segment"]): (
            _number(row["ecc_percent"]),
            _number(row["err_percent"]),
        )
        for row in tracker(study).rows
    }


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def copied(study: Study, folder: Path) -> Study:
    """Cine and end-diastolic label of a study under their usual names, end-diastole first.

    Of long cines every few frames are taken, which is as good here and takes less time.

    Args:
        study: of NIfTI files.
        folder: to make; it holds the study's folder.
    """
    target = folder / str(study["name"])
    copy_study(study, target)
    image: Any = nib.load(target / "sa.nii.gz")
    ed_frame, frames = read_cine(study).ed_frame, image.shape[3]
    step = max(1, frames // FEW_FRAMES)
    values = np.roll(np.asarray(image.dataobj), -ed_frame, 3)[..., ::step]
    shorter = nib.Nifti1Image(np.ascontiguousarray(values), image.affine, image.header)
    nib.save(shorter, target / "sa.nii.gz")
    said = read_info(target / "info.json").content if "info" in study else {}
    kept = {key: said[key] for key in ("labels", "slices") if said.get(key)}
    (target / "info.json").write_text(json.dumps({"ed_frame": 0, **kept}))
    return find_studies(target)[0]


def reverse_levels(path: Path) -> None:
    """Name the slices of an ``info.json`` in the other order, where it names them.

    Args:
        path: of the file, which may not be there.
    """
    if path.is_file():
        content = dict(read_info(path).content)
        if content.get("slices"):
            content["slices"] = content["slices"][::-1]
            path.write_text(json.dumps(content))
