"""VoxelMorph (Balakrishnan et al., IEEE TMI 2019; Dalca et al., Med Image Anal 2019), its package.

The diffeomorphic variant of the published package, trained on the training section of a folder of
virtual cines with its mean squares and its gradient penalty of the velocity. Train it with

python -m tools.peers.voxelmorph --data DIR [--output WEIGHTS.pt]
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fem_sim.command_line import make_parser, run_command
from myomotion.files.outputs import claim
from myomotion.training.checkpoints import save_atomically
from tools.peers import ROOT, PeerError, require_peer

PACKAGE = "voxelmorph"
FEATURES = (16, 32, 32, 32, 32)  # of the levels of the network
WARM_UP = 50  # steps over which the learning rate rises
WEIGHTS = ROOT / "bundles" / ".cache" / "voxelmorph.pt"


def register(
    moving: np.ndarray,
    reference: np.ndarray,
    mask: np.ndarray,
    spacing: float,
    *,
    weights: str = str(WEIGHTS),
) -> np.ndarray:
    """Track with trained weights.

    Args:
        moving: ``(H, W)``, the frame.
        reference: ``(H, W)``, end-diastole.
        mask: not used.
        spacing: voxel size in millimetres.
        weights: file that the training wrote; relative to the root of the project.

    Returns:
        Displacement ``(2, H, W)`` in millimetres: ``moving(X + u(X))`` looks like ``reference(X)``.

    Raises:
        ImportError: without voxelmorph.
        PeerError: if there are no weights.
    """
    network = _trained(str(ROOT / weights))
    pair = [torch.from_numpy(np.asarray(x, np.float32))[None, None] for x in (moving, reference)]
    with torch.no_grad():
        return (network(*pair)[0] * spacing).numpy()


def make_network(seed: int = 0) -> torch.nn.Module:
    """The package's pairwise network in 2-D with a stationary velocity field, untrained."""
    from voxelmorph.nn.models import VxmPairwise

    torch.manual_seed(seed)
    network: torch.nn.Module = VxmPairwise(
        ndim=2,
        source_channels=1,
        target_channels=1,
        nb_features=FEATURES,
        integration_steps=5,
    )
    return network


def train(
    images: Sequence[torch.Tensor],
    *,
    smoothness: float = 0.01,
    steps: int = 3000,
    batch_size: int = 8,
    learning_rate: float = 1e-3,
    seed: int = 0,
    progress: bool = True,
) -> torch.nn.Module:
    """Train on pairs of a random frame and end-diastole, turned and mirrored at random.

    Args:
        images: of each cine ``(Z, T, H, W)``, end-diastole first.
        smoothness: weight of the package's gradient penalty beside its mean squares.
        steps: batches.
        batch_size: pairs in a batch.
        learning_rate: largest step of Adam; it falls to zero as a cosine.
        seed: of weights and draws.
        progress: show a progress bar.

    Returns:
        The network.
    """
    from neurite.nn.modules import MSE, SpatialGradient
    from tqdm import trange

    network = make_network(seed).train()
    similarity, penalty = MSE(), SpatialGradient(penalty="l2")
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=steps, pct_start=min(0.3, WARM_UP / steps)
    )
    rng = np.random.default_rng(seed)
    for _ in trange(steps, desc="voxelmorph", disable=not progress):
        frame, fixed = _draw(images, batch_size, rng)
        velocity, warped = network(
            frame, fixed, return_warped_source=True, return_field_type="velocity"
        )
        loss = similarity(fixed, warped) + smoothness * penalty(velocity)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def _draw(
    images: Sequence[torch.Tensor], count: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Moving and reference frames ``(count, 1, H, W)``."""
    pairs = []
    for _ in range(count):
        cine = images[int(rng.integers(len(images)))]
        frames = cine[rng.integers(len(cine))]
        pair = torch.stack([frames[rng.integers(1, len(frames))], frames[0]]).float()
        pair = torch.rot90(pair, int(rng.integers(4)), (1, 2))
        pairs.append(pair.flip(2) if rng.integers(2) else pair)
    batch = torch.stack(pairs)
    return batch[:, :1], batch[:, 1:]


@cache
def _trained(path: str) -> torch.nn.Module:
    require_peer("voxelmorph")
    if not Path(path).is_file():
        raise PeerError(
            f"voxelmorph: no weights {path}. Train them with python -m tools.peers.voxelmorph "
            "--data FOLDER_OF_VIRTUAL_CINES."
        )
    network = make_network()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the training."""
    parser = make_parser("tools.peers.voxelmorph", __doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of virtual cines")
    parser.add_argument("--output", type=Path, default=WEIGHTS, help="weights to write")
    parser.add_argument("--smoothness", type=float, default=0.01, help="weight of the penalty")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    return run_command(lambda: _train(options), level=logging.INFO)


def _train(options: argparse.Namespace) -> None:
    require_peer("voxelmorph")
    claim(options.output)
    images = _read_images(options.data)
    network = train(images, smoothness=options.smoothness, steps=options.steps, seed=options.seed)
    save_atomically(network.state_dict(), options.output)


def _read_images(folder: Path) -> list[torch.Tensor]:
    from myomotion.io.built_in.cines import studies_of
    from myomotion.transforms.load_cine import LoadCine

    load: Any = LoadCine()
    return [load(study)["image"].half() for study in studies_of(folder, "training")]


if __name__ == "__main__":
    sys.exit(main())
