"""An analytic simulated cycle for tests: an incompressible ring that deflates."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np


def ring_cycle(
    inner: float = 16.0,
    wall: float = 11.0,
    ratio: float = 2.0,
    *,
    spacing: float = 1.5,
    size: int = 96,
    levels: int = 50,
) -> Any:
    """Cycle of a thick ring with ES inner radius `inner` and wall `wall` (mm).

    A point at ED radius R goes to `r = sqrt(R^2 - k)`, `k = (ratio - ratio_t) inner^2`: in-plane
    area is kept exactly in the wall. The formula is continued 4 mm beyond the wall.
    """
    middle = (size - 1) / 2 * spacing
    endo = np.sqrt(ratio) * inner
    epi = np.sqrt(endo**2 - inner**2 + (inner + wall) ** 2)
    grid = np.stack(np.meshgrid(*[np.arange(size) * spacing] * 2, indexing="ij")) - middle
    radius = np.hypot(*grid)
    area_ratio = np.linspace(ratio, 1.0, levels)
    angle = 2 * np.pi * np.arange(180) / 180
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    fields, endos, epis = [], [], []
    near = (radius > endo - 2.5) & (radius < epi + 4.0)
    for value in area_ratio:
        shrink = (ratio - value) * inner**2
        safe = np.where(near, radius, epi)
        stretch = np.sqrt(np.maximum(safe**2 - shrink, 1.0)) / safe - 1
        fields.append(np.where(near, stretch * grid, 0.0))
        endos.append(middle + np.sqrt(endo**2 - shrink) * circle)
        epis.append(middle + np.sqrt(epi**2 - shrink) * circle)
    labels = np.zeros((size, size), np.uint8)
    labels[radius <= epi] = 2
    labels[radius <= endo] = 1
    return SimpleNamespace(
        displacement=np.array(fields, np.float32),
        labels=labels,
        endo=np.array(endos, np.float32),
        epi=np.array(epis, np.float32),
        area_ratio=area_ratio,
        spacing=np.array([spacing, spacing]),
        provenance={"preset": "paper", "shape": {"septal_angle": 155.0}},
    )
