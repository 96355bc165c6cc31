"""Areas of the moved label, against motions and hearts whose areas are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fem_sim.phantom.files import write_cine
from fem_sim.phantom.render import CineSettings, render_cine
from myomotion.analysis.areas import MOVED_LABEL, Areas, contour_areas, label_areas
from myomotion.analysis.drawing.over_time import contours_over_time
from myomotion.analysis.grids import working_slices
from myomotion.analysis.motion import Motion, source_motion
from myomotion.analysis.study import Study, analyse
from myomotion.core.contours import enclosed_area, level_lines
from myomotion.io.cine import Cine, find_studies, read_cine
from myomotion.io.labels import CAVITY, MYOCARDIUM
from myomotion.tracker import Tracker
from myomotion.transforms.load_cine import LoadCine
from tests.support.cines.ring import FRAMES, RADIUS, beat, contraction, ring_cine
from tests.support.paths import SHIPPED
from tests.support.sim_ring import ring_cycle

VOXEL = 1.5**2
RINGS = {"basal": (18.0, 2.1), "mid": (16.0, 2.4), "apical": (11.0, 2.9)}  # ES radius, area ratio


def motion_of(cine: Cine, field: torch.Tensor) -> Motion:
    """A motion without a way back, which areas do not need."""
    return source_motion(working_slices(cine), field, -field)


def areas_of(cine: Cine, field: torch.Tensor) -> Areas:
    """Areas within the contours that a motion moves."""
    contours = contours_over_time(motion_of(cine, field))
    assert contours is not None
    return contour_areas(cine, contours)


def moved(label: np.ndarray | None = None) -> Areas:
    """Areas of the drawn ring, or of another label in its place."""
    cine = ring_cine(beat())
    if label is not None:
        cine.label_ed = label[..., None].astype(np.uint8)
    return areas_of(cine, contraction(beat()))


def test_shoelace_takes_holes_away_and_follows_shifts_and_scales() -> None:
    part = np.zeros((40, 40))
    part[5:25, 5:30] = 1
    part[10:14, 10:20] = 0
    lines = level_lines(part, 0.5)
    assert len(lines) == 2
    # A step of voxels is cut at its four corners, that of the hole likewise.
    assert enclosed_area(lines) == pytest.approx(20 * 25 - 4 * 10, abs=1e-9)
    assert enclosed_area([3 * line + 7 for line in lines]) == pytest.approx(9 * (500 - 40))
    several = enclosed_area([np.stack([line, 2 * line]) for line in lines])
    assert several == pytest.approx([460, 4 * 460])


def test_cavity_loses_what_the_motion_takes_and_the_wall_keeps_its_area() -> None:
    found = moved()
    label = ring_cine(beat()).label_ed
    assert label is not None and found.wall_mm2 is not None
    cavity, wall = ((label == code).sum() * VOXEL for code in (CAVITY, MYOCARDIUM))
    assert found.cavity_mm2[0, 0] == cavity and found.wall_mm2[0, 0] == pytest.approx(wall)
    assert found.cavity_mm2[:, 0] == pytest.approx(cavity - 500 * beat(), abs=2)
    assert found.wall_mm2[:, 0] == pytest.approx(wall, rel=1e-3)


def test_motion_within_the_blood_does_not_count() -> None:
    cine = ring_cine(beat())
    field = contraction(beat())
    whirl = field.clone()
    blood = torch.from_numpy(RADIUS < 19)
    whirl += 3 * blood * torch.randn(field.shape, generator=torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(
        areas_of(cine, field).cavity_mm2, areas_of(cine, whirl).cavity_mm2
    )


@pytest.mark.parametrize("part", ["cavity alone", "open wall", "tip"])
def test_labels_without_a_closed_wall_move_as_they_are(part: str) -> None:
    if part == "tip":
        label = np.where(RADIUS < 1.2, CAVITY, np.where(RADIUS < 9, MYOCARDIUM, 0))
    else:
        label = np.where(RADIUS < 22, CAVITY, np.where(RADIUS < 32, MYOCARDIUM, 0))
    if part == "cavity alone":
        label[label == MYOCARDIUM] = 0
    if part == "open wall":
        label[44:52, :48][label[44:52, :48] == MYOCARDIUM] = 0
    found = moved(label)
    before = (label == CAVITY).sum() * VOXEL
    assert found.cavity_mm2[0, 0] == before
    if part == "tip":  # shrinks to half its area, as all does near the middle
        assert found.cavity_mm2[FRAMES // 2, 0] == pytest.approx(before / 2, rel=0.02)
        return
    assert found.cavity_mm2[:, 0] == pytest.approx(before - 500 * beat(), abs=4)
    if part == "cavity alone":
        assert found.wall_mm2 is None
    else:
        assert found.wall_mm2 is not None
        wall = (label == MYOCARDIUM).sum() * VOXEL
        assert found.wall_mm2[:, 0] == pytest.approx(wall, rel=0.01)


def test_wall_without_a_cavity_has_an_area_and_a_label_without_one_none() -> None:
    cine = ring_cine(beat())
    assert cine.label_ed is not None
    two = np.concatenate([cine.label_ed, np.where(cine.label_ed > 0, MYOCARDIUM, 0)], axis=2)
    cine = Cine(
        name="two",
        image=np.concatenate([cine.image] * 2, axis=2),
        affine=cine.affine,
        ed_frame=0,
        label_ed=two.astype(np.uint8),
        levels=["a", "b"],
    )
    field = contraction(beat()).expand(2, -1, -1, -1, -1)
    found = areas_of(cine, field)
    assert found.wall_mm2 is not None and found.found == MOVED_LABEL
    assert (found.cavity_mm2[:, 1] == 0).all() and found.cavity_mm2[0, 0] > 0
    assert found.wall_mm2[0, 1] == (two[..., 1] > 0).sum() * VOXEL
    assert np.array_equal(label_areas(two, CAVITY, cine.spacing)[1:], [0])
    cine.label_ed = np.where(two > 0, MYOCARDIUM, 0).astype(np.uint8)
    assert contours_over_time(motion_of(cine, field)) is None


@pytest.fixture(scope="module")
def virtual(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A virtual heart of three levels, measured by its true motion."""
    folder = tmp_path_factory.mktemp("virtual") / "heart"
    cycles = [(level, ring_cycle(r, 10.0, ratio)) for level, (r, ratio) in RINGS.items()]
    settings = CineSettings(frames=6, matrix=96, spacing_range=(1.6, 1.6))
    write_cine(folder, render_cine(cycles, settings, np.random.default_rng(3)), {"seed": 3})
    item = LoadCine(with_truth=True)(find_studies(folder)[0])
    return analyse(item["slices"], item["truth"])


