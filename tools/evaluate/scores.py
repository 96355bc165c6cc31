"""Scores of a motion field on one slice, against labels and, for virtual cines, the truth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from myomotion.analysis.grids import Slices
from myomotion.analysis.measures.on_wall.mesh import mesh_on
from myomotion.core.contours import contour_distances, dice, jacobian_scores
from myomotion.core.flow import warp
from myomotion.core.kinematics import displacement_gradient, jacobian_determinant
from myomotion.core.segments import at_shares
from myomotion.core.wall.contours import RejectedSliceError
from myomotion.core.wall.field import WallField
from myomotion.core.wall.strain import wall_strain
from myomotion.core.working_grid import WorkingGrid
from myomotion.io.cine import Cine
from myomotion.io.labels import CAVITY, MYOCARDIUM
from tools.evaluate.labels import cavity_scores, contour_strain

MEASURES = (
    "dice",
    "mcd_mm",
    "hd95_mm",
    "abs_j_minus_1",
    "mean_j",
    "fold_fraction",
    "area_change_error",
    "cavity_dice",
    "ejected_share",
    "ejected_error",
    "ecc_bias_points",
    "ecc_labels_error_points",
    "err_percent",
    "ecc_percent",
    "epe_mm",
    "err_error_points",
    "ecc_error_points",
    "seconds",
)


def score_study(
    item: Mapping[Any, Any], displacement: torch.Tensor, seconds: float, spacing: float
) -> list[dict[str, Any]]:
    """Score the end-systolic motion of every slice with a label of the left ventricle.

    Args:
        item: from :class:`~myomotion.transforms.load_cine.LoadCine`, with end-systole known.
        displacement: ``(Z, 2, H, W)`` in millimetres, end-diastole to end-systole.
        seconds: time a pair took.
        spacing: of the working grid, millimetres.

    Returns:
        A dictionary a slice: ``study``, ``group``, ``slice``, ``level`` and the :data:`MEASURES`
        (NaN where labels or the truth are missing; what concerns the wall where the cavity alone is
        labelled); where the truth is known, its strain as well.
    """
    slices: Slices = item["slices"]
    cine, grids = slices.cine, slices.grids
    truth = true_displacement(cine)
    rows = []
    heart = slices.covered(MYOCARDIUM) | slices.covered(CAVITY)
    for z in np.flatnonzero(heart.any((1, 2))):
        row: dict[str, Any] = {
            "study": cine.name,
            "group": group_of(cine),
            "slice": int(z),
            "level": cine.levels[z],
        }
        row |= cavity_scores(
            displacement[z], slices.soft[CAVITY][z], slices.soft_es[CAVITY][z], spacing
        )
        wall = item["mask"][z, 0] > 0.5
        if not bool(wall.any()):
            rows.append({**dict.fromkeys(MEASURES, float("nan")), **row, "seconds": seconds})
            continue
        row |= score_field(displacement[z], item["mask"][z], item["mask_es"][z], spacing)
        true = None if truth is None else grids[z].to_working(truth[z : z + 1])[0]
        fields = [displacement[z]] if true is None else [displacement[z], true]
        assert cine.label_ed is not None
        found, *known = mesh_strain(grids[z], cine.label_ed[..., z], torch.stack(fields))
        row |= {"err_percent": found[0], "ecc_percent": found[1]}
        bias = found[1] - contour_strain(slices, int(z))
        row |= {"ecc_bias_points": bias, "ecc_labels_error_points": abs(bias)}
        row |= {k: float("nan") for k in ("epe_mm", "err_error_points", "ecc_error_points")}
        if true is not None:
            expected = known[0]
            row["epe_mm"] = float((displacement[z] - true).norm(dim=0)[wall].mean())
            row["err_error_points"] = abs(found[0] - expected[0])
            row["ecc_error_points"] = abs(found[1] - expected[1])
            row |= {"true_err_percent": expected[0], "true_ecc_percent": expected[1]}
        row["seconds"] = seconds
        rows.append(row)
    return rows


def group_of(cine: Cine) -> str:
    """Disease group of a study as its info.json names it (``group`` or ``pathology``), or ``-``."""
    if "info" not in cine.files:
        return "-"
    notes = json.loads(Path(cine.files["info"]).read_text(encoding="utf-8-sig"))
    return str(notes.get("group") or notes.get("pathology") or "-")


def score_field(
    displacement: torch.Tensor, mask: torch.Tensor, mask_es: torch.Tensor, spacing: float
) -> dict[str, float]:
    """Overlap, contour distances and volume preservation of one field.

    Args:
        displacement: ``(2, H, W)`` in millimetres.
        mask: soft end-diastolic myocardium ``(1, H, W)``.
        mask_es: soft end-systolic myocardium ``(1, H, W)``; all zero if unknown.
        spacing: millimetres.

    Returns:
        The measures that need no truth.
    """
    wall = (mask[0] > 0.5).numpy()
    gradient = displacement_gradient(displacement[None], spacing)
    jacobian = jacobian_determinant(gradient)[0, 0].numpy()
    if not bool((mask_es > 0.5).any()):
        nan = float("nan")
        return {"dice": nan, "mcd_mm": nan, "hd95_mm": nan} | jacobian_scores(jacobian, wall)
    warped = warp(mask_es[None], displacement[None] / spacing)[0, 0].numpy()
    distance, hausdorff = contour_distances(warped, mask[0].numpy(), spacing)
    return {
        "dice": dice(warped > 0.5, wall),
        "mcd_mm": distance,
        "hd95_mm": hausdorff,
    } | jacobian_scores(jacobian, wall, float(mask_es.sum() / mask.sum()))


def mesh_strain(
    grid: WorkingGrid, label: np.ndarray, displacement: torch.Tensor
) -> list[tuple[float, float]]:
    """Mean Green-Lagrange strain of the wall, as inference takes it on the wall's mesh, percent.

    Args:
        grid: of the slice.
        label: ``(X, Y)`` at end-diastole, internal codes.
        displacement: ``(T, 2, H, W)`` in millimetres on the grid.

    Returns:
        ``(Err, Ecc)`` of each field; NaN where no mesh fits the wall.
    """
    try:
        mesh = mesh_on(grid, label)
    except RejectedSliceError:
        return [(float("nan"), float("nan"))] * len(displacement)
    nodes = WallField(mesh, grid.spacing, (grid.size,) * 2).nodes(displacement.numpy())
    strain = wall_strain(mesh, nodes)
    pairs = zip(strain.mean("err"), strain.mean("ecc"), strict=True)
    return [(100 * float(err), 100 * float(ecc)) for err, ecc in pairs]


def true_displacement(cine: Cine) -> torch.Tensor | None:
    """True end-systolic displacement of a virtual cine.

    Args:
        cine: the study.

    Returns:
        ``(Z, 2, X, Y)`` in millimetres on the source grid; None for a real cine.
    """
    path = Path(cine.files["image"]).with_name("truth.npz")
    if not path.is_file() or cine.es_frame is None:
        return None
    with np.load(path, allow_pickle=False) as archive:
        truth = archive["displacement"][cine.es_frame]
    return torch.from_numpy(cine.storage.vectors_to_memory(truth))


def statistics_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over slices of every measure that is known somewhere.

    Args:
        rows: from :func:`score_study`.

    Returns:
        ``n``, ``mean`` and ``std``.
    """
    mean, deviation = {}, {}
    for name in MEASURES:
        values = np.array([row[name] for row in rows], float)
        values = values[np.isfinite(values)]
        if len(values):
            mean[name], deviation[name] = float(values.mean()), float(values.std())
    return {"n": len(rows), "mean": mean, "std": deviation}


def statistics_by(rows: Sequence[Mapping[str, Any]], key: str) -> dict[str, dict[str, Any]]:
    """:func:`statistics_of` for every value of a key.

    Args:
        rows: from :func:`score_study`.
        key: ``level`` or ``group``.
    """
    values = sorted({row[key] for row in rows})
    return {v: statistics_of([row for row in rows if row[key] == v]) for v in values}


def at_levels(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The slices of each study that :func:`~myomotion.core.segments.at_shares` chooses.

    Args:
        rows: from :func:`score_study`, the slices of a study one after the other.
    """
    studies: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        studies.setdefault(row["study"], []).append(row)
    return [own[z] for own in studies.values() for z in at_shares(len(own))]
