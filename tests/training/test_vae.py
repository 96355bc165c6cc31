"""Errors of a reconstruction on numbers that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from myomotion.networks.gradient_vae import GradientVAE
from myomotion.training.vae import CycleErrors


def test_cycle_error_is_pooled_and_the_frames_error_a_mean() -> None:
    vae = GradientVAE()
    vae.gradient_std.fill_(2.0)
    truth = torch.ones(2, 4, 80, 80) * torch.tensor([3.0, 1.0])[:, None, None, None]
    made = truth + torch.tensor([0.3, 0.4])[:, None, None, None]
    output = {
        "pred": (made, None, None),
        "label": {"gradient": truth, "mask": torch.ones(2, 1, 80, 80)},
    }
    found = {kind: float(CycleErrors(vae, kind)(output)) for kind in ("cycle", "frames", "es")}
    assert found["cycle"] == pytest.approx(np.sqrt(0.25 / 10), rel=1e-4)
    assert found["frames"] == pytest.approx((0.1 + 0.4) / 2, rel=1e-4)
    assert found["es"] == pytest.approx(0.1, rel=1e-4)
    with pytest.raises(ValueError, match="kind"):
        CycleErrors(vae, "median")
