"""What the configurations of the autoencoder call; see :mod:`~myomotion.parts.shared`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from myomotion.io.built_in import cycles
from myomotion.networks import weights
from myomotion.networks.described import check_kind
from myomotion.networks.gradient_vae import GradientVAE
from myomotion.parts.shared import by_section, exits
from myomotion.transforms.save_scores import SaveScores

inference_cycles = exits(cycles.cycles)
training_data = by_section(cycles.cycles)


@exits
def check_network(network: object) -> None:
    """Refuse another network than an autoencoder of gradients, see :func:`check_kind`."""
    check_kind(network, GradientVAE)


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
