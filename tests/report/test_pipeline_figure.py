"""The picture of the pipeline is drawn from a study, every panel of it."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.quiver import Quiver

from tests.support.paths import ROOT
from tools.figures.pipeline import pipeline_figure


@pytest.mark.slow
def test_every_panel_shows_what_its_title_says() -> None:
    figure = pipeline_figure(ROOT / "tests" / "golden" / "cine", refine_steps=0)
    panels = [axis for axis in figure.axes if axis.get_title() and "\n" in axis.get_title()]
    assert len(panels) == 8
    mask, mesh, simulated, _, _, tracked, strain, curves = panels
    assert set(np.unique(mask.images[0].get_array())) >= {0, 1, 2}
    (cells,) = (c for c in mesh.collections if isinstance(c, PolyCollection))
    assert len(cells.get_paths()) == 48 * 4
    for panel in (simulated, tracked):
        (arrows,) = (c for c in panel.collections if isinstance(c, Quiver))
        lengths = np.hypot(arrows.U, arrows.V)
        assert len(lengths) > 20 and 0.5 < lengths.max() < 10  # voxels of 1.5 mm
    shown = strain.images[0].get_array()
    assert -40 < float(shown.mean()) < 0  # a wall shortens around
    radial, circumferential = (line.get_ydata() for line in curves.lines[:2])
    assert max(radial) > 5 and min(circumferential) < -2
