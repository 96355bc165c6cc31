"""The refinement that a configuration describes, and the transform that applies it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.transforms import Transform
from monai.utils import optional_import

from myomotion.analysis.drawing.closed import kept_open
from myomotion.core.integrator import FieldIntegrator
from myomotion.errors import SettingError
from myomotion.losses.plausibility import load_plausibility
from myomotion.losses.similarity import MixedSimilarity
from myomotion.refinement.field import Refinement
from myomotion.refinement.latent import LatentRefinement

FRAMES_TOGETHER = 32  # that a processor refines at once, where slices have fewer
MODES = {"field": Refinement, "latent": LatentRefinement}


def load_refinement(
    steps: int,
    alpha: float,
    temporal: float,
    vae_weights: str | Path,
    integrator: FieldIntegrator,
    spacing: float = 1.5,
    device: torch.device | str = "cpu",
    beta: float = 1e-4,
    bending: float = 0.0,
    correlation: float = 0.0,
    mode: str = "field",
    tissue: float = 0.0,
) -> Refinement | None:
    """Refinement with R_VAE; the autoencoder is only loaded where it is needed.

    Args:
        steps: of the refinement; 0 for none.
        alpha: weight of the regulariser; 0 refines without it.
        temporal: weight of the second difference over time.
        vae_weights: weights of the autoencoder.
        integrator: turns output into displacement.
        spacing: voxel size of the working grid in millimetres.
        device: where to optimise; the device of the network's output.
        beta: weight of the divergence within R_VAE.
        bending: weight of the mean squared second derivatives.
        correlation: weight of the local cross-correlation beside the mean squares.
        mode: ``field`` corrects the network's motion, ``latent`` searches the autoencoder's
            manifold only (:class:`~myomotion.refinement.latent.LatentRefinement`).
        tissue: weight of the difference of the tissues that the segmentation sees.

    Returns:
        The refinement, or None where ``steps`` is 0.

    Raises:
        SettingError: if a number is negative or none, or the mode is unknown.
        InputError: if the weights are missing or do not fit.
    """
    given = {
        "steps": steps,
        "alpha": alpha,
        "temporal": temporal,
        "bending": bending,
        "correlation": correlation,
        "tissue": tissue,
    }
    for name, value in given.items():
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not value < float("inf")
        ):
            raise SettingError(f"refine_{name}: {value!r} is no number. Give 0 to leave it out.")
        if value < 0:
            raise SettingError(f"refine_{name}: {value} is negative. Give 0 to leave it out.")
    if steps != int(steps):
        raise SettingError(f"refine_steps: {steps} is no whole number. Give {steps:.0f}.")
    if mode not in MODES:
        raise SettingError(f"refine_mode: {mode!r} is unknown. Use {' or '.join(MODES)}.")
    if steps == 0:
        return None
    regulariser = None
    if alpha > 0 or mode == "latent":
        regulariser = load_plausibility(vae_weights, spacing, beta, device)
    return MODES[mode](
        integrator=integrator,
        regulariser=regulariser,
        steps=int(steps),
        alpha=alpha,
        temporal=temporal,
        bending=bending,
        tissue=tissue,
        spacing=spacing,
        similarity=MixedSimilarity(correlation) if correlation else None,
    )


class RefineMotion(Transform):
    """Refine the network's output ``pred``, slice by slice.

    Args:
        refinement: from :func:`load_refinement`; None does nothing.
    """

    def __init__(self, refinement: Refinement | None) -> None:
        self.refinement = refinement

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace ``pred`` ``(Z, T, 2, H, W)``, in voxels.

        Args:
            data: ``pred``, ``image`` ``(Z, T, H, W)``, ``mask`` ``(Z, 1, H, W)`` and, where the
                tissues in them are known, ``slices`` and ``plain`` from
                :class:`~myomotion.transforms.load_cine.LoadCine`. Points are followed by what
                drawn frames lack, so that plain ones are compared.

        Returns:
            The item.
        """
        if self.refinement is None or self.refinement.steps == 0:
            return dict(data)
        image, output, mask = (torch.as_tensor(data[k]) for k in ("image", "pred", "mask"))
        image = torch.as_tensor(data.get("plain", image)).to(image)
        slices = data.get("slices")
        self.refinement.tell(mask)
        tissues = None if slices is None else slices.tissues
        return {**data, "pred": self.refined(image, output, mask, tissues)}

    def refined(
        self,
        image: torch.Tensor,
        output: torch.Tensor,
        mask: torch.Tensor,
        tissues: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The refined output, without a word.

        Args:
            image: ``(Z, T, H, W)``, frames that are compared.
            output: of the network, ``(Z, T, 2, H, W)`` in voxels.
            mask: ``(Z, 1, H, W)``.
            tissues: seen in the frames, ``(Z, T, 3, H, W)``; None where no network has looked.

        Returns:
            As ``output``, which is returned as it is without a refinement.
        """
        if self.refinement is None or self.refinement.steps == 0:
            return output
        # Few frames at once keep to a processor's caches; a GPU takes all in one batch.
        together = max(FRAMES_TOGETHER // max(image.shape[1] - 1, 1), 1)
        size = len(image) if output.is_cuda else together
        shares = None if tissues is None else kept_open(tissues)
        seen = [None] * -(-len(image) // size) if shares is None else shares.split(size)
        parts = (part.split(size) for part in (image, output.float(), mask))
        slices_to_do = list(zip(*parts, seen, strict=True))
        return torch.cat([self.refinement(*part) for part in _with_progress(slices_to_do)])


def _with_progress(slices: list[Any]) -> Iterable[Any]:
    """The slices, with a bar on a terminal that says how many are left and for how long."""
    tqdm, there = optional_import("tqdm", name="tqdm")
    if not there or len(slices) < 2:
        return slices
    # disable=None: nothing where the output is no terminal
    bar: Iterable[Any] = tqdm(slices, "refining", unit="slice", leave=False, disable=None)
    return bar
