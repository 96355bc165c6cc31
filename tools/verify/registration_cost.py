"""What tracking and training cost, against the method's own network in the same run."""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch

from fem_sim.claims import Claim, at_least, at_most, below, circumstances, not_run
from myomotion.core.integrator import FieldIntegrator
from myomotion.inferers.sequence import SequenceInferer
from myomotion.io.built_in.cines import studies_of
from myomotion.losses.plausibility import load_plausibility
from myomotion.losses.registration import RegistrationLoss
from myomotion.networks.siamese import SiameseMotionNet
from myomotion.tracker import Tracker, inference_parts
from tools.bundle import VAE
from tools.evaluate.methods import REFINE_STEPS
from tools.verify.larger_cines import larger_cine

BATCH = 8
REPEATS = 5
LARGEST_LOAD = 0.7  # load average above which times mean nothing
MOST_GB = 2.0
GPU_SECONDS = 1.0


class Size(NamedTuple):
    """A cine that is tracked and what may pass until all its files are there.

    Attributes:
        name: of the claim.
        slices: of the cine; None for the real cine as it is.
        frames: of the cine.
        side: voxels along both axes of a slice; None for those of the real cine.
        limits: seconds, by the number of refinement steps.
    """

    name: str
    slices: int | None
    frames: int | None
    side: int | None
    limits: Mapping[int, float]


SIZES = (
    Size("a real stack", None, None, None, {0: 2.5, REFINE_STEPS: 10.0}),
    Size("ten slices of 30 frames", 10, 30, None, {0: 6.0, REFINE_STEPS: 30.0}),
    Size("256 x 256 x 12 x 50", 12, 50, 256, {0: 40.0}),
)


class Cost(NamedTuple):
    """What tracking one cine took.

    Attributes:
        seconds: from its file to all files.
        processor: seconds of all processors together.
        peak_gb: largest memory of the process, all it holds counted.
    """

    seconds: float
    processor: float
    peak_gb: float


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


def peak_memory() -> float:
    """Largest memory that this process has held, in GB.

    Linux hands the largest memory of a parent down to its children in ``ru_maxrss``, so it is read
    from the process's own status where there is one.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        (line,) = (row for row in status.read_text().splitlines() if row.startswith("VmHWM:"))
        return int(line.split()[1]) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)


def stack_cost(
    study: Mapping[str, object], output: Path, refine_steps: int, first: Mapping[str, object]
) -> Cost:
    """What it takes from a cine's file to all files of the results.

    Args:
        study: from :func:`~myomotion.io.cine.find_studies`.
        output: folder of the results.
        refine_steps: steps of the refinement.
        first: a study that is tracked before, which does not count: libraries start slowly.

    Returns:
        Time of the study, and memory of this process so far.
    """
    tracker = Tracker(refine_steps=refine_steps)
    tracker(first).save(output / "first")
    start, processor = time.perf_counter(), time.process_time()
    tracker(study).save(output / "measured")
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    return Cost(seconds, processor, peak_memory())


def stack_claims(folder: Path) -> Iterator[Claim]:
    """Time and memory of tracking, each size of cine in a process of its own.

    Args:
        folder: of real studies; the first is tracked, and repeated to larger cines.
    """
    real = studies_of(folder)[0]
    for size in SIZES:
        for steps, limit in size.limits.items():
            with tempfile.TemporaryDirectory() as place:
                study: Mapping[str, object] = real
                if size.slices is not None and size.frames is not None:
                    study = larger_cine(
                        real, Path(place) / "cine", size.slices, size.frames, size.side
                    )
                # No process that has measured something else: its memory would count.
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
                    results = Path(place) / "results"
                    cost = alone.submit(stack_cost, study, results, steps, real).result()
            name = f"{size.name}, {'refined' if steps else 'network'}"
            print(
                f"{name}: {cost.seconds:.2f} s from file to files, {cost.processor:.2f} s of "
                f"processors, {cost.peak_gb:.2f} GB",
                flush=True,
            )
            note = f"{cost.processor:.1f} s of processors"
            yield at_most(f"{name}: from file to files", cost.seconds, limit, "s", note)
            yield below(f"{name}: peak memory", cost.peak_gb, MOST_GB, "GB")


def cost_claims(folder: Path | None) -> Iterator[Claim]:
    """Time and memory; only on a quiet machine.

    Args:
        folder: of real studies; None measures pairs alone.
    """
    load = os.getloadavg()[0]
    machine = circumstances(None, load)["machine"]
    print(
        f"{machine['cpu']}, {machine['cores']} cores, {torch.get_num_threads()} threads, "
        f"load {load:.2f}",
        flush=True,
    )
    if load > LARGEST_LOAD:
        reason = f"the machine is busy (load {load:.1f}, need {LARGEST_LOAD})"
        yield not_run("time of a pair, of a stack and in training", "-", reason)
        return
    theirs, ours = pair_seconds()
    note = f"{1e3 * theirs:.0f} ms and {1e3 * ours:.1f} ms"
    yield at_least("a pair: the paper's network / ours, times", theirs / ours, 20, "", note)
    theirs, ours = training_seconds(VAE / "models" / "model.pt")
    note = f"{1e3 * theirs:.0f} ms and {1e3 * ours:.1f} ms, data in memory"
    yield at_least("a pair in training: the paper's network / ours", theirs / ours, 8, "", note)
    if folder is None:
        yield not_run("time and memory of stacks", "-", "no folder of real studies given")
        return
    yield from stack_claims(folder)


def gpu_claims(folder: Path | None) -> Iterator[Claim]:
    """Time of the refined motion of all slices and frames of a stack on a GPU, after a first run.

    Args:
        folder: of real studies; the first is tracked.
    """
    name = "a real stack on a GPU, refined: motion of all frames"
    if folder is None or not torch.cuda.is_available():
        yield not_run(name, "-", "no folder of real studies given" if folder is None else "no GPU")
        return
    study = studies_of(folder)[0]
    tracker = Tracker(refine_steps=REFINE_STEPS)
    loaded = tracker.load(dict(study))

    def motion() -> None:
        tracker.motion(loaded)
        torch.cuda.synchronize()

    with tempfile.TemporaryDirectory() as place:
        motion_time = seconds(motion)
        whole = seconds(lambda: tracker(study).save(place))
    note = f"{torch.cuda.get_device_name()}; {whole:.2f} s from file to files"
    yield at_most(name, motion_time, GPU_SECONDS, "s", note)


__all__ = ["cost_claims", "gpu_claims", "pair_seconds", "stack_claims", "training_seconds"]
