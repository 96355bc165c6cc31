"""Tracking inside other people's MONAI pipelines gives what ``myomotion.track`` gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import Dataset, MetaTensor, ThreadDataLoader
from monai.networks.blocks import Warp
from monai.transforms import (
    Compose,
    Flipd,
    LoadImaged,
    MapTransform,
    Orientationd,
    ScaleIntensityd,
    Transform,
)

from myomotion.errors import InputError
from myomotion.tracker import Result, Tracker
from myomotion.transforms.track_motion import RegisterPaird, TrackMotiond

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tracker(net_weights: Path) -> Tracker:
    return Tracker(weights=net_weights, tissues=False, label_ed="file")


def pulled_back(frame: torch.Tensor, field: torch.Tensor, pixdim: torch.Tensor) -> np.ndarray:
    """MONAI's own warp of ``(X, Y, Z)`` by ``(3, X, Y, Z)`` millimetres."""
    voxels = field.as_tensor() / pixdim.float()[:, None, None, None]
    warp = Warp(mode="bilinear", padding_mode="border")
    return warp(frame.as_tensor()[None, None], voxels[None])[0, 0].numpy()


def test_a_pipeline_gives_the_motion_of_the_file(small_study: Path, tracker: Tracker) -> None:
    pipeline = Compose(
        [
            LoadImaged(["image", "label"], ensure_channel_first=True),
            ScaleIntensityd("image", minv=0.0, maxv=3000.0),
            TrackMotiond(
                "image",
                tracker,
                label_key="label",
                ed_frame=0,
                outputs=("displacement", "inverse", "warped", "jacobian", "labels", "study"),
            ),
        ]
    )
    files = {
        "image": str(small_study / "sa.nii.gz"),
        "label": str(small_study / "label_sa_ED.nii.gz"),
    }
    item = pipeline(files)
    result = tracker({"name": "same", "image": files["image"], "label_ed": files["label"]})
    field, image = item["image_displacement"], item["image"]
    assert isinstance(field, MetaTensor) and field.shape == (4, 3, 80, 72, 2)
    torch.testing.assert_close(field.affine, image.affine, atol=1e-5, rtol=0)
    # Intensities are scaled by the heart's own range, so that the scale above changes nothing.
    torch.testing.assert_close(field, result.tensor("displacement"), atol=2e-3, rtol=0)
    assert item["image_study"].summary["light"] == result.summary["light"]
    assert item["image_labels"].dtype == torch.uint8
    assert torch.equal(
        item["image_labels"][0].as_tensor(), item["label"][0].as_tensor().to(torch.uint8)
    )
    again = pulled_back(image[2], field[2], field.pixdim)
    assert float(field[2].abs().max()) > 0.1
    np.testing.assert_allclose(again, item["image_warped"][2].numpy(), atol=0.5)  # of 3,000
    assert float((item["image_jacobian"] - 1).abs().max()) > 0.01


def test_axes_of_the_image_are_those_of_the_displacement(
    small_study: Path, tracker: Tracker, tmp_path: Path
) -> None:
    """The same heart stored with exchanged and reversed axes moves along the exchanged axes.

    The arrays of ``motion`` are on the axes of the program, whatever those of the file.
    """
    stored = {}
    for name in ("sa", "label_sa_ED"):
        image = nib.load(small_study / f"{name}.nii.gz")
        turned = image.as_reoriented(np.array([[1, 1], [0, -1], [2, 1]]))
        stored[name] = str(tmp_path / f"{name}.nii.gz")
        nib.save(turned, stored[name])
    files = {name: str(small_study / f"{name}.nii.gz") for name in stored}
    own, other = (
        tracker({"name": "heart", "image": found["sa"], "label_ed": found["label_sa_ED"]})
        for found in (files, stored)
    )
    assert own.cine.storage.order != other.cine.storage.order
    fields = [result.tensor("displacement")[2] for result in (own, other)]
    vectors = [  # in the patient's axes, along which both must agree
        np.einsum("rc,cxyz->xyzr", f.affine[:3, :3].numpy() / f.pixdim.numpy(), f.numpy())
        for f in fields
    ]
    ijk = np.array([40, 50, 1])
    point = fields[0].affine.numpy() @ [*ijk, 1]
    there = np.rint(np.linalg.inv(fields[1].affine.numpy()) @ point).astype(int)[:3]
    here = vectors[0][tuple(ijk)]
    assert np.abs(here).max() > 0.05
    np.testing.assert_allclose(vectors[1][tuple(there)], here, atol=1e-3)
    assert fields[0].shape == (3, 80, 72, 2) and fields[1].shape == (3, 72, 80, 2)
    areas = [result.tensor("jacobian")[2] for result in (own, other)]
    assert areas[0].shape == (80, 72, 2) and areas[1].shape == (72, 80, 2)
    area = float(areas[0][tuple(ijk)])
    assert abs(area - 1) > 0.002
    assert float(areas[1][tuple(there)]) == pytest.approx(area, abs=1e-3)
    assert own.motion.jacobian.shape == other.motion.jacobian.shape
    np.testing.assert_allclose(own.motion.jacobian, other.motion.jacobian, atol=1e-3)
    frame = other.tensor("image")[2]
    again = pulled_back(frame, fields[1], fields[1].pixdim)
    np.testing.assert_allclose(again, other.tensor("warped")[2].numpy(), atol=0.5)  # of 900


