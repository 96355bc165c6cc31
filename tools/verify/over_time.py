"""Claims about tracked studies with and without a label: contours of end-systole, function, strain.

End-systole is where motion and picture are farthest from end-diastole, whose contours are given or
drawn, and the one other frame that readers label.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fem_sim.claims import Claim, at_least, at_most
from myomotion.analysis.drawing.over_time import contour_labels
from myomotion.analysis.study import Study
from myomotion.io.cine import Cine, read_cine
from myomotion.io.codes import CAVITY
from myomotion.tracker import Tracker
from myomotion.transforms.contours import without_labels
from tools.evaluate.contours import means, slice_rows
from tools.evaluate.methods import REFINE_STEPS
from tools.verify.hearts import SELECTION

GIVEN, ALONE = "label given", "from the cine alone"
STRUCTURES = ("myocardium", "cavity")
STRAINS = ("ecc_percent", "err_percent")  # at end-systole, of the whole wall of a slice
STRAIN_LIMITS = {"ecc_percent": 1.0, "err_percent": 4.0}

Results = dict[str, Any]
Rows = list[dict[str, Any]]


def tracked_claims(
    title: str,
    studies: Sequence[Mapping[str, Any]],
    limits: Mapping[str, float | None],
    ef_points: float,
    results: Results,
) -> Iterator[Claim]:
    """Contours and function of studies that are tracked with their labels and without, refined.

    Args:
        title: of the studies.
        studies: with labels at both phases.
        limits: least Dice of ``myocardium`` and ``cavity`` at end-systole; None: not asked for.
        ef_points: largest mean error of the ejection fraction.
        results: receives what was found.
    """
    overlaps: dict[str, Rows] = {GIVEN: [], ALONE: []}
    fractions: dict[str, Rows] = {GIVEN: [], ALONE: []}
    strains: Rows = []
    unknown = 0
    for study in studies:
        labelled = read_cine(study)
        both = {GIVEN: _tracked(study, "file"), ALONE: _tracked(without_labels(study), "auto")}
        for way, found in both.items():
            overlaps[way] += end_systole_rows(found, labelled)
            error = ef_error(found, labelled)
            fractions[way].append({"study": study["name"], "ef_error_points": error})
        changes, lacking = _strain_changes(study["name"], *both.values())
        strains, unknown = strains + changes, unknown + lacking
    results[f"tracked, {title}"] = {"contours": overlaps, "function": fractions, "strain": strains}
    for way, rows in overlaps.items():
        yield from _overlap_claims(f"{title}, {way}", rows, limits)
        errors = means(fractions[way])["ef_error_points"]
        note = ", ".join(f"{row['study']} {row['ef_error_points']:.1f}" for row in fractions[way])
        name = f"{title}, {way}: ejection fraction of function, mean error"
        yield at_most(name, errors, ef_points, "points", note)
    mean = means(strains)
    note = f"{len(strains)} slices; {unknown} without a wall in one of the two"
    for key, limit in STRAIN_LIMITS.items():
        if key in mean:
            name = f"{title}, strain without a label: {key[:3].capitalize()}, mean change"
            yield at_most(name, mean[key], limit, "points", note)


def end_systole_rows(study: Study, labelled: Cine) -> Rows:
    """Overlap of contours at end-systole with labels, slice by slice.

    Args:
        study: tracked.
        labelled: the same with its labels.

    Returns:
        ``study``, ``slice``; Dice of wall and cavity, and with ``moved_`` before them those of the
        end-diastolic label that is moved alone; nothing without end-systolic labels.
    """
    cine, frame = study.cine, labelled.es_frame
    if labelled.label_es is None or frame is None or cine.label_ed is None:
        return []
    maps = [study.motion.on_window(z) for z in range(cine.image.shape[2])]
    own, moved = (
        slice_rows(labelled, {"es": contour_labels(cine, maps, contours)[..., frame]})
        for contours in (study.contours, None)
    )
    keys = [f"dice_{structure}_es" for structure in STRUCTURES]
    return [
        {
            "study": labelled.name,
            "slice": one["slice"],
            **{k: one[k] for k in keys},
            **{f"moved_{k}": other[k] for k in keys},
        }
        for one, other in zip(own, moved, strict=True)
    ]


def ef_error(tracked: Study, labelled: Cine) -> float:
    """Ejection fraction of function against that of labels, over slices with both, points."""
    ed, es = labelled.label_ed, labelled.label_es
    if tracked.function is None or ed is None or es is None or labelled.es_frame is None:
        return float("nan")
    cavities = [(label == CAVITY).sum((0, 1)) for label in (ed, es)]
    # Slices that nobody has labelled at end-systole say nothing; a cavity may have vanished.
    slices = (cavities[0] > 0) & es.any((0, 1))
    areas = tracked.function.areas.cavity_mm2[:, slices].sum(1)
    truth = 1 - cavities[1][slices].sum() / cavities[0][slices].sum()
    found = 1 - areas[labelled.es_frame] / areas[labelled.ed_frame]
    return float(100 * abs(found - truth))


def _tracked(study: Mapping[str, Any], label_ed: str) -> Study:
    return Tracker(label_ed=label_ed, refine_steps=REFINE_STEPS, intervals=False)(study)


def _overlap_claims(title: str, rows: Rows, limits: Mapping[str, float | None]) -> Iterator[Claim]:
    mean = means(rows)
    others = means(row for row in rows if row["study"] not in SELECTION)
    for structure, limit in limits.items():
        key = f"dice_{structure}_es"
        if limit is not None and key in mean:
            note = (
                f"{mean[f'moved_{key}']:.3f} by motion alone; "
                f"subjects on which nothing was chosen: {others.get(key, np.nan):.3f}"
            )
            name = f"{title}: contours at end-systole, {structure}"
            yield at_least(name, mean[key], limit, "", note)


def _strain_changes(name: str, given: Study, free: Study) -> tuple[Rows, int]:
    """Change of strain at end-systole by slice, and slices without a wall in one of the two."""
    theirs = {row["slice"]: row for row in free.summary.get("at_end_systole", [])}
    rows, unknown = [], 0
    for row in given.summary.get("at_end_systole", []):
        pairs = {k: (row[k], theirs.get(row["slice"], {}).get(k)) for k in STRAINS}
        if None in itertools.chain(*pairs.values()):
            unknown += 1
            continue
        changes = {k: abs(ours - drawn) for k, (ours, drawn) in pairs.items()}
        rows.append({"study": name, "slice": row["slice"], **changes})
    return rows, unknown
