"""The report on a trained autoencoder: every claim printed, written, and turned into a status."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import monai
import torch

from myomotion.claims import Claim, exit_status, summary, write_report
from myomotion.errors import InputError
from myomotion.losses.plausibility import Plausibility
from myomotion.vae_claims import RECONSTRUCTION, all_claims
from myomotion.vae_measures import late_fields


class VaeReport:
    """Measure, print, write, draw and judge.

    Args:
        regulariser: R_VAE with the weights in question.
        cycles: test cycles, from :class:`~myomotion.transforms.cycles.LoadCycled`.
        preset: physics of the cycles, ``paper`` or ``physiological``.
        weights: file of the weights, named in the report.
        seed: of everything drawn.
        real_cines: folder of real studies with labels for the Demons; None leaves that claim out.
        reference_fields: folder of the reference implementation's cycle; None leaves it out.
        output: JSON file for the report; None writes none.
        pictures: folder for PNG files; None draws none.
        emit: takes the lines of the report.

    Raises:
        InputError: for another preset.
    """

    def __init__(
        self,
        regulariser: Plausibility,
        cycles: Sequence[Mapping[str, Any]],
        preset: str,
        weights: str | Path,
        seed: int = 0,
        real_cines: str | Path | None = None,
        reference_fields: str | Path | None = None,
        output: str | Path | None = None,
        pictures: str | Path | None = None,
        emit: Callable[[str], None] = print,
    ) -> None:
        if preset not in RECONSTRUCTION:
            raise InputError(f"preset: '{preset}' is unknown. Use {' or '.join(RECONSTRUCTION)}.")
        self.regulariser = regulariser
        self.cycles = cycles
        self.preset = preset
        self.weights = Path(weights)
        self.seed = seed
        self.real_cines = _path(real_cines)
        self.reference_fields = _path(reference_fields)
        self.output = _path(output)
        self.pictures = _path(pictures)
        self.emit = emit

    def run(self, metrics: Mapping[str, float]) -> None:
        """Measure all claims, print and write them, draw the pictures.

        Args:
            metrics: of the evaluator: ``relative_error``, ``frame_error`` and ``es_error``.

        Raises:
            SystemExit: with status 1 if a claim failed, after everything has been written.
        """
        late = late_fields(self.cycles)
        found: list[Claim] = []
        for claim in all_claims(
            self.regulariser,
            late,
            metrics,
            self.preset,
            self.seed,
            self.real_cines,
            self.reference_fields,
        ):
            found.append(claim)
            self.emit(claim.line())
        self.emit(f"{summary(found)} ({self.preset}, {len(late[0])} test slices)")
        if self.output is not None:
            write_report(self.output, found, self._circumstances(len(late[0])))
        if self.pictures is not None:
            from myomotion.vae_pictures import save_pictures

            save_pictures(self.pictures, self.regulariser, late, self.real_cines, self.seed)
        if exit_status(found):
            raise SystemExit(1)

    def _circumstances(self, slices: int) -> dict[str, Any]:
        return {
            "preset": self.preset,
            "test_slices": slices,
            "weights": self.weights.name,
            "weights_sha256": hashlib.sha256(self.weights.read_bytes()).hexdigest(),
            "seed": self.seed,
            "torch": torch.__version__,
            "monai": monai.__version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "threads": torch.get_num_threads(),
        }


def _path(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value)
