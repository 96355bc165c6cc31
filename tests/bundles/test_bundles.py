"""The bundles keep MONAI's promises and run by the documented commands from any folder."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from monai.bundle import (
    ConfigParser,
    ckpt_export,
    verify_net_in_out,
)

from myomotion.networks.gradient_vae import GradientVAE
from myomotion.networks.recurrent import RecurrentMotionNet
from myomotion.networks.ventricles import VentricleNet
from myomotion.networks.weights import load_network, load_state
from myomotion.training.pairs import PreparePairs
from tests.support.bundle_runs import (
    NETWORKS,
    config,
    evaluated,
    metadata,
    overlaid,
    run,
    workflow,
)
from tests.support.metadata_schema import SCHEMA
from tests.support.paths import BUNDLES, ROOT, VENTRICLES
from tests.support.pictures import is_drawn
from tests.support.studies import write_study

Run = Callable[..., "subprocess.CompletedProcess[str]"]
CONFIGS = [(bundle, name) for bundle in NETWORKS for name in ("train", "inference")]
FILES = [
    *((config(bundle, name), name, bundle) for bundle, name in CONFIGS),
    *((overlaid(bundle, "evaluate"), "train", bundle) for bundle in NETWORKS),
]


@pytest.fixture
def data(
    studies: Path, cycles: Path, drawn_slices: Path, vae_weights: Path, net_weights: Path
) -> dict[str, dict]:
    """Small data to learn from and weights for each bundle, as overrides of its configurations."""
    return {
        "cardiac_motion_reg": {
            "dataset_dir": str(studies),
            "weights": str(net_weights),
            "vae_weights": str(vae_weights),
        },
        "vae_regulariser": {"dataset_dir": str(cycles), "weights": str(vae_weights)},
        "ventricle_segmentation": {"dataset_dir": str(drawn_slices), "weights": str(VENTRICLES)},
    }


@pytest.mark.parametrize(("files", "kind", "bundle"), FILES)
def test_configuration_has_all_properties_that_monai_asks_for(
    files: str | list[str],
    kind: str,
    bundle: str,
    data: dict[str, dict],
    studies: Path,
    tmp_path: Path,
) -> None:
    options = dict(data[bundle])
    if bundle == "ventricle_segmentation" and kind == "inference":  # of cines, not of slices
        options["dataset_dir"] = str(studies)
    made = workflow(files, kind, output_dir=str(tmp_path), **options)
    assert made.check_properties() == []


@pytest.mark.parametrize(("bundle", "name"), CONFIGS)
def test_every_key_that_a_user_may_change_is_explained(bundle: str, name: str) -> None:
    text = Path(config(bundle, name)).read_text()
    block = re.search(r"# -+ what you may want to change -+\n(.*?)\n\n", text, re.S)
    assert block is not None
    keys = [line for line in block[1].splitlines() if re.match(r"\w+:", line)]
    assert len(keys) > 5
    assert [line.split(":")[0] for line in keys if not re.search(r"\s# \S", line)] == []


@pytest.mark.parametrize("bundle", NETWORKS)
def test_metadata_has_what_the_schema_requires_and_fits_the_project(bundle: str) -> None:
    content = metadata(bundle)
    jsonschema.validate(content, SCHEMA)
    assert content["name"] == bundle
    assert content["version"] in content["changelog"]
    pinned = (ROOT / "requirements.txt").read_text()
    assert f"monai=={content['monai_version']}\n" in pinned
    assert f"torch=={content['pytorch_version']}\n" in pinned
    apps = "".join(path.read_text() for path in ROOT.glob("tools/*/requirements.txt"))
    for app, number in content["supported_apps"].items():
        assert f"\n{app.replace('monai-label', 'monailabel')}=={number}\n" in apps


@pytest.mark.parametrize("bundle", NETWORKS)
@pytest.mark.parametrize("name", ["train", "inference"])
def test_network_takes_and_gives_what_the_metadata_says(bundle: str, name: str) -> None:
    meta = BUNDLES / bundle / "configs" / "metadata.json"
    verify_net_in_out(
        "network_def", meta_file=str(meta), config_file=config(bundle, name), device="cpu"
    )
    layout = metadata(bundle)["network_data_format"]
    shapes = [
        (1, tensor["num_channels"], *tensor["spatial_shape"])
        for tensor in (layout["inputs"]["image"], layout["outputs"]["pred"])
    ]
    parser = ConfigParser()
    parser.read_config(config(bundle, name))
    network = parser.get_parsed_content("network_def").eval()
    with torch.no_grad():
        assert tuple(network(torch.rand(shapes[0])).shape) == shapes[1]


@pytest.mark.slow
@pytest.mark.parametrize("bundle", NETWORKS)
def test_scripted_networks_give_the_same_numbers(
    bundle: str, data: dict[str, dict], tmp_path: Path
) -> None:
    options = {
        "net_id": "network_def",
        "ckpt_file": data[bundle]["weights"],
        "meta_file": str(BUNDLES / bundle / "configs" / "metadata.json"),
        "config_file": config(bundle, "inference"),
    }
    network = load_state(NETWORKS[bundle](), data[bundle]["weights"]).eval()
    image = metadata(bundle)["network_data_format"]["inputs"]["image"]
    inputs = torch.rand(1, image["num_channels"], *image["spatial_shape"])
    with torch.no_grad():
        expected = network(inputs).numpy()
    assert np.ptp(expected) > 0.01

    ckpt_export(filepath=str(tmp_path / "model.ts"), **options)
    scripted = torch.jit.load(tmp_path / "model.ts")(inputs).detach().numpy()
    assert np.allclose(scripted, expected, atol=1e-5)


def test_gradient_of_the_configured_regulariser_reaches_the_network_and_spares_the_autoencoder(
    data: dict[str, dict],
) -> None:
    torch.manual_seed(0)
    parser = ConfigParser()
    parser.read_config(config("cardiac_motion_reg", "train"))
    parser.update(data["cardiac_motion_reg"])
    network, loss, trainer = (
        parser.get_parsed_content(key) for key in ("network", "loss", "train::trainer")
    )
    trainer.network.train()
    loss.train()
    vae = loss.regulariser.vae
    assert trainer.network is network
    assert network.training
    assert not any(module.training for module in vae.modules())

    mask = torch.zeros(2, 1, 96, 96)
    mask[..., 30:66, 30:66] = 1
    mask[..., 40:56, 40:56] = 0
    image, target = PreparePairs()(
        {"image": torch.rand(2, 2, 96, 96), "mask": mask, "mask_moving": mask}
    )
    before = {key: value.clone() for key, value in vae.state_dict().items()}
    displacement = loss.integrator(network(image)) * loss.spacing
    (loss.alpha * loss.regulariser(displacement, target["mask"]).mean()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name

    optimised = {id(p) for g in trainer.optimizer.param_groups for p in g["params"]}
    assert optimised == {id(p) for p in network.parameters()}
    assert all(p.grad is None and not p.requires_grad for p in vae.parameters())
    trainer.optimizer.step()
    assert all(torch.equal(before[key], value) for key, value in vae.state_dict().items())


@pytest.mark.slow
def test_bundles_train_and_run_in_one_process(
    data: dict[str, dict], studies: Path, tmp_path: Path
) -> None:
    def made(bundle: str, name: str, **options: object) -> Path:
        folder = tmp_path / bundle / name
        run(name, bundle, output_dir=str(folder), **{**data[bundle], **options})
        return folder

    short = {"epochs": 1, "val_interval": 1}
    vae = made("vae_regulariser", "train", frames_per_cycle=2, **short) / "model.pt"
    network = (
        made("cardiac_motion_reg", "train", pairs_per_cine=2, vae_weights=str(vae), **short)
        / "model.pt"
    )
    small = {"channels": [4, 8], "batch_size": 2, "size": 96}
    ventricles = made("ventricle_segmentation", "train", **small, **short) / "model.pt"
    assert load_network(ventricles, VentricleNet).trained == {"spacing": 1.5, "size": 96}
    # A network that has seen four slices finds no heart.
    contours = made("ventricle_segmentation", "inference", dataset_dir=str(studies))
    motion = made("cardiac_motion_reg", "inference", weights=str(network))
    scores = made("vae_regulariser", "inference", weights=str(vae))
    assert sorted(p.name for p in motion.glob("[!.]*")) == ["cohort.csv", "one", "two"]
    assert {p.name for p in motion.glob("one/*")} >= {
        "displacement",
        "inverse",
        "jacobian.nii.gz",
        "labels.nii.gz",
        "motion.png",
        "quality.csv",
        "report.html",
        "strain.csv",
        "summary.json",
        "warped.nii.gz",
    }
    assert len(list(scores.glob("*.csv"))) == 6  # of all sections
    assert sorted(p.name for p in contours.glob("[!.]*")) == ["one", "two"]
    names = {"label_sa_ED.nii.gz", "label_sa_ES.nii.gz", "contours.png", "summary.json"}
    assert {p.name for p in contours.glob("one/[!.]*")} == names


def silent_weights(network: torch.nn.Module, path: Path) -> str:
    """Weights with which a network puts out zero whatever it is given."""
    for parameter in network.parameters():
        parameter.data.zero_()
    torch.save(network.state_dict(), path)
    return str(path)


def test_autoencoder_that_reconstructs_nothing_has_an_error_of_one(
    cycles: Path, tmp_path: Path
) -> None:
    weights = silent_weights(GradientVAE(), tmp_path / "model.pt")
    found = evaluated("vae_regulariser", tmp_path / "out", dataset_dir=str(cycles), weights=weights)
    names = ("relative_error", "frame_error", "es_error")
    assert found == pytest.approx(dict.fromkeys(names, 1.0), abs=1e-5)


def test_network_that_sees_nothing_overlaps_with_nothing(
    drawn_slices: Path, tmp_path: Path
) -> None:
    weights = silent_weights(VentricleNet(channels=(4, 8)), tmp_path / "model.pt")
    options = {"dataset_dir": str(drawn_slices), "weights": weights}
    found = evaluated("ventricle_segmentation", tmp_path / "out", **options)
    assert found == dict.fromkeys(("dice", "cavity", "myocardium", "right_ventricle"), 0.0)


@pytest.mark.skipif(not VENTRICLES.is_file(), reason="no weights of the segmentation are shipped")
def test_shipped_segmentation_is_evaluated_structure_by_structure(
    drawn_slices: Path, tmp_path: Path
) -> None:
    options = {"dataset_dir": str(drawn_slices), "weights": str(VENTRICLES)}
    found = evaluated("ventricle_segmentation", tmp_path / "out", **options)
    parts = [found[name] for name in ("cavity", "myocardium", "right_ventricle")]
    assert found["dice"] == pytest.approx(sum(parts) / 3, abs=1e-5)
    assert parts[0] > 0.8  # drawn without texture, noise or anything about them, and yet


def test_network_that_moves_nothing_has_the_dice_of_the_labels_and_explains_no_image(
    tmp_path: Path,
) -> None:
    for name in ("labelled", "unlabelled"):
        folder = tmp_path / "studies" / name
        write_study(folder)
        (folder / "info.json").write_text('{"ed_frame": 0, "es_frame": 2}')
        if name == "labelled":  # the same label at end-systole: nothing to move, a Dice of 1
            label = (folder / "label_sa_ED.nii.gz").read_bytes()
            (folder / "label_sa_ES.nii.gz").write_bytes(label)
    weights = silent_weights(RecurrentMotionNet(), tmp_path / "model.pt")
    options = {"dataset_dir": str(tmp_path / "studies"), "weights": weights}
    found = evaluated("cardiac_motion_reg", tmp_path / "out", **options)
    assert found == pytest.approx({"agreement": (1 + 0) / 2, "dice": 1.0}, abs=1e-5)


@pytest.mark.parametrize("bundle", NETWORKS)
def test_evaluation_documents_the_configurations_that_it_is_laid_over(bundle: str) -> None:
    files = [Path(path).relative_to(ROOT).as_posix() for path in overlaid(bundle, "evaluate")]
    assert str(files).replace(" ", "") in Path(config(bundle, "evaluate")).read_text()


# From which folder a configuration is named is test_distribution.py's matter; here each kind of
# command is started once as a user starts it.
@pytest.mark.slow
def test_autoencoder_is_evaluated_by_the_documented_command(
    data: dict[str, dict], run_bundle: Run, tmp_path: Path
) -> None:
    options = data["vae_regulariser"]
    done = run_bundle(
        *("run", "evaluating", "--config_file", "['configs/train.yaml','configs/evaluate.yaml']"),
        *("--dataset_dir", options["dataset_dir"], "--weights", options["weights"]),
        *("--output_dir", tmp_path),
        cwd=BUNDLES / "vae_regulariser",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == 3


@pytest.mark.slow
def test_registration_trains_by_the_documented_command(
    data: dict[str, dict], run_bundle: Run, tmp_path: Path
) -> None:
    options = data["cardiac_motion_reg"]
    done = run_bundle(
        *("run", "training", "--config_file", "bundles/cardiac_motion_reg/configs/train.yaml"),
        *("--epochs", 1, "--val_interval", 1, "--pairs_per_cine", 2),
        *("--dataset_dir", options["dataset_dir"], "--vae_weights", options["vae_weights"]),
        *("--output_dir", tmp_path),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    load_state(RecurrentMotionNet(), tmp_path / "model.pt")
    assert not (tmp_path / "resume.pt").exists()


@pytest.mark.slow
def test_cine_is_tracked_from_an_unrelated_folder(
    studies: Path, net_weights: Path, run_bundle: Run, tmp_path: Path
) -> None:
    done = run_bundle(
        *("run", "--config_file", config("cardiac_motion_reg", "inference")),
        *("--dataset_dir", studies / "one", "--weights", net_weights),
        *("--output_dir", tmp_path / "motion"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert is_drawn(tmp_path / "motion" / "one" / "motion.png")
    assert [p.name for p in tmp_path.iterdir()] == ["motion"]
