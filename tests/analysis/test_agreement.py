"""Whether contours lie where the segmentation sees the ventricle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from myomotion.analysis.areas import Areas
from myomotion.analysis.function import ventricular_function
from myomotion.analysis.grids import Slices, working_slices
from myomotion.analysis.measures.measure import GREEN, LIGHTS, RED
from myomotion.analysis.quality import StudyQuality
from myomotion.analysis.segmentation import DRAWN, NONE_SEEN
from myomotion.analysis.study import analyse
from myomotion.io.cine import Cine
from myomotion.io.labels import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE
from tests.support.cines.ring import FRAMES, beat, contraction, ring_cine


def seen(slices: Slices, shift: int = 0) -> Slices:
    """A study whose segmentation sees the label in every frame, voxels beside where it is."""
    shares = torch.stack([slices.soft[c] for c in (CAVITY, MYOCARDIUM)] + [slices.soft[3] * 0], 1)
    frames = slices.images.shape[1]
    return replace(slices, tissues=shares.roll(shift, -1)[:, None].repeat(1, frames, 1, 1, 1))


def judged(cine: Cine, shift: int) -> StudyQuality:
    slices = seen(working_slices(cine), shift)
    return analyse(slices, 0 * contraction(beat())).quality


def test_label_where_the_ventricle_is_seen_agrees_fully() -> None:
    quality = judged(ring_cine(beat()), 0)
    values = quality.slices[0].values
    assert values["contour_agreement_ed"] == pytest.approx(1)
    assert values["contour_agreement_es"] == pytest.approx(1)  # nothing moves, and so it is seen
    assert quality.values["contour_agreement"] == pytest.approx(1)


def test_label_beside_the_ventricle_that_is_seen_makes_the_study_red_and_says_so() -> None:
    quality = judged(ring_cine(beat()), 35)
    assert quality.values["contour_agreement"] < 0.4
    assert quality.light == RED
    assert any("overlaps what the segmentation sees by" in reason for reason in quality.reasons)
    # A slice alone is no more than amber by it: there the segmentation may be the one that errs.
    reasons = [r for r in quality.slices[0].reasons if "segmentation" in r]
    assert reasons and all(r.startswith("amber") for r in reasons)


def test_cavity_alone_is_compared_with_the_cavity() -> None:
    cine = ring_cine(beat())
    assert cine.label_ed is not None
    slices = seen(working_slices(cine))
    cine.label_ed = np.where(cine.label_ed == CAVITY, CAVITY, 0).astype(np.uint8)
    alone = replace(working_slices(cine), tissues=slices.tissues)
    quality = analyse(alone, 0 * contraction(beat())).quality
    assert quality.values["contour_agreement"] == pytest.approx(1)


def test_nothing_is_said_where_the_segmentation_sees_no_ventricle_or_has_not_looked() -> None:
    slices = working_slices(ring_cine(beat()))
    blind = replace(slices, tissues=torch.zeros(*slices.images.shape[:2], 3, 96, 96))
    for study in (slices, blind):
        quality = analyse(study, contraction(beat())).quality
        assert quality.values["contour_agreement"] is None
        assert not any("segmentation" in r for r in quality.reasons)


@pytest.mark.parametrize(("codes", "light"), [((1,), "green"), ((1, 2), "red")])
def test_outer_contour_that_is_called_the_cavity_is_told(
    codes: tuple[int, ...], light: str
) -> None:
    cine = ring_cine(beat())
    assert cine.label_ed is not None
    slices = seen(working_slices(cine))
    cine.label_ed = np.isin(cine.label_ed, codes).astype(np.uint8)
    quality = analyse(
        replace(working_slices(cine), tissues=slices.tissues), contraction(beat())
    ).quality
    assert (quality.values["cavity_alone_fit"] or 0) * (1 if light == "green" else -1) > 0.2
    said = [reason for reason in quality.reasons if "outer contour" in reason]
    assert [reason.split(":")[0] for reason in said] == [light] * (light != "green")
    assert quality.light >= LIGHTS.index(light)
    labelled = seen(working_slices(ring_cine(beat())))
    assert analyse(labelled, contraction(beat())).quality.values["cavity_alone_fit"] is None


@pytest.mark.parametrize(
    ("found", "slices", "amber"), [(NONE_SEEN, 0.0, True), (DRAWN, 1.0, False), (None, None, False)]
)
def test_study_in_which_no_ventricle_is_seen_is_no_clean_one(
    found: str | None, slices: float | None, amber: bool
) -> None:
    cine = ring_cine(beat())
    cine.label_found = found
    if found == NONE_SEEN:
        cine.label_ed = None
    quality = analyse(working_slices(cine), contraction(beat())).quality
    assert quality.values["drawn_slices"] == slices
    assert any("no left ventricle in any slice" in reason for reason in quality.reasons) == amber
    assert quality.light > GREEN or not amber


def test_labels_that_were_drawn_give_no_number_by_labels() -> None:
    cine = ring_cine(beat())
    cine.label_es, cine.es_frame = cine.label_ed, int(beat().argmax())
    for found, there in (("given", True), (DRAWN, False)):
        cine.label_found = found
        study = analyse(working_slices(cine), contraction(beat()))
        assert study.function is not None
        numbers = [key for key in study.function.numbers if "_labelled" in key]
        assert bool(numbers) == there
        assert (study.quality.slices[0].values["area_change_error"] is not None) == there


def test_end_systolic_label_of_the_right_ventricle_says_nothing_of_the_left() -> None:
    cine = ring_cine(beat())
    assert cine.label_ed is not None
    cine.label_ed = cine.label_ed.repeat(2, axis=2)
    cine.label_es = np.zeros_like(cine.label_ed)
    cine.label_es[:4, :4, 0] = RIGHT_VENTRICLE
    cavity = np.full((FRAMES, 2), 1000.0)
    areas = Areas(cavity_mm2=cavity, wall_mm2=None, found="drawn")
    pair = cine.with_arrays(image=cine.image.repeat(2, axis=2), levels=["a", "b"])
    assert ventricular_function(areas, pair, FRAMES // 2).warnings == []
