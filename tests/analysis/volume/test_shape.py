"""The wall at end-diastole is a wall everywhere, also where no slice shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myomotion.analysis.volume import shape, study
from myomotion.analysis.volume.shape import LEAST_WALL, heart_shape, is_upright
from myomotion.core.wall.contours import Contours
from tests.support.volume.cup import cup, tracked
from tests.support.volume.ellipsoid import shape_of_slices


def rings(inner: tuple[float, ...], outer: tuple[float, ...]) -> list[Contours]:
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    ray = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return [Contours(endo=i * ray, epi=o * ray) for i, o in zip(inner, outer, strict=True)]


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ((30.0, 32.0, 34.0), (33.0, 39.0, 44.0)),  # thin where the stack ends early
        ((20.0, 28.0, 33.0, 33.0), (26.0, 40.0, 42.0, 34.5)),  # and at its upper end
    ],
    ids=["below", "above"],
)
def test_surfaces_do_not_cross_where_no_slice_shows_them(
    inner: tuple[float, ...], outer: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = (10.0 * np.arange(len(inner))).tolist()
    found = heart_shape(levels, rings(inner, outer)).positions
    assert is_upright(found)
    endo, epi = ((found[:, 0, side, 2], np.hypot(*found[:, 0, side, :2].T)) for side in (0, -1))
    above = endo[0] > epi[0][0]
    apart = np.interp(endo[0], *epi)[above] - endo[1][above]
    assert apart.min() > 0.9 * LEAST_WALL * min(np.subtract(outer, inner))
    monkeypatch.setattr(shape, "_least_outer", lambda rings, *_: np.zeros((len(rings[0]), 1)))
    assert not is_upright(heart_shape(levels, rings(inner, outer)).positions)


def test_surfaces_that_are_well_apart_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = shape_of_slices().positions
    monkeypatch.setattr(shape, "_least_outer", lambda rings, *_: np.zeros((len(rings[0]), 1)))
    assert np.array_equal(shape_of_slices().positions, kept)


@pytest.mark.slow
def test_a_wall_that_is_inside_out_is_not_lifted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crossed(
        levels: list[float], contours: list[Contours], step_mm: float | None = None
    ) -> shape.HeartShape:
        swapped = [Contours(endo=c.epi, epi=c.endo) for c in contours]
        return heart_shape(levels, swapped, step_mm)

    monkeypatch.setattr(study, "heart_shape", crossed)
    found = tracked(cup(tmp_path / "cup"))
    assert found.volume is None
    assert "inside out" in found.summary["volume"]["not_computed_because"]
