"""Files that are written several at once are the images, whole, or none."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from myomotion.files import nifti_writer
from myomotion.files.nifti_writer import NiftiWriter


def image(seed: int = 0) -> nib.Nifti1Image:
    """Noise within zeros, as displacements are stored."""
    values = np.zeros((40, 30, 2, 1, 3), np.float32)
    values[10:20, 5:15] = np.random.default_rng(seed).normal(size=(10, 10, 2, 1, 3))
    return nib.Nifti1Image(values, np.diag([1.5, 1.5, 8, 1]))


def test_what_is_read_is_what_was_written_bit_for_bit(tmp_path: Path) -> None:
    with NiftiWriter() as writer:
        for k in range(6):
            writer.write(image(k), tmp_path / f"{k}.nii.gz", sparse=k % 2 == 0)
    for k in range(6):
        found: nib.Nifti1Image = nib.load(tmp_path / f"{k}.nii.gz")
        np.testing.assert_array_equal(np.asarray(found.dataobj), np.asarray(image(k).dataobj))
        assert found.to_bytes()[:352] == image(k).to_bytes()[:352]


def test_an_image_may_be_changed_once_it_is_given_away(tmp_path: Path) -> None:
    values = np.ones((8, 8, 2), np.float32)
    with NiftiWriter() as writer:
        writer.write(nib.Nifti1Image(values, np.eye(4)), tmp_path / "ones.nii.gz")
        values[:] = 2
    assert (np.asarray(nib.load(tmp_path / "ones.nii.gz").dataobj) == 1).all()


def test_memory_that_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 2 * len(image().to_bytes())
    monkeypatch.setattr(nifti_writer, "MOST_BYTES", most)
    with NiftiWriter() as writer:
        for k in range(8):
            writer.write(image(k), tmp_path / f"{k}.nii.gz")
            assert sum(writer._pending.values()) <= most
    assert len(list(tmp_path.iterdir())) == 8


def test_a_file_that_cannot_be_written_is_told_at_the_end(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"), NiftiWriter() as writer:
        writer.write(image(), tmp_path / "nowhere" / "a.nii.gz")


def test_after_an_error_nothing_more_is_written(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), NiftiWriter() as writer:
        for k in range(50):
            writer.write(image(k), tmp_path / f"{k}.nii.gz")
        raise KeyboardInterrupt
    written = len(list(tmp_path.iterdir()))
    assert writer._pool._shutdown and written == len(list(tmp_path.iterdir()))
