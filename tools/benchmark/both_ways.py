"""Motion between end-diastole and end-systole, slice by slice, in both directions.

No method sees a label: contours that ours works with are those that its own network draws.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor

from myomotion.errors import InputError
from myomotion.tracker import Tracker
from myomotion.transforms.study_tensors import study_tensor
from myomotion.transforms.track_motion import track_tensor
from tools.benchmark.acdc import Frames
from tools.evaluate.methods import REFINE_STEPS
from tools.peers import register_pairs

#: Frames to displacements ``(2, Z, 2, X, Y)`` in mm: on the grid of end-diastole to where its
#: points are at end-systole, and on that of end-systole to where its points are at end-diastole.
Register = Callable[[Frames], torch.Tensor]

PEERS, OURS = ("demons", "syn"), ("network", "refined")
LABELS = {
    "none": "none",
    "demons": "diffeomorphic Demons (SimpleITK), slice by slice",
    "syn": "SyN (ANTs), slice by slice",
    "network": "ours (network), slice by slice",
    "refined": "ours (refined), slice by slice",
}


def make_register(method: str, **changes: Any) -> Register:
    """One way to register two frames.

    Args:
        method: one of :data:`LABELS`. Peers register each direction by itself, the frames between
            their least and greatest intensity on a scale from 0 to 1; ours tracks once, and its
            inverse is the other direction.
        changes: keys of the bundle's ``inference.yaml``, or settings of the peer.

    Raises:
        InputError: for an unknown method.
    """
    if method not in LABELS:
        raise InputError(f"method {method!r} is unknown; use one of: {', '.join(LABELS)}.")
    if method == "none":
        return _still
    if method in PEERS:
        return _where_pictures_are(partial(_peer, method, changes))
    steps = REFINE_STEPS if method == "refined" else 0
    tracker = Tracker(**{"refine_steps": steps, "intervals": False, **changes})
    return _where_pictures_are(partial(_tracked, tracker))


def settings_of(method: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the changes that a method takes: ours alone, a refinement's if it is refined.

    Args:
        method: one of :data:`LABELS`.
        changes: keys of the bundle's ``inference.yaml``.
    """
    if method not in OURS:
        return {}
    return {k: v for k, v in changes.items() if method == "refined" or not k.startswith("refine_")}


def timed(register: Register, frames: Frames) -> tuple[torch.Tensor, float]:
    """Displacements, and the seconds that both directions took together."""
    start = time.perf_counter()
    field = register(frames)
    return field, time.perf_counter() - start


def _still(frames: Frames) -> torch.Tensor:
    _, x, y, z = frames.images.shape
    return torch.zeros(2, z, 2, x, y)


def _where_pictures_are(register: Register) -> Register:
    """Leave slices still that hold nothing, as stacks that were resampled have them at an end."""

    def filled(frames: Frames) -> torch.Tensor:
        pictures = frames.images.as_tensor()
        seen = (pictures.amax((1, 2)) > pictures.amin((1, 2))).all(0)
        images = MetaTensor(pictures[..., seen], affine=frames.images.affine)
        field = _still(frames)
        field[:, seen] = register(replace(frames, images=images))
        return field

    return filled


def _peer(peer: str, settings: dict[str, Any], frames: Frames) -> torch.Tensor:
    volumes = frames.images.as_tensor().float().numpy()
    low, high = volumes.min((1, 2, 3)), volumes.max((1, 2, 3))
    scaled = (volumes - low[:, None, None, None]) / (high - low)[:, None, None, None]
    ed, es = np.moveaxis(scaled, -1, 1)
    moving, reference = np.concatenate([es, ed]), np.concatenate([ed, es])
    unseen = np.zeros(moving.shape, bool)
    fields, _ = register_pairs(peer, moving, reference, unseen, frames.spacing[0], settings)
    return torch.from_numpy(fields).unflatten(0, (2, -1))


def _tracked(tracker: Tracker, frames: Frames) -> torch.Tensor:
    study = track_tensor(frames.images, tracker, "pair", None, {"ed_frame": 0, "es_frame": 1})
    both = [study_tensor(study, name).as_tensor()[1] for name in ("displacement", "inverse")]
    return torch.stack([part[:2].permute(3, 0, 1, 2) for part in both])
