"""Contours that the segmentation draws, against labels: overlap, distances, function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.metrics import compute_hausdorff_distance

from myomotion.analysis.ventricles import Drawn, VentricleSegmenter
from myomotion.core.contours import dice
from myomotion.errors import InputError
from myomotion.files.tables import json_text
from myomotion.io.cine import Cine, read_cine
from myomotion.io.codes import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE
from tools.bundle import BUNDLES
from tools.evaluate.scores import group_of

WEIGHTS = BUNDLES / "ventricle_segmentation" / "models" / "model.pt"
STRUCTURES = {"myocardium": MYOCARDIUM, "cavity": CAVITY, "rv": RIGHT_VENTRICLE}
FOUND_WITHIN_MM = 10.0
THIRDS = ("basal", "mid", "apical")


def evaluate_contours(
    studies: Sequence[Mapping[str, Any]],
    weights: Path = WEIGHTS,
    label_coding: str = "auto",
) -> dict[str, Any]:
    """Draw ED and ES of every study without its labels, and compare.

    Args:
        studies: from :func:`~myomotion.io.cine.find_studies`.
        weights: of the segmentation.
        label_coding: see :func:`~myomotion.io.cine.read_cine`.

    Returns:
        ``mean`` over slices, ``levels`` and ``groups`` (the same for thirds of the stack and
        disease groups), ``slices`` (:func:`slice_rows`), ``studies`` (:func:`study_row`) with their
        means in ``function``, and ``skipped`` with reasons.

    Raises:
        InputError: if no study at all can be compared.
    """
    segmenter = VentricleSegmenter(weights)
    rows: list[dict[str, Any]] = []
    wholes: list[dict[str, Any]] = []
    skipped = []
    for study in studies:
        try:
            cine = read_cine(study, label_coding)
            if cine.label_ed is None:
                raise InputError(f"{study['image']}: no label_sa_ED beside it to compare with.")
        except InputError as error:
            skipped.append({"study": str(study["name"]), "reason": str(error)})
            continue
        drawn = {"ed": segmenter(cine.image[..., cine.ed_frame], cine.spacing)}
        if cine.label_es is not None and cine.es_frame is not None:
            picture = cine.image[..., cine.es_frame]
            center = None if drawn["ed"] is None else drawn["ed"].center
            drawn["es"] = segmenter(picture, cine.spacing, rings=False, center=center)
        rows += slice_rows(cine, {p: None if d is None else d.label for p, d in drawn.items()})
        wholes.append(study_row(cine, drawn))
    if not rows:
        raise InputError(f"no study could be compared ({len(skipped)} skipped).")
    return {
        "method": "segmentation",
        "n": len(rows),
        "mean": means(rows),
        "levels": {k: means(r for r in rows if r["level"] == k) for k in THIRDS},
        "groups": {
            g: means(r for r in rows if r["group"] == g) for g in sorted({r["group"] for r in rows})
        },
        "function": means(wholes),
        "slices": rows,
        "studies": wholes,
        "skipped": skipped,
    }


def slice_rows(cine: Cine, drawn: Mapping[str, np.ndarray | None]) -> list[dict[str, Any]]:
    """Dice and HD95 (mm) of every structure in every labelled slice.

    Args:
        cine: the study with its labels.
        drawn: labels ``(X, Y, Z)`` at ``ed`` and ``es``; None where no heart was found.

    Returns:
        A dictionary a slice: ``study``, ``group``, ``slice``, ``level`` (third of the labelled
        slices), and ``dice_STRUCTURE_PHASE``, ``hd95_mm_STRUCTURE_PHASE``; NaN where a structure is
        in neither or was never labelled; a Dice of 0 where it is in one alone.
    """
    labels = {"ed": cine.label_ed, "es": cine.label_es}
    named = {p: v for p, v in labels.items() if v is not None and p in drawn}
    shown = np.flatnonzero(np.any([v.any((0, 1)) for v in named.values()], axis=0))
    rows = []
    for place, z in enumerate(shown):
        row: dict[str, Any] = {
            "study": cine.name,
            "group": group_of(cine),
            "slice": int(z),
            "level": THIRDS[min(3 * place // len(shown), 2)],
        }
        for phase, label in named.items():
            found = drawn[phase]
            for name, code in STRUCTURES.items():
                key = f"{name}_{phase}"
                row[f"dice_{key}"] = row[f"hd95_mm_{key}"] = float("nan")
                if not label[..., z].any() or not (label == code).any():
                    continue
                truth = label[..., z] == code
                own = np.zeros_like(truth) if found is None else found[..., z] == code
                row[f"dice_{key}"] = dice(own, truth)
                if own.any() and truth.any():
                    row[f"hd95_mm_{key}"] = _hd95(own, truth, cine.spacing)
        rows.append(row)
    return rows


def study_row(cine: Cine, drawn: Mapping[str, Drawn | None]) -> dict[str, Any]:
    """Where the heart was found, and what follows from the contours of all labelled slices.

    Args:
        cine: see :func:`slice_rows`.
        drawn: at ``ed`` and ``es``; None where no heart was found.

    Returns:
        ``study``, ``group``, ``apart_mm`` (between the centres of the drawn and of the labelled
        ventricle), ``found`` (1 within :data:`FOUND_WITHIN_MM`), ``ef_error_points`` and
        ``mass_error_percent`` over the slices that both phases' labels have, NaN if unknown.
    """
    label = cine.label_ed
    assert label is not None
    found = drawn["ed"]
    heart = np.isin(label, (CAVITY, MYOCARDIUM)).any(2)
    row: dict[str, Any] = {"study": cine.name, "group": group_of(cine)}
    apart = np.inf
    if found is not None:
        step = np.argwhere(heart).mean(0) - found.center
        apart = float(np.hypot(*(step * cine.spacing)))
    row |= {"apart_mm": apart, "found": float(apart <= FOUND_WITHIN_MM)}
    row |= dict.fromkeys(
        ("ef_error_points", "ef_bias_points", "mass_error_percent", "mass_bias_percent"), np.nan
    )
    wall = label == MYOCARDIUM
    if wall.any() and found is not None:
        slices = wall.any((0, 1))
        own = (found.label[..., slices] == MYOCARDIUM).sum()
        bias = 100 * (float(own / wall[..., slices].sum()) - 1)
        row |= {"mass_bias_percent": bias, "mass_error_percent": abs(bias)}
    second = drawn.get("es")
    if cine.label_es is not None and found is not None and second is not None:
        slices = (label == CAVITY).any((0, 1))
        pairs = ((label, cine.label_es), (found.label, second.label))
        truth, own_share = (
            1 - (es[..., slices] == CAVITY).sum() / max((ed[..., slices] == CAVITY).sum(), 1)
            for ed, es in pairs
        )
        truth, own_share = float(truth), float(own_share)
        row |= {"ef_labels_percent": 100 * truth, "ef_bias_points": 100 * (own_share - truth)}
        row["ef_error_points"] = abs(row["ef_bias_points"])
    return row


def means(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Mean of every figure over the rows in which it is known."""
    values: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            if isinstance(value, float) and np.isfinite(value):
                values.setdefault(name, []).append(value)
    return {name: float(np.mean(found)) for name, found in values.items()}


def lines(result: Mapping[str, Any]) -> list[str]:
    """The figures worth a look."""
    tables = {"all": result["mean"], **result["levels"], **result["groups"]}
    found = []
    for title, table in tables.items():
        parts = [f"{k[5:]} {v:.3f}" for k, v in table.items() if k.startswith("dice_")]
        found.append(f"Dice  {title:<8} " + "  ".join(parts))
    found.append("study " + json_text({k: round(v, 3) for k, v in result["function"].items()}))
    return found


def _hd95(own: np.ndarray, truth: np.ndarray, spacing: tuple[float, float]) -> float:
    first, second = (torch.from_numpy(m)[None, None].float() for m in (own, truth))
    apart = compute_hausdorff_distance(first, second, percentile=95, spacing=list(spacing))
    return float(apart[0, 0])
