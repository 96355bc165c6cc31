"""A cine of one slice that contracts as a ring of constant area, and that motion."""

from __future__ import annotations

import numpy as np
import torch

from myomotion.io.cine import Cine
from tests.support.analytic import coordinates, ring_contraction, ring_labels

FRAMES = 8
WALL = ring_labels() == 2
RADIUS = np.hypot(*coordinates(96, 1.5))


def beat(last: float = 0.1) -> np.ndarray:
    """Share of the largest contraction in every frame; ``last`` is left in the last one."""
    share = np.sin(np.pi * np.arange(FRAMES) / FRAMES)
    share[-1] = last
    return share


def contraction(shares: np.ndarray, area_drop: float = 500.0) -> torch.Tensor:
    """Area-preserving contraction, one slice, ``(1, T, 2, 96, 96)`` in millimetres."""
    fields = [
        ring_contraction(area_drop=area_drop * s) if s else np.zeros((2, 96, 96)) for s in shares
    ]
    return torch.from_numpy(np.stack(fields)[None]).float()


def ring_cine(shares: np.ndarray, area_drop: float = 500.0) -> Cine:
    """A cine of one slice that moves by :func:`contraction`: bright blood, rings in the tissue."""
    frames = []
    for share in shares:
        c = area_drop * share / np.pi  # as ring_contraction, which is bounded near the centre
        material = np.where(c < RADIUS**2, np.sqrt(RADIUS**2 + c), RADIUS * np.sqrt(2))
        blood = 1 / (1 + np.exp((material - 22) / 1.2))
        frames.append(450 + 60 * np.cos(material / 2.5) + 350 * blood)
    return Cine(
        name="ring",
        image=np.stack(frames, axis=-1)[:, :, None].astype(np.float32),
        affine=np.diag([1.5, 1.5, 8, 1]),
        ed_frame=0,
        label_ed=ring_labels()[..., None],
        levels=["mid"],
    )
