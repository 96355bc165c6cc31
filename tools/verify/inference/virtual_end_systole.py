"""Claims about virtual hearts of which end-systole alone is tracked: where errors come from.

A tenth of the cost of whole cycles, so that settings of the refinement can be compared. Err of a
heart is off for two reasons: how far the wall thickens, and how far its layers slide along each
other (shear), which pictures of muscle without texture hardly show. Both are told apart: the square
of the stretch across a layer is that of ``J`` over the stretch along it, the rest of ``2 Err + 1``
is shear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fem_sim.claims import Claim, at_most
from myomotion.analysis.grids import Slices
from myomotion.analysis.measures.on_wall.mesh import Wall, wall_of
from myomotion.analysis.measures.on_wall.rotation import turned
from myomotion.analysis.measures.on_wall.thickness import thickening_percent
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.core.wall.strain import WallStrain
from myomotion.io.built_in.cines import studies_of
from myomotion.tracker import Tracker
from tools.evaluate.hearts import METHODS, true_motion
from tools.training.intervals import REPORTED_ON
from tools.verify.inference.end_systole import (
    end_systolic_place,
    moved_slices,
    pair_of,
    track_pair,
)
from tools.verify.inference.tracked import GCS, GRS, METHOD, SEGMENT_ECC, TWIST_DEG

Pairs = dict[str, np.ndarray]  # numbers as tracked and true, (n, 2)


def end_systole_claims(
    cines: Path, hearts: int | None, steps: int | None = None, section: str = REPORTED_ON
) -> Iterator[Claim]:
    """Track end-systole of virtual hearts, and hold their strain against the truth.

    Args:
        cines: folder of virtual cines.
        hearts: how many at most; None for all.
        steps: of the refinement; None for those of the method that is reported.
        section: of the list of cines.
    """
    settings = METHODS[METHOD] if steps is None else {**METHODS[METHOD], "refine_steps": steps}
    tracker = Tracker(label_ed="file", intervals=False, **settings)
    found = [heart_pairs(tracker, study) for study in studies_of(cines, section)[:hearts]]
    name = f"virtual hearts, end-systole alone, {settings['refine_steps']} steps"

    def claim(what: str, key: str, limit: float, unit: str = "points", more: str = "") -> Claim:
        pairs = np.array([own[key].mean(0) for own in found])
        gaps = pairs[:, 0] - pairs[:, 1]
        note = f"{len(gaps)} hearts, bias {gaps.mean():+.2f}{more}"
        return at_most(f"{name}: {what}, mean error", float(np.abs(gaps).mean()), limit, unit, note)

    def mean(key: str, column: int) -> float:
        return float(np.mean([own[key][:, column].mean() for own in found]))

    true, tracked = mean("shear", 1), mean("shear", 0)
    shear = f"; shear adds {true:.1f} points to the true Err, {tracked:.1f} to the tracked"
    yield claim("GRS", "err", GRS, more=shear)
    yield claim("GRS without shear", "unsheared", GRS)
    yield claim("thickening", "thickening", GRS)
    yield claim("GCS", "ecc", GCS)
    yield claim("twist", "twist", TWIST_DEG, "degrees")
    segments = np.concatenate([own["segments"] for own in found])
    error = float(np.abs(segments[:, 0] - segments[:, 1]).mean())
    title = f"{name}: Ecc of a segment, mean error"
    yield at_most(title, error, SEGMENT_ECC, "points", f"{len(segments)} segments")


def heart_pairs(tracker: Tracker, study: Mapping[str, Any]) -> Pairs:
    """Numbers of a heart at end-systole, as tracked and as they are.

    Args:
        tracker: with its refinement.
        study: a virtual heart, with ``truth.npz`` beside the cine.

    Returns:
        By number a row a slice with a mesh; ``segments`` has Ecc of each segment, ``twist`` one
        row. Per cent and degrees.
    """
    item = tracker.load(dict(study))
    slices: Slices = item["slices"]
    pair = pair_of(item)
    assert pair is not None  # virtual cines say which frame is end-systole
    fields = track_pair(tracker, pair), true_motion(slices)[:, end_systolic_place(slices)]
    return compared(*(moved_slices(slices, field) for field in fields))


def compared(tracked: list[TrackedSlice], true: list[TrackedSlice]) -> Pairs:
    """Numbers of slices beside those of the true motion, see :func:`heart_pairs`.

    Args:
        tracked: as they were tracked.
        true: the same slices with their true motion.
    """
    meshed = [pair for pair in zip(tracked, true, strict=True) if wall_of(pair[0]) is not None]
    whole = [tuple(_numbers(one) for one in pair) for pair in meshed]
    found = {key: np.array([[own[key] for own in pair] for pair in whole]) for key in whole[0][0]}
    segments = [tuple(_segments(one) for one in pair) for pair in meshed]
    found["segments"] = np.concatenate([np.array(pair).T for pair in segments])
    ends = [[p[0].region.level for p in meshed].index(level) for level in ("apical", "basal")]
    found["twist"] = (found["rotation"][ends[0]] - found["rotation"][ends[1]])[None]
    return found


def _numbers(one: TrackedSlice) -> dict[str, float]:
    wall, es = _wall(one)
    whole, unsheared = float(100 * wall.strain.mean("err")[es]), unsheared_err(wall.strain, es)
    return {
        "err": whole,
        "unsheared": unsheared,
        "shear": whole - unsheared,
        "ecc": float(100 * wall.strain.mean("ecc")[es]),
        "rotation": float(turned(wall, None)[es]),
        "thickening": float(thickening_percent(wall, wall.segment(0))[es]),
    }


def _segments(one: TrackedSlice) -> list[float]:
    """Ecc of the segments, in their order."""
    wall, es = _wall(one)
    numbers = (int(n) for n in np.unique(wall.segments))
    return [float(100 * wall.strain.mean("ecc", wall.segment(n))[es]) for n in numbers]


def _wall(one: TrackedSlice) -> tuple[Wall, int]:
    wall = wall_of(one)
    assert wall is not None
    return wall, one.motion.es_frame


def unsheared_err(strain: WallStrain, frame: int) -> float:
    """Mean of Err without what shear adds, per cent: ``((J / (stretch along c))^2 - 1) / 2``.

    Args:
        strain: of the elements of a wall.
        frame: which one.
    """
    across = strain.jacobian[frame] ** 2 / (2 * strain.ecc[frame] + 1)
    return float(100 * np.average((across - 1) / 2, weights=strain.area))
