"""What tracking and training cost, against the method's own network in the same run."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

from myomotion.core.integrator import FieldIntegrator
from myomotion.inferers.sequence import SequenceInferer
from myomotion.losses.plausibility import load_plausibility
from myomotion.losses.registration import RegistrationLoss
from myomotion.networks.siamese import SiameseMotionNet
from myomotion.tracker import Tracker, inference_parts

BATCH = 8
REPEATS = 5


def seconds(action: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Median wall time of an action, after one run that does not count."""
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return median(times)


def pair_seconds() -> tuple[float, float]:
    """Time of one pair: the reference network, both images encoded every time; ours in a sequence.

    The reference network is the paper's (width 64, single precision), batch 8, without integration.
    Ours tracks 29 frames of one slice, the end-diastolic features encoded once.

    Returns:
        Seconds a pair, reference and ours.
    """
    reference = SiameseMotionNet(width=64).eval()
    images = torch.rand(BATCH, 2, 96, 96)
    network = inference_parts().get_parsed_content("network").eval()
    inferer = SequenceInferer(BATCH)
    cine = torch.rand(1, 1, 30, 96, 96)
    with torch.no_grad():
        theirs = seconds(lambda: reference(images)) / BATCH
        ours = seconds(lambda: inferer(cine, network)) / 29
    return theirs, ours


def training_seconds(vae_weights: Path) -> tuple[float, float]:
    """Time of one pair in training, batch 8: forward, loss, backward and Adam.

    The reference is the paper's network with its displacement warped and R_VAE; ours is the
    configured network with scaling and squaring and R_VAE. Data are in memory for both.

    Args:
        vae_weights: weights of the autoencoder.

    Returns:
        Seconds a pair, reference and ours.
    """
    regulariser = load_plausibility(vae_weights)
    images, mask = torch.rand(BATCH, 2, 96, 96), torch.zeros(BATCH, 1, 96, 96)
    mask[:, :, 30:66, 30:66] = 1
    mask[:, :, 38:58, 38:58] = 0
    target = {"moving": images[:, :1], "reference": images[:, 1:], "mask": mask}
    times = []
    for network, field in (
        (SiameseMotionNet(width=64), "displacement"),
        (inference_parts().get_parsed_content("network_def"), "velocity"),
    ):
        loss = RegistrationLoss(FieldIntegrator(field), regulariser, 0.005)
        optimizer = torch.optim.Adam(network.parameters())

        def step(network: Any = network, loss: Any = loss, optimizer: Any = optimizer) -> None:
            optimizer.zero_grad()
            loss(network(images), target).backward()
            optimizer.step()

        times.append(seconds(step, 3) / BATCH)
    return times[0], times[1]


def stack_seconds(study: dict[str, object], output: Path, refine_steps: int) -> tuple[float, float]:
    """Time from a cine's file to all files of the results, and the process's peak memory.

    Args:
        study: from :func:`~myomotion.io.cine.find_studies`.
        output: folder of the results.
        refine_steps: steps of the refinement.

    Returns:
        Seconds and gigabytes (of this process so far).
    """
    tracker = Tracker(refine_steps=refine_steps)
    start = time.perf_counter()
    tracker(study).save(output)
    elapsed = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return elapsed, peak / (2**30 if sys.platform == "darwin" else 2**20)


__all__ = ["pair_seconds", "stack_seconds", "training_seconds"]
