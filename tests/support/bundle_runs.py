"""Bundles run in this process, as their command lines do, and their files."""

from __future__ import annotations

import json
from pathlib import Path

from monai.bundle import ConfigWorkflow

from myomotion.networks.gradient_vae import GradientVAE
from myomotion.networks.pyramid import PyramidMotionNet
from tests.support.paths import BUNDLES

NETWORKS = {"cardiac_motion_reg": PyramidMotionNet, "vae_regulariser": GradientVAE}


def run(name: str, **options: object) -> None:
    """Run a configuration of the registration bundle in this process."""
    workflow = ConfigWorkflow(
        config_file=str(BUNDLES / "cardiac_motion_reg" / "configs" / f"{name}.yaml"),
        workflow_type=None,
        logging_file=False,
        **options,
    )
    workflow.initialize()
    workflow.run()


def track(study: Path, weights: Path, output: Path, **options: object) -> None:
    """Track a study, or a folder of studies."""
    run(
        "inference",
        dataset_dir=str(study),
        weights=str(weights),
        output_dir=str(output),
        **options,
    )


def config(bundle: str, name: str) -> str:
    return str(BUNDLES / bundle / "configs" / f"{name}.yaml")


def overlaid(bundle: str, name: str) -> list[str]:
    """A configuration that is laid over ``train.yaml``, as ``config_file`` asks for it."""
    return [config(bundle, "train"), config(bundle, name)]


def metadata(bundle: str) -> dict:
    return json.loads((BUNDLES / bundle / "configs" / "metadata.json").read_text())
