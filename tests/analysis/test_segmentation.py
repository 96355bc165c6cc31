"""Labels from a segmentation bundle, where a study has none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.losses import DiceCELoss
from monai.networks.nets import UNet

from myomotion.analysis.segmentation import Contours, load_segmenter
from myomotion.analysis.ventricles import VentricleSegmenter
from myomotion.core.contours import dice
from myomotion.errors import InputError
from myomotion.io.cine import find_studies, read_cine
from myomotion.io.labels import CAVITY, MYOCARDIUM
from tests.support.bundle_runs import track
from tests.support.seen_hearts import untrained_ventricles
from tests.support.studies import write_study

SIZE = 96
NETWORK: dict[str, Any] = {
    "spatial_dims": 2,
    "in_channels": 1,
    "out_channels": 4,
    "channels": [8, 16, 32],
    "strides": [2, 2],
    "num_res_units": 1,
}
CHANNELS = {"0": "background", "1": "lv_pool", "2": "myocardium", "3": "rv_pool"}


@pytest.fixture(scope="session")
def segmentation_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle in the layout of the model zoo whose network has learned to label drawn rings."""
    bundle = tmp_path_factory.mktemp("bundles") / "rings"
    (bundle / "configs").mkdir(parents=True)
    (bundle / "models").mkdir()
    image = {"num_channels": 1, "spatial_shape": [SIZE, SIZE]}
    pred = {"num_channels": 4, "spatial_shape": [SIZE, SIZE], "channel_def": CHANNELS}
    metadata = {
        "name": "rings",
        "version": "0.1.0",
        "network_data_format": {"inputs": {"image": image}, "outputs": {"pred": pred}},
    }
    inference = {
        "imports": ["$import glob"],
        "bundle_root": ".",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": {"_target_": "UNet", **NETWORK},
        "network": "$@network_def.to(@device)",
        "datalist": "$list(sorted(glob.glob('/nowhere/*.nii*')))",
    }
    (bundle / "configs" / "metadata.json").write_text(json.dumps(metadata))
    (bundle / "configs" / "inference.json").write_text(json.dumps(inference))
    torch.save(trained().state_dict(), bundle / "models" / "model.pt")
    return bundle


def trained() -> UNet:
    torch.manual_seed(0)
    network = UNet(**NETWORK)
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    loss = DiceCELoss(to_onehot_y=True, softmax=True)
    for _ in range(120):
        pictures, labels = zip(*(ring() for _ in range(6)), strict=True)
        optimiser.zero_grad()
        loss(network(torch.stack(pictures)), torch.stack(labels)).backward()
        optimiser.step()
    return network.eval()


def ring() -> tuple[torch.Tensor, torch.Tensor]:
    """A bright disc in a dark ring on a grey field, scaled to 0 to 1, then padded with zeros."""
    center, inner = 36 + 24 * torch.rand(2), 7 + 8 * torch.rand(())
    index = torch.arange(SIZE).float()
    radius = torch.hypot((index - center[0])[:, None], (index - center[1])[None])
    outer = torch.sqrt(inner**2 + 150)
    label = torch.where(radius < inner, 1, torch.where(radius < outer, 2, 0))
    picture = (torch.tensor([500.0, 900.0, 250.0])[label] - 250) / 650
    edge = int(torch.randint(0, 14, ()))
    if edge:
        picture[:edge] = picture[-edge:] = picture[:, :edge] = picture[:, -edge:] = 0
    return picture[None], label[None]


