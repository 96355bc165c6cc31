"""The bundles in a real MONAI Label server on this machine.

What the server answers is compared with what the bundle writes when run directly.
"""

from __future__ import annotations

import json
import shutil
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.downstream.environments import field, run_directly
from tests.downstream.label_server import REGISTRATION, SEGMENTATION, Server, running_server
from tests.support.studies import write_study
from tools.package.__main__ import NAMES

pytestmark = pytest.mark.downstream


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the bundles and a drawn cine on an oblique grid, stopped at the end."""
    folder = tmp_path_factory.mktemp("label")
    write_study(folder / "drawn")
    (folder / "studies").mkdir()
    shutil.copyfile(folder / "drawn" / "sa.nii.gz", folder / "studies" / "drawn.nii.gz")
    with running_server(folder, folder / "studies") as made:
        yield made


def answered_field(content: bytes, path: Path) -> sitk.Image:
    path.write_bytes(content)
    return sitk.ReadImage(str(path))


def voxels(image: sitk.Image) -> np.ndarray:
    """Vectors as ``(X, Y, Z, 3)``."""
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0, 3)


def test_all_bundles_are_listed_with_the_right_weights(server: Server) -> None:
    models = server.get("/info/")["models"]
    assert set(models) == set(NAMES)
    for name in NAMES:
        meta = json.loads((server.bundles / name / "configs" / "metadata.json").read_text())
        assert models[name]["version"] == meta["version"]
        assert models[name]["config"]["model_filename"][0] == "model.pt"


def test_answer_is_the_field_that_the_bundle_writes_when_run_directly(
    server: Server, tmp_path: Path
) -> None:
    cine = server.studies / "drawn.nii.gz"
    folder = run_directly(server.bundles / REGISTRATION, cine, tmp_path / "direct")
    for frame in (1, 3):
        content = server.infer(REGISTRATION, "image", image="drawn", frame=frame)
        expected = field(folder, frame)
        found = voxels(answered_field(content, tmp_path / "answer.nrrd"))
        assert found.shape == expected.shape == (80, 72, 2, 3)
        assert np.abs(expected).max() > 0.5
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_answer_lies_on_the_grid_of_the_cine_and_warps_it_alike(
    server: Server, tmp_path: Path
) -> None:
    cine = server.studies / "drawn.nii.gz"
    answer = answered_field(
        server.infer(REGISTRATION, "image", image="drawn", frame=2), tmp_path / "answer.nrrd"
    )
    frame = sitk.ReadImage(str(cine))[..., 2]
    np.testing.assert_allclose(answer.GetDirection(), frame.GetDirection(), atol=1e-6)
    np.testing.assert_allclose(answer.GetSpacing(), frame.GetSpacing(), atol=1e-6)
    np.testing.assert_allclose(answer.GetOrigin(), frame.GetOrigin(), atol=1e-6)
    folder = run_directly(server.bundles / REGISTRATION, cine, tmp_path / "direct")
    transform = sitk.DisplacementFieldTransform(sitk.Cast(answer, sitk.sitkVectorFloat64))
    warped = sitk.GetArrayFromImage(sitk.Resample(frame, frame, transform, sitk.sitkLinear))
    own = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "warped.nii.gz"))[..., 2])
    inner = (slice(None), slice(8, -8), slice(8, -8))
    assert np.abs(warped - own)[inner].max() < 0.01 * np.ptp(own)
    assert np.abs(sitk.GetArrayFromImage(frame) - own)[inner].max() > 0.1 * np.ptp(own)


def test_answer_is_the_label_that_the_segmentation_writes_on_the_grid_of_the_cine(
    server: Server, tmp_path: Path
) -> None:
    cine = server.studies / "drawn.nii.gz"
    folder = run_directly(server.bundles / SEGMENTATION, cine, tmp_path / "direct")
    asked = {"image": "drawn", "result_extension": ".nrrd"}
    answer = answered_field(server.infer(SEGMENTATION, "image", **asked), tmp_path / "answer.nrrd")
    expected = sitk.ReadImage(str(folder / "label_sa_ED.nii.gz"))
    found, drawn = (sitk.GetArrayFromImage(image) for image in (answer, expected))
    assert set(np.unique(drawn)) >= {1, 2}
    np.testing.assert_array_equal(found, drawn)
    np.testing.assert_allclose(answer.GetDirection(), expected.GetDirection(), atol=1e-5)
    np.testing.assert_allclose(answer.GetSpacing(), expected.GetSpacing(), atol=1e-5)
    np.testing.assert_allclose(answer.GetOrigin(), expected.GetOrigin(), atol=1e-4)


def test_real_cine_sent_along_is_tracked(server: Server, real_cines: Path, tmp_path: Path) -> None:
    cine = real_cines / "patient001" / "sa.nii.gz"
    frame = json.loads((cine.parent / "info.json").read_text())["es_frame"]
    content = server.infer(REGISTRATION, "image", upload=cine, frame=frame)
    folder = run_directly(server.bundles / REGISTRATION, cine, tmp_path / "direct")
    expected = field(folder, frame)
    found = voxels(answered_field(content, tmp_path / "answer.nrrd"))
    assert found.shape == expected.shape
    assert 3 < np.abs(expected).max() < 30
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_frames_can_be_chosen_and_are_named_in_the_answer(server: Server) -> None:
    given = json.loads(server.infer(REGISTRATION, "json", image="drawn", ed_frame=1, frame=3))
    assert (given["reference_frame"], given["frame"]) == (1, 3)
    systole = json.loads(server.infer(REGISTRATION, "json", image="drawn", es_frame=1))
    assert (systole["reference_frame"], systole["frame"]) == (0, 1)
    assert json.loads(server.infer(REGISTRATION, "json", image="drawn"))["frame"] == 2


def test_impossible_request_is_refused_with_its_reason_in_the_log(server: Server) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.infer(REGISTRATION, "json", image="drawn", frame=99)
    assert refused.value.code == 500
    end = time.monotonic() + 30  # the answer comes before the log's line
    while "frame is 99, but" not in server.log.read_text() and time.monotonic() < end:
        time.sleep(0.2)
    assert "frame is 99, but the cine has frames 0 to 3" in server.log.read_text()
    assert server.infer(REGISTRATION, "json", image="drawn")


def test_server_keeps_nothing_and_asks_no_other_machine(server: Server) -> None:
    server.infer(REGISTRATION, "image", image="drawn")
    for name in NAMES:
        assert not (server.app / "model" / name / "output").exists()
    assert [path.name for path in server.studies.glob("*.nii.gz")] == ["drawn.nii.gz"]
    assert not server.refused.exists(), server.refused.read_text()
