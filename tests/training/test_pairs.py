"""Pairs in training: what a random motion on top does to frames, masks and the known motion."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import pytest
import torch
from ignite.engine import Engine

from myomotion.core.flow import warp
from myomotion.core.integrator import FieldIntegrator
from myomotion.losses.registration import RegistrationLoss
from myomotion.losses.smoothness import SmoothnessPenalty
from myomotion.training.checkpoints import on_cpu
from myomotion.training.loss_terms import LossTerms
from myomotion.training.pairs import PreparePairs, random_velocity

SIZE, SPACING = 64, 1.5
INNER = slice(SIZE // 4, 3 * SIZE // 4)


def still_pairs(count: int = 16) -> dict[str, torch.Tensor]:
    """Two frames of one smooth picture each: nothing moves."""
    coarse = torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    picture = torch.nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bicubic").clamp(0, 1)
    wall = torch.zeros(count, 1, SIZE, SIZE)
    wall[:, :, INNER, INNER] = 1
    return {
        "image": torch.cat([picture, picture], dim=1),
        "mask": wall,
        "mask_moving": wall.clone(),
        "truth": torch.zeros(count, 2, SIZE, SIZE),
        "plain_share": torch.ones(count, 1, 1, 1),
    }


def prepared(
    pairs: Mapping[str, torch.Tensor], extra_motion: float, noise: float = 0.0
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    torch.manual_seed(3)
    prepare = PreparePairs(
        augment=True, noise=noise, contrast=0.0, extra_motion=extra_motion, spacing=SPACING
    )
    return prepare(pairs)


def test_extra_motion_is_known_and_brings_the_moving_frame_back() -> None:
    image, target = prepared(still_pairs(), extra_motion=4.0)
    truth = target["truth"] / SPACING
    assert float(truth.norm(dim=1).amax()) > 1  # voxels
    apart = (image[:, :1] - image[:, 1:])[..., INNER, INNER].abs().mean()
    back = (warp(image[:, :1], truth) - image[:, 1:])[..., INNER, INNER].abs().mean()
    assert float(back) < 0.15 * float(apart)
    wrong = (warp(image[:, :1], -truth) - image[:, 1:])[..., INNER, INNER].abs().mean()
    assert float(wrong) > float(apart)
    walls = warp(target["moving_wall"], truth)[..., 4:-4, 4:-4] - target["wall"][..., 4:-4, 4:-4]
    assert float(walls.abs().mean()) < 0.02


def test_without_extra_motion_still_pairs_stay_still() -> None:
    image, target = prepared(still_pairs(), extra_motion=0.0)
    torch.testing.assert_close(image[:, :1], image[:, 1:])
    assert not target["truth"].any()


def test_unknown_motion_stays_unknown() -> None:
    pairs = still_pairs()
    pairs["truth"][0] = torch.nan
    _, target = prepared(pairs, extra_motion=4.0)
    assert bool(target["truth"][0].isnan().all())
    assert bool(target["truth"][1:].isfinite().all())


def test_drawn_frames_get_no_noise_and_plain_ones_their_share() -> None:
    pairs = still_pairs(64)
    pairs["plain_share"][32:] = 0
    image, _ = prepared(pairs, 0.0, noise=0.2)
    difference = (image[:, :1] - image[:, 1:]).abs().mean((1, 2, 3))
    assert float(difference[32:].max()) < 1e-6
    assert float(difference[:32].mean()) > 0.02


@pytest.mark.parametrize("amplitude", [1.0, 3.0])
def test_random_motion_grows_with_its_amplitude_and_fades_out(amplitude: float) -> None:
    torch.manual_seed(0)
    velocity = random_velocity(256, [SIZE, SIZE], amplitude, torch.zeros(()))
    length = velocity.norm(dim=1)
    assert 0.2 < float(length[:, INNER, INNER].mean()) / amplitude < 0.8
    corner = float(length[:, 0, 0].mean())
    assert corner < 0.6 * float(length[:, INNER, INNER].mean())


def logged(*epochs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Metrics after epochs whose batches have these parts of the loss."""
    loss = SimpleNamespace(terms={})

    def step(engine: Engine, batch: Mapping[str, float]) -> None:
        loss.terms = {name: torch.tensor(value) for name, value in batch.items()}

    trainer = Engine(step)
    LossTerms(loss).attach(trainer)
    for epoch, batches in enumerate(epochs, start=1):
        trainer.run(batches, max_epochs=epoch, epoch_length=len(batches))
    return trainer.state.metrics


def test_terms_of_the_loss_are_numbers_in_the_log() -> None:
    _, target = prepared(still_pairs(4), extra_motion=2.0)
    loss = RegistrationLoss(
        lambda output: output,  # type: ignore[arg-type]
        SmoothnessPenalty("l2"),
        0.1,
        supervision=0.02,
    )
    terms = LossTerms(loss)

    class State:
        metrics: dict[str, float] = {}

    class Engine:
        state = State()

    engine: object = Engine()
    terms._start(engine)  # type: ignore[arg-type]
    expected = []
    for factor in (0.0, 1.0):
        loss(target["truth"] / SPACING * factor, target)
        expected.append(float(loss.terms["squared_error_mm2"]))
        terms._add(engine)  # type: ignore[arg-type]
    terms._finish(engine)  # type: ignore[arg-type]
    assert expected[1] < 1e-6 < expected[0]
    assert State.metrics["squared_error_mm2"] == pytest.approx(sum(expected) / 2)


def test_part_that_some_batches_lack_is_the_mean_over_the_others() -> None:
    assert logged([{"a": 1.0, "b": 4.0}, {"a": 3.0}]) == {"a": 2.0, "b": 4.0}


def test_part_of_an_epoch_is_not_logged_for_the_next_that_lacks_it() -> None:
    assert logged([{"a": 1.0, "b": 4.0}], [{"a": 3.0}]) == {"a": 3.0}


@pytest.mark.parametrize("measured", [False, True])
def test_what_no_pair_of_a_batch_knows_is_no_part_of_its_loss(measured: bool) -> None:
    pairs = still_pairs(2)
    if not measured:
        pairs["truth"][:] = torch.nan
        pairs["mask_moving"][:] = 0
    _, target = prepared(pairs, extra_motion=2.0)
    integrator = FieldIntegrator("displacement")
    loss = RegistrationLoss(integrator, SmoothnessPenalty("l2"), 0.0, supervision=1.0, labels=1.0)
    value = loss(torch.zeros(2, 2, SIZE, SIZE), target)
    extra = {"squared_error_mm2", "dice_loss"} if measured else set()
    assert set(loss.terms) == {"similarity", "regulariser", *extra}
    assert (float(value) > float(loss.terms["similarity"])) == measured


def test_weights_are_saved_for_any_machine() -> None:
    class OnDevice(torch.Tensor):
        def cpu(self) -> torch.Tensor:  # type: ignore[override]
            return torch.ones(2)

    state = {"weight": torch.zeros(2).as_subclass(OnDevice), "note": "text"}
    buffer = io.BytesIO()
    torch.save(on_cpu(state), buffer)
    buffer.seek(0)
    read = torch.load(buffer, weights_only=True)
    assert torch.equal(read["weight"], torch.ones(2)) and read["note"] == "text"