@pytest.mark.slow
def test_true_motion_of_a_virtual_heart_gives_the_ejection_fraction_of_its_elements(
    virtual: Study,
) -> None:
    function = virtual.function
    assert function is not None
    at_es = sum(r**2 for r, _ in RINGS.values())
    elements = 100 * (1 - at_es / sum(r**2 * ratio for r, ratio in RINGS.values()))
    tracked = function.numbers["seen_lv_ef_percent"]
    # The motion's kink at the endocardium is rounded off by the grid.
    assert elements - 2.5 < tracked < elements + 0.5
    wall = function.areas.wall_mm2
    assert wall is not None  # these rings keep their area
    assert wall[virtual.motion.es_frame] == pytest.approx(wall[0], rel=0.05)
    assert function.numbers["seen_lv_ef_labelled_percent"] == pytest.approx(elements, abs=2.5)


@pytest.mark.slow
def test_virtual_cine_says_that_its_slices_are_no_stack(virtual: Study) -> None:
    about = virtual.summary["function"]
    assert not about["slice_distance_known"] and "25 mm apart" in about["no_ml_because"]
    assert about["seen_lv_edv_ml"] is None and virtual.summary["seen_lv_ef_percent"] > 40


@pytest.mark.slow
@pytest.mark.skipif(not SHIPPED.is_file(), reason=f"no shipped weights at {SHIPPED}")
@pytest.mark.parametrize(("name", "apart"), [("patient042", 3), ("patient066", 5)])
def test_tracked_ejection_fraction_of_a_real_heart_is_near_that_of_its_labels(
    acdc_groups: Path, name: str, apart: float, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = Tracker(device="cpu")(find_studies(acdc_groups / name)[0]).summary["function"]
    tracked, labelled = (numbers[f"seen_lv_ef{by}_percent"] for by in ("", "_labelled"))
    with capsys.disabled():
        print(f"\n{name}: ejection fraction tracked {tracked:.1f} %, labelled {labelled:.1f} %")
    assert abs(labelled - tracked) < apart
    assert numbers["seen_rv_edv_labelled_ml"] > 20
    assert "slice 0 and 6" in numbers["of"]


@pytest.mark.slow
def test_labelled_volumes_of_a_whole_real_stack_are_those_of_a_heart(sunnybrook: Path) -> None:
    cine = read_cine(find_studies(sunnybrook / "SCD0000101")[0])
    slices = working_slices(cine)
    rest = torch.zeros(*slices.images.shape[:2], 2, *slices.images.shape[2:])
    numbers = analyse(slices, rest).summary
    assert numbers["lv_ef_percent"] == pytest.approx(0, abs=1e-6)
    assert 150 < numbers["lv_edv_ml"] < 250 and 80 < numbers["lv_mass_g"] < 200
    assert 20 < numbers["lv_ef_labelled_percent"] < 35  # a failing heart
    assert numbers["heart_rate_bpm"] == pytest.approx(80)


@pytest.mark.slow
def test_labels_in_part_of_a_real_stack_are_told_from_those_of_a_whole_one(
    sunnybrook: Path,
) -> None:
    cine = read_cine(find_studies(sunnybrook / "SCD0000101")[0])
    assert cine.label_ed is not None and cine.label_es is not None
    cine.label_ed[..., [0, 1, 2, 3, 4, 8, 9, 10, 11]] = 0
    cine.label_es[..., [*range(6), *range(7, 12)]] = 0
    slices = working_slices(cine)
    rest = torch.zeros(*slices.images.shape[:2], 2, *slices.images.shape[2:])
    summary = analyse(slices, rest).summary
    assert summary.get("lv_edv_ml") is None
    assert 70 < summary["function"]["seen_lv_edv_ml"] < 90
    assert summary["function"]["seen_lv_ef_labelled_percent"] is None
    assert any("left ventricle (slice 7)" in warning for warning in summary["warnings"])
