"""The moving comparison: contours of several methods on one cine, frame by frame, as a GIF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from myomotion.transforms.frame_pairs import slices_with_heart
from tools.study import film as films


def middle(item: Mapping[Any, Any]) -> int:
    """The middle one of the slices with myocardium."""
    slices = slices_with_heart(item)
    return slices[len(slices) // 2]


def middle_slice(item: Mapping[Any, Any]) -> dict[Any, Any]:
    """The item with the middle one of its slices with myocardium alone."""
    z = middle(item)
    kept = ("image", "mask", "mask_es", "truth")
    return {k: v[z : z + 1] if k in kept else v for k, v in item.items()}


def wall(item: Mapping[Any, Any]) -> np.ndarray:
    """The wall ``(H, W)`` at end-diastole of an item with one slice."""
    found: np.ndarray = item["mask"][0, 0].float().numpy()
    return found


def film(
    item: Mapping[Any, Any],
    contours: Mapping[str, Sequence[Sequence[films.Line]]],
    labels: Mapping[str, str],
) -> bytes:
    """One panel a method: the cine, the method's contours, and the true ones where known.

    Args:
        item: of one slice.
        contours: from :func:`~tools.study.film.moved_contours`, by method; ``truth`` is drawn in
            every panel.
        labels: of the methods.

    Returns:
        GIF that repeats.
    """
    truth = {"truth": contours["truth"]} if "truth" in contours else {}
    panels = [
        films.Panel(
            title=labels[name],
            frames=item["image"][0].float().numpy(),
            wall=wall(item),
            contours={**truth, "tracked": lines},
        )
        for name, lines in contours.items()
        if name != "truth"
    ]
    return films.film(panels, ", blue: true motion" if truth else "")
