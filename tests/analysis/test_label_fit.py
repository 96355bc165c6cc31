"""A label that does not belong to the picture is found by the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures import label_fit
from myomotion.analysis.measures.label_fit import DOES_NOT_FIT
from myomotion.analysis.measures.measure import AMBER, GREEN, RED, SliceMeasure
from myomotion.analysis.measures.tracked import tracked_slices
from myomotion.analysis.motion import source_motion
from myomotion.analysis.quality import StudyQuality, assess
from myomotion.analysis.study import analyse
from myomotion.io.cine import Cine, find_studies, read_cine
from myomotion.io.labels import MYOCARDIUM
from tests.support.cines.ring import FRAMES, RADIUS, beat, contraction, ring_cine

MEASURES = (label_fit.BRIGHTER_BLOOD_ED, label_fit.EDGE_ED, label_fit.OFFSET)
# By which at least one slice must be amber; nothing of it is said about the right label.
WRONG: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "moved": lambda label: np.roll(label, (18, 10), (0, 1)),
    "moved far": lambda label: np.roll(label, (-40, -40), (0, 1)),
    "mirrored": lambda label: label[::-1],
    "slices reversed": lambda label: label[..., ::-1],
}


def found(cine: Cine) -> dict[str, float | None]:
    """The label's measures of the drawn ring."""
    slices = working_slices(cine)
    (tracked,) = tracked_slices(source_motion(slices, torch.zeros(1, FRAMES, 2, 96, 96)))
    return {m.key: m.compute(tracked) for m in MEASURES}


def study_of(cine: Cine) -> StudyQuality:
    """What is said of the drawn ring, without tracking."""
    slices = working_slices(cine)
    return assess(tracked_slices(source_motion(slices, torch.zeros(1, FRAMES, 2, 96, 96))))


def lights(cine: Cine) -> list[int]:
    """The worst light of the label in each slice, without tracking."""
    slices = working_slices(cine)
    depth, frames = slices.images.shape[:2]
    motion = source_motion(slices, torch.zeros(depth, frames, 2, 96, 96))
    worst = []
    for tracked in tracked_slices(motion):
        if tracked.has_wall:
            worst.append(max(_light(m, m.compute(tracked)) for m in MEASURES))
    return worst


def _light(measure: SliceMeasure, value: float | None) -> int:
    assert measure.limits is not None
    return measure.limits.light(value)


def test_right_label_of_a_drawn_ring_fits() -> None:
    values = found(ring_cine(beat()))
    assert values["label_contrast_ed"] == pytest.approx(1, abs=0.02)
    assert values["label_edge_ed"] == 1
    assert study_of(ring_cine(beat())).values["label_frame_fit"] == 1
    assert values["label_offset_mm"] == pytest.approx(0, abs=1)
    assert lights(ring_cine(beat())) == [GREEN]


def test_moved_label_has_no_edge_and_says_so_in_the_study() -> None:
    shares = beat()
    cine = ring_cine(shares)
    moved = replace(cine, label_ed=np.roll(cine.label_ed, (12, 0), (0, 1)))
    values = found(moved)
    assert values["label_edge_ed"] < 0.45 and values["label_offset_mm"] == pytest.approx(18, abs=1)
    study = analyse(working_slices(moved), contraction(shares))
    assert study.summary["light"] == "red"
    assert any(DOES_NOT_FIT in reason for reason in study.quality.slices[0].reasons)
    assert {row["label_edge"] for row in study.quality.frames} != {None}


def test_cavity_called_wall_is_red() -> None:
    cine = ring_cine(beat())
    dark_blood = replace(cine, image=1000 - cine.image)
    assert found(dark_blood)["label_contrast_ed"] < 0.05
    assert lights(dark_blood) == [RED]


def test_end_systole_taken_for_end_diastole_has_the_lowest_contrast() -> None:
    cine = replace(ring_cine(beat()), ed_frame=FRAMES // 2)
    quality = study_of(cine)
    assert quality.values["label_frame_fit"] == 0 and quality.light == RED
    assert any("darkens little after frame" in reason for reason in quality.reasons)


def test_heart_that_stands_still_has_no_frame_that_fits_better() -> None:
    cine = ring_cine(np.zeros(FRAMES))
    values = found(cine)
    assert study_of(cine).values["label_frame_fit"] is None
    assert values["label_offset_mm"] is None
    assert values["label_edge_ed"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("patient", ["patient001", "patient004", "patient009", "patient102"])
def test_labels_of_real_hearts_fit_and_moved_mirrored_and_exchanged_ones_do_not(
    real_cines: Path, patient: str
) -> None:
    cine = read_cine(find_studies(real_cines / patient)[0])
    assert max(lights(cine)) == GREEN
    assert cine.label_ed is not None
    for name, change in WRONG.items():
        wrong = replace(cine, label_ed=np.ascontiguousarray(change(cine.label_ed)))
        assert max(lights(wrong)) >= AMBER, name


def test_edge_of_a_cavity_that_no_wall_touches_is_where_the_cavity_ends() -> None:
    cine = ring_cine(beat())
    assert cine.label_ed is not None
    label = np.where((RADIUS < 26)[..., None] & (cine.label_ed == MYOCARDIUM), 0, cine.label_ed)
    apart = replace(cine, label_ed=label)
    assert found(apart)["label_edge_ed"] == 1
