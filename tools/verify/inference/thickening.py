"""Claims about real hearts: tracked thickening of the wall against that of the labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fem_sim.claims import Claim, at_most, not_run
from myomotion.analysis.study import Study
from myomotion.core.contours import closed_length, enclosed_area
from myomotion.core.wall.contours import Contours, RejectedSliceError, contours_from_labels
from myomotion.errors import InputError
from myomotion.io.cine import find_studies
from myomotion.io.labels import CAVITY, MYOCARDIUM
from tools.evaluate.hearts import tracker_of
from tools.verify.hearts import SELECTION
from tools.verify.inference.tracked import METHOD

KEY = "thickening_percent"
LIMIT = 0.12  # of the labels' thickening
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
    note = f"tracked/labels, mean of slices: {shares}; all {means[0]:.1f}/{means[1]:.1f} %"
    yield at_most(TITLE, abs(float(means[0] / means[1]) - 1), LIMIT, "", note)


def thickenings(study: Study) -> list[tuple[float, float]]:
    """Thickening of the wall at end-systole in every slice, per cent: tracked, and by the labels.

    Args:
        study: tracked, with labels at both phases.

    Returns:
        Slices in which both phases show a closed ring.
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
            pairs.append((float(row[KEY]), 100 * (after / before - 1)))
    return pairs


def _ring(label: np.ndarray, spacing: tuple[float, float]) -> Contours:
    return contours_from_labels(label, spacing, myocardium=MYOCARDIUM, cavity=CAVITY)


def thickness_mm(contours: Contours) -> float:
    """Area of a ring over the length of its middle, as the moved contours have it."""
    between = enclosed_area([contours.epi]) - enclosed_area([contours.endo])
    return float(abs(between) / closed_length((contours.endo + contours.epi) / 2))
