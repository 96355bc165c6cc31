"""Measure every claim about the autoencoder, on test subjects it was never trained on.

python -m tools.verify autoencoder --real DIR --reference DIR --output FILE.json [--pictures DIR]

Without --cycles the built-in cycles are simulated first; what the weights were trained with must be
given (--built-in-slices, --data-seed), or the test subjects are not those that were held out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.utils import set_determinism

from fem_sim import claims
from fem_sim.claims import Claim
from fem_sim.command_line import add_seed
from myomotion.files.paths import file_sha256
from myomotion.losses.plausibility import Plausibility
from myomotion.transforms.cycles import LoadCycled
from tools.bundle import BUNDLES, VAE
from tools.verify.autoencoder.claims import (
    RECONSTRUCTION_LIMITS,
    cost_claims,
    demons_claims,
    descent_claims,
    export_claims,
    prior_claims,
    reconstruction_claims,
    reference_claims,
    rim_claims,
    rotation_claims,
    separation_claims,
)
from tools.verify.autoencoder.measures import FieldSet, joined, systolic_fields
from tools.verify.autoencoder.pictures import save_pictures
from tools.verify.folders import Kind, cycles, labelled_studies, reference_cycle, weights

FOLDERS: dict[str, Kind] = {
    "weights": weights,
    "cycles": cycles,
    "real": labelled_studies,
    "reference": reference_cycle,
}
DESCENT_FIELDS, EXPORT_FIELDS = 24, 16  # on how many the slow measurements are made


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options beside ``--output`` and ``--only``."""
    add = parser.add_argument
    add("--weights", type=Path, default=VAE / "models" / "model.pt", help="of the autoencoder")
    add("--preset", choices=RECONSTRUCTION_LIMITS, default="physiological", help="physics")
    add("--cycles", type=Path, metavar="DIR", help="simulated cycles (default: the built-in ones)")
    add("--built-in-slices", type=int, default=60, metavar="N", help="number of built-in slices")
    add("--data-seed", type=int, default=0, help="of the built-in cycles")
    add("--cache", type=Path, default=BUNDLES / ".cache", help="folder of the built-in cycles")
    add("--real", type=Path, metavar="DIR", help="real studies with labels, for Demons")
    add(
        "--reference",
        type=Path,
        metavar="DIR",
        help="the cycle that the method's authors published",
    )
    add("--pictures", type=Path, metavar="DIR", help="receives PNG files")
    add("--beta", type=float, default=1e-4, help="weight of the divergence in R_VAE")
    add("--spacing", type=float, default=1.5, help="voxel size of the cycles in mm")
    add_seed(parser, "of the wrong fields and the samples drawn")
    add("--device", help="such as cpu (default: a GPU where there is one)")


def run(options: argparse.Namespace) -> int:
    """Measure, print, write and draw; returns the exit status.

    Args:
        options: see :func:`add_arguments`.
    """
    set_determinism(options.seed)
    parts = evaluation_parts(options)
    regulariser = Plausibility(parts.get_parsed_content("network"), options.spacing, options.beta)
    entries = parts.get_parsed_content("validate::dataset").data
    fields = systolic_fields(map(LoadCycled(), entries))
    status = claims.run(
        groups(options, parts, regulariser, fields),
        options.output,
        only=options.only,
        seed=options.seed,
        further={
            "preset": options.preset,
            "test_slices": len(entries),
            "weights": options.weights.name,
            "weights_sha256": file_sha256(options.weights),
            "threads": torch.get_num_threads(),
        },
    )
    if options.pictures is not None:
        save_pictures(options.pictures, regulariser, fields[0], options.real, options.seed)
    return status


def evaluation_parts(options: argparse.Namespace) -> ConfigParser:
    """The bundle's evaluation with the options of the command; it prints and writes nothing.

    Args:
        options: see :func:`add_arguments`.
    """
    changes: dict[str, Any] = {
        "weights": str(options.weights),
        "preset": options.preset,
        "dataset_dir": options.cycles and str(options.cycles),
        "built_in_slices": options.built_in_slices,
        "data_seed": options.data_seed,
        "cache_dir": str(options.cache),
        "spacing": options.spacing,
        "validate::handlers": [],
    }
    if options.device:
        changes["device"] = options.device
    parser = ConfigParser()
    parser.read_config([str(VAE / "configs" / f"{name}.yaml") for name in ("train", "evaluate")])
    parser.update({"bundle_root": str(VAE), **changes})
    return parser


def groups(
    options: argparse.Namespace,
    parts: ConfigParser,
    regulariser: Plausibility,
    systolic: Sequence[FieldSet],
) -> claims.Groups:
    """What is measured, in order.

    Args:
        options: see :func:`add_arguments`.
        parts: from :func:`evaluation_parts`.
        regulariser: R_VAE with the weights in question.
        systolic: frames of the test cycles, end-systole first
            (:func:`~tools.verify.autoencoder.measures.systolic_fields`).
    """
    r, es, fields = regulariser, systolic[0], joined(systolic)

    def generator() -> torch.Generator:
        return torch.Generator().manual_seed(options.seed)

    def reconstruction() -> Iterator[Claim]:
        evaluator = parts.get_parsed_content("validate::evaluator")
        evaluator.run()
        return reconstruction_claims(evaluator.state.metrics, options.preset)

    return {
        "reconstruction": reconstruction,
        "separation": lambda: separation_claims(r, fields, generator()),
        "Demons": lambda: demons_claims(r, fields, options.real),
        "prior": lambda: prior_claims(r, es, options.preset, generator()),
        "descent": lambda: descent_claims(r, fields.every(DESCENT_FIELDS), generator()),
        "reference cycle": lambda: reference_claims(r, es, options.reference),
        "cost": lambda: cost_claims(r),
        "rotation": lambda: rotation_claims(r, es),
        "export": lambda: export_claims(r, es.every(EXPORT_FIELDS)),
        "rim": lambda: rim_claims(r, es),
    }
