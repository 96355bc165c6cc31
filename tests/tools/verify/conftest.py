"""Fields of a contracting ring, and R_VAE with the weights of an untrained autoencoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from myomotion.losses.plausibility import Plausibility, load_plausibility
from tests.support.analytic import ring_contraction, ring_labels
from tools.verify.autoencoder.measures import FieldSet


@pytest.fixture(scope="package")
def fields() -> FieldSet:
    """Four area-preserving contractions."""
    drops = (300.0, 500.0, 700.0, 900.0)
    u = np.stack([ring_contraction(area_drop=drop) for drop in drops])
    mask = np.broadcast_to(ring_labels() == 2, (len(drops), 1, 96, 96)).copy()
    return FieldSet(torch.from_numpy(u).float(), torch.from_numpy(mask).float())


@pytest.fixture
def generator() -> torch.Generator:
    """Of the random numbers of a test."""
    return torch.Generator().manual_seed(0)


@pytest.fixture
def regulariser(vae_weights: Path) -> Plausibility:
    """R_VAE."""
    return load_plausibility(vae_weights)
