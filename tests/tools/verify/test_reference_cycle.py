"""The cycle of the reference implementation: read, checked, referred to end-diastole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from myomotion.errors import InputError
from tests.support.analytic import ring_contraction
from tools.verify.autoencoder.reference_cycle import read_reference_cycle, rereferenced


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
