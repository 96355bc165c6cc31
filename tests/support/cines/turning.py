"""A cine of three levels whose walls contract and turn by curves that are known."""

from __future__ import annotations

import numpy as np
import torch

from myomotion.analysis.grids import working_slices
from myomotion.analysis.study import Study, analyse
from myomotion.core.view import VIEW_DOWN, VIEW_RIGHT
from myomotion.io.cine import Cine
from tests.support.analytic import coordinates, ring_contraction, ring_labels
from tests.support.cines.ring import ring_cine

FRAMES, INTERVAL_MS, AREA_DROP = 24, 40.0, 500.0
CYCLE_MS = FRAMES * INTERVAL_MS
LEVELS = ("basal", "mid", "apical")
TURNS = (-4.0, 2.0, 9.0)  # degrees at the peak, from axis 0 towards axis 1
SLICE_MM = 9.0
EVEN = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAMES) / FRAMES)


def short_axis_affine(flipped: bool = False) -> np.ndarray:
    """Axes as in the standard view, axis 0 to the right and axis 1 down, or axis 0 to the left."""
    right = -VIEW_RIGHT if flipped else VIEW_RIGHT
    down = VIEW_DOWN - (VIEW_DOWN @ VIEW_RIGHT) * VIEW_RIGHT
    down /= np.linalg.norm(down)
    towards_base = np.cross(VIEW_RIGHT, down)
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([1.5 * right, 1.5 * down, -SLICE_MM * towards_base])
    return affine


def turning_field(share: float, degrees: float) -> np.ndarray:
    """Contraction that keeps the area, then a turn, ``(2, 96, 96)`` in mm."""
    x = coordinates(96, 1.5)
    place = x + (ring_contraction(area_drop=AREA_DROP * share) if share else 0.0)
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved: np.ndarray = np.einsum("ij,jhw->ihw", matrix, place) - x
    return moved


def turning_cine(frames: int = FRAMES, affine: np.ndarray | None = None) -> Cine:
    """The cine, or its first frames (of two: both phases); end-systole is half-way of the cycle."""
    one = ring_cine(EVEN, AREA_DROP)
    shown = np.array([0, FRAMES // 2]) if frames == 2 else np.arange(frames)
    return Cine(
        name="turning",
        image=np.repeat(one.image, len(LEVELS), axis=2)[..., shown],
        affine=short_axis_affine() if affine is None else affine,
        ed_frame=0,
        es_frame=min(FRAMES // 2, frames - 1),
        label_ed=np.repeat(ring_labels()[..., None], len(LEVELS), axis=2),
        levels=list(LEVELS),
        frame_times_ms=INTERVAL_MS * shown,
    )


def turning_study(cine: Cine, turns: tuple[float, ...] = TURNS, shares: np.ndarray = EVEN) -> Study:
    """The cine, measured with its true motion."""
    frames = cine.image.shape[3]
    fields = [[turning_field(s, turn * s) for s in shares[:frames]] for turn in turns]
    field = torch.from_numpy(np.array(fields)).float()
    # Nothing that is looked at here goes the way back, which would take the longest to find.
    return analyse(working_slices(cine), field, -field)
