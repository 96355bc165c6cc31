"""The virtual population holds hearts of every kind, and is the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from fem_sim.population.dynamics import MAX_LAMBDA_Z, draw_dynamics
from fem_sim.population.kinds import KINDS, draw_kind
from fem_sim.population.shape import LARGEST_REACH_MM, RingShape
from fem_sim.population.subjects import VirtualSlice, draw_subject
from myomotion.core.segments import LEVELS
from myomotion.core.wall.contours import polygon_centroid

SUBJECTS = 300


@pytest.fixture(scope="module")
def slices() -> list[VirtualSlice]:
    return [part for index in range(SUBJECTS) for part in draw_subject("physiological", 7, index)]


def of_kind(slices: list[VirtualSlice], kind: str, level: str = "mid") -> list[VirtualSlice]:
    return [part for part in slices if (part.kind, part.level) == (kind, level)]


def number(part: VirtualSlice, name: str) -> float:
    return float(part.shape[name])  # type: ignore[arg-type]


def ejected(part: VirtualSlice) -> float:
    return 1 - 1 / part.parameters.area_ratio


def test_a_subject_depends_on_seed_and_number_alone() -> None:
    first, again = (draw_subject("physiological", 3, 5) for _ in range(2))
    other = draw_subject("physiological", 3, 6)
    assert [part.level for part in first] == list(LEVELS)
    for one, same in zip(first, again, strict=True):
        assert np.array_equal(one.contours.epi, same.contours.epi)
    assert first[1].shape != other[1].shape


def test_every_kind_is_drawn_as_often_as_its_share() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_kind(rng) for _ in range(4000)]
    total = sum(kind.share for kind in KINDS.values())
    for name, kind in KINDS.items():
        assert drawn.count(name) / 4000 == pytest.approx(kind.share / total, abs=0.025)


def test_kinds_differ_as_hearts_do(slices: list[VirtualSlice]) -> None:
    def median(kind: str, value: str) -> float:
        return float(np.median([number(part, value) for part in of_kind(slices, kind)]))

    def emptied(kind: str, level: str = "mid") -> float:
        return float(np.median([ejected(part) for part in of_kind(slices, kind, level)]))

    assert median("hypertrophic", "wall") > 1.5 * median("normal", "wall")
    assert median("dilated", "cavity_radius") > 1.2 * median("normal", "cavity_radius")
    assert median("small", "cavity_radius") < 0.8 * median("normal", "cavity_radius")
    assert emptied("dilated") < 0.35 < 0.5 < emptied("normal") < emptied("hypertrophic")
    assert emptied("hypertrophic", "apical") > emptied("hypertrophic", "basal")
    assert median("overloaded", "septal_flattening") > 2 * median("normal", "septal_flattening")
    assert all(part.parameters.scar for part in of_kind(slices, "infarcted", "mid")) is False
    assert any(part.parameters.scar for part in of_kind(slices, "infarcted", "mid"))


def test_area_ratios_reach_from_failing_hearts_to_cavities_that_nearly_vanish(
    slices: list[VirtualSlice],
) -> None:
    shares = [ejected(part) for part in slices]
    assert min(shares) < 0.1 and max(shares) > 0.83
    growth = [part.parameters.lambda_z for part in slices]
    assert min(growth) < 1.01 and 1.2 < max(growth) <= MAX_LAMBDA_Z


def test_every_ring_fits_the_autoencoders_square(slices: list[VirtualSlice]) -> None:
    for part in slices:
        reach = number(part, "cavity_radius") + number(part, "wall")
        assert reach < LARGEST_REACH_MM
        assert np.hypot(*polygon_centroid(part.contours.endo)) < 5


def test_muscle_keeps_its_volume() -> None:
    ring = RingShape(
        cavity_radius=25,
        wall=8,
        eccentricity=0,
        axis_angle=0,
        septal_angle=155,
        septal_flattening=0,
        wall_asymmetry=0,
        endo_roughness=(),
        epi_roughness=(),
    )
    contours = ring.contours(area_ratio=2.5, lambda_z=1.2)
    endo, epi = (np.hypot(*points.T) for points in (contours.endo, contours.epi))
    assert endo == pytest.approx(25 / np.sqrt(2.5))
    assert epi**2 - endo**2 == pytest.approx(1.2 * (33**2 - 25**2))


def test_old_infarct_is_thin_where_it_is_stiff(slices: list[VirtualSlice]) -> None:
    thin = [part for part in slices if number(part, "thin_share") > 0.25]
    assert thin
    for part in thin:
        assert part.parameters.scar is not None
        angle = np.rad2deg(np.arctan2(*part.contours.endo.T[::-1])) - part.parameters.scar.angle
        apart = np.abs((angle + 180) % 360 - 180)
        wall = np.hypot(*part.contours.epi.T) - np.hypot(*part.contours.endo.T)
        inside = wall[apart < part.parameters.scar.width / 4].mean()
        assert inside < 0.95 * wall[apart > part.parameters.scar.width].mean()


def test_the_papers_preset_has_plane_strain_alone() -> None:
    for part in draw_subject("paper", 0, 1):
        assert part.parameters.lambda_z == 1
        assert part.parameters.scar is None and part.parameters.torsion == 0


def test_unknown_preset_is_refused() -> None:
    with pytest.raises(ValueError, match="physiological"):
        draw_dynamics("real", np.random.default_rng(0))
