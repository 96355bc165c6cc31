"""The bundles train and run from every folder, cloned or unzipped, without a network."""

from __future__ import annotations

import ast
import json
import os
import sqlite3
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from monai.bundle import onnx_export, verify_metadata
from packaging.requirements import Requirement

from myomotion.networks.gradient_vae import GradientVAE
from myomotion.networks.weights import load_network, load_state
from tests.support.bundle_runs import NETWORKS, config, metadata
from tests.support.metadata_schema import SCHEMA
from tests.support.paths import BUNDLES, ROOT
from tools.package.__main__ import NAMES, package
from tools.package.requirements import PYTHONS, pinned, resolution_error
from tools.unpack import unpack

RUNNER = Path(__file__).with_name("run_bundles.py")
ONE_EPOCH = {"epochs": 1, "val_interval": 1}
TWO_DRAWS = {
    "vae_regulariser": {"frames_per_cycle": 2},
    "cardiac_motion_reg": {"pairs_per_cine": 2},
    "ventricle_segmentation": {"channels": [4, 8], "batch_size": 2, "size": 96},
}


@pytest.fixture(scope="module")
def unzipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the bundles as their zips hold them."""
    folder = tmp_path_factory.mktemp("unzipped")
    for path in package(folder / "zips"):
        unpack(path, folder / "zips" / "SHA256SUMS", folder / "bundles")
    return folder / "bundles"


@pytest.fixture(scope="module")
def data(studies: Path, cycles: Path, drawn_slices: Path) -> dict[str, list[str]]:
    """Small data of each bundle: to learn from, and to run on."""
    return {
        "vae_regulariser": [str(cycles)] * 2,
        "cardiac_motion_reg": [str(studies)] * 2,
        "ventricle_segmentation": [str(drawn_slices), str(studies)],
    }


def run_jobs(
    jobs: list[dict[str, Any]], cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | variables
    return subprocess.run(
        [sys.executable, str(RUNNER), json.dumps(jobs)],
        cwd=cwd,
        env={**environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )


def jobs_of(
    bundle: str, configs: Path, data: dict[str, list[str]], output: Path
) -> list[dict[str, Any]]:
    """Train for an epoch, then run with the weights that came out, and evaluate them.

    A segmentation that has learned for one epoch finds no heart: it runs with the shipped weights.
    """
    learned, seen = ({"dataset_dir": folder} for folder in data[bundle])
    train = {"config_file": f"{configs}/train.yaml", "output_dir": str(output / bundle / "train")}
    weights = {"weights": str(output / bundle / "train" / "model.pt")}
    inference = {"config_file": f"{configs}/inference.yaml", "output_dir": str(output / bundle)}
    overlaid = [f"{configs}/{name}.yaml" for name in ("train", "evaluate")]
    evaluate = {"config_file": overlaid, "output_dir": str(output / bundle / "evaluate")}
    return [
        {"run_id": "training", **train, **learned, **ONE_EPOCH, **TWO_DRAWS[bundle]},
        {**inference, **seen, **({} if bundle == "ventricle_segmentation" else weights)},
        {"run_id": "evaluating", **evaluate, **learned, **weights},
    ]


def check_results(output: Path, bundles: tuple[str, ...]) -> None:
    """Claim: each bundle has trained, evaluated and run."""
    for name in bundles:
        network = load_network(output / name / "train" / "model.pt", NETWORKS[name])
        if isinstance(network, GradientVAE):  # has measured the gradients that it was shown
            assert (network.gradient_std != 1).all()
        assert not (output / name / "train" / "resume.pt").exists()
        assert len((output / name / "evaluate" / "metrics.csv").read_text().splitlines()) >= 2
    if "vae_regulariser" in bundles:
        assert len(list((output / "vae_regulariser").glob("*.csv"))) == 6
    if "cardiac_motion_reg" in bundles:
        assert (output / "cardiac_motion_reg" / "cohort.csv").is_file()
    if "ventricle_segmentation" in bundles:
        assert len(list((output / "ventricle_segmentation").glob("*/label_sa_ED.nii.gz"))) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "place", ["repository root", "folder of bundles", "bundle folder", "unrelated folder"]
)
def test_clone_trains_and_runs_from_any_folder_without_a_network(
    place: str, data: dict[str, list[str]], tmp_path: Path
) -> None:
    here = {
        "repository root": ROOT,
        "folder of bundles": BUNDLES,
        "bundle folder": BUNDLES / "cardiac_motion_reg",
        "unrelated folder": tmp_path,
    }[place]
    relative = {name: os.path.relpath(BUNDLES / name / "configs", here) for name in NAMES}
    paths = {name: BUNDLES / name / "configs" for name in NAMES} if here == tmp_path else relative
    output = tmp_path / "output"
    jobs = [job for n in NAMES for job in jobs_of(n, Path(paths[n]), data, output)]
    done = run_jobs(jobs, here)
    assert done.returncode == 0, done.stderr[-2000:]
    check_results(output, NAMES)
    assert [p.name for p in tmp_path.iterdir()] == ["output"]  # nothing but what was asked for


@pytest.mark.slow
@pytest.mark.parametrize("place", ["parent", *NAMES])
def test_unzipped_bundles_train_and_run_from_parent_and_inside_without_a_network(
    place: str, unzipped: Path, data: dict[str, list[str]], tmp_path: Path
) -> None:
    names = NAMES if place == "parent" else (place,)
    here = unzipped if place == "parent" else unzipped / place
    jobs = [
        job
        for name in names
        for job in jobs_of(
            name, Path("." if here.name == name else name, "configs"), data, tmp_path
        )
    ]
    done = run_jobs(jobs, here)
    assert done.returncode == 0, done.stderr[-2000:]
    check_results(tmp_path, names)
    assert f"code: {unzipped}" in done.stdout


@pytest.mark.slow
def test_training_and_inference_are_tracked_by_mlflow(
    unzipped: Path, data: dict[str, list[str]], tmp_path: Path
) -> None:
    for package_name in ("mlflow", "sqlalchemy", "alembic"):
        pytest.importorskip(package_name, reason=f"{package_name} is not installed")
    jobs = [
        {**job, "tracking": "mlflow"}
        for name in NAMES
        for job in jobs_of(name, Path(name, "configs"), data, tmp_path)
    ]
    done = run_jobs(jobs, unzipped, MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_TRACKING_URI="")
    assert done.returncode == 0, done.stderr[-2000:]
    for name, figure in (
        ("vae_regulariser", "relative_error"),
        ("cardiac_motion_reg", "agreement"),
        ("ventricle_segmentation", "dice"),
    ):
        with sqlite3.connect(tmp_path / name / "train" / "mlruns.db") as database:
            metrics = dict(database.execute("select key, value from metrics"))
            states = [row[0] for row in database.execute("select status from runs")]
        assert np.isfinite([metrics["train_loss"], metrics[figure]]).all()
        assert states == ["FINISHED"]
        assert (tmp_path / name / "mlruns.db").is_file()


@pytest.mark.parametrize("bundle", NETWORKS)
def test_metadata_passes_monai_s_check_against_what_the_schema_requires(
    bundle: str, tmp_path: Path
) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps(SCHEMA))  # is there already: MONAI downloads nothing
    meta = BUNDLES / bundle / "configs" / "metadata.json"
    verify_metadata(meta_file=str(meta), filepath=str(schema))
    content = json.loads(meta.read_text())
    del content["required_packages_version"]
    (tmp_path / "metadata.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="required_packages_version"):
        verify_metadata(meta_file=str(tmp_path / "metadata.json"), filepath=str(schema))


@pytest.mark.network
@pytest.mark.parametrize("bundle", NETWORKS)
def test_metadata_passes_monai_s_check_against_the_published_schema(
    bundle: str, tmp_path: Path
) -> None:
    meta = BUNDLES / bundle / "configs" / "metadata.json"
    verify_metadata(meta_file=str(meta), filepath=str(tmp_path / "schema.json"))


@pytest.mark.slow
@pytest.mark.parametrize("bundle", NETWORKS)
def test_onnx_takes_any_batch_and_gives_the_same_numbers(bundle: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    weights = BUNDLES / bundle / "models" / "model.pt"
    image = metadata(bundle)["network_data_format"]["inputs"]["image"]
    shape = (image["num_channels"], *image["spatial_shape"])
    onnx_export(
        net_id="network_def",
        filepath=str(tmp_path / "model.onnx"),
        ckpt_file=str(weights),
        meta_file=str(BUNDLES / bundle / "configs" / "metadata.json"),
        config_file=config(bundle, "inference"),
        input_shape=[2, *shape],
        converter_kwargs={
            "input_names": ["image"],
            "output_names": ["pred"],
            "dynamic_axes": {"image": {0: "batch"}, "pred": {0: "batch"}},
        },
    )
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    network = load_state(NETWORKS[bundle](), weights).eval()
    for batch in (1, 2, 5):
        torch.manual_seed(batch)
        inputs = torch.rand(batch, *shape)
        with torch.no_grad():
            expected = network(inputs).numpy()
        (found,) = session.run(["pred"], {"image": inputs.numpy()})
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= 1e-4
        assert np.ptp(expected) > 0.01


@pytest.mark.parametrize("bundle", NETWORKS)
def test_packages_that_a_bundle_pins_agree_with_each_other(bundle: str) -> None:
    """What the pinned packages ask of each other, as installed here in the same versions."""
    pins = pinned(BUNDLES / bundle / "configs" / "metadata.json")
    assert {"monai", "torch", "numpy", "nibabel", "scipy", "pytorch-ignite"} <= set(pins)
    asked = 0
    for name in pins:
        for text in requires(name) or []:
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            if requirement.name.lower() in pins:
                asked += 1
                assert requirement.specifier.contains(pins[requirement.name.lower()]), (name, text)
    assert asked >= 5


OF_REGISTRATION = (BUNDLES / "myomotion" / "report" / "dicom",)  # imported in a function alone


@pytest.mark.parametrize("bundle", NETWORKS)
def test_shared_code_imports_nothing_that_a_bundle_does_not_pin(bundle: str) -> None:
    pins = pinned(BUNDLES / bundle / "configs" / "metadata.json")
    known = {
        *pins,
        "myomotion",
        "ignite",
        "contourpy",  # with matplotlib
        "PIL",  # pillow
        "yaml",  # pyyaml
    } | sys.stdlib_module_names
    found = {
        (path.name, name.split(".")[0])
        for path in (BUNDLES / "myomotion").rglob("*.py")
        if bundle == "cardiac_motion_reg" or path.parent not in OF_REGISTRATION
        for node in ast.parse(
            path.read_text()
        ).body  # of the module; optional ones are in functions
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom) and node.level == 0
            else []
        )
    }
    assert {name for _, name in found} >= {"torch", "monai", "ignite", "nibabel"}
    assert {place for place in found if place[1] not in known} == set()


def test_citation_names_the_released_version_and_the_paper() -> None:
    citation = yaml.safe_load((ROOT / ".github" / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert {metadata(name)["version"] for name in NAMES} == {citation["version"]}
    paper = citation["preferred-citation"]
    assert {"type", "title", "authors", "doi"} <= set(paper)
    assert any(paper["doi"] in text for text in metadata(NAMES[0])["references"])


@pytest.mark.network
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("bundle", NETWORKS)
def test_packages_that_a_bundle_pins_can_be_installed(bundle: str, python: str) -> None:
    meta = BUNDLES / bundle / "configs" / "metadata.json"
    assert resolution_error(pinned(meta), python) is None


@pytest.mark.network
def test_packages_that_exclude_each_other_are_named() -> None:
    error = resolution_error({"scipy": "1.17.1", "numpy": "1.22.0"}, "3.11")
    assert error is not None and "scipy==1.17.1 depends on numpy>=" in error
