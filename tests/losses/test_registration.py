"""Networks, the loss and tracking a sequence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.metrics import DiceMetric

from myomotion.core.integrator import FieldIntegrator
from myomotion.inferers.sequence import SequenceInferer
from myomotion.losses.plausibility import Plausibility, dilate
from myomotion.losses.registration import RegistrationLoss
from myomotion.losses.similarity import CrossCorrelation, MeanSquares, MixedSimilarity
from myomotion.losses.smoothness import SmoothnessPenalty
from myomotion.networks.gradient_vae import GradientVAE
from myomotion.networks.recurrent import RecurrentMotionNet
from myomotion.networks.siamese import SiameseMotionNet
from myomotion.networks.weights import load_state
from myomotion.training.pairs import Agreement, PreparePairs, WarpedWalls
from myomotion.transforms.frame_pairs import RandFramePairs
from tests.support.analytic import ring_labels

NETWORKS = {
    "recurrent": lambda: RecurrentMotionNet((8, 8, 16), 8, (1, 2, 2)),
    "siamese": lambda: SiameseMotionNet(width=4),
}


def batch(size: int = 2) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    mask = torch.from_numpy(ring_labels() == 2).float().expand(size, 1, -1, -1)
    return {"image": torch.rand(size, 2, 96, 96), "mask": mask, "mask_moving": mask}


def loss_with(vae_weights: Path, alpha: float) -> RegistrationLoss:
    vae = GradientVAE()
    load_state(vae, vae_weights)
    return RegistrationLoss(FieldIntegrator(), Plausibility(vae), alpha)


@pytest.mark.parametrize("name", NETWORKS)
def test_network_gives_one_field_for_a_pair_at_any_batch_size(name: str) -> None:
    network = NETWORKS[name]().train()
    images = torch.rand(3, 2, 96, 80)
    together = network(images)
    assert together.shape == (3, 2, 96, 80)
    assert torch.allclose(network(images[:1]), together[:1], atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_network_scripts_to_the_same_numbers(name: str) -> None:
    network = NETWORKS[name]().eval()
    images = torch.rand(1, 2, 96, 96)
    assert torch.allclose(torch.jit.script(network)(images), network(images), atol=1e-6)


def test_paper_network_has_the_size_of_the_published_one() -> None:
    parameters = sum(p.numel() for p in SiameseMotionNet(width=64).parameters())
    assert parameters == pytest.approx(16.4e6, rel=0.005)


def test_gradient_of_the_regulariser_reaches_every_decoder_of_the_network(
    vae_weights: Path,
) -> None:
    network = RecurrentMotionNet()
    image, target = PreparePairs()(batch())
    output = network(image)
    with_term = loss_with(vae_weights, 1.0)(output, target)
    without = loss_with(vae_weights, 0.0)(output, target)
    (with_term - without).backward()
    heads = [block[-1].weight.grad for block in network.decoder]
    assert all(g is not None and g.abs().max() > 0 for g in heads)


def test_loss_vanishes_for_equal_frames_and_no_motion(vae_weights: Path) -> None:
    data = batch()
    data["image"][:, 1] = data["image"][:, 0]
    _, target = PreparePairs()(data)
    loss = loss_with(vae_weights, 0.0)
    assert loss(torch.zeros(2, 2, 96, 96), target) == 0
    assert loss.terms["regulariser"] >= 0


def test_mask_is_never_empty_or_the_batch_is_refused() -> None:
    data = batch()
    assert PreparePairs(dilation=3)(data)[1]["mask"].sum() > data["mask"].sum()
    data["mask"] = torch.zeros(2, 1, 96, 96)
    with pytest.raises(ValueError, match="empty"):
        PreparePairs()(data)


def test_augmentation_keeps_the_mask_on_the_wall() -> None:
    data = batch()
    data["image"] = data["mask"].expand(-1, 2, -1, -1)
    image, target = PreparePairs(augment=True, noise=0.0, contrast=0.0)(data)
    assert ((image[:, 1:] > 0.5).float() == target["wall"]).float().mean() > 0.995


def test_dilation_grows_a_point_to_a_disc() -> None:
    mask = torch.zeros(1, 1, 9, 9)
    mask[..., 4, 4] = 1
    assert dilate(mask, 3).sum() == 29
    assert torch.equal(dilate(mask, 0), mask)


@pytest.mark.parametrize("kind", ["l2", "bending", "log_jacobian"])
def test_smoothness_penalties_vanish_for_a_shift_and_grow_with_roughness(kind: str) -> None:
    penalty = SmoothnessPenalty(kind)
    mask = torch.ones(1, 1, 32, 32)
    assert penalty(torch.full((1, 2, 32, 32), 4.0), mask).item() == pytest.approx(0.0, abs=1e-12)
    rough = torch.randn(1, 2, 32, 32) * 0.1
    assert penalty(2 * rough, mask) > penalty(rough, mask) > 0


@pytest.mark.parametrize("spacing", [0.75, 1.5])
def test_smoothness_of_a_wave_in_millimetres_is_the_same_at_any_voxel_size(spacing: float) -> None:
    number = 2 * np.pi / 48  # of a wave of 48 mm, along one axis and in one component
    place = torch.arange(0, 144, spacing).double()
    wave = 4 * torch.cos(number * place)[:, None].expand(len(place), len(place))
    field = torch.stack([wave, torch.zeros_like(wave)])[None]
    squares = {"l2": 4**2 * number**2 / 8, "bending": 4**2 * number**4 / 16}  # of 4 and 8 numbers
    for kind, expected in squares.items():
        found = SmoothnessPenalty(kind, spacing)(field, torch.ones_like(field[:, :1]))
        assert found.item() == pytest.approx(expected, rel=0.1)


def test_velocity_is_unfolded_and_invertible_and_displacement_is_not_inverted() -> None:
    torch.manual_seed(0)
    output = torch.nn.functional.interpolate(torch.randn(1, 2, 8, 8) * 6, size=(96, 96))
    assert FieldIntegrator()(output)[..., 0, :].abs().max() == 0
    with pytest.raises(ValueError, match="only a velocity"):
        FieldIntegrator("displacement")(output, inverse=True)
    with pytest.raises(ValueError, match="'velocity' or 'displacement'"):
        FieldIntegrator("speed")


def test_cross_correlation_prefers_the_aligned_image_whatever_its_contrast() -> None:
    image = torch.rand(1, 1, 48, 48)
    loss = CrossCorrelation()
    assert loss(0.5 * image + 0.2, image) < loss(image.roll(3, -1), image)


def test_mixed_similarity_of_equal_images_is_0_and_adds_up_where_they_are_apart() -> None:
    image = torch.rand(1, 1, 48, 48)
    shifted, mixed = image.roll(3, -1), MixedSimilarity(0.5)
    assert mixed(image, image).item() == pytest.approx(0, abs=1e-4)
    apart = MeanSquares()(shifted, image) + 0.5 * (1 + CrossCorrelation()(shifted, image))
    assert mixed(shifted, image).item() == pytest.approx(apart.item())
    assert mixed(shifted, image) > MeanSquares()(shifted, image) + 0.2


@pytest.mark.parametrize("name", NETWORKS)
def test_sequence_equals_pair_by_pair_and_the_reference_does_not_move(name: str) -> None:
    network = NETWORKS[name]().eval()
    cines = torch.rand(1, 2, 5, 96, 96)
    with torch.no_grad():
        whole = SequenceInferer(batch_size=3)(cines, network)
        scripted = SequenceInferer(batch_size=3)(cines, lambda x: network(x))
        assert whole.shape == (1, 2, 5, 2, 96, 96)
        assert whole[:, :, 0].abs().max() == 0
        pair = network(torch.stack([cines[0, 1, 3], cines[0, 1, 0]])[None])
    assert torch.allclose(whole[0, 1, 3], pair[0], atol=1e-5)
    assert torch.allclose(whole, scripted, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_slices_of_few_frames_are_tracked_in_one_pass_and_as_each_alone(name: str) -> None:
    network = NETWORKS[name]().eval()
    cines = torch.rand(1, 5, 3, 96, 96)
    passes: list[int] = []
    network.register_forward_pre_hook(lambda _, seen: passes.append(len(seen[0])))
    with torch.no_grad():
        together = SequenceInferer(batch_size=6)(cines, network)
        paired = SequenceInferer(batch_size=6)(cines, lambda x: network(x))
        alone = [SequenceInferer(batch_size=2)(cines[:, [z]], network) for z in range(5)]
    assert sorted(passes) == [4, 6]  # three slices of two moving frames, and two, on threads
    assert torch.allclose(together, torch.cat(alone, 1), atol=1e-5)
    assert torch.allclose(paired, together, atol=1e-5)


def test_validation_uses_dice_where_labelled_and_the_image_elsewhere() -> None:
    axis = torch.arange(32.0) - 15.5
    radius = torch.hypot(axis[:, None], axis[None, :])
    wall = ((radius > 6) & (radius < 10)).float()[None, None]
    image = torch.exp(-((radius / 8) ** 2))[None, None]
    shift = torch.zeros(1, 2, 32, 32)
    shift[:, 0] = 2.0
    moving = torch.roll(image, 2, dims=2)
    target = {
        "moving": moving,
        "reference": image,
        "wall": wall,
        "moving_wall": torch.roll(wall, 2, dims=2),
    }
    agreement = Agreement(FieldIntegrator("displacement"))
    labelled = agreement({"pred": shift, "label": target})
    assert labelled > 0.95
    assert agreement({"pred": torch.zeros_like(shift), "label": target}) < 0.8
    blind = {**target, "moving_wall": torch.zeros_like(wall)}
    assert agreement({"pred": shift, "label": blind}) > 0.9
    assert agreement({"pred": torch.zeros_like(shift), "label": blind}) == 0


def test_dice_of_warped_walls_is_that_of_the_pairs_with_a_label() -> None:
    wall = (torch.from_numpy(ring_labels()) == 2).float()[None, None]
    moved = torch.roll(wall, 2, dims=2)
    still, shift = torch.zeros(2, 2, 2, 96, 96)
    shift[:, 0] = 2
    target = {
        "wall": wall.expand(2, -1, -1, -1),
        "moving_wall": torch.cat([moved, torch.zeros_like(moved)]),
    }
    overlap = 2 * float((wall * moved).sum() / (wall.sum() + moved.sum()))
    walls = WarpedWalls(FieldIntegrator("displacement"))
    for pred, expected in ((shift, 1.0), (still, overlap)):
        dice = DiceMetric()
        dice(*walls({"pred": pred, "label": target}))
        assert float(dice.aggregate()) == pytest.approx(expected, abs=1e-6)


def test_labels_of_the_moving_frame_teach_only_where_they_are() -> None:
    wall = (torch.from_numpy(ring_labels()) == 2).float()[None, None]
    moved = torch.roll(wall, 3, dims=2)
    flat = torch.zeros(2, 1, 96, 96)
    target = {
        "moving": flat,
        "reference": flat,
        "mask": wall.expand(2, -1, -1, -1),
        "wall": wall.expand(2, -1, -1, -1),
        "moving_wall": torch.cat([moved, torch.zeros_like(moved)]),
    }
    loss = RegistrationLoss(
        FieldIntegrator("displacement"), SmoothnessPenalty("l2"), alpha=0.0, labels=1.0
    )
    still = torch.zeros(2, 2, 96, 96, requires_grad=True)
    value = loss(still, target)
    shift = torch.zeros(2, 2, 96, 96)
    shift[:, 0] = 3.0
    assert loss(shift, target) < 0.1 < value
    assert loss.terms["dice_loss"] < 0.1
    value.backward()
    assert still.grad[0].abs().max() > 0
    assert still.grad[1].abs().max() == 0
    unlabelled = {**target, "moving_wall": torch.zeros_like(target["moving_wall"])}
    assert loss(shift, unlabelled) == 0


def test_loss_is_the_sum_of_its_weighted_parts_and_counts_known_motion_alone() -> None:
    l2, bending = (SmoothnessPenalty(kind) for kind in ("l2", "bending"))
    integrator = FieldIntegrator("displacement")
    loss = RegistrationLoss(integrator, l2, alpha=3.0, supervision=0.5, smoothness=7.0)
    output = 2 * torch.sin(torch.arange(96.0) / 4).expand(2, 2, 96, 96)
    millimetres = 1.5 * integrator(output)
    mask = (torch.from_numpy(ring_labels()) == 2).float().expand(2, 1, -1, -1)
    truth = millimetres.clone()
    truth[:, 0] += 2  # 4 mm^2 on the mask, and a tenth of that over the grid
    truth[1, 0, 0, 0] = float("nan")
    flat = torch.ones(2, 1, 96, 96)
    target = {"moving": flat, "reference": 0.6 * flat, "mask": mask, "truth": truth}
    stiff, bent = (float(part(millimetres, mask)[0]) for part in (l2, bending))
    assert min(3 * stiff, 7 * bent) > 1e-3
    expected = 0.4**2 + 3 * stiff + 7 * bent + 0.5 * (4 + 0.4)
    assert loss(output, target).item() == pytest.approx(expected, rel=1e-5)
    assert loss.terms["squared_error_mm2"].item() == pytest.approx(4.4)


def test_share_of_labelled_frames_among_drawn_pairs() -> None:
    ring = torch.ones(1, 1, 8, 8)
    item = {"image": torch.rand(1, 20, 8, 8), "mask": ring, "mask_es": ring, "es_index": 7}
    for share, least, most in ((0.0, 0.0, 0.15), (0.5, 0.35, 0.65), (1.0, 1.0, 1.0)):
        draw = RandFramePairs(200, labelled_share=share).set_random_state(0)
        labelled = [bool(p["mask_moving"].any()) for p in draw(item)]
        assert least <= sum(labelled) / 200 <= most
