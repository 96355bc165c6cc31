"""The recurrent network: what it correlates, that passes share weights, and that it scripts."""

from __future__ import annotations

import pytest
import torch

from myomotion.core.integrator import FieldIntegrator
from myomotion.networks.recurrent import RecurrentMotionNet, local_correlation


def test_correlation_is_largest_where_the_feature_lies() -> None:
    first, second = torch.zeros(1, 3, 9, 9), torch.zeros(1, 3, 9, 9)
    first[:, :, 5, 3], second[:, :, 4, 4] = 1.0, 1.0  # one down, one to the left
    found = local_correlation(first, second, 1)[0, :, 4, 4]
    assert found.shape == (9,)
    assert found.argmax() == 6 and found.sum() == 1  # rows before columns, -1 to 1


def test_correlation_of_radius_0_is_the_mean_product() -> None:
    first, second = torch.rand(2, 4, 6, 6), torch.rand(2, 4, 6, 6)
    assert torch.allclose(local_correlation(first, second, 0)[:, 0], (first * second).mean(1))


def test_passes_share_their_weights() -> None:
    once, often = (RecurrentMotionNet((8, 8), 8, passes=passes) for passes in ((1, 1), (3, 4)))
    assert once.state_dict().keys() == often.state_dict().keys()
    weights = {k: v for k, v in once.state_dict().items() if k != "_extra_state"}
    often.load_state_dict(weights, strict=False)
    pair = torch.rand(1, 2, 32, 32)
    assert not torch.equal(once(pair), often(pair))


def test_passes_that_do_not_fit_the_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit 2 scales"):
        RecurrentMotionNet((8, 8), 8, passes=(1,))


@pytest.mark.parametrize("field", ["velocity", "displacement"])
def test_scripted_network_gives_the_same(field: str) -> None:
    network = RecurrentMotionNet((8, 16), 8, passes=(1, 2), field=field).eval()
    pair = torch.rand(2, 2, 32, 32)
    assert torch.equal(torch.jit.script(network)(pair), network(pair))


@pytest.mark.slow
def test_a_second_pass_corrects_what_the_first_has_left() -> None:
    """Trained on discs that shrink, two passes end nearer than the same weights with one."""
    torch.manual_seed(0)
    axis = torch.arange(32.0) - 15.5
    radius = torch.hypot(axis[:, None], axis[None])

    def pairs(ratio: torch.Tensor) -> torch.Tensor:
        discs = [torch.sigmoid(2 * (9 * r - radius)) for r in ratio]
        reference = torch.sigmoid(2 * (9 - radius))
        return torch.stack([torch.stack([disc, reference]) for disc in discs])

    network = RecurrentMotionNet((8, 16), 16, passes=(2, 2))
    integrate = FieldIntegrator(margin=4)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    offset = torch.stack(torch.meshgrid(axis, axis, indexing="ij"))
    rim = (radius < 11).float()

    def error(ratio: torch.Tensor) -> torch.Tensor:
        truth = (ratio - 1)[:, None, None, None] * offset
        return (((integrate(network(pairs(ratio))) - truth) ** 2).sum(1) * rim).mean()

    for _ in range(60):
        optimizer.zero_grad()
        error(0.6 + 0.4 * torch.rand(8)).backward()
        optimizer.step()
    ratio = torch.linspace(0.65, 0.8, 4)
    with torch.no_grad():
        twice = float(error(ratio))
        network.passes = [1, 1]
        once = float(error(ratio))
    assert twice < 0.7 * once
