"""Bundles run in this process, as their command lines do, and their files."""

from __future__ import annotations

import json
from pathlib import Path

from monai.bundle import ConfigWorkflow

from myomotion.networks.gradient_vae import GradientVAE
from myomotion.networks.recurrent import RecurrentMotionNet
from myomotion.networks.ventricles import VentricleNet
from tests.support.paths import BUNDLES

NETWORKS = {
    "cardiac_motion_reg": RecurrentMotionNet,
    "vae_regulariser": GradientVAE,
    "ventricle_segmentation": VentricleNet,
}


def workflow(files: str | list[str], kind: str | None = None, **options: object) -> ConfigWorkflow:
    """A configuration with other values for some keys, initialised.

    Args:
        files: from :func:`config` or :func:`overlaid`.
        kind: what it must have the properties of, such as ``train``; None asks for none.
        options: the other values.
    """
    made = ConfigWorkflow(config_file=files, workflow_type=kind, logging_file=False, **options)
    made.initialize()
    return made


def run(name: str, bundle: str = "cardiac_motion_reg", **options: object) -> ConfigWorkflow:
    """Run a configuration of a bundle, ``evaluate`` laid over its training.

    Returns:
        The workflow, with what it has come to.
    """
    files = overlaid(bundle, name) if name == "evaluate" else config(bundle, name)
    made = workflow(files, **options)
    made.run()
    made.finalize()
    return made


def track(study: Path, weights: Path, output: Path, **options: object) -> None:
    """Track a study, or a folder of studies."""
    run(
        "inference",
        dataset_dir=str(study),
        weights=str(weights),
        output_dir=str(output),
        **options,
    )


def evaluated(bundle: str, output: Path, **options: object) -> dict[str, float]:
    """What the evaluation of a bundle writes."""
    run("evaluate", bundle, run_id="evaluating", output_dir=str(output), **options)
    assert [path.name for path in output.glob("[!.]*")] == ["metrics.csv"]
    rows = [line.split(",") for line in (output / "metrics.csv").read_text().splitlines()]
    return {name: float(value) for name, value in rows}


def config(bundle: str, name: str) -> str:
    return str(BUNDLES / bundle / "configs" / f"{name}.yaml")


def overlaid(bundle: str, name: str) -> list[str]:
    """A configuration that is laid over ``train.yaml``, as ``config_file`` asks for it."""
    return [config(bundle, "train"), config(bundle, name)]


def metadata(bundle: str) -> dict:
    return json.loads((BUNDLES / bundle / "configs" / "metadata.json").read_text())
