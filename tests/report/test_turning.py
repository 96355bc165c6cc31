"""The turning ventricle: what a viewer sees of known walls, and what the page holds of it."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from myomotion.analysis.volume.lattice import ANGLES, DEPTHS, HEIGHTS
from myomotion.report.page import report_page
from myomotion.report.turning import STEPS, TILT, animated, seen_from, turning_pictures
from tests.support.volume.cup import cup, tracked

LARGEST = 400_000  # bytes in the page
RED, GREY = 1, 0


def cone(scale: float = 1.0) -> np.ndarray:
    """A wall that widens from apex to base, round."""
    radius = (10 + 20 * HEIGHTS)[:, None, None] + 8 * DEPTHS
    ray = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1)[None, :, None]
    plane = scale * radius[..., None] * ray
    level = np.broadcast_to((70 * HEIGHTS)[:, None, None, None], (*plane.shape[:3], 1))
    return np.concatenate([plane, level], axis=-1)


def turning(end: np.ndarray) -> list[Image.Image]:
    start = cone()
    lifted = SimpleNamespace(
        shape=SimpleNamespace(positions=start), positions=np.stack([start, end])
    )
    volume: Any = SimpleNamespace(lifted=lifted)
    return turning_pictures(volume, 1)


def inked(picture: Image.Image, half: int) -> np.ndarray:
    """Where one phase is drawn, without its name."""
    values = np.asarray(picture)
    side = values.shape[0]
    return (values[: side - 20, half * side : (half + 1) * side] < 250).any(-1)


def test_the_viewer_sees_up_what_is_towards_the_base() -> None:
    apex, base = seen_from(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 10.0]]), 0.3)
    assert base - apex == pytest.approx([0, 10 * np.cos(TILT), 10 * np.sin(TILT)])


def test_a_half_turn_brings_the_near_side_to_the_far_side() -> None:
    point = np.array([0.0, -10.0, 0.0])
    assert seen_from(point, 0.0)[2] == pytest.approx(10 * np.cos(TILT))
    assert seen_from(point, np.pi)[2] == pytest.approx(-10 * np.cos(TILT))


@pytest.mark.slow
def test_end_systole_is_drawn_in_the_scale_of_end_diastole() -> None:
    first = turning(cone(0.7))[0]
    widths = [np.ptp(np.flatnonzero(inked(first, half).any(0))) for half in (GREY, RED)]
    assert widths[RED] / widths[GREY] == pytest.approx(0.7, abs=0.03)


@pytest.mark.slow
def test_the_animation_is_small_and_one_full_turn() -> None:
    url = animated(turning(cone(0.7)))
    assert len(url) < LARGEST
    assert url.startswith("data:image/webp;base64,")
    picture = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))
    assert getattr(picture, "n_frames", 1) == STEPS
    assert picture.info["loop"] == 0


@pytest.mark.slow
def test_the_page_has_it_moving_at_rest_and_in_words(tmp_path: Path) -> None:
    page = report_page(tracked(cup(tmp_path / "cup")))
    moving, still = (
        re.search(rf'<img class="{name}" src="(data:[^"]+)" alt="([^"]+)">', page)
        for name in ("moving", "still")
    )
    assert moving is not None and still is not None
    assert len(moving[1]) + len(still[1]) < LARGEST
    assert "turning about its axis" in moving[2] and "turning" not in still[2]
    style = page[: page.index("</style>")]
    assert "prefers-reduced-motion: reduce" in style
    assert 'id="turn" checked' in page
