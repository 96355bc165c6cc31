"""What labels say of a motion: a ring that contracts uniformly has known answers."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from myomotion.io.labels import CAVITY, MYOCARDIUM
from tools.evaluate.labels import cavity_scores, contour_strain
from tools.evaluate.scores import at_levels, group_of, statistics_by

SIZE, SPACING, SHRINK = 96, 1.5, 0.7
MIDDLE = (SIZE - 1) / 2


def disc(radius: float) -> torch.Tensor:
    """Soft disc of a radius in voxels, ``(H, W)``."""
    axis = torch.arange(SIZE) - MIDDLE
    return (radius + 0.5 - torch.hypot(axis[:, None], axis[None])).clamp(0, 1)


def contraction() -> torch.Tensor:
    axis = (torch.arange(SIZE) - MIDDLE) * SPACING
    return (SHRINK - 1) * torch.stack(torch.meshgrid(axis, axis, indexing="ij"))


def test_cavity_that_moves_as_its_label_agrees_with_it() -> None:
    scores = cavity_scores(contraction(), disc(20), disc(20 * SHRINK), SPACING)
    assert scores["cavity_dice"] > 0.98
    assert scores["ejected_share"] == pytest.approx(1 - SHRINK**2, abs=1e-3)
    assert scores["ejected_error"] < 0.02


def test_cavity_at_rest_misses_what_the_labels_eject() -> None:
    scores = cavity_scores(torch.zeros(2, SIZE, SIZE), disc(20), disc(10), SPACING)
    assert scores["ejected_share"] == pytest.approx(0, abs=1e-6)
    assert scores["ejected_error"] == pytest.approx(0.75, abs=0.02)
    assert scores["cavity_dice"] == pytest.approx(2 * 100 / (100 + 400), abs=0.03)


def test_without_a_cavity_at_end_systole_the_tracked_share_alone_is_known() -> None:
    scores = cavity_scores(contraction(), disc(20), torch.zeros(SIZE, SIZE), SPACING)
    assert np.isnan(scores["cavity_dice"]) and np.isnan(scores["ejected_error"])
    assert scores["ejected_share"] == pytest.approx(1 - SHRINK**2, abs=1e-3)


def labelled(inner: float, outer: float) -> dict[int, torch.Tensor]:
    return {CAVITY: disc(inner)[None], MYOCARDIUM: (disc(outer) - disc(inner))[None]}


def test_strain_of_the_labels_is_that_of_the_mid_wall_radius() -> None:
    slices: Any = SimpleNamespace(soft=labelled(20, 26), soft_es=labelled(14, 22))
    expected = 100 * ((18 / 23) ** 2 - 1) / 2
    assert contour_strain(slices, 0) == pytest.approx(expected, abs=0.2)


def test_labels_of_the_cavity_alone_have_no_mid_wall_strain() -> None:
    alone = {CAVITY: disc(14)[None], MYOCARDIUM: torch.zeros(1, SIZE, SIZE)}
    slices: Any = SimpleNamespace(soft=labelled(20, 26), soft_es=alone)
    assert np.isnan(contour_strain(slices, 0))


def test_levels_are_those_at_a_quarter_half_and_three_quarters() -> None:
    rows = [{"study": "a", "slice": z} for z in range(8)] + [{"study": "b", "slice": 4}]
    assert [row["slice"] for row in at_levels(rows)] == [2, 4, 6, 4]


@pytest.mark.parametrize(
    ("notes", "group"),
    [({"group": "NOR"}, "NOR"), ({"pathology": "HCM"}, "HCM"), ({"ed_frame": 0}, "-")],
)
def test_group_is_that_of_info_json(tmp_path: Path, notes: dict[str, Any], group: str) -> None:
    (tmp_path / "info.json").write_text(json.dumps(notes))
    cine: Any = SimpleNamespace(files={"info": str(tmp_path / "info.json")})
    assert group_of(cine) == group
    assert group_of(SimpleNamespace(files={})) == "-"  # type: ignore[arg-type]


def test_statistics_by_group_are_those_of_its_slices() -> None:
    from tools.evaluate.scores import MEASURES

    rows = [
        {**dict.fromkeys(MEASURES, float("nan")), "group": g, "dice": d}
        for g, d in (("NOR", 0.8), ("NOR", 0.9), ("HCM", 0.7))
    ]
    found = statistics_by(rows, "group")
    assert found["NOR"]["n"] == 2 and found["NOR"]["mean"] == {"dice": pytest.approx(0.85)}
    assert found["HCM"]["mean"]["dice"] == 0.7
