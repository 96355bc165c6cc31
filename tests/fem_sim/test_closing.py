"""Trabeculae and papillary muscles keep their area while the cavity gets smaller."""

from __future__ import annotations

import numpy as np
import pytest

from fem_sim.phantom.closing import closed_share, neighbourhood_share


def test_uniform_share_is_its_own_neighbourhood_up_to_the_cavitys_edge() -> None:
    axis = np.arange(81) - 40
    cavity = np.hypot(axis[:, None], axis[None]) < 25
    about = neighbourhood_share(np.where(cavity, 0.3, 0.9), cavity, spacing=0.5)
    assert about[cavity] == pytest.approx(0.3, abs=1e-5)


def test_muscle_keeps_its_area_where_the_cavity_has_halved() -> None:
    share = np.array([0.0, 0.1, 0.4])
    closed = closed_share(share, share, np.array(0.5), strength=1.0)
    assert closed == pytest.approx([0.0, 0.2, 0.8])


def test_blood_is_gone_where_little_more_than_the_muscles_area_is_left() -> None:
    assert closed_share(np.array(0.3), np.array(0.3), np.array(0.25), 1.0) == 1.0


def test_nothing_closes_at_end_diastole_and_nothing_opens() -> None:
    share, about = np.array([0.0, 1.0, 0.5]), np.array([0.5, 0.2, 0.5])
    assert closed_share(share, about, np.array(1.0), 1.0) == pytest.approx(share)
    assert (closed_share(share, about, np.array(0.4), 1.0) >= share).all()
