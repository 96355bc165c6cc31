"""Ways to track a study, behind one interface: item in, end-systolic displacement out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from tools.bundle import inference_parts, use_bundle_code
from tools.peers import PEERS, register_pairs

use_bundle_code()

from myomotion.demons import SIGMA, demons  # noqa: E402
from myomotion.refine_motion import RefineMotiond  # noqa: E402

Tracker = Callable[[Mapping[Any, Any]], tuple[torch.Tensor, float]]
METHODS = ("identity", "network", "refined", "latent", "direct", "demons", *PEERS)
DIRECT_STEPS = 150
REFINE_STEPS = 60
LATENT_STEPS = 40


def make_tracker(method: str, **changes: Any) -> Tracker:
    """A function that tracks one study.

    Args:
        method: one of :data:`METHODS`: ``identity`` (no motion); ``network`` and ``refined`` (the
            bundle's inference); ``latent`` (refinement within the autoencoder's manifold only);
            ``direct`` (the refinement from rest, without a network);
            ``demons`` (diffeomorphic Demons of SimpleITK, end-systole to end-diastole only); or a
            peer of :mod:`tools.peers`.
        changes: keys of the bundle's ``inference.yaml`` with other values; for ``demons`` and the
            peers their own settings beside ``size`` and ``spacing``.

    Returns:
        Takes an item of :class:`~myomotion.cine_transforms.LoadCined`, returns the end-systolic
        displacement ``(Z, 2, H, W)`` in millimetres and the seconds a pair took.

    Raises:
        ValueError: for an unknown method.
    """
    if method == "identity":
        return lambda item: (_still(item), 0.0)
    if method == "demons":
        spacing, sigma = float(changes.get("spacing", 1.5)), float(changes.get("sigma", SIGMA))
        return lambda item: _track_with_demons(item, spacing, sigma)
    if method in PEERS:
        spacing = float(changes.get("spacing", 1.5))
        settings = {k: v for k, v in changes.items() if k not in ("size", "spacing")}
        return lambda item: _track_with_peer(item, method, spacing, settings)
    if method not in METHODS:
        raise ValueError(f"method {method!r} is unknown; use one of: {', '.join(METHODS)}.")
    if method == "network":
        changes = {**changes, "refine_steps": 0}
    elif method == "refined":
        changes = {"refine_steps": REFINE_STEPS, **changes}
    elif method == "latent":
        changes = {"refine_steps": LATENT_STEPS, **changes, "refine_mode": "latent"}
    else:
        changes = {"refine_steps": DIRECT_STEPS, **changes}
    return BundleTracker(use_network=method != "direct", **changes)


class BundleTracker:
    """The bundle's own inferer and post-processing, up to the displacement."""

    def __init__(self, use_network: bool, **changes: Any) -> None:
        parser = inference_parts(**changes)
        self.network = parser.get_parsed_content("network").eval() if use_network else None
        self.inferer = parser.get_parsed_content("inferer")
        self.refine = RefineMotiond(parser.get_parsed_content("refinement"))
        self.integrator = parser.get_parsed_content("integrator")
        self.spacing = float(parser.get_parsed_content("spacing"))

    def __call__(self, item: Mapping[Any, Any]) -> tuple[torch.Tensor, float]:
        field, seconds = self.cycle(item)
        return field[:, int(item["es_index"])], seconds

    def cycle(self, item: Mapping[Any, Any]) -> tuple[torch.Tensor, float]:
        """Displacement of every frame ``(Z, T, 2, H, W)`` in millimetres, and seconds a pair."""
        image = item["image"]
        start = time.perf_counter()
        with torch.no_grad():
            if self.network is None:
                output = image.new_zeros(*image.shape[:2], 2, *image.shape[2:])
            else:
                output = self.inferer(image[None], self.network)[0]
            refined = self.refine({**item, "pred": output})["pred"]
            field = torch.stack([self.integrator(frames) for frames in refined]) * self.spacing
        pairs = image.shape[0] * (image.shape[1] - 1)
        return field, (time.perf_counter() - start) / pairs


def _still(item: Mapping[Any, Any]) -> torch.Tensor:
    image = item["image"]
    return image.new_zeros(image.shape[0], 2, *image.shape[-2:])


def _track_with_demons(
    item: Mapping[Any, Any], spacing: float, sigma: float
) -> tuple[torch.Tensor, float]:
    image, es = item["image"], int(item["es_index"])
    start = time.perf_counter()
    fields = [
        torch.from_numpy(demons(frames[es].numpy(), frames[0].numpy(), sigma=sigma)) * spacing
        for frames in image
    ]
    return torch.stack(fields), (time.perf_counter() - start) / len(fields)


def _track_with_peer(
    item: Mapping[Any, Any], peer: str, spacing: float, settings: Mapping[str, Any]
) -> tuple[torch.Tensor, float]:
    image = item["image"].float().numpy()
    mask = (item["mask"][:, 0] > 0.5).numpy()
    moving, reference = image[:, int(item["es_index"])], image[:, 0]
    fields, seconds = register_pairs(peer, moving, reference, mask, spacing, settings)
    return torch.from_numpy(fields), seconds
