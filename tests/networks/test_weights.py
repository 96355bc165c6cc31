"""Weights say what they are of, so that no key beside them can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from myomotion.errors import InputError
from myomotion.losses.plausibility import load_plausibility
from myomotion.networks.gradient_vae import GradientVAE
from myomotion.networks.pair import PairNetwork
from myomotion.networks.recurrent import RecurrentMotionNet
from myomotion.networks.siamese import SiameseMotionNet
from myomotion.networks.weights import load_network, network_of, start_from


@pytest.mark.parametrize(
    "network",
    [
        RecurrentMotionNet((8, 8), 8, (1, 2), field="displacement", spacing=2.0, size=64),
        SiameseMotionNet(8, (1, 2), field="velocity", spacing=1.25, size=112),
        GradientVAE((8, 16), latent=5, size=40, rotation_free=False, rim=2),
    ],
)
def test_network_is_made_again_from_its_weights_alone(
    network: PairNetwork | GradientVAE, tmp_path: Path
) -> None:
    torch.save(network.state_dict(), tmp_path / "model.pt")
    torch.load(tmp_path / "model.pt", weights_only=True)  # plain, without a pickle
    made = load_network(tmp_path / "model.pt", type(network))
    assert made.description() == network.description()
    for name, value in network.named_parameters():
        assert torch.equal(dict(made.named_parameters())[name], value)


def test_autoencoder_of_another_latent_size_works_as_regulariser(tmp_path: Path) -> None:
    torch.save(GradientVAE(latent=9).state_dict(), tmp_path / "vae.pt")
    regulariser = load_plausibility(tmp_path / "vae.pt")
    mask = torch.zeros(1, 1, 96, 96)
    mask[:, :, 30:60, 30:60] = 1
    score = regulariser(torch.randn(1, 2, 96, 96), mask)
    assert regulariser.vae.latent == 9
    assert bool(torch.isfinite(score).all())


def test_weights_of_another_kind_or_without_a_description_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(GradientVAE().state_dict(), path)
    with pytest.raises(InputError, match=r"model\.pt: weights of a GradientVAE, expected a regis"):
        network_of(path, PairNetwork)
    state = RecurrentMotionNet().state_dict()
    del state["_extra_state"]
    torch.save(state, path)
    with pytest.raises(InputError, match="do not say what network they are of"):
        network_of(path, PairNetwork)
    state["_extra_state"] = torch.tensor([1, 2, 3], dtype=torch.uint8)
    torch.save(state, path)
    with pytest.raises(InputError, match="description is damaged"):
        network_of(path, PairNetwork)


def test_fine_tuning_keeps_what_it_is_configured_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.save(RecurrentMotionNet(spacing=1.5).state_dict(), tmp_path / "model.pt")
    network = RecurrentMotionNet(spacing=2.0)
    start_from(network, tmp_path / "model.pt")
    assert network.trained["spacing"] == 2.0
    assert "was trained for" in caplog.text
