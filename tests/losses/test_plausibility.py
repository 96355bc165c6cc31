"""R_VAE: deterministic, differentiable, and blind to what must not matter."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from myomotion.errors import InputError
from myomotion.losses.plausibility import Plausibility, gradient_patch
from myomotion.networks.gradient_vae import GradientVAE
from myomotion.networks.weights import load_state
from myomotion.training.vae import GradientELBO, SamplingVAE
from tests.support.analytic import as_batch, ring_contraction, ring_labels


@pytest.fixture
def regulariser(vae_weights: Path) -> Plausibility:
    vae = GradientVAE()
    load_state(vae, vae_weights)
    return Plausibility(vae.double())


def ring(size: int = 96) -> tuple[torch.Tensor, torch.Tensor]:
    mask = torch.from_numpy(ring_labels(size) == 2)[None, None].double()
    return as_batch(ring_contraction(size)), mask


def test_score_is_deterministic_in_train_mode_and_the_autoencoder_frozen(
    regulariser: Plausibility,
) -> None:
    field, mask = ring()
    regulariser.train()
    assert not regulariser.vae.training
    assert torch.equal(regulariser(field, mask), regulariser(field, mask))
    assert not any(p.requires_grad for p in regulariser.vae.parameters())


def test_score_is_differentiable(regulariser: Plausibility) -> None:
    field, mask = ring()
    field.requires_grad_(True)
    regulariser(field, mask).sum().backward()
    direction = torch.randn_like(field)
    step = 1e-5
    with torch.no_grad():
        difference = regulariser(field + step * direction, mask) - regulariser(
            field - step * direction, mask
        )
    expected = float(difference) / (2 * step)
    assert float((field.grad * direction).sum()) == pytest.approx(expected, rel=1e-5)


def test_gradcheck_in_double_precision() -> None:
    torch.manual_seed(0)
    vae = GradientVAE(channels=(4, 4), latent=3, size=8).double()
    regulariser = Plausibility(vae)
    mask = torch.zeros(2, 1, 8, 8, dtype=torch.float64)
    mask[:, :, 2:6, 2:6] = 1
    field = torch.randn(2, 2, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda u: regulariser(u, mask), (field,), fast_mode=True)


def test_score_does_not_depend_on_batch_crop_or_position(regulariser: Plausibility) -> None:
    field, mask = ring()
    alone = regulariser(field, mask)
    twice = regulariser(field.repeat(2, 1, 1, 1), mask.repeat(2, 1, 1, 1))
    assert torch.allclose(twice, alone.expand(2), rtol=1e-10)
    cropped = regulariser(field[..., 10:-6, 8:-8], mask[..., 10:-6, 8:-8])
    assert cropped.item() == pytest.approx(alone.item(), rel=1e-6)
    padded = [torch.nn.functional.pad(x, (20, 3, 5, 30), mode="replicate") for x in (field, mask)]
    assert regulariser(*padded).item() == pytest.approx(alone.item(), rel=1e-6)


def test_score_hardly_depends_on_pixel_spacing(vae_weights: Path) -> None:
    vae = GradientVAE()
    load_state(vae, vae_weights)
    scores = []
    for size, spacing in ((96, 1.5), (144, 1.0), (128, 1.125)):
        mask = torch.from_numpy(ring_labels(size, spacing) == 2)[None, None].float()
        field = as_batch(ring_contraction(size, spacing)).float()
        scores.append(Plausibility(vae, spacing=spacing)(field, mask).item())
    assert max(scores) / min(scores) < 1.1  # what is left is the pixelated mask


def test_score_ignores_rotation_of_the_deformed_state(regulariser: Plausibility) -> None:
    field, mask = ring()
    angle = torch.tensor(15.0, dtype=torch.float64).deg2rad()
    rotation = torch.stack(
        [torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])]
    )
    axis = torch.arange(96, dtype=torch.float64) * 1.5
    material = torch.stack(torch.meshgrid(axis, axis, indexing="ij"))[None]
    turned = torch.einsum("ij,bjhw->bihw", rotation, material + field) - material
    assert regulariser(turned, mask).item() == pytest.approx(
        regulariser(field, mask).item(), rel=1e-6
    )
    regulariser.vae.rotation_free.fill_(False)
    assert regulariser(turned, mask).item() > 1.05 * regulariser(field, mask).item()


def test_patch_is_not_interpolated_on_the_autoencoders_own_spacing() -> None:
    field, mask = ring()
    patch = gradient_patch(field, mask, 1.5, 96, rotation_free=False)
    assert set(patch.mask.unique().tolist()) == {0.0, 1.0}
    assert patch.mask.sum() == mask.sum()


def test_empty_mask_and_nan_are_refused(regulariser: Plausibility) -> None:
    field, mask = ring()
    with pytest.raises(ValueError, match="empty"):
        regulariser(field, torch.zeros_like(mask))
    with pytest.raises(ValueError, match="NaN"):
        regulariser(field * float("nan"), mask)
    with pytest.raises(ValueError, match="mask must be"):
        regulariser(field, mask[..., :90])


def test_size_not_divisible_is_refused() -> None:
    with pytest.raises(ValueError, match="divisible by 16"):
        GradientVAE(size=90)


def test_training_loss_samples_and_validation_does_not(vae_weights: Path) -> None:
    network = SamplingVAE(GradientVAE())
    gradient = torch.randn(2, 4, 80, 80)
    target = {"gradient": gradient, "mask": torch.ones(2, 1, 80, 80)}
    loss = GradientELBO()
    assert loss(network.train()(gradient), target) != loss(network(gradient), target)
    network.eval()
    assert torch.equal(network(gradient)[0], network(gradient)[0])


def test_weights_of_another_network_are_named(vae_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"to_mean.weight is \(32, 6400\)"):
        load_state(GradientVAE(latent=16), vae_weights)
    pickle = tmp_path / "evil.pt"
    torch.save({"network": GradientVAE()}, pickle)
    with pytest.raises(InputError, match="not a plain state dict"):
        load_state(GradientVAE(), pickle)
    with pytest.raises(InputError, match="no such weights file"):
        load_state(GradientVAE(), tmp_path / "none.pt")
