"""Segment, correct, track again: one round with all three bundles in a real MONAI Label server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from tests.downstream.environments import field, run_directly
from tests.downstream.label_server import REGISTRATION, SEGMENTATION, Server, running_server
from tests.support.studies import write_study

pytestmark = pytest.mark.downstream
STEPS = "5"  # of the refinement, in which the autoencoder has its say


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cine with its true contours."""
    folder = tmp_path_factory.mktemp("round") / "drawn"
    write_study(folder)
    return folder


@pytest.fixture(scope="module")
def server(drawn: Path) -> Iterator[Server]:
    """A server that has the cine without contours, and refines."""
    studies = drawn.parent / "studies"
    studies.mkdir()
    shutil.copyfile(drawn / "sa.nii.gz", studies / "heart.nii.gz")
    with running_server(drawn.parent, studies, "--refine-steps", STEPS) as made:
        yield made


def written(content: bytes, path: Path) -> sitk.Image:
    path.write_bytes(content)
    return sitk.ReadImage(str(path))


def tracked(server: Server, path: Path, **asked: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """The field of a frame ``(X, Y, Z, 3)`` and the numbers that the server gives with it."""
    asked = {"image": "heart", "frame": 2, **asked}
    image = written(server.infer(REGISTRATION, "image", **asked), path)
    told = json.loads(server.infer(REGISTRATION, "json", **asked, numbers=True))
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0, 3), told["numbers"]


def test_segment_correct_and_track_again(server: Server, drawn: Path, tmp_path: Path) -> None:
    asked = {"image": "heart", "result_extension": ".nrrd"}
    segmented = written(server.infer(SEGMENTATION, "image", **asked), tmp_path / "drawn.nrrd")
    before, first = tracked(server, tmp_path / "before.nrrd")
    assert first["label_ed_from"] == "drawn by ventricle_segmentation"

    # A reader corrects what was drawn, in a viewer on the grid of the answer, and submits it.
    truth = sitk.GetArrayFromImage(sitk.ReadImage(str(drawn / "label_sa_ED.nii.gz")))
    assert (sitk.GetArrayFromImage(segmented) != truth).any()
    corrected = sitk.GetImageFromArray(truth)
    corrected.CopyInformation(segmented)
    sitk.WriteImage(corrected, str(tmp_path / "corrected.nrrd"))
    server.save_label("heart", tmp_path / "corrected.nrrd")
    (kept,) = (server.studies / "labels" / "final").glob("heart.*")
    assert kept.read_bytes() == server.label("heart")

    again = tmp_path / "again" / kept.name
    again.parent.mkdir()
    again.write_bytes(server.label("heart"))
    after, second = tracked(server, tmp_path / "after.nrrd", label=again)
    assert second["label_ed_from"] == "given"
    strains = [n["mean_of_slices_at_end_systole"]["ecc_percent"] for n in (first, second)]
    assert strains[1] < -3 and abs(strains[0] - strains[1]) > 0.05
    assert np.abs(after - before).max() > 0.01  # R_VAE acts on the wall of the label

    study = tmp_path / "study"
    study.mkdir()
    shutil.copyfile(drawn / "sa.nii.gz", study / "sa.nii.gz")
    shutil.copyfile(again, study / "label_sa_ED.nrrd")
    bundle = server.bundles / REGISTRATION
    folder = run_directly(bundle, study, tmp_path / "direct", "--refine_steps", STEPS)
    np.testing.assert_allclose(after, field(folder, 2), atol=1e-3)
    summary = json.loads((folder / "summary.json").read_text())
    for name, value in second["mean_of_slices_at_end_systole"].items():
        assert summary["mean_of_slices_at_end_systole"][name] == pytest.approx(value, abs=0.02)
    assert summary["label_ed_from"] == "given"


def test_label_of_another_grid_is_refused_with_its_reason_in_the_log(
    server: Server, tmp_path: Path
) -> None:
    sitk.WriteImage(sitk.Image(5, 5, 2, sitk.sitkUInt8), str(tmp_path / "small.nii.gz"))
    with pytest.raises(OSError, match="500"):
        server.infer(REGISTRATION, "json", image="heart", label=tmp_path / "small.nii.gz")
    assert not server.refused.exists(), server.refused.read_text()
