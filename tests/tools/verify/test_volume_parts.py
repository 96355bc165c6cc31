"""What part of a lift's error is the tracks': told where half of the turn is not seen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from myomotion.analysis.volume.lattice import ANGLES, meridian_length, torsion
from myomotion.analysis.volume.lift import Tracks
from myomotion.analysis.volume.planes import at_place, meet
from tests.support.volume.ellipsoid import LEVELS, beating, shape_of_slices, tracks_of
from tools.verify.volume.parts import (
    CONTRACTION,
    DOUBTED,
    TRACKED,
    TRUE,
    TURN,
    part_tables,
    parts_of,
)


@pytest.mark.slow
def test_an_error_of_turns_is_gone_with_true_turns_and_stays_with_true_contraction() -> None:
    shape = shape_of_slices()
    moved = beating(shape)
    tracks = tracks_of(shape.positions, moved)
    around = np.stack([-np.sin(ANGLES), np.cos(ANGLES)], axis=-1)[:, None]
    turn = (tracks.moves * around).sum(-1).mean((2, 3))[..., None, None, None]
    short = Tracks(levels=LEVELS, moves=tracks.moves - 0.5 * turn * around, trust=tracks.trust)
    before = [meet(shape.positions, z) for z in LEVELS]
    tissue = np.stack(
        [[at_place(place, wall) for place in before] for wall in (shape.positions, moved)]
    )
    stack: Any = SimpleNamespace(es_frame=1, moves=tracks.moves, tissue=tissue)
    volume: Any = SimpleNamespace(tracks=short, lifted=SimpleNamespace(shape=shape))
    length = float(meridian_length(moved) / meridian_length(shape.positions))
    truth = {"gls": 100 * (length - 1), "torsion": float(torsion(moved, shape.positions))}
    found = parts_of(stack, volume, range(len(LEVELS)), truth)
    assert found[TURN] == pytest.approx(found[TRUE])
    assert found[CONTRACTION] == pytest.approx(found[TRACKED])
    assert found[TRUE]["point_mm"] < 0.5 * found[TRACKED]["point_mm"]
    assert found[DOUBTED]["point_mm"] < found[TRACKED]["point_mm"]
    seen = found["tracks"]
    assert seen["apical_outward_mm"] == pytest.approx(0, abs=1e-9)
    assert seen["apical_around_mm"] == pytest.approx(-0.5 * seen["apical_around_true_mm"])
    assert "| apical | +0.00 (" in part_tables({"a": found})
