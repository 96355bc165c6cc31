"""Ways to track a study, behind one interface: item in, end-systolic displacement out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch

from myomotion.errors import InputError
from myomotion.tracker import Tracker as TrackerOfBundle
from myomotion.transforms.load_cine import LoadCine
from tools.peers import peer_packages, register_pairs

OUR_METHODS = ("network", "refined", "latent", "direct")
DRAWN = "drawn"  # as label_ed: contours are the network's own, and labels are for the scores alone
DIRECT_STEPS = 40
REFINE_STEPS = 15
LATENT_STEPS = 40
FIXED: dict[str, dict[str, Any]] = {  # settings that make a method what it is
    "network": {"refine_steps": 0},
    "latent": {"refine_mode": "latent"},
}


# Moving frames, reference frames, masks (N, H, W) to displacements (N, 2, H, W) in mm and s a pair.
Register = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[torch.Tensor, float]]


class Tracker(Protocol):
    """Tracks one study, an item of :class:`~myomotion.transforms.load_cine.LoadCine`.

    Attributes:
        sequences: whether it tracks the frames of a cine together, so that end-systole alone costs
            as much as all of them.
        grid: size in voxels and voxel size in millimetres of the working grid that it takes.
        load: reads a study for it; None where an item without extras will do.
    """

    sequences: bool
    grid: tuple[int, float]
    load: Callable[[dict[str, Any]], Any] | None

    def __call__(self, item: Mapping[Any, Any]) -> tuple[torch.Tensor, float]:
        """End-systolic displacement ``(Z, 2, H, W)`` in millimetres, and seconds a pair."""

    def cycle(self, item: Mapping[Any, Any]) -> tuple[torch.Tensor, float]:
        """Displacement of every frame ``(Z, T, 2, H, W)`` in millimetres, and seconds a pair."""


def method_names() -> tuple[str, ...]:
    """Every method that :func:`make_tracker` knows."""
    return ("identity", *OUR_METHODS, *peer_packages())


def make_tracker(method: str, **changes: Any) -> Tracker:
    """A tracker of one kind.

    Args:
        method: one of :func:`method_names`: ``identity`` (no motion); ``network`` and ``refined``
            (the bundle's inference); ``latent`` (refinement within the autoencoder's manifold);
            ``direct`` (the refinement from rest, without a network); or a peer of
            :mod:`tools.peers`.
        changes: keys of the bundle's ``inference.yaml`` with other values, and ``label_ed: drawn``,
            which hides the labels from ours; for the peers their own settings beside ``size`` and
            ``spacing`` of the working grid (that of the bundle is the one its weights were trained
            on).

    Returns:
        The tracker.

    Raises:
        InputError: for an unknown method, or a setting that it does not have.
    """
    grid = int(changes.get("size", 96)), float(changes.get("spacing", 1.5))
    if method == "identity":
        if unknown := set(changes) - {"size", "spacing"}:
            raise InputError(f"identity has no setting {min(unknown)!r}; it has: size, spacing.")
        return PairTracker(_stay, grid)
    if method in peer_packages():
        settings = {k: v for k, v in changes.items() if k not in ("size", "spacing")}
        return PairTracker(partial(_peer_pairs, method, grid[1], settings), grid)
    if method not in OUR_METHODS:
        known = ", ".join(method_names())
        raise InputError(f"method {method!r} is unknown; use one of: {known}.")
    for key, value in FIXED.get(method, {}).items():
        if changes.get(key, value) != value:
            raise InputError(
                f"{method} has {key} {value!r}, not {changes[key]!r}. Leave it out, or use refined."
            )
    steps = {"refined": REFINE_STEPS, "latent": LATENT_STEPS, "direct": DIRECT_STEPS}.get(method, 0)
    changes = {"refine_steps": steps, **FIXED.get(method, {}), **changes}
    if changes.get("label_ed") == DRAWN:
        return UnlabelledTracker(use_network=method != "direct", **{**changes, "label_ed": "auto"})
    return BundleTracker(use_network=method != "direct", **changes)


class PairTracker:
    """A method that sees one pair of images at a time.

    Args:
        register: registers pairs.
        grid: size in voxels and voxel size in millimetres of the working grid.
    """

    sequences = False
    load: Callable[[dict[str, Any]], Any] | None = None

    def __init__(self, register: Register, grid: tuple[int, float]) -> None:
        self.register = register
        self.grid = grid

    def __call__(self, item: Mapping[Any, Any]) -> tuple[torch.Tensor, float]:
        """End-systole to end-diastole."""
        fields, seconds = self._frames(item, [int(item["es_index"])])
        return fields[:, 0], seconds

    def cycle(self, item: Mapping[Any, Any]) -> tuple[torch.Tensor, float]:
        """Every frame to end-diastole, which itself does not move."""
        fields, seconds = self._frames(item, list(range(1, item["image"].shape[1])))
        return torch.cat([torch.zeros_like(fields[:, :1]), fields], dim=1), seconds

    def _frames(self, item: Mapping[Any, Any], frames: list[int]) -> tuple[torch.Tensor, float]:
        image = item["image"].float().numpy()
        moving = image[:, frames]
        reference = np.broadcast_to(image[:, :1], moving.shape)
        mask = np.broadcast_to((item["mask"] > 0.5).numpy(), moving.shape)
        pairs = (x.reshape(-1, *x.shape[2:]) for x in (moving, reference, mask))
        fields, seconds = self.register(*pairs)
        return fields.unflatten(0, moving.shape[:2]), seconds


class BundleTracker:
    """The bundle's own chain, up to the displacement (:class:`~myomotion.tracker.Tracker`)."""

    sequences = True

    def __init__(self, use_network: bool, **changes: Any) -> None:
        self.tracker = TrackerOfBundle(use_network=use_network, **changes)
        self.load = self.tracker.load.transforms[0]  # sees the tissues that a refinement needs
        self.grid = self.tracker.load.transforms[0].size, self.tracker.load.transforms[0].spacing

    def __call__(self, item: Mapping[Any, Any]) -> tuple[torch.Tensor, float]:
        field, seconds = self.cycle(item)
        return field[:, int(item["es_index"])], seconds

    def cycle(self, item: Mapping[Any, Any]) -> tuple[torch.Tensor, float]:
        """Displacement of every frame ``(Z, T, 2, H, W)`` in millimetres, and seconds a pair."""
        start = time.perf_counter()
        field = self.tracker.motion(item)["displacement"]
        pairs = item["image"].shape[0] * (item["image"].shape[1] - 1)
        return field, (time.perf_counter() - start) / pairs


