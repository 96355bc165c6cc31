"""Labels of both ends of systole that are exchanged or the same are found by their sizes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures.area import area_change_error
from myomotion.analysis.measures.function import LABELLED_SHARE
from myomotion.analysis.measures.tracked import tracked_slices
from myomotion.analysis.motion import source_motion
from myomotion.analysis.study import Study, analyse
from myomotion.io.cine import Cine
from myomotion.io.labels import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE
from tests.support.analytic import ring_labels
from tests.support.cines.ring import beat, contraction, ring_cine

ES, AREA_DROP = 4, 500.0  # of the beat, mm^2 of the cavity
INNER, OUTER = 22.0, 32.0


def smaller() -> np.ndarray:
    """The ring at end-systole: both contours enclose ``AREA_DROP`` less."""
    inner, outer = (float(np.sqrt(r**2 - AREA_DROP / np.pi)) for r in (INNER, OUTER))
    return ring_labels(inner=inner, outer=outer)


def cine(at_ed: np.ndarray, at_es: np.ndarray, es_frame: int | None = None) -> Cine:
    """A ring with these labels, a right ventricle beside it that moves likewise."""
    maps = [at_ed.copy(), at_es.copy()]
    for label, wide in zip(
        maps, [10 if (m == CAVITY).sum() > 600 else 6 for m in maps], strict=True
    ):
        label[40:50, 75 : 75 + wide] = RIGHT_VENTRICLE
    ed, es = (label[..., None] for label in maps)
    return replace(ring_cine(beat(), AREA_DROP), label_ed=ed, label_es=es, es_frame=es_frame)


def study(at_ed: np.ndarray, at_es: np.ndarray) -> Study:
    return analyse(working_slices(cine(at_ed, at_es)), contraction(beat(), AREA_DROP))


def test_labels_of_both_ends_are_scored_though_no_frame_is_named() -> None:
    for part in (MYOCARDIUM, CAVITY):
        errors = []
        for es_frame in (ES, None):
            slices = working_slices(cine(ring_labels(), smaller(), es_frame))
            (found,) = tracked_slices(source_motion(slices, contraction(beat(), AREA_DROP)))
            assert found.motion.es_frame == ES
            errors.append(area_change_error(found, part))
        assert errors[0] == errors[1] and errors[0] is not None and errors[0] < 0.03


def test_right_labels_give_their_volumes_and_no_doubt() -> None:
    right = study(ring_labels(), smaller())
    share = float((smaller() == CAVITY).sum() / (ring_labels() == CAVITY).sum())
    assert right.quality.values[LABELLED_SHARE.key] == pytest.approx(share)
    assert right.function is not None
    assert right.function.number("lv_ef_labelled_percent") == pytest.approx(100 * (1 - share))
    assert right.function.number("rv_ef_labelled_percent") == pytest.approx(40)
    assert not any("exchanged" in text for text in right.summary["warnings"])


@pytest.mark.parametrize(
    ("at_ed", "at_es"), [(smaller(), ring_labels()), (ring_labels(), ring_labels())]
)
def test_labels_exchanged_or_the_same_are_doubted_and_give_no_volumes(
    at_ed: np.ndarray, at_es: np.ndarray
) -> None:
    wrong = study(at_ed, at_es)
    assert wrong.summary["light"] != "green"
    assert any("exchanged or the same" in reason for reason in wrong.quality.reasons)
    assert wrong.function is not None
    for side in ("lv", "rv"):
        for key in ("esv_labelled_ml", "sv_labelled_ml", "ef_labelled_percent"):
            assert wrong.function.number(f"{side}_{key}") is None
    for name in ("left", "right"):
        said = f"The {name} ventricle is not smaller in the end-systolic label"
        assert any(said in text for text in wrong.summary["warnings"])


def test_end_diastolic_contours_that_a_network_drew_are_not_compared() -> None:
    drawn = replace(cine(ring_labels(), ring_labels()), label_found="network")
    found = analyse(working_slices(drawn), contraction(beat(), AREA_DROP))
    assert found.quality.values[LABELLED_SHARE.key] is None
