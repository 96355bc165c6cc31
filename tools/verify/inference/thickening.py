"""Claims about how far the wall thickens: real hearts by their labels, virtual ones by the truth.

Err of a virtual heart is off for two reasons: how far the wall thickens, and how far its layers
slide along each other (shear), which pictures of muscle without texture hardly show. Both are told
apart here: the square of the stretch across a layer is that of ``J`` over the stretch along it,
the rest of ``2 Err + 1`` is shear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fem_sim.claims import Claim, at_most, not_run
from myomotion.analysis.grids import Slices
from myomotion.analysis.measures.on_wall.mesh import wall_of
from myomotion.analysis.measures.on_wall.thickness import mesh_thickening, thickening_percent
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.analysis.study import Study
from myomotion.core.contours import closed_length, enclosed_area
from myomotion.core.wall.contours import Contours, RejectedSliceError, contours_from_labels
from myomotion.core.wall.strain import WallStrain
from myomotion.errors import InputError
from myomotion.io.built_in.cines import studies_of
from myomotion.io.cine import find_studies
from myomotion.io.labels import CAVITY, MYOCARDIUM
from myomotion.tracker import Tracker
from tools.evaluate.hearts import tracker_of, true_motion
from tools.training.intervals import REPORTED_ON
from tools.verify.hearts import SELECTION
from tools.verify.inference.end_systole import (
    end_systolic_place,
    moved_slices,
    pair_of,
    track_pair,
)
from tools.verify.inference.tracked import METHOD

KEY = "thickening_percent"
LIMIT = 0.12  # of the labels' thickening
POINTS = 2.5  # of thickening, and of Err without its shear, which is that of Err itself
VIRTUAL = f"virtual hearts ({METHOD}, end-systole alone)"
TITLE = "real hearts: tracked thickening against the labels' own, relative difference"


def thickening_claims(folder: Path) -> Iterator[Claim]:
    """Track studies whose walls are labelled at both phases, those that nothing was chosen on.

    Args:
        folder: of studies.
    """
    found: dict[str, np.ndarray] = {}
    for study in find_studies(folder):
        if study["name"] in SELECTION:
            continue
        try:
            pairs = thickenings(tracker_of(METHOD)(study))
        except InputError:
            continue
        if len(pairs):
            found[str(study["name"])] = np.array(pairs)
    if not found:
        yield not_run(TITLE, f"<= {LIMIT:g}", "no study with walls labelled at both phases")
        return
    means = np.concatenate(list(found.values())).mean(0)
    shares = ", ".join(
        f"{name} {own[:, 0].mean():.0f}/{own[:, 1].mean():.0f} %" for name, own in found.items()
    )
    note = f"tracked/labels, mean of slices: {shares}; all {means[0]:.1f}/{means[1]:.1f} %, "
    note += f"by tracking without the wall that is seen {means[2]:.1f} %"
    yield at_most(TITLE, abs(float(means[0] / means[1]) - 1), LIMIT, "", note)


def thickenings(study: Study) -> list[tuple[float, float, float]]:
    """Thickening of the wall at end-systole in every slice, per cent.

    Args:
        study: tracked, with labels at both phases.

    Returns:
        As reported, by the labels, and by tracking alone, of slices in which both phases show a
        closed ring.
    """
    cine = study.cine
    if cine.label_ed is None or cine.label_es is None:
        return []
    tracked = {r["slice"]: r for r in study.summary["at_end_systole"]}
    pairs = []
    for z, row in tracked.items():
        try:
            before, after = (
                thickness_mm(_ring(label[..., z], cine.spacing))
                for label in (cine.label_ed, cine.label_es)
            )
        except RejectedSliceError:
            continue
        if row[KEY] is not None:
            reported, alone = (row[key] for key in (KEY, f"tracked_{KEY}"))
            pairs.append((float(reported), 100 * (after / before - 1), float(alone)))
    return pairs


def _ring(label: np.ndarray, spacing: tuple[float, float]) -> Contours:
    return contours_from_labels(label, spacing, myocardium=MYOCARDIUM, cavity=CAVITY)


def thickness_mm(contours: Contours) -> float:
    """Area of a ring over the length of its middle, as the moved contours have it."""
    between = enclosed_area([contours.epi]) - enclosed_area([contours.endo])
    return float(abs(between) / closed_length((contours.endo + contours.epi) / 2))


def virtual_thickening_claims(
    cines: Path, hearts: int | None, section: str = REPORTED_ON
) -> Iterator[Claim]:
    """Track end-systole of virtual hearts, and hold how far they thicken against their truth.

    Args:
        cines: folder of virtual cines.
        hearts: how many at most; None for all.
        section: of the list of cines.
    """
    tracker = tracker_of(METHOD)
    means = [_heart(tracker, study) for study in studies_of(cines, section)[:hearts]]
    found = {key: np.array([pairs[key] for pairs in means]) for key in means[0]}
    alone = found["by tracking"][:, 0] - found["by tracking"][:, 1]
    extra = f"; by tracking alone {np.abs(alone).mean():.2f}, bias {alone.mean():+.2f}"
    yield _mean_error("thickening", found["thickening"], extra)
    true, tracked = found["shear"][:, 1].mean(), found["shear"][:, 0].mean()
    extra = f"; shear adds {true:.1f} points to the true Err, {tracked:.1f} to the tracked"
    yield _mean_error("Err without its shear", found["unsheared"], extra)


def _mean_error(what: str, pairs: np.ndarray, extra: str) -> Claim:
    """Of pairs ``(hearts, 2)`` of a number and its truth."""
    gaps = pairs[:, 0] - pairs[:, 1]
    note = f"{len(gaps)} hearts, bias {gaps.mean():+.2f}{extra}"
    title = f"{VIRTUAL}: {what} of a study, mean error"
    return at_most(title, float(np.abs(gaps).mean()), POINTS, "points", note)


def _heart(tracker: Tracker, study: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Numbers of a heart at end-systole, means over its slices: as tracked, and true."""
    item = tracker.load(dict(study))
    slices: Slices = item["slices"]
    pair = pair_of(item)
    assert pair is not None  # virtual cines say which frame is end-systole
    fields = track_pair(tracker, pair), true_motion(slices)[:, end_systolic_place(slices)]
    numbers = [
        [own for one in moved_slices(slices, field) if (own := _numbers(one)) is not None]
        for field in fields
    ]
    found, true = ({key: _mean(own, key) for key in own[0]} for own in numbers)
    # The network sees the wall in the picture; only the mesh has a true motion.
    true["thickening"] = true["by tracking"]
    return {key: (found[key], true[key]) for key in found}


def _mean(rows: list[dict[str, float]], key: str) -> float:
    return float(np.mean([row[key] for row in rows]))


def _numbers(tracked: TrackedSlice) -> dict[str, float] | None:
    """Per cent at end-systole; None for a slice without a mesh."""
    wall, es = wall_of(tracked), tracked.motion.es_frame
    if wall is None:
        return None
    thickening = thickening_percent(tracked, 0)[es]
    assert thickening is not None
    whole, unsheared = float(100 * wall.strain.mean("err")[es]), unsheared_err(wall.strain, es)
    return {
        "thickening": thickening,
        "by tracking": float(100 * mesh_thickening(wall, wall.segment(0))[es]),
        "unsheared": unsheared,
        "shear": whole - unsheared,
    }


def unsheared_err(strain: WallStrain, frame: int) -> float:
    """Mean of Err without what shear adds, per cent: ``((J / (stretch along c))^2 - 1) / 2``.

    Args:
        strain: of the elements of a wall.
        frame: which one.
    """
    across = strain.jacobian[frame] ** 2 / (2 * strain.ecc[frame] + 1)
    return float(100 * np.average((across - 1) / 2, weights=strain.area))
