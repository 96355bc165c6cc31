"""Errors by region of the wall, area change over the cycle, moved contours."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.studies import write_study
from tools.study.cycle import POINTS, jacobian_curves
from tools.study.film import moved_contours
from tools.study.regions import REGIONS, inner_half, regional_errors, sector, stored_scars

SPACING = 1.5


def test_halves_of_a_ring_meet_in_its_middle() -> None:
    radius = np.hypot(*(np.indices((96, 96)) - 47.5))
    wall = (radius > 15) & (radius < 25)
    inner = inner_half(wall)
    assert radius[inner].max() < 20.8 and radius[wall & ~inner].min() > 19.2
    assert not inner_half(radius < 20).any()


def test_sector_starts_at_axis_0_and_turns_towards_axis_1() -> None:
    inside = sector((41, 41), (20.0, 20.0), 90.0, 60.0)
    assert inside[20, 35] and not inside[35, 20] and not inside[20, 5]
    assert inside.mean() == pytest.approx(60 / 360, abs=0.03)
    assert sector((41, 41), (20.0, 20.0), 170.0, 60.0)[5, 18]  # across 180 degrees


def test_regional_error_of_a_known_error(tmp_path: Path) -> None:
    from myomotion.transforms.load_cine import LoadCine

    write_study(tmp_path / "virtual")
    folder = tmp_path / "virtual"
    truth = np.zeros((4, 2, 2, 80, 72), np.float32)
    truth[2, :, 0] = 3.0
    truth[2, :, 1] = 4.0
    np.savez(folder / "truth.npz", displacement=truth)
    scar = {"angle": 40.0, "width": 90.0, "stiffness": 4.0}
    info = {"es_frame": 2, "cycles": [{"parameters": {"scar": scar}}, {"parameters": {}}]}
    (folder / "info.json").write_text(json.dumps(info))
    assert stored_scars(folder / "info.json", 2) == [(40.0, 90.0), None]
    files = {"image": "sa.nii.gz", "label_ed": "label_sa_ED.nii.gz", "info": "info.json"}
    item = LoadCine()({k: str(folder / v) for k, v in files.items()})
    first, second = regional_errors(item, torch.zeros(2, 2, 96, 96), [0, 1])
    assert [first[k] for k in REGIONS] == pytest.approx([5.0] * 4, rel=1e-4)
    assert math.isnan(second["epe_scar_mm"]) and second["epe_inner_mm"] == pytest.approx(5.0)


def test_area_change_of_a_uniform_growth_over_the_cycle() -> None:
    x = (torch.stack(torch.meshgrid(*[torch.arange(96.0)] * 2, indexing="ij")) - 47.5) * 1.5
    field = torch.stack([k * x for k in (0.0, 0.1, 0.2)])[None]
    item = {"mask": torch.ones(1, 1, 96, 96)}
    (curves,) = jacobian_curves(field, item, 1.5)
    assert len(curves["mean"]) == POINTS
    ends = [curves["mean"][i] for i in (0, POINTS // 2, -1)]
    assert ends == pytest.approx([1.0, 1.21, 1.44], abs=1e-4)
    assert curves["abs_minus_1"][-1] == pytest.approx(0.44, abs=1e-4)
    assert max(curves["std"]) < 1e-4


def test_moved_contours_move_with_the_field() -> None:
    radius = np.hypot(*(np.indices((96, 96)) - 47.5))
    wall = ((radius > 15) & (radius < 25)).astype(np.float32)
    x = (torch.stack(torch.meshgrid(*[torch.arange(96.0)] * 2, indexing="ij")) - 47.5) * SPACING
    field = torch.stack([torch.zeros_like(x), -0.2 * x, torch.full_like(x, 3.0)])
    still, small, shifted = moved_contours(field, wall, SPACING)
    for first, second, third in zip(still, small, shifted, strict=True):
        reach = [np.linalg.norm(np.array(c) - 47.5, axis=1).mean() for c in (first, second)]
        assert reach[1] == pytest.approx(0.8 * reach[0], rel=0.01)
        assert np.mean(third, axis=0) == pytest.approx(np.mean(first, axis=0) + 2.0, abs=0.01)