@pytest.mark.parametrize("flat", (False, True), ids=("stack", "one slice"))
def test_a_pair_is_registered_from_the_fixed_image_to_the_moving_one(
    small_study: Path, tracker: Tracker, flat: bool
) -> None:
    load = LoadImaged(["image", "label"], ensure_channel_first=True)
    loaded = load(
        {
            "image": str(small_study / "sa.nii.gz"),
            "label": str(small_study / "label_sa_ED.nii.gz"),
        }
    )
    fixed, moving = loaded["image"][:1], loaded["image"][2:3]
    item = {"ed": fixed, "es": moving, "label": loaded["label"]}
    if flat:
        item = {key: value[..., 0] for key, value in item.items()}
    register = RegisterPaird(
        "es", "ed", tracker, label_key="label", outputs=("displacement", "warped", "study")
    )
    done = register(item)
    field, warped = done["es_displacement"], done["es_warped"]
    assert field.shape == (3, 80, 72) if flat else (3, 80, 72, 2)
    assert warped.shape == item["ed"].shape
    volume, vectors = (
        (item["es"][0], field) if not flat else (item["es"][0][..., None], field[..., None])
    )
    again = pulled_back(volume, vectors, torch.tensor([1.8, 1.8, 8.0]))
    np.testing.assert_allclose(again.reshape(warped.shape), warped.numpy(), atol=0.5)
    assert isinstance(done["es_study"], Result)
    assert done["es_study"].cine.ed_frame == 0 and done["es_study"].motion.es_frame == 1


LOAD = LoadImaged(["image", "label"], ensure_channel_first=True)


def loaded(study: Path) -> dict[str, MetaTensor]:
    """Cine and label of a study, the label no longer alike in every direction."""
    files = {"image": "sa.nii.gz", "label": "label_sa_ED.nii.gz"}
    item = LOAD({key: str(study / name) for key, name in files.items()})
    item["label"][:, :40, :30] = 0
    return item


@pytest.mark.parametrize("pairs", (False, True), ids=("cine", "pair"))
@pytest.mark.parametrize(
    "turned",
    (Flipd("label", 0), Flipd("label", [0, 2]), Orientationd("label", "ARS", labels=None)),
    ids=("flipped", "turned about", "axes exchanged"),
)
def test_label_that_is_stored_otherwise_than_the_image_lies_where_its_affine_says(
    small_study: Path, tracker: Tracker, turned: Transform, pairs: bool
) -> None:
    item = loaded(small_study)
    other = turned(dict(item))["label"]
    assert not torch.equal(other.affine, item["label"].affine)
    settings: dict[str, Any] = {"label_key": "label", "outputs": ("study",)}
    if pairs:
        item |= {"image": item["image"][2:3], "fixed": item["image"][:1]}
        track: MapTransform = RegisterPaird("image", "fixed", tracker, **settings)
    else:
        track = TrackMotiond("image", tracker, ed_frame=0, **settings)
    own, found = (track({**item, "label": label}) for label in (item["label"], other))
    labels = [done["image_study"].cine.label_ed for done in (own, found)]
    assert np.count_nonzero(labels[0]) > 0 and np.array_equal(*labels)
    assert own["image_study"].rows == found["image_study"].rows


@pytest.mark.parametrize(
    "plain", (MetaTensor.as_tensor, lambda label: MetaTensor(label.as_tensor()))
)
def test_label_without_an_affine_of_its_own_lies_voxel_on_voxel(
    small_study: Path, tracker: Tracker, plain: Callable[[MetaTensor], torch.Tensor]
) -> None:
    item = loaded(small_study)
    track = TrackMotiond("image", tracker, "label", ed_frame=0, outputs=("labels",))
    found = track({**item, "label": plain(item["label"])})["image_labels"]
    assert torch.equal(found[0].as_tensor(), item["label"][0].as_tensor().to(torch.uint8))


def test_batches_of_a_loader_hold_the_outputs(small_study: Path, tracker: Tracker) -> None:
    pipeline = Compose(
        [
            LoadImaged("image", ensure_channel_first=True),
            TrackMotiond("image", tracker, ed_frame=0, outputs=("displacement", "labels")),
        ]
    )
    data = Dataset([{"image": str(small_study / "sa.nii.gz")}] * 2, pipeline)
    batch = next(iter(ThreadDataLoader(data, batch_size=2)))
    assert batch["image_displacement"].shape == (2, 4, 3, 80, 72, 2)
    assert "image_labels" not in batch  # none was given, and none is drawn


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda image: image.as_tensor(), "a plain Tensor, whose voxel size is not known"),
        (lambda image: image[:1], "cine: sa.nii: 1 frame"),
        (lambda image: image[0, 0], r"shape \(72, 2\)"),
    ],
)
def test_what_cannot_be_tracked_is_named_by_its_key(
    make: Callable[[MetaTensor], torch.Tensor], said: str, tracker: Tracker
) -> None:
    image = MetaTensor(torch.rand(4, 80, 72, 2), affine=torch.diag(torch.tensor([1.8, 1.8, 8, 1])))
    with pytest.raises(InputError, match=said):
        TrackMotiond("cine", tracker)({"cine": make(image)})


def test_images_of_a_pair_must_share_a_grid(tracker: Tracker) -> None:
    image = MetaTensor(torch.rand(1, 80, 72), affine=torch.diag(torch.tensor([1.5, 1.5, 8, 1])))
    with pytest.raises(InputError, match=r"es: its shape is \(1, 70, 72\), that of ed is"):
        RegisterPaird("es", "ed", tracker)({"ed": image, "es": image[:, :70]})
    for moving in (Flipd("es", 0)({"es": image})["es"], MetaTensor(image, affine=2 * image.affine)):
        with pytest.raises(InputError, match=r"es: lies elsewhere than ed: .*Bring both to one"):
            RegisterPaird("es", "ed", tracker)({"ed": image, "es": moving})
    with pytest.raises(InputError, match="outputs: 'strain' is unknown"):
        RegisterPaird("es", "ed", tracker, outputs=("strain",))
