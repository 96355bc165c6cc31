"""What R_VAE is held against: the reference implementation's cycle and diffeomorphic Demons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from myomotion.core.flow import warp
from myomotion.errors import InputError
from myomotion.reference_cycle import read_reference_cycle, rereferenced
from tests.support.analytic import ring_contraction


def test_rereferencing_inverts_a_known_motion() -> None:
    # r^2 = R^2 + c is the inverse of the contraction r^2 = R^2 - c.
    contraction = ring_contraction(spacing=1.0)
    c = 400 / np.pi
    x = np.stack(np.meshgrid(*[np.arange(96) - 47.5] * 2, indexing="ij"))
    radius = np.hypot(*x)
    inflation = x * (np.sqrt(radius**2 + c) / radius - 1)
    wall = (radius > 18) & (radius < 28)
    field, moved = rereferenced(-inflation, wall)
    inner = ndimage.binary_erosion(moved, iterations=2)
    assert np.abs(field - contraction)[:, inner].max() < 5e-3
    expected = (radius > np.sqrt(18**2 + c)) & (radius < np.sqrt(28**2 + c))
    assert (moved ^ expected).sum() < 0.1 * expected.sum()


def test_reference_files_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 files"):
        read_reference_cycle(tmp_path)
    np.save(tmp_path / "a_disp.npy", np.zeros((3, 2, 8, 8)))
    np.save(tmp_path / "a_ED.npy", np.zeros((8, 8)))
    with pytest.raises(InputError, match="0 voxels"):
        read_reference_cycle(tmp_path)


def test_demons_follow_a_shift_in_the_projects_convention() -> None:
    pytest.importorskip("SimpleITK")
    from myomotion.demons import demons

    rng = np.random.default_rng(0)
    reference = ndimage.gaussian_filter(rng.normal(size=(64, 64)), 4)
    reference = 100 * (reference - reference.min())
    moving = ndimage.shift(reference, (2.0, -1.0), mode="nearest", order=1)
    field = demons(moving, reference)
    middle = field[:, 16:48, 16:48].mean((1, 2))
    assert middle == pytest.approx([2.0, -1.0], abs=0.3)
    warped = warp(torch.from_numpy(moving)[None, None].float(), torch.from_numpy(field)[None])
    error = np.abs(warped[0, 0].numpy() - reference)[16:48, 16:48].mean()
    assert error < 0.2 * np.abs(moving - reference)[16:48, 16:48].mean()
