"""Claims about virtual cines: timing, motion without folds, truth, and what noise may change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, map_coordinates

from fem_sim.phantom.contrast import acquire, draw_acquisition
from fem_sim.phantom.geometry import heart_geometry
from fem_sim.phantom.motion import MotionSettings, SliceMotion, build_motion
from fem_sim.phantom.render import CineSettings, VirtualCine, render_cine
from fem_sim.phantom.timing import contraction_curve, path_position
from tests.support.sim_ring import ring_cycle

pytestmark = pytest.mark.slow  # drawn cines


def _heart() -> list[tuple[str, Any]]:
    return [
        ("basal", ring_cycle(19.0, 11.0, 1.8)),
        ("mid", ring_cycle(17.0, 11.0, 2.0)),
        ("apical", ring_cycle(12.0, 10.0, 2.2)),
    ]


@pytest.fixture(scope="module")
def quiet() -> VirtualCine:
    settings = CineSettings(noise=False, frames=12, spacing_range=(1.4, 1.4))
    return render_cine(_heart(), settings, np.random.default_rng(1))


def _motion(rotation: float = 0.0, translation: float = 0.0, rv: float = 0.0) -> SliceMotion:
    cycle = ring_cycle()
    geometry = heart_geometry(cycle.endo[0], cycle.epi[0], "mid", 2.7, np.random.default_rng(0))
    contraction = contraction_curve(8, 3)
    settings = MotionSettings(
        contraction=contraction,
        rv_shortening=rv,
        translation=contraction[:, None] * np.array([translation, 0.0]),
        rotation=contraction * rotation,
    )
    return build_motion(cycle.displacement, cycle.labels, cycle.area_ratio, 1.5, geometry, settings)


def test_contraction_is_zero_at_ed_one_at_es_and_monotone_between() -> None:
    curve = contraction_curve(30, 11)
    assert curve[0] == 0.0
    assert curve[11] == 1.0
    assert np.all(np.diff(curve[:12]) > 0)
    assert np.all(np.diff(curve[11:]) <= 1e-12)
    assert 0.0 < curve[-1] < 0.1
    with pytest.raises(ValueError, match="es_frame is 30"):
        contraction_curve(30, 30)


def test_path_position_reaches_the_wanted_cavity_area() -> None:
    ratio = np.linspace(2.0, 1.0, 50) ** 1.5
    position = path_position(ratio, np.array([0.0, 0.3, 1.0]))
    areas = np.interp(position, np.arange(50), ratio)
    np.testing.assert_allclose(areas, ratio[0] - np.array([0, 0.3, 1]) * (ratio[0] - 1), atol=1e-9)
    with pytest.raises(ValueError, match="fall strictly"):
        path_position(ratio[::-1], np.array([0.5]))


def test_first_frame_does_not_move_and_the_border_never_does() -> None:
    motion = _motion(rotation=0.1, translation=3.0, rv=0.2)
    assert np.all(motion.field[0] == 0)
    edges = motion.field[:, :, [0, -1], :], motion.field[:, :, :, [0, -1]]
    assert max(float(np.abs(e).max()) for e in edges) < 1e-9


def test_wall_moves_as_simulated() -> None:
    cycle, motion = ring_cycle(), _motion()
    points = np.argwhere(cycle.labels == 2).T * 1.5
    wanted = cycle.displacement[-1][:, cycle.labels == 2]
    np.testing.assert_allclose(motion.displacement(3, points), wanted, atol=1e-5)


def test_endocardial_contour_arrives_at_the_simulated_contour() -> None:
    cycle, motion = ring_cycle(), _motion()
    arrived = cycle.endo[0].T + motion.displacement(3, cycle.endo[0].T.astype(float))
    error = np.hypot(*(arrived - cycle.endo[-1].T))
    assert error.mean() < 0.1  # the motion has a kink there, pixels of 1.5 mm do not
    assert error.max() < 0.25


def test_added_rotation_turns_the_wall_rigidly() -> None:
    cycle, angle = ring_cycle(), 0.1
    points = np.argwhere(cycle.labels == 2).T * 1.5
    plain = points + _motion().displacement(3, points)
    turned = points + _motion(rotation=angle).displacement(3, points)
    first, second = (p - cycle.endo[0].mean(axis=0)[:, None] for p in (plain, turned))
    np.testing.assert_allclose(np.hypot(*first), np.hypot(*second), atol=1e-3)
    change = np.arctan2(second[1], second[0]) - np.arctan2(first[1], first[0])
    np.testing.assert_allclose((change + np.pi) % (2 * np.pi) - np.pi, angle, atol=1e-4)


@pytest.mark.parametrize("ratio", [1.3, 3.0])
def test_no_frame_folds_even_with_large_added_motion(ratio: float) -> None:
    settings = CineSettings(frames=8, rotation_deg=10.0, translation_mm=5.0, matrix=96)
    cine = render_cine(
        [("apical", ring_cycle(13.0, 9.0, ratio))], settings, np.random.default_rng(0)
    )
    field = cine.displacement[:, 0] / cine.spacing
    grad = np.stack([np.stack(np.gradient(field[:, i], axis=(1, 2)), 1) for i in (0, 1)], 1)
    det = (1 + grad[:, 0, 0]) * (1 + grad[:, 1, 1]) - grad[:, 0, 1] * grad[:, 1, 0]
    assert det.min() > 0.1
    assert cine.record["min_jacobian"] > 0.05


def test_inverse_motion_returns_to_the_material_point() -> None:
    motion = _motion(rotation=0.1, translation=3.0, rv=0.2)
    points = np.random.default_rng(0).uniform(5, 135, (2, 4000))
    material = motion.material_points(3, points, points.copy())
    residual = material + motion.displacement(3, material) - points
    assert np.abs(residual).max() < 0.01


def test_warping_a_frame_by_the_truth_gives_the_ed_frame(quiet: VirtualCine) -> None:
    for z in range(3):
        images = quiet.images[:, :, z].astype(float)
        wall = quiet.labels[0, z] == 2
        index = np.argwhere(wall).T
        span = np.ptp(images[..., 0])
        still, moved = [], []
        for t in range(1, images.shape[-1]):
            place = index + quiet.displacement[t, z][:, wall] / quiet.spacing
            warped = map_coordinates(images[..., t], place, order=3)
            moved.append(np.abs(warped - images[..., 0][wall]).mean() / span)
            still.append(np.abs(images[..., t][wall] - images[..., 0][wall]).mean() / span)
        assert np.mean(moved) < 0.01
        assert np.mean(moved) < 0.35 * np.mean(still)


def test_labels_of_every_frame_are_the_moved_ed_labels(quiet: VirtualCine) -> None:
    es = quiet.es_frame
    for z in range(3):
        core = binary_erosion(quiet.labels[0, z] == 2, iterations=2)
        place = np.argwhere(core).T + quiet.displacement[es, z][:, core] / quiet.spacing
        arrived = quiet.labels[es, z][tuple(np.rint(place).astype(int))]
        assert np.mean(arrived == 2) > 0.99


def test_cavity_area_falls_by_the_simulated_ratio(quiet: VirtualCine) -> None:
    for z, (_, cycle) in enumerate(_heart()):
        area = [(quiet.labels[t, z] == 1).sum() for t in (0, quiet.es_frame)]
        assert area[0] / area[1] == pytest.approx(cycle.area_ratio[0], rel=0.05)


def test_right_ventricle_gets_smaller(quiet: VirtualCine) -> None:
    area = [(quiet.labels[t] == 3).sum() for t in (0, quiet.es_frame)]
    assert 0.5 < area[1] / area[0] < 0.95


def test_same_seed_same_cine_other_seed_other_cine() -> None:
    settings = CineSettings(frames=5, matrix=96)
    heart = [("mid", ring_cycle())]
    first, again, other = (
        render_cine(heart, settings, np.random.default_rng(s)).images for s in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_noise_changes_images_but_not_the_truth() -> None:
    heart = [("mid", ring_cycle())]
    on, off = (
        render_cine(heart, CineSettings(frames=5, noise=n), np.random.default_rng(3))
        for n in (True, False)
    )
    np.testing.assert_array_equal(on.displacement, off.displacement)
    np.testing.assert_array_equal(on.labels, off.labels)
    assert np.any(on.images != off.images)


def test_noise_is_rician_with_the_asked_snr() -> None:
    rng = np.random.default_rng(0)
    acquisition = draw_acquisition(rng, snr_range=(20.0, 20.0), noise=True)
    acquisition = type(acquisition)(
        kept=(2.0, 2.0),
        taper=0.0,
        snr=20.0,
        bias=np.zeros(6),
        inflow=0.0,
        inflow_phase=0.0,
        band=(0.0, 0.0, 1.0, 0.0),
    )
    empty = acquire(np.zeros((256, 256)), acquisition, 1.0, rng)
    bright = acquire(np.ones((256, 256)), acquisition, 1.0, rng)
    assert empty.mean() == pytest.approx(np.sqrt(np.pi / 2) / 20, rel=0.02)
    assert bright.std() == pytest.approx(1 / 20, rel=0.03)


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="frames is 40"):
        CineSettings(frames=40)
    with pytest.raises(ValueError, match="spacing_range"):
        CineSettings(spacing_range=(2.0, 1.0))
