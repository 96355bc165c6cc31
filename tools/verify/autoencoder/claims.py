"""The claims about the autoencoder, group by group."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch

from fem_sim.claims import Claim, at_least, below, not_run
from myomotion.core.kinematics import jacobian_determinant
from myomotion.losses.plausibility import Plausibility, dilate, standardise
from tools.verify.autoencoder.cost import BATCH, NETWORK_BATCH, measure_cost
from tools.verify.autoencoder.demons_fields import demons_fields
from tools.verify.autoencoder.exports import onnx_difference, torchscript_difference
from tools.verify.autoencoder.measures import (
    FieldSet,
    auroc,
    common_wall,
    descend_on_plausibility,
    gradient_distance,
    patches,
    prior_gradients,
    scores,
)
from tools.verify.autoencoder.reference_cycle import reference_field
from tools.verify.autoencoder.wrong_fields import (
    folded,
    mean_area_change,
    perturbed,
    scaled_to_area,
    turned,
    wall_rms,
)

RECONSTRUCTION_LIMITS = {"paper": 0.08, "physiological": 0.12}  # largest relative error
LEAST_AUROC = 0.98
WRONG_AREAS = (0.8, 1.25)  # mean J
PRIOR_SAMPLES = 256
DESCENT_STEPS, DESCENT_SHARE = 100, 0.5
ANGLES = (-15.0, -7.5, 7.5, 15.0)  # degrees
RIM_VOXELS = 3


def reconstruction_claims(metrics: Mapping[str, float], preset: str) -> Iterator[Claim]:
    """Relative reconstruction error of grad u in the wall."""
    note = (
        f"pooled over a slice's cycle, mean over slices; mean of the frames' own relative errors "
        f"{metrics['frame_error']:.3f}, at end-systole only {metrics['es_error']:.3f}"
    )
    limit = RECONSTRUCTION_LIMITS[preset]
    claim = f"relative reconstruction error of grad u, {preset}"
    yield below(claim, metrics["relative_error"], limit, note=note)


def separation_claims(
    regulariser: Plausibility, fields: FieldSet, generator: torch.Generator
) -> Iterator[Claim]:
    """AUROC of R_VAE, simulated fields against the same fields made wrong."""
    u, mask, spacing = fields.displacement, fields.mask, regulariser.spacing
    own = scores(regulariser, fields)
    area = mean_area_change(u, mask, spacing)

    def separated(wrong: torch.Tensor) -> tuple[float, str]:
        found = scores(regulariser, FieldSet(wrong, mask))
        medians = f"median R_VAE {np.median(own):.3g} and {np.median(found):.3g}"
        return auroc(own, found), f"n = {len(own)} each, {medians}"

    value, note = separated(perturbed(u, mask, spacing, 1.0, generator))
    yield at_least("AUROC, smooth perturbations of equal energy", value, LEAST_AUROC, note=note)
    for target in WRONG_AREAS:
        value, note = separated(scaled_to_area(u, mask, spacing, target))
        ratio, _ = separated(scaled_to_area(u, mask, spacing, target * area))
        low, high = np.percentile(area.numpy(), [5, 95])
        note += (
            f"; mean J of the simulated fields is {low:.2f} to {high:.2f} (5th to 95th "
            f"percentile), AUROC with each field's own mean J times {target:g}: {ratio:.3f}"
        )
        claim = f"AUROC, scaled radially to a mean J of {target:g}"
        yield at_least(claim, value, LEAST_AUROC, note=note)
    value, note = separated(folded(u, mask, spacing, generator))
    yield at_least("AUROC, folded patch in the wall", value, LEAST_AUROC, note=note)


def demons_claims(
    regulariser: Plausibility, fields: FieldSet, real_cines: Path | None
) -> Iterator[Claim]:
    """AUROC of R_VAE, simulated fields against diffeomorphic Demons on real cines."""
    claim = "AUROC, diffeomorphic Demons on real cines"
    if real_cines is None:
        yield not_run(claim, f">= {LEAST_AUROC:g}", "no folder given (--real)")
        return
    try:
        found = demons_fields(str(real_cines), fields.mask.shape[-1], regulariser.spacing)
    except ImportError as error:
        yield not_run(claim, f">= {LEAST_AUROC:g}", f"needs SimpleITK ({error})")
        return
    own, other = scores(regulariser, fields), scores(regulariser, found)
    note = f"{len(own)} simulated, {len(other)} slices; R_VAE of the slices "
    note += " ".join(f"{score:.3g}" for score in np.sort(other))
    yield at_least(claim, auroc(own, other), LEAST_AUROC, note=note)


def prior_claims(
    regulariser: Plausibility, es: FieldSet, preset: str, generator: torch.Generator
) -> Iterator[Claim]:
    """Area change of decoded samples of the prior."""
    patch = patches(regulariser, es)
    wall = common_wall(patch.mask)
    samples = prior_gradients(regulariser.vae, PRIOR_SAMPLES, generator)
    area = jacobian_determinant(samples)[:, 0, wall[0, 0] > 0.5]
    size = wall_rms(samples, wall).mean(), wall_rms(patch.gradient, patch.mask).mean()
    value = float((area - 1).abs().mean())
    claim, limit = "mean |J-1| of decoded prior samples", 0.05
    note = (
        f"{PRIOR_SAMPLES} samples, {area.shape[1]} voxels that are wall most often, "
        f"mean J {float(area.mean()):.3f}, RMS gradient {float(size[0]):.3f} (test fields at "
        f"end-systole {float(size[1]):.3f})"
    )
    if preset == "paper":
        yield below(claim, value, limit, note=note)
    else:
        reason = f"report: {value:.3f}; in this preset J of tissue is not 1; {note}"
        yield not_run(claim, f"< {limit:g}", reason)


def descent_claims(
    regulariser: Plausibility, fields: FieldSet, generator: torch.Generator
) -> Iterator[Claim]:
    """How much of a perturbation is gone after descending on R_VAE alone."""
    u, mask = fields.displacement, fields.mask
    start = perturbed(u, mask, regulariser.spacing, DESCENT_SHARE, generator)
    end = descend_on_plausibility(regulariser, FieldSet(start, mask), DESCENT_STEPS)
    before, after = (gradient_distance(regulariser, x, fields) for x in (start, end))
    removed = (1 - after / before).numpy()
    low, middle, high = np.percentile(removed, [10, 50, 90])
    note = (
        f"median of {len(fields)} fields (10th and 90th percentile {low:.2f}, {high:.2f}), "
        f"perturbed by {DESCENT_SHARE:g} of their RMS gradient, {DESCENT_STEPS} Adam steps"
    )
    yield at_least("error of grad u removed by descent on R_VAE", middle, 0.7, note=note)


def reference_claims(
    regulariser: Plausibility, es: FieldSet, folder: Path | None
) -> Iterator[Claim]:
    """R_VAE of the reference implementation's cycle beside that of our own test fields."""
    claim = "R_VAE of the reference cycle / 95th percentile of ours"
    if folder is None or not folder.is_dir():
        reason = "no folder given (--reference)" if folder is None else f"{folder}: no such folder"
        yield not_run(claim, "< 1", reason)
        return
    field, angle = reference_field(folder)
    own = scores(regulariser, es)
    value, limit = float(scores(regulariser, field)[0]), float(np.percentile(own, 95))
    note = (
        f"R_VAE {value:.3g} against {limit:.3g} (median of ours {np.median(own):.3g}); above "
        f"{100 * np.mean(own < value):.0f} % of ours; rotation of {angle:.1f} degrees taken out"
    )
    yield below(claim, value / limit, 1.0, note=note)


