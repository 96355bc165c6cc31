"""What the configurations of the autoencoder call; see :mod:`~myomotion.parts.shared`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from myomotion.io.built_in import cycles
from myomotion.networks import weights
from myomotion.networks.gradient_vae import GradientVAE
from myomotion.parts.shared import exits, first_alone
from myomotion.transforms.save_scores import SaveScores

inference_cycles = exits(cycles.cycles)


@exits
def check_scores(
    save: SaveScores, cycles: Sequence[Mapping[str, object]], inputs: Sequence[object]
) -> None:
    """Places of the scores of cycles, see :meth:`SaveScores.check`."""
    save.check([entry["cycle"] for entry in cycles], *inputs)


@exits
def vae_of(path: str | Path) -> GradientVAE:
    """The autoencoder that weights describe, see :func:`weights.network_of`."""
    return weights.network_of(path, GradientVAE)


@exits
def training_data(dataset_dir: str | Path | None, **built: Any) -> dict[str, list[dict[str, str]]]:
    """Training and validation data.

    Args:
        dataset_dir: the user's folder of cycles, None for built-in ones.
        built: ``cache``, ``preset``, ``slices`` and ``seed`` of the built-in ones.

    Returns:
        Entries by section, ``training`` and ``validation``.
    """
    return first_alone(
        lambda: {s: cycles.cycles(dataset_dir, s, **built) for s in ("training", "validation")}
    )