@pytest.fixture
def unlabelled(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A study of odd size without a label, and the label it would have."""
    folder = tmp_path / "studies" / "unlabelled"
    write_study(folder)
    for path in folder.glob("*.nii.gz"):
        image = nib.load(path)
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[:75, 1:], image.affine), path)
    (folder / "label_sa_ED.nii.gz").unlink()
    reference = np.asarray(nib.load(folder / "sa.nii.gz").dataobj)[..., 0]
    return folder, np.select([reference == 900, reference == 250], [CAVITY, MYOCARDIUM], 0)


def by_bundle(bundle: Path) -> Contours:
    return Contours("auto", bundle=bundle)


@pytest.mark.slow
def test_network_labels_a_study_without_a_label_in_the_internal_coding(
    segmentation_bundle: Path, unlabelled: tuple[Path, np.ndarray]
) -> None:
    folder, truth = unlabelled
    cine = by_bundle(segmentation_bundle)(read_cine(find_studies(folder)[0]))
    assert cine.label_ed is not None and cine.label_ed.shape == truth.shape
    for code in (CAVITY, MYOCARDIUM):
        assert dice(cine.label_ed == code, truth == code) > 0.95
    assert cine.label_found == "network: rings 0.1.0"


@pytest.mark.slow
def test_own_label_is_kept(segmentation_bundle: Path, small_study: Path) -> None:
    cine = read_cine(find_studies(small_study)[0])
    assert by_bundle(segmentation_bundle)(cine) is cine
    assert cine.label_found == "given"


@pytest.mark.slow
def test_bundle_draws_in_the_place_of_the_network_of_this_project(
    segmentation_bundle: Path, unlabelled: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    cine = read_cine(find_studies(unlabelled[0])[0])
    segmenter = VentricleSegmenter(untrained_ventricles(tmp_path / "model.pt"))
    found = Contours("auto", segmenter, segmentation_bundle)(cine)
    assert found.label_found == "network: rings 0.1.0"
    assert Contours("file", segmenter, segmentation_bundle)(cine) is cine


@pytest.mark.slow
def test_channels_take_their_meaning_from_their_names(
    segmentation_bundle: Path, unlabelled: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(segmentation_bundle, tmp_path / "copy"))
    path = copy / "configs" / "metadata.json"
    swapped = {"0": "background", "1": "LV wall", "2": "left ventricle", "3": "right ventricle"}
    metadata = json.loads(path.read_text())
    metadata["network_data_format"]["outputs"]["pred"]["channel_def"] = swapped
    path.write_text(json.dumps(metadata))
    cine = read_cine(find_studies(unlabelled[0])[0])
    volume = cine.image[..., 0]
    one, other = load_segmenter(segmentation_bundle)(volume), load_segmenter(copy)(volume)
    assert np.array_equal(one == CAVITY, other == MYOCARDIUM)
    assert np.array_equal(one == MYOCARDIUM, other == CAVITY)


@pytest.mark.slow
def test_torchscript_alone_is_loaded_and_said(
    segmentation_bundle: Path, unlabelled: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(segmentation_bundle, tmp_path / "copy"))
    network = UNet(**NETWORK).eval()
    network.load_state_dict(torch.load(copy / "models" / "model.pt", weights_only=True))
    traced = torch.jit.trace(network, torch.zeros(1, 1, SIZE, SIZE))
    torch.jit.save(traced, copy / "models" / "model.ts")
    (copy / "models" / "model.pt").unlink()
    cine = read_cine(find_studies(unlabelled[0])[0])
    script = by_bundle(copy)(cine)
    assert script.label_found == "network: rings 0.1.0, TorchScript"
    plain = by_bundle(segmentation_bundle)(cine)
    assert script.label_ed is not None and plain.label_ed is not None
    assert np.array_equal(script.label_ed, plain.label_ed)


@pytest.mark.slow
def test_tracking_with_a_bundle_gives_strain_and_says_where_labels_came_from(
    segmentation_bundle: Path,
    unlabelled: tuple[Path, np.ndarray],
    net_weights: Path,
    tmp_path: Path,
) -> None:
    folder = unlabelled[0]
    track(folder, net_weights, tmp_path / "without", report=False, label_ed="file")
    without = json.loads((tmp_path / "without" / "unlabelled" / "summary.json").read_text())
    assert without["label_ed_from"] is None
    assert "segmentation_bundle_sha256" not in without["parameters"]
    track(folder, net_weights, tmp_path / "with", segmentation_bundle=str(segmentation_bundle))
    output = tmp_path / "with" / "unlabelled"
    assert (output / "strain.csv").is_file() and (output / "labels.nii.gz").is_file()
    shutil.copytree(folder, tmp_path / "again" / "unlabelled")
    given_back = tmp_path / "again" / "unlabelled" / "label_sa_ED.nii.gz"
    shutil.copy(output / "label_sa_ED.nii.gz", given_back)
    track(given_back.parent, net_weights, tmp_path / "third")
    third = tmp_path / "third" / "unlabelled"
    assert (third / "strain.csv").read_bytes() == (output / "strain.csv").read_bytes()
    assert not (third / "label_sa_ED.nii.gz").exists()  # the user has it
    summary = json.loads((output / "summary.json").read_text())
    assert summary["label_ed_from"] == "network: rings 0.1.0"
    assert summary["es_frame_from"] == "frame of the smallest tracked cavity"
    assert any("drawn by a network (rings 0.1.0)" in text for text in summary["warnings"])
    assert len(summary["parameters"]["segmentation_bundle_sha256"]) == 64
    assert "End-diastolic label: network: rings 0.1.0" in (output / "report.html").read_text()


def change_format(bundle: Path, part: str, name: str, value: object) -> None:
    path = bundle / "configs" / "metadata.json"
    metadata = json.loads(path.read_text())
    side = "inputs" if part == "image" else "outputs"
    metadata["network_data_format"][side][part][name] = value
    path.write_text(json.dumps(metadata))


BAD_BUNDLES = {
    "no folder": (shutil.rmtree, r"metadata.json: not readable .* Set segmentation_bundle to"),
    "no weights": (lambda b: (b / "models" / "model.pt").unlink(), "model.pt: no such weights"),
    "no config": (lambda b: (b / "configs" / "inference.json").unlink(), "no configs/inference"),
    "3-D": (
        lambda b: change_format(b, "image", "spatial_shape", [96, 96, 16]),
        "takes 1 channels of 3-D images, expected one of 2-D slices",
    ),
    "other organ": (
        lambda b: change_format(b, "pred", "channel_def", {**CHANNELS, "3": "spleen"}),
        "channel 'spleen' is none of background, LV cavity",
    ),
    "no channels": (
        lambda b: change_format(b, "pred", "channel_def", None),
        "network_data_format does not say",
    ),
    "other network": (
        lambda b: torch.save(torch.nn.Linear(2, 2).state_dict(), b / "models" / "model.pt"),
        "model.pt: weights do not match the configured network",
    ),
    "not a network": (
        lambda b: (b / "configs" / "inference.json").write_text('{"network_def": 3}'),
        "network_def is int, expected a network",
    ),
}


@pytest.mark.parametrize("change", BAD_BUNDLES)
@pytest.mark.slow
def test_unusable_bundle_is_refused_with_its_reason(
    segmentation_bundle: Path, tmp_path: Path, change: str
) -> None:
    copy = Path(shutil.copytree(segmentation_bundle, tmp_path / "copy"))
    action, expected = BAD_BUNDLES[change]
    action(copy)
    with pytest.raises(InputError, match=expected):
        load_segmenter(copy)


@pytest.mark.slow
def test_slices_without_a_heart_give_no_label_and_a_warning(
    segmentation_bundle: Path, unlabelled: tuple[Path, np.ndarray]
) -> None:
    cine = read_cine(find_studies(unlabelled[0])[0])
    cine.image[:] = 500
    cine.image[0, 0], cine.image[0, 1] = 900, 250
    empty = by_bundle(segmentation_bundle)(cine)
    assert empty.label_ed is None and empty.label_found is None
    assert "rings 0.1.0 found no myocardium" in empty.warnings[0]
