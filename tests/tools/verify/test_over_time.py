"""What is claimed of tracked contours is their overlap with labels of end-systole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import working_slices
from myomotion.analysis.study import Study, analyse
from myomotion.io.cine import Cine
from myomotion.io.labels import CAVITY, MYOCARDIUM
from tests.support.cines.ring import FRAMES, RADIUS, beat, contraction, ring_cine
from tools.verify.over_time import ef_error, end_systole_rows

ES = FRAMES // 2


def labelled() -> Cine:
    """The drawn ring with its true label at end-systole."""
    drop = 500 * beat()[ES] / np.pi
    material = np.sqrt(RADIUS**2 + drop)
    label = np.where(material < 22, CAVITY, np.where(material < 32, MYOCARDIUM, 0))
    return replace(ring_cine(beat()), es_frame=ES, label_es=label[..., None].astype(np.uint8))


def tracked(share: float) -> Study:
    """The ring as a motion of a share of its own tracks it."""
    return analyse(working_slices(labelled()), share * contraction(beat()))


def test_true_motion_overlaps_and_a_heart_at_rest_does_not() -> None:
    (right,), (still,) = (end_systole_rows(tracked(s), labelled()) for s in (1.0, 0.0))
    for key in ("dice_myocardium_es", "dice_cavity_es"):
        assert right[key] > 0.95 > still[key] + 0.05
        assert right[f"moved_{key}"] == pytest.approx(right[key], abs=0.03)
    assert end_systole_rows(tracked(1.0), replace(labelled(), label_es=None)) == []


def test_ejection_fraction_is_held_against_that_of_the_labels() -> None:
    cine = labelled()
    assert cine.label_ed is not None and cine.label_es is not None
    areas = [(label == CAVITY).sum() for label in (cine.label_ed, cine.label_es)]
    truth = 100 * (1 - areas[1] / areas[0])
    assert ef_error(tracked(1.0), cine) < 2  # two labels of voxels
    assert ef_error(tracked(0.0), cine) == pytest.approx(truth, abs=1e-6)


def test_what_the_network_sees_counts_beside_the_motion() -> None:
    cine = labelled()
    assert cine.label_ed is not None and cine.label_es is not None
    both = np.stack([cine.label_ed[..., 0], *[cine.label_es[..., 0]] * (FRAMES - 1)])
    seen = np.stack([both == CAVITY, both == MYOCARDIUM, both < 0], axis=1)[None]
    slices = replace(working_slices(cine), tissues=torch.from_numpy(seen).float())
    still = analyse(slices, 0 * contraction(beat()))
    (row,) = end_systole_rows(still, cine)
    for key in ("dice_myocardium_es", "dice_cavity_es"):
        assert row[key] > row[f"moved_{key}"] + 0.02
    assert ef_error(still, cine) < ef_error(tracked(0.0), cine) - 5
