"""What labels at both phases say of a motion: the cavity, and the strain of their own contours."""

from __future__ import annotations

import torch

from myomotion.analysis.grids import Slices
from myomotion.core.contours import dice
from myomotion.core.flow import invert, warp
from myomotion.core.kinematics import displacement_gradient, jacobian_determinant
from myomotion.io.labels import CAVITY, MYOCARDIUM


def cavity_scores(
    displacement: torch.Tensor, cavity: torch.Tensor, cavity_es: torch.Tensor, spacing: float
) -> dict[str, float]:
    """How the moved cavity compares with that of the end-systolic label.

    Args:
        displacement: ``(2, H, W)`` in millimetres, end-diastole to end-systole.
        cavity: soft end-diastolic cavity ``(H, W)``.
        cavity_es: soft end-systolic cavity ``(H, W)``; all zero if unknown or vanished.
        spacing: millimetres.

    Returns:
        ``cavity_dice`` of the moved end-diastolic cavity at end-systole; ``ejected_share`` of the
        cavity's area as tracked (one less the mean J); ``ejected_error``, its distance from the
        labels' share. NaN where a cavity is missing.
    """
    nan = float("nan")
    inside = cavity > 0.5
    if not bool(inside.any()):
        return {"cavity_dice": nan, "ejected_share": nan, "ejected_error": nan}
    jacobian = jacobian_determinant(displacement_gradient(displacement[None], spacing))[0, 0]
    share = 1 - float(jacobian[inside].mean())
    if not bool((cavity_es > 0.5).any()):
        return {"cavity_dice": nan, "ejected_share": share, "ejected_error": nan}
    inverse = invert(displacement[None] / spacing)
    moved = warp(cavity[None, None], inverse)[0, 0]
    labels = 1 - float(cavity_es.sum() / cavity.sum())
    return {
        "cavity_dice": dice((moved > 0.5).numpy(), (cavity_es > 0.5).numpy()),
        "ejected_share": share,
        "ejected_error": abs(share - labels),
    }


def contour_strain(slices: Slices, z: int) -> float:
    """Circumferential strain of the labels' own mid-wall contour, percent.

    ``E = ((r_ES / r_ED)^2 - 1) / 2`` with the mid-wall radius ``r``, the mean of the radii of the
    circles with the areas within endocardium and epicardium.

    Args:
        slices: the study.
        z: the slice.

    Returns:
        The strain; NaN unless wall and cavity are labelled at both phases.
    """
    radii = []
    for soft in (slices.soft, slices.soft_es):
        inner, wall = soft[CAVITY][z].sum(), soft[MYOCARDIUM][z].sum()
        if not bool(inner > 0) or not bool(wall > 0):
            return float("nan")
        radii.append(float(inner.sqrt() + (inner + wall).sqrt()) / 2)
    return 100 * ((radii[1] / radii[0]) ** 2 - 1) / 2
