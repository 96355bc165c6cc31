"""What is measured about an autoencoder: separation, prior, descent, exports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from myomotion.core.kinematics import jacobian_determinant
from myomotion.io.datalist import read_datalist
from myomotion.losses.plausibility import Plausibility
from myomotion.networks.gradient_vae import GradientVAE
from myomotion.networks.weights import load_state
from myomotion.transforms.cycles import LoadCycled
from tools.verify.autoencoder.exports import onnx_difference, torchscript_difference
from tools.verify.autoencoder.measures import (
    FieldSet,
    auroc,
    common_wall,
    descend_on_plausibility,
    prior_gradients,
    scores,
    systolic_fields,
)
from tools.verify.autoencoder.wrong_fields import perturbed

SPACING = 1.5


def test_auroc_counts_pairs_in_the_right_order() -> None:
    assert auroc(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 1
    assert auroc(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 0
    assert auroc(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.5])) == pytest.approx(3.5 / 6)
    assert auroc(np.ones(5), np.ones(3)) == 0.5
    low, high = np.random.default_rng(0).integers(0, 9, (2, 40)) + np.array([[0], [2]])
    pairs = (high[:, None] > low).mean() + (high[:, None] == low).mean() / 2
    assert auroc(low, high) == pytest.approx(pairs, rel=1e-12)
    with pytest.raises(ValueError, match="finite"):
        auroc(np.array([np.nan]), np.ones(1))
    with pytest.raises(ValueError, match="0"):
        auroc(np.ones(1), np.array([]))


def test_systolic_fields_begin_with_end_systole(cycles: Path) -> None:
    loaded = [LoadCycled()(entry) for entry in read_datalist(cycles, "test", "cycle")]
    systolic = systolic_fields(loaded)
    assert torch.equal(systolic[0].displacement[1], loaded[1]["displacement"][-1])
    sizes = [float(s.displacement.abs().max()) for s in systolic]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] > 0


def test_descent_lowers_the_score(
    regulariser: Plausibility, fields: FieldSet, generator: torch.Generator
) -> None:
    start = FieldSet(
        perturbed(fields.displacement, fields.mask, SPACING, 1.0, generator)[:2], fields.mask[:2]
    )
    end = FieldSet(descend_on_plausibility(regulariser, start, steps=10), start.mask)
    assert (scores(regulariser, end) < scores(regulariser, start)).all()


def test_prior_of_a_decoder_that_gives_zero_is_incompressible(generator: torch.Generator) -> None:
    vae = GradientVAE()
    for parameter in vae.decoder.parameters():
        parameter.data.zero_()
    area = jacobian_determinant(prior_gradients(vae, 2, generator))
    assert area.shape == (2, 1, 80, 80)
    assert bool((area == 1).all())


def test_common_wall_is_what_half_of_the_slices_share() -> None:
    mask = torch.zeros(3, 1, 4, 4)
    mask[:2, :, 0] = 1
    mask[:1, :, 1] = 1
    assert torch.equal(common_wall(mask)[0, 0], torch.tensor([1.0, 0, 0, 0])[:, None].expand(4, 4))


@pytest.mark.slow
def test_exports_equal_eager(vae_weights: Path) -> None:
    vae = load_state(GradientVAE(), vae_weights)
    assert isinstance(vae, GradientVAE)
    standardised = torch.randn(3, 4, 80, 80)
    assert torchscript_difference(vae, standardised) < 1e-5
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    assert onnx_difference(vae, standardised) < 1e-5
