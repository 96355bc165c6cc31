"""Pictures show slices as the report does, whatever order the file's axes have."""

from __future__ import annotations

import numpy as np
import pytest

from myomotion.report.contours import contour_figure
from myomotion.report.overview import LEFT, SIDE, STEP, TOP, overview_figure
from tests.support.cines.turning import short_axis_affine, turning_cine, turning_study


@pytest.mark.parametrize("flipped", [False, True])
def test_overview_shows_the_standard_view_with_contours_and_arrows_in_it(flipped: bool) -> None:
    """In the file axis 0 runs to the right of the view, or to the left."""
    cine = turning_cine(2, short_axis_affine(flipped))
    cine.image[80:84, 40:44, 0] = 2000  # a spot that tells the sides apart
    study = turning_study(cine, shares=np.array([0.0, 1.0]))
    assert study.motion.slices.view.from_header
    sheet = overview_figure(study).axes[0]
    reference = sheet.images[0]
    left, right, bottom, top = reference.get_extent()
    row, column = np.argwhere(np.asarray(reference.get_array()) == 2000).mean(0)
    rows, columns = reference.get_array().shape
    x = left + (column + 0.5) / columns * (right - left)
    y = top + (row + 0.5) / rows * (bottom - top)
    # The spot lies 34 voxels from the middle along axis 0, and 6 before it along axis 1.
    side = -1 if flipped else 1
    middle = np.array([LEFT + SIDE / 2, TOP + SIDE / 2])
    assert (np.array([x, y]) - middle) / (SIDE / 96) == pytest.approx([side * 34, -6], abs=0.1)
    arrows = next(c for c in sheet.collections if hasattr(c, "U"))
    at = np.array(arrows.XY) - middle - (4 * STEP, 0)
    first = np.abs(at[:, 1]) < SIDE / 2  # of the first slice
    near = first & (np.hypot(*at.T) < 0.25 * SIDE)
    along = np.stack([arrows.U, arrows.V], axis=-1)[near]
    assert (np.einsum("ij,ij->i", at[near], along) < 0).mean() > 0.95  # it contracts


@pytest.mark.parametrize("flipped", [False, True])
def test_drawn_contours_lie_on_their_picture(flipped: bool) -> None:
    cine = turning_cine(2, short_axis_affine(flipped))
    assert cine.label_ed is not None
    label = np.zeros_like(cine.label_ed)
    label[60:70, 30:50] = 1
    cine.image[60:70, 30:50] = 5000
    axis = contour_figure(cine, {"ED": (0, label)}).axes[0]
    picture = np.asarray(axis.images[0].get_array())
    bright = np.argwhere(picture == 5000)
    (line,) = [p for c in axis.collections for p in c.get_paths() if len(p.vertices)]
    low, high = line.vertices.min(0)[::-1], line.vertices.max(0)[::-1]
    assert low == pytest.approx(bright.min(0) - 0.5, abs=0.1)
    assert high == pytest.approx(bright.max(0) + 0.5, abs=0.1)
    (x0, x1), (y1, y0) = axis.get_xlim(), axis.get_ylim()
    assert x0 < low[1] < high[1] < x1 and y0 < low[0] < high[0] < y1
