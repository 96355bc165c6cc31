"""What R_VAE costs beside the networks it regularises."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from myomotion.core.flow import warp
from myomotion.losses.plausibility import Plausibility
from myomotion.networks.recurrent import RecurrentMotionNet
from myomotion.networks.siamese import SiameseMotionNet

BATCH = 32
NETWORK_BATCH = 8  # pairs at once; the time of a batch of 32 is four times that
SIZE = 96


@dataclass(frozen=True)
class Cost:
    """Time of one forward and backward pass of a batch of 32, 96 x 96, in seconds.

    Attributes:
        regulariser: R_VAE of 32 fields, with respect to the displacement.
        reference: the paper's network of width 64, warping and mean squares.
        default: the default network, warping and mean squares.
        share: median over the repeats of ``regulariser / reference``.
        share_of_default: median over the repeats of ``regulariser / default``.
        threads: of torch.
    """

    regulariser: float
    reference: float
    default: float
    share: float
    share_of_default: float
    threads: int


def measure_cost(regulariser: Plausibility, repeats: int = 3) -> Cost:
    """Time R_VAE and both networks in turn, so that other load on the machine meets all of them.

    Args:
        regulariser: R_VAE.
        repeats: of which the medians are taken, after one pass that is not counted.

    Returns:
        The times.
    """
    device = regulariser.vae.gradient_std.device
    reference = _registration(SiameseMotionNet(width=64).to(device))
    default = _registration(RecurrentMotionNet().to(device))
    score = _score(regulariser)
    rows = []
    for _ in range(repeats + 1):
        rows.append(
            (
                _seconds(score, device),
                _seconds(reference, device) * BATCH / NETWORK_BATCH,
                _seconds(default, device) * BATCH / NETWORK_BATCH,
            )
        )
    rows = rows[1:]
    middle = [statistics.median(column) for column in zip(*rows, strict=True)]
    return Cost(
        regulariser=middle[0],
        reference=middle[1],
        default=middle[2],
        share=statistics.median(r / n for r, n, _ in rows),
        share_of_default=statistics.median(r / n for r, _, n in rows),
        threads=torch.get_num_threads(),
    )


def _score(regulariser: Plausibility) -> Callable[[], None]:
    like = regulariser.vae.gradient_std
    axis = torch.arange(SIZE, dtype=like.dtype, device=like.device) - (SIZE - 1) / 2
    radius = torch.hypot(axis[:, None], axis[None, :])
    mask = ((radius > 15) & (radius < 22)).to(like)[None, None].expand(BATCH, -1, -1, -1)
    field = torch.randn(BATCH, 2, SIZE, SIZE, device=like.device, requires_grad=True)

    def step() -> None:
        field.grad = None
        regulariser(field, mask).sum().backward()

    return step


def _registration(network: nn.Module) -> Callable[[], None]:
    like = next(network.parameters())
    image = torch.rand(NETWORK_BATCH, 2, SIZE, SIZE, device=like.device)

    def step() -> None:
        network.zero_grad()
        warped = warp(image[:, :1], network(image))
        ((warped - image[:, 1:]) ** 2).mean().backward()

    return step


def _seconds(step: Callable[[], None], device: torch.device) -> float:
    _wait(device)
    start = time.perf_counter()
    step()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