def cost_claims(regulariser: Plausibility) -> Iterator[Claim]:
    """Time of R_VAE beside that of the networks."""
    cost = measure_cost(regulariser)
    note = (
        f"forward and backward, batch {BATCH}, 96 x 96, {cost.threads} threads, medians of 3: "
        f"R_VAE {cost.regulariser:.3f} s, siamese network of width 64 {cost.reference:.2f} s, "
        f"default network {cost.default:.2f} s (share {cost.share_of_default:.2f}); networks "
        f"measured with {NETWORK_BATCH} pairs and scaled"
    )
    yield below("cost of R_VAE / siamese registration network", cost.share, 0.1, note=note)


def rotation_claims(regulariser: Plausibility, es: FieldSet) -> Iterator[Claim]:
    """Change of R_VAE when the deformed state is turned."""
    plain = copy.deepcopy(regulariser)
    plain.vae.rotation_free.fill_(False)
    changes = [_rotation_change(r, es) for r in (regulariser, plain)]
    note = (
        f"largest over {len(es)} fields and {', '.join(f'{a:g}' for a in ANGLES)} degrees; with "
        f"the plain gradient and the same weights {changes[1].max():.2g} (median over fields and "
        f"angles {np.median(changes[1]):.2g})"
    )
    claim = "relative change of R_VAE by rotations up to 15 degrees"
    yield below(claim, changes[0].max(), 0.05, note=note)


def _rotation_change(regulariser: Plausibility, fields: FieldSet) -> np.ndarray:
    still = scores(regulariser, fields)
    moved = [
        scores(
            regulariser,
            FieldSet(turned(fields.displacement, angle, regulariser.spacing), fields.mask),
        )
        for angle in ANGLES
    ]
    return np.abs(np.stack(moved) / still - 1)


def export_claims(regulariser: Plausibility, fields: FieldSet) -> Iterator[Claim]:
    """Exported networks against the eager one."""
    standardised = standardise(regulariser.vae, patches(regulariser, fields))
    note = f"largest difference over largest output, {len(fields)} fields"
    value = torchscript_difference(regulariser.vae, standardised)
    yield below("TorchScript against eager", value, 1e-5, note=note)
    try:
        value = onnx_difference(regulariser.vae, standardised)
    except ImportError as error:
        yield not_run("ONNX Runtime against eager", "< 1e-05", f"needs {error.name} ({error})")
        return
    yield below("ONNX Runtime against eager", value, 1e-5, note=note)


def rim_claims(regulariser: Plausibility, es: FieldSet) -> Iterator[Claim]:
    """R_VAE where a rim around the wall counts as well; nothing is promised."""
    wall = scores(regulariser, es)
    rim = scores(regulariser, FieldSet(es.displacement, dilate(es.mask, RIM_VOXELS)))
    reason = (
        f"report: median {np.median(rim):.3g} with a rim of {RIM_VOXELS} voxels, "
        f"{np.median(wall):.3g} in the wall only (ratio {np.median(rim / wall):.1f}), "
        f"{len(es)} end-systolic fields"
    )
    yield not_run("R_VAE with the rim", "none", reason)
