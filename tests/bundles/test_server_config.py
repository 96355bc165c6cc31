"""inference.yaml as a server uses it: one image in, one field on its grid out, nothing written.

MONAI Label reads the parts ``network_def``, ``preprocessing``, ``inferer`` and ``post_transforms``
(which it prefers to ``postprocessing``) and calls them one after the other on ``{"image": path}``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from monai.data import MetaTensor

from myomotion.analysis.grids import working_slices
from myomotion.core.axes import LPS_FROM_RAS
from myomotion.errors import InputError
from myomotion.io.cine import read_cine
from myomotion.tracker import inference_parts
from myomotion.transforms.served_field import chosen_frame, rows_as_axes
from tests.support.studies import write_study
from tools.bundle import BUNDLES
from tools.package.__main__ import NAMES, bundle_files


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn study on an oblique grid."""
    folder = tmp_path_factory.mktemp("served") / "drawn"
    write_study(folder)
    return folder


def serve(image: Path, output: Path, transforms: str, **asked: Any) -> dict:
    """Do what a server does with one request."""
    parts = inference_parts(output_dir=str(output), device="cpu", report=False)
    network = parts.get_parsed_content("network").eval()
    item: dict[Any, Any] = {"image": str(image), "image_path": str(image), "model": "m", **asked}
    for transform in parts.get_parsed_content("preprocessing").transforms:
        item = transform(item)
    with torch.no_grad():
        item["pred"] = parts.get_parsed_content("inferer")(item["image"][None], network)[0]
    for transform in parts.get_parsed_content(transforms).transforms:
        item = transform(item)
    return item


@pytest.mark.slow
@pytest.mark.parametrize(("ed", "frame"), [(0, 1), (0, 3), (1, 0), (1, 3)])
def test_answer_equals_the_field_that_a_run_writes(
    study: Path, tmp_path: Path, ed: int, frame: int
) -> None:
    image = study / "sa.nii.gz"
    written = serve(image, tmp_path, "postprocessing", ed_frame=ed)
    path = Path(written["output_folder"]) / "displacement" / f"frame_{frame:03d}.nii.gz"
    expected = np.asarray(nib.load(path).dataobj)[:, :, :, 0]
    answer = serve(image, tmp_path / "none", "post_transforms", ed_frame=ed, frame=frame)
    assert answer["pred"].shape == (3, 80, 72, 2)
    assert answer["pred"].dtype == torch.float32
    np.testing.assert_array_equal(np.moveaxis(np.asarray(answer["pred"]), 0, -1), expected)
    assert np.abs(expected).max() > 0.5
    assert (answer["result"]["reference_frame"], answer["result"]["frame"]) == (ed, frame)


@pytest.mark.slow
def test_answer_is_sent_and_not_kept(study: Path, tmp_path: Path) -> None:
    answer = serve(study / "sa.nii.gz", tmp_path / "none", "post_transforms")
    assert not (tmp_path / "none").exists()
    assert "output_folder" not in answer
    # A viewer asks for label maps of bytes; a field of bytes would be worthless.
    asked = {"result_extension": ".nii.gz", "result_dtype": "uint8"}
    answer = serve(study / "sa.nii.gz", tmp_path / "none", "post_transforms", **asked)
    assert (answer["result_extension"], answer["result_dtype"]) == (".nrrd", "float32")
    json.dumps(answer["result"])


@pytest.mark.slow
def test_label_sent_along_is_the_one_that_numbers_rest_on(study: Path, tmp_path: Path) -> None:
    image, label = study / "sa.nii.gz", study / "label_sa_ED.nii.gz"
    serve(image, tmp_path, "postprocessing", label_ed=str(label))
    (path,) = tmp_path.glob("*/summary.json")
    summary = json.loads(path.read_text())
    asked = {"label": str(label), "numbers": True}
    numbers = serve(image, tmp_path / "none", "post_transforms", **asked)["result"]["numbers"]
    assert numbers["label_ed_from"] == "given" == summary["label_ed_from"]
    means = summary["mean_of_slices_at_end_systole"]
    assert means["ecc_percent"] < -3
    served = json.loads(json.dumps(numbers))["mean_of_slices_at_end_systole"]
    # One field is answered with: nothing is tracked again for intervals.
    assert served == {k: v for k, v in means.items() if not k.endswith("_half_width")}


def test_pair_of_two_frames_is_a_cine_too(study: Path, tmp_path: Path) -> None:
    cine = nib.load(study / "sa.nii.gz")
    pair = nib.Nifti1Image(np.asarray(cine.dataobj)[..., [0, 2]], cine.affine)
    nib.save(pair, tmp_path / "pair.nii.gz")
    found = serve(tmp_path / "pair.nii.gz", tmp_path / "none", "post_transforms")
    assert found["result"]["frame"] == 1
    assert found["pred"].shape == (3, 80, 72, 2)
    assert float(found["pred"].abs().max()) > 0.5


@pytest.mark.slow
def test_affine_comes_out_right_where_its_rows_are_written_as_axes(
    study: Path, tmp_path: Path
) -> None:
    answer = serve(study / "sa.nii.gz", tmp_path / "none", "post_transforms", frame=1)
    assert isinstance(answer["pred"], MetaTensor)
    given = np.diag([-1.0, -1, 1, 1]) @ answer["pred"].affine.numpy()
    reference = sitk.ReadImage(str(study / "sa.nii.gz"))[..., 0]
    axes = np.array(reference.GetDirection()).reshape(3, 3) * reference.GetSpacing()
    np.testing.assert_allclose(given[:3, :3], axes.T, atol=1e-5)
    assert np.abs(axes - axes.T).max() > 0.5
    np.testing.assert_allclose(given[:3, 3], reference.GetOrigin(), atol=1e-5)


def test_swapping_rows_and_axes_twice_changes_nothing() -> None:
    affine = np.arange(16.0).reshape(4, 4) ** 1.5
    np.testing.assert_allclose(rows_as_axes(rows_as_axes(affine)), affine)
    rows, columns = LPS_FROM_RAS @ rows_as_axes(affine)[:3, :3], LPS_FROM_RAS @ affine[:3, :3]
    np.testing.assert_allclose(rows, columns.T)


def test_frame_is_asked_for_or_end_systole_or_that_of_the_largest_motion(study: Path) -> None:
    field = torch.zeros(2, 4, 2, 8, 8)
    field[:, 3] = 1.0
    image = str(study / "sa.nii.gz")
    known = working_slices(read_cine({"image": image, "ed_frame": 2, "es_frame": 1}), 8, 18.0)
    unknown = working_slices(read_cine({"image": image, "ed_frame": 2}), 8, 18.0)
    assert chosen_frame(known, field, 0) == 0
    assert chosen_frame(known, field, None) == 1
    assert chosen_frame(unknown, field, None) == 1  # three after frame 2, of four
    field[:, 2] = 2.0
    assert chosen_frame(unknown, field, None) == 0


@pytest.mark.parametrize("frame", [4, -1, 1.5, "1", True])
def test_frame_that_the_cine_lacks_is_refused(study: Path, frame: object) -> None:
    cine = working_slices(read_cine({"image": str(study / "sa.nii.gz")}), 8, 18.0)
    with pytest.raises(InputError, match=r"sa\.nii\.gz: frame is .*frames 0 to 3"):
        chosen_frame(cine, torch.zeros(2, 4, 2, 8, 8), frame)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_shortest_name_among_the_packed_weights_is_the_networks(name: str) -> None:
    weights = [path for path in bundle_files(BUNDLES, name) if Path(path).match("models/*.pt")]
    assert min(weights, key=len) == "models/model.pt"
