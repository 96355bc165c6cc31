"""What an evaluation or a training could not measure is no number, and never a 0."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from tests.support.bundle_runs import evaluated
from tests.support.seen_hearts import untrained_ventricles, write_slices


def test_study_labelled_at_end_diastole_alone_is_evaluated_without_a_dice(
    small_study: Path, net_weights: Path, tmp_path: Path
) -> None:
    options = {"dataset_dir": str(small_study), "weights": str(net_weights)}
    found = evaluated("cardiac_motion_reg", tmp_path / "out", **options)
    assert math.isfinite(found["agreement"]) and math.isnan(found["dice"])


def test_slices_without_a_right_ventricle_are_evaluated_without_its_dice(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "slices")
    for path in folder.glob("*.npz"):
        with np.load(path) as slice_:
            image, label = slice_["image"], slice_["label"]
        np.savez(path, image=image, label=np.where(label == 3, 0, label))
    weights = untrained_ventricles(tmp_path / "model.pt")
    options = {"dataset_dir": str(folder), "weights": str(weights)}
    found = evaluated("ventricle_segmentation", tmp_path / "out", **options)
    assert [name for name, value in found.items() if math.isnan(value)] == ["right_ventricle"]
