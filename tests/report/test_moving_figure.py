"""The film of a tracked heart: every frame, with contours that move."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from myomotion.errors import InputError
from myomotion.tracker import track
from tests.support.paths import ROOT
from tools.figures.moving import beating
from tools.study.film import COLORS


@pytest.mark.slow
def test_film_shows_every_frame_and_the_ventricle_contracts_in_it() -> None:
    result = track(ROOT / "tests" / "golden" / "cine", refine_steps=0)
    film = Image.open(io.BytesIO(beating(result)))
    assert film.n_frames == result.cine.image.shape[3]
    colour = np.array([int(COLORS["tracked"][i : i + 2], 16) for i in (1, 3, 5)])
    area = []
    for frame in (result.cine.ed_frame, result.motion.es_frame):
        film.seek(frame)
        drawn = np.abs(np.asarray(film.convert("RGB")).astype(int) - colour).sum(-1) < 60
        first = drawn[:, : drawn.shape[1] // len(set(result.cine.levels))]
        area.append(np.ptp(np.argwhere(first)[:, 1]))
    assert area[1] < area[0]  # the outer contour's width


@pytest.mark.slow
def test_film_of_a_study_without_a_wall_is_refused() -> None:
    result = track(ROOT / "tests" / "golden" / "cine", refine_steps=0, label_ed="none")
    with pytest.raises(InputError, match="no slice has a wall"):
        beating(result)
