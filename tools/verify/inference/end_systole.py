"""Tracking end-systole without the other frames, at a tenth of the cost of a cycle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from myomotion.analysis.grids import Slices
from myomotion.analysis.measures.tracked import TrackedSlice, tracked_slices
from myomotion.analysis.motion import source_motion
from myomotion.tracker import Tracker


class Pair(NamedTuple):
    """End-diastole and end-systole of a study.

    Attributes:
        image: what the network sees, ``(Z, 2, size, size)``.
        plain: what a refinement compares, of the same shape.
        mask: wall at end-diastole, ``(Z, 1, size, size)``.
        tissues: as seen, ``(Z, 2, 3, size, size)``; None where no network has looked.
    """

    image: torch.Tensor
    plain: torch.Tensor
    mask: torch.Tensor
    tissues: torch.Tensor | None


def pair_of(item: Mapping[str, Any]) -> Pair | None:
    """The two frames of a study.

    Args:
        item: as :class:`~myomotion.transforms.load_cine.LoadCine` loads it.

    Returns:
        None where the study does not say which frame is end-systole, or says end-diastole.
    """
    slices: Slices = item["slices"]
    image = torch.as_tensor(item["image"])
    frame = end_systolic_place(slices)
    if not frame:
        return None
    plain = torch.as_tensor(item.get("plain", image)).to(image)
    return Pair(
        image=image[:, [0, frame]],
        plain=plain[:, [0, frame]],
        mask=torch.as_tensor(item["mask"]),
        tissues=None if slices.tissues is None else slices.tissues[:, [0, frame]],
    )


def end_systolic_place(slices: Slices) -> int:
    """Frames from end-diastole to end-systole as given with a study; 0 where it is not."""
    given = slices.cine.es_frame
    return 0 if given is None else (given - slices.cine.ed_frame) % slices.images.shape[1]


def track_pair(tracker: Tracker, pair: Pair) -> torch.Tensor:
    """Motion from end-diastole to end-systole.

    Args:
        tracker: with its refinement.
        pair: the frames.

    Returns:
        ``(Z, 2, size, size)`` in mm.
    """
    with torch.no_grad():
        output = tracker.inferer(pair.image[None], tracker.network)[0]
        output = tracker.refine.refined(pair.plain, output, pair.mask, pair.tissues)
        field: torch.Tensor = tracker.integrate({"pred": output})["displacement"][:, 1]
    return field.float().cpu()


def moved_slices(slices: Slices, field: torch.Tensor) -> list[TrackedSlice]:
    """Slices that move to end-systole, and stay where they are in the other frames.

    Args:
        slices: the study, whose end-systolic frame is given.
        field: ``(Z, 2, size, size)`` in mm.

    Returns:
        One entry a slice.
    """
    cycle = torch.zeros(len(field), slices.images.shape[1], *field.shape[1:])
    cycle[:, end_systolic_place(slices)] = field
    return tracked_slices(source_motion(slices, cycle, -cycle))
