"""How sure the network was of contours that it has drawn goes into the summary and the report."""

from __future__ import annotations

import numpy as np

from myomotion.analysis.grids import working_slices
from myomotion.analysis.study import Study, analyse
from myomotion.report.numbers import number_table
from tests.support.cines.ring import beat, contraction, ring_cine

KEY, HEADING = "contour_unsure_share", "contours unsure"


def studied(unsure: np.ndarray | None) -> Study:
    cine = ring_cine(beat())
    cine.label_unsure = unsure
    return analyse(working_slices(cine), 0 * contraction(beat()))


def test_slices_of_a_drawn_label_say_how_unsure_the_network_was() -> None:
    study = studied(np.array([0.07]))
    assert [entry[KEY] for entry in study.summary["slices"]] == [0.07]
    table = number_table(study, ["mid"])
    assert table.slices[0].cells[table.headings.index(HEADING)] == "7%"


def test_slice_without_contours_has_no_number() -> None:
    assert [entry[KEY] for entry in studied(np.array([np.nan])).summary["slices"]] == [None]


def test_given_labels_have_no_such_number() -> None:
    study = studied(None)
    assert all(KEY not in entry for entry in study.summary["slices"])
    assert HEADING not in number_table(study, ["mid"]).headings
