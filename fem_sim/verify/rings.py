"""Rings to verify the simulator on, and the comparison of displacements up to a rigid motion."""

from __future__ import annotations

from collections import Counter
from itertools import count

import numpy as np

from fem_sim.population.kinds import KINDS
from fem_sim.population.subjects import VirtualSlice, draw_subject
from myomotion.core.wall.contours import POINTS, Contours, polygon_area


def round_contours(inner: float, outer: float, oval: float = 0.0) -> Contours:
    """Contours about the origin.

    Args:
        inner: mean radius of the endocardium in mm.
        outer: mean radius of the epicardium in mm.
        oval: relative amplitude of the second harmonic of both radii; 0 for circles.
    """
    angle = 2 * np.pi * np.arange(POINTS) / POINTS
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    shape = (1 + oval * np.cos(2 * angle))[:, None] * circle
    return Contours(endo=inner * shape, epi=outer * shape)


def equivalent_radii(contours: Contours) -> tuple[float, float]:
    """Radii in mm of the circles with the areas inside the endo- and the epicardium."""
    inner, outer = (np.sqrt(polygon_area(c) / np.pi) for c in (contours.endo, contours.epi))
    return float(inner), float(outer)


def drawn_slices(number: int, seed: int, preset: str = "paper") -> list[VirtualSlice]:
    """The first slices of the virtual population, basal to apical, subject by subject."""
    slices: list[VirtualSlice] = []
    for subject in count():
        if len(slices) >= number:
            return slices[:number]
        slices += draw_subject(preset, seed, subject)
    raise AssertionError("unreachable")


def slices_of_every_kind(seed: int, subjects: int, preset: str) -> list[VirtualSlice]:
    """Slices of the first subjects of each kind of heart that the virtual population has.

    Args:
        seed: of the population.
        subjects: of each kind.
        preset: physics of the slices.

    Returns:
        Subject by subject, each basal to apical.
    """
    found, slices = Counter[str](), []
    for subject in count():
        if min(found[kind] for kind in KINDS) == subjects:
            break
        drawn = draw_subject(preset, seed, subject)
        if found[drawn[0].kind] < subjects:
            found[drawn[0].kind] += 1
            slices += drawn
    return slices


def best_rotation(
    reference: np.ndarray, deformed: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Rotation Q that brings deformed points closest to the reference (Kabsch, by SVD).

    Args:
        reference: ``(n, 2)``.
        deformed: ``(n, 2)``.
        weights: ``(n,)``; equal if None.

    Returns:
        ``(2, 2)`` with ``(x - mean x) @ Q`` closest to ``X - mean X``.
    """
    w = np.ones(len(reference)) if weights is None else weights
    w = w / w.sum()
    covariance = ((deformed - w @ deformed) * w[:, None]).T @ (reference - w @ reference)
    left, _, right = np.linalg.svd(covariance)
    sign = np.sign(np.linalg.det(left @ right))
    return left @ np.diag([1.0, sign]) @ right


def without_rigid_motion(reference: np.ndarray, deformed: np.ndarray) -> np.ndarray:
    """Displacement ``(n, 2)`` left when the best rigid motion is taken out (Procrustes)."""
    rotation = best_rotation(reference, deformed)
    return (deformed - deformed.mean(0)) @ rotation - (reference - reference.mean(0))


def angle_degrees(rotation: np.ndarray) -> float:
    """Angle of a ``(2, 2)`` rotation in degrees."""
    return float(np.rad2deg(np.arctan2(rotation[0, 1], rotation[0, 0])))


def relative_l2(value: np.ndarray, truth: np.ndarray) -> float:
    """``|value - truth| / |truth|`` in the Euclidean norm over all entries."""
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))