class UnlabelledTracker(BundleTracker):
    """The same on a study whose labels are hidden.

    The motion is brought to the working grids of the labelled study, on which it can be scored.
    """

    def __init__(self, use_network: bool, **changes: Any) -> None:
        super().__init__(use_network, **changes)
        self.hidden = self.tracker.load.transforms[0]
        self.load = self._both

    def cycle(self, item: Mapping[Any, Any]) -> tuple[torch.Tensor, float]:
        """Displacement of every frame ``(Z, T, 2, H, W)`` in mm on the labelled study's grids."""
        field, seconds = super().cycle(item["hidden"])
        pairs = zip(item["hidden"]["slices"].grids, item["slices"].grids, strict=True)
        moved = [
            there.to_working(here.to_source(f))
            for f, (here, there) in zip(field, pairs, strict=True)
        ]
        return torch.stack(moved), seconds

    def _both(self, study: dict[str, Any]) -> dict[Any, Any]:
        """The labelled study, and under ``hidden`` what the method sees of it."""
        unlabelled = {k: v for k, v in study.items() if k not in ("label_ed", "label_es")}
        item: dict[Any, Any] = LoadCine(*self.grid)(study)
        return {**item, "hidden": self.hidden(unlabelled)}


def _stay(
    moving: np.ndarray, reference: np.ndarray, mask: np.ndarray
) -> tuple[torch.Tensor, float]:
    return torch.zeros(len(moving), 2, *moving.shape[1:]), 0.0


def _peer_pairs(
    peer: str,
    spacing: float,
    settings: Mapping[str, Any],
    moving: np.ndarray,
    reference: np.ndarray,
    mask: np.ndarray,
) -> tuple[torch.Tensor, float]:
    fields, seconds = register_pairs(peer, moving, reference, mask, spacing, settings)
    return torch.from_numpy(fields), seconds
