"""Weights between two stages of one training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from myomotion.errors import InputError
from myomotion.networks.ventricles import VentricleNet
from myomotion.networks.weights import load_network, read_state
from tools.training.average import average, main


def network(seed: int, channels: tuple[int, ...] = (4, 8)) -> VentricleNet:
    torch.manual_seed(seed)
    return VentricleNet(channels=channels, spacing=1.5, size=32)


def test_command_writes_weights_between_the_two_that_describe_themselves(tmp_path: Path) -> None:
    states = [network(seed).state_dict() for seed in (0, 1)]
    paths = [tmp_path / name for name in ("first.pt", "second.pt")]
    for path, state in zip(paths, states, strict=True):
        torch.save(state, path)
    output = tmp_path / "model.pt"
    assert main([*map(str, paths), "--share", "0.25", "--output", str(output)]) == 0
    found = load_network(output, VentricleNet).state_dict()
    assert load_network(output, VentricleNet).trained["spacing"] == 1.5
    for key, value in read_state(output).items():
        if torch.is_floating_point(value):
            assert torch.allclose(found[key], 0.75 * states[0][key] + 0.25 * states[1][key])


@pytest.mark.parametrize(("share", "second"), [(1.2, (4, 8)), (0.5, (4, 16))])
def test_other_shares_and_architectures_are_refused(share: float, second: tuple[int, ...]) -> None:
    with pytest.raises((InputError, ValueError), match=r"share is 1\.2|two architectures"):
        average(network(0).state_dict(), network(1, second).state_dict(), share)
