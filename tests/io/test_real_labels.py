"""Labels of real hearts mean what their coding says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from myomotion.core.stack_order import larger_half_first, stack_order
from myomotion.io.cine import Cine, find_studies, read_cine
from myomotion.io.labels import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE

# Share of the cavity's area that each slice ejects, base to apex, counted on the files themselves.
EJECTED = {
    "patient042": (0.44, 0.40, 0.35, 0.25, 0.14, 0.27, 0.23),
    "patient061": (0.47, 0.64, 0.61, 0.55, 0.52, 0.50, 0.75),
    "patient066": (0.49, 0.64, 0.57, 0.53, 0.58, 0.66, 0.69),
    "patient024": (0.66, 0.66, 0.74, 0.80, 0.85, 0.94, 1.0),
    "patient030": (0.46, 0.69, 0.67, 0.90, 0.87, 0.79, 0.83),
}


def labelled(folder: Path, *names: str) -> Cine:
    """A study with some of the labels that lie beside it."""
    study = find_studies(folder)[0]
    kept = {"image", "info", "name", *names}
    return read_cine({key: value for key, value in study.items() if key in kept})


@pytest.mark.parametrize("patient", EJECTED)
def test_codes_of_acdc_give_the_ejected_share_of_every_slice(
    acdc_groups: Path, patient: str
) -> None:
    cine = labelled(acdc_groups / patient, "label_ed", "label_es")
    assert cine.label_ed is not None and cine.label_es is not None
    areas = [(label == CAVITY).sum((0, 1)) for label in (cine.label_ed, cine.label_es)]
    ejected = 1 - areas[1] / areas[0]
    # Files may list slices from the apex.
    if ejected[0] > 0 and areas[0][0] < areas[0][-1]:
        ejected = ejected[::-1]
    assert ejected == pytest.approx(EJECTED[patient], abs=0.006)


@pytest.mark.parametrize("patient", EJECTED)
def test_wall_of_a_labelled_heart_lies_around_its_cavity_and_beside_its_right_ventricle(
    acdc_groups: Path, patient: str
) -> None:
    label = labelled(acdc_groups / patient, "label_ed").label_ed
    assert label is not None
    for z in range(label.shape[2]):
        cavity, wall = (label[..., z] == code for code in (CAVITY, MYOCARDIUM))
        around = binary_dilation(cavity) & ~cavity
        assert (wall & around).sum() > 0.95 * around.sum()
    assert (label == RIGHT_VENTRICLE).sum() > 0.3 * (label == CAVITY).sum()


def test_sunnybrook_stack_has_wall_and_cavity_on_the_same_slices(sunnybrook: Path) -> None:
    cine = labelled(sunnybrook / "SCD0000101", "label_ed")
    assert cine.label_ed is not None and cine.frame_times_ms is not None
    shown = [np.flatnonzero((cine.label_ed == c).any((0, 1))) for c in (CAVITY, MYOCARDIUM)]
    assert shown[0].tolist() == shown[1].tolist() == list(range(2, 11))
    assert cine.spacing == pytest.approx((1.3672, 1.3672), abs=1e-4)
    assert np.diff(cine.frame_times_ms) == pytest.approx(37.5, abs=0.5)


@pytest.mark.parametrize("patient", ["SCD0000101", "SCD0000201", "SCD0000301", "SCD0000401"])
def test_headers_of_whole_stacks_say_which_end_is_the_base_as_sizes_do(
    sunnybrook: Path, patient: str
) -> None:
    cine = labelled(sunnybrook / patient, "label_ed")
    assert cine.label_ed is not None
    whole = (cine.label_ed > 0).sum((0, 1))
    alike = (whole > 0).astype(float)  # sizes that say nothing
    assert larger_half_first(whole[whole > 0].tolist())
    for areas in (whole.tolist(), alike.tolist()):
        found = stack_order(cine.levels, areas, cine.affine)
        assert found.base_first and found.doubt is None


def test_stack_labelled_in_the_cavity_alone_has_no_wall(sunnybrook: Path) -> None:
    cine = labelled(sunnybrook / "SCD0000501", "label_ed")
    assert cine.label_ed is not None
    assert set(np.unique(cine.label_ed)) == {0, CAVITY}
    assert any("labels the cavity alone" in warning for warning in cine.warnings)
