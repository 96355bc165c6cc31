"""Ways to track a study, behind one interface: item in, end-systolic displacement out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from tools.bundle import inference_parts, use_bundle_code

use_bundle_code()

from myomotion.demons import demons  # noqa: E402
from myomotion.refinement import RefineMotiond  # noqa: E402

Tracker = Callable[[Mapping[Any, Any]], tuple[torch.Tensor, float]]
METHODS = ("identity", "network", "refined", "direct", "demons")
DIRECT_STEPS = 150


def make_tracker(method: str, **changes: Any) -> Tracker:
    """A function that tracks one study.

    Args:
        method: one of :data:`METHODS`: ``identity`` (no motion); ``network`` and ``refined`` (the
            bundle's inference); ``direct`` (the refinement from rest, without a network);
            ``demons`` (diffeomorphic Demons of SimpleITK, end-systole to end-diastole only).
        changes: keys of the bundle's ``inference.yaml`` with other values.

    Returns:
        Takes an item of :class:`~myomotion.cine_transforms.LoadCined`, returns the end-systolic
        displacement ``(Z, 2, H, W)`` in millimetres and the seconds a pair took.

    Raises:
        ValueError: for an unknown method.
    """
    if method == "identity":
        return lambda item: (_still(item), 0.0)
    if method == "demons":
        spacing = float(changes.get("spacing", 1.5))
        return lambda item: _track_with_demons(item, spacing)
    if method not in METHODS:
        raise ValueError(f"method {method!r} is unknown; use one of: {', '.join(METHODS)}.")
    if method == "network":
        changes = {**changes, "refine_steps": 0}
    elif method == "refined":
        changes = {"refine_steps": 40, **changes}
    else:
        changes = {"refine_steps": DIRECT_STEPS, **changes}
    return _BundleTracker(use_network=method != "direct", **changes)


class _BundleTracker:
    """The bundle's own inferer and post-processing, up to the displacement."""

    def __init__(self, use_network: bool, **changes: Any) -> None:
        parser = inference_parts(**changes)
        self.network = parser.get_parsed_content("network").eval() if use_network else None
        self.inferer = parser.get_parsed_content("inferer")
        self.refine = RefineMotiond(parser.get_parsed_content("refinement"))
        self.integrator = parser.get_parsed_content("integrator")
        self.spacing = float(parser.get_parsed_content("spacing"))

    def __call__(self, item: Mapping[Any, Any]) -> tuple[torch.Tensor, float]:
        image, es = item["image"], int(item["es_index"])
        start = time.perf_counter()
        with torch.no_grad():
            if self.network is None:
                output = image.new_zeros(*image.shape[:2], 2, *image.shape[2:])
            else:
                output = self.inferer(image[None], self.network)[0]
            refined = self.refine({**item, "pred": output})["pred"]
            displacement = self.integrator(refined[:, es]) * self.spacing
        pairs = image.shape[0] * (image.shape[1] - 1)
        return displacement, (time.perf_counter() - start) / pairs


def _still(item: Mapping[Any, Any]) -> torch.Tensor:
    image = item["image"]
    return image.new_zeros(image.shape[0], 2, *image.shape[-2:])


def _track_with_demons(item: Mapping[Any, Any], spacing: float) -> tuple[torch.Tensor, float]:
    image, es = item["image"], int(item["es_index"])
    start = time.perf_counter()
    fields = [
        torch.from_numpy(demons(frames[es].numpy(), frames[0].numpy())) * spacing
        for frames in image
    ]
    return torch.stack(fields), (time.perf_counter() - start) / len(fields)
