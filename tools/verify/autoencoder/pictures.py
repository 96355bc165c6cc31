"""Pictures of what an autoencoder has learned and of what it finds implausible."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import lsqr

from myomotion.core.kinematics import (
    displacement_gradient,
    green_lagrange_strain,
    jacobian_determinant,
    radial_circumferential_strain,
    radial_direction,
)
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import PROGRAM, claim
from myomotion.losses.plausibility import VAE_SPACING, Plausibility, standardise
from tools.verify.autoencoder.demons_fields import demons_fields
from tools.verify.autoencoder.measures import (
    FieldSet,
    common_wall,
    decoded_gradients,
    patches,
    prior_gradients,
    scores,
)
from tools.verify.autoencoder.wrong_fields import folded, perturbed, scaled_to_area, turned

LOG = logging.getLogger(__name__)
J_RANGE = (0.5, 1.5)
STRAIN_RANGE = (-0.3, 0.3)
DIFFERENCE = "coolwarm", (-0.1, 0.1)
SAMPLES, FIELDS, MODES = 6, 4, 4  # panels
STEPS = (-2.0, -1.0, 0.0, 1.0, 2.0)  # standard deviations along a mode


def save_pictures(
    folder: Path,
    regulariser: Plausibility,
    es: FieldSet,
    real_cines: Path | None = None,
    seed: int = 0,
) -> None:
    """Draw ``reconstructions``, ``modes``, ``prior`` and ``wrong_fields`` as PNG files.

    Args:
        folder: receives the files.
        regulariser: R_VAE.
        es: the test fields at end-systole.
        real_cines: folder of real studies for a panel of Demons, or None.
        seed: of what is drawn.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, figure in (
        ("reconstructions", reconstructions(regulariser, es.every(FIELDS))),
        ("modes", modes(regulariser, es)),
        ("prior", prior(regulariser, es, generator)),
        ("wrong_fields", wrong_fields(regulariser, es, real_cines, generator)),
    ):
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=90, metadata={"Software": PROGRAM})
        claim(folder / f"{name}.png", signed=True)
        write_bytes(folder / f"{name}.png", content.getvalue())


def reconstructions(regulariser: Plausibility, fields: FieldSet) -> Figure:
    """A row for each field: J and circumferential strain, true, decoded and the difference."""
    patch = patches(regulariser, fields)
    vae = regulariser.vae
    with torch.no_grad():
        found = vae(standardise(vae, patch)) * vae.gradient_std + vae.gradient_mean
    values = [_area_and_strain(g.cpu(), patch.mask.cpu()) for g in (patch.gradient, found)]
    figure, axes = _figure(len(fields), 6, "Test fields at end-systole, decoded", bars=4)
    score = scores(regulariser, fields)
    quantities = (("J", "PuOr", J_RANGE), ("Ecc", "coolwarm", STRAIN_RANGE))
    for row in range(len(fields)):
        wall = patch.mask[row, 0].cpu().numpy() > 0.5
        for k, (name, colours, limits) in enumerate(quantities):
            true, made = (v[row, k].numpy() for v in values)
            for axis, shown, title, look in (
                (axes[row, 3 * k], true, f"{name}, simulated", (colours, limits)),
                (axes[row, 3 * k + 1], made, f"{name}, decoded", (colours, limits)),
                (axes[row, 3 * k + 2], made - true, f"difference in {name}", DIFFERENCE),
            ):
                _draw_map(axis, shown, wall, "" if row else title, *look)
        axes[row, 0].set_ylabel(f"R_VAE {score[row]:.3g}", fontsize=9)
    for k, (name, colours, limits) in enumerate(quantities):
        _add_colours(figure, axes[:, 3 * k : 3 * k + 2], name, colours, limits)
        _add_colours(figure, axes[:, 3 * k + 2], f"difference in {name}", *DIFFERENCE)
    return figure


def modes(regulariser: Plausibility, es: FieldSet) -> Figure:
    """Walk along the latent dimensions whose posterior means vary most over the test fields."""
    patch = patches(regulariser, es)
    with torch.no_grad():
        codes = regulariser.vae.encode(standardise(regulariser.vae, patch))[0].cpu()
    spread = codes.std(0)
    base = int((codes - codes.mean(0)).norm(dim=1).argmin())
    wall = patch.mask[base, 0].cpu().numpy() > 0.5
    share = spread**2 / (spread**2).sum()
    figure, axes = _figure(
        MODES, len(STEPS), "The most typical test field, moved along the largest modes; colour: J"
    )
    for row, mode in enumerate(spread.argsort(descending=True)[:MODES].tolist()):
        latent = codes[base].repeat(len(STEPS), 1)
        latent[:, mode] = codes[:, mode].mean() + torch.tensor(STEPS) * spread[mode]
        decoded = decoded_gradients(regulariser.vae, latent).cpu().numpy()
        for column, gradient in enumerate(decoded):
            title = f"{STEPS[column]:+g} sd"
            draw_deformed(axes[row, column], integrated(gradient, wall), gradient, wall, title)
        axes[row, 0].set_ylabel(f"dimension {mode}: {100 * share[mode]:.0f} %", fontsize=9)
    _add_colours(figure, axes, "J")
    return figure


def prior(regulariser: Plausibility, es: FieldSet, generator: torch.Generator) -> Figure:
    """Decoded samples of the standard normal, on the wall most like the slices' common one."""
    mask = patches(regulariser, es).mask
    nearest = int((mask - common_wall(mask)).abs().sum((1, 2, 3)).argmin())
    wall = mask[nearest, 0].cpu().numpy() > 0.5
    title = "Samples of the prior, on the wall of a typical test slice; colour: J"
    figure, axes = _figure(1, SAMPLES, title)
    samples = prior_gradients(regulariser.vae, SAMPLES, generator).cpu().numpy()
    for column, gradient in enumerate(samples):
        axis = axes[0, column]
        draw_deformed(axis, integrated(gradient, wall), gradient, wall, f"sample {column + 1}")
    _add_colours(figure, axes, "J")
    return figure


def wrong_fields(
    regulariser: Plausibility, es: FieldSet, real_cines: Path | None, generator: torch.Generator
) -> Figure:
    """A test field and what is made of it, with R_VAE and where R_VAE comes from."""
    field = es.every(3)
    field = FieldSet(field.displacement[1:2], field.mask[1:2]) if len(field) > 1 else field
    u, mask, spacing = field.displacement, field.mask, regulariser.spacing
    shown = {
        "simulated": field,
        "turned by 15 degrees": FieldSet(turned(u, 15.0, spacing), mask),
        "smooth perturbation": FieldSet(perturbed(u, mask, spacing, 1.0, generator), mask),
        "scaled to J = 0.8": FieldSet(scaled_to_area(u, mask, spacing, 0.8), mask),
        "scaled to J = 1.25": FieldSet(scaled_to_area(u, mask, spacing, 1.25), mask),
        "folded patch": FieldSet(folded(u, mask, spacing, generator), mask),
        **_demons_panels(regulariser, real_cines, es.mask.shape[-1]),
    }
    figure, axes = _figure(
        2, len(shown), "Deformed wall coloured by J, and the squared residual of R_VAE"
    )
    for column, (name, one) in enumerate(shown.items()):
        score = float(scores(regulariser, one)[0])
        gradient = displacement_gradient(one.displacement, spacing)[0].numpy()
        wall = one.mask[0, 0].numpy() > 0.5
        title = f"{name}\nR_VAE {score:.3g}"
        moved = one.displacement[0].numpy() / spacing
        draw_deformed(axes[0, column], moved, gradient, wall, title)
        with torch.no_grad():
            device = regulariser.vae.gradient_std.device
            residual = regulariser.residual_map(
                one.displacement.to(device), one.mask.to(device)
            ).cpu()
        there = patches(regulariser, one).mask[0, 0].cpu().numpy() > 0.5
        _draw_map(axes[1, column], residual[0, 0].numpy(), there, "", "magma_r", (0.0, 1.0))
    _add_colours(figure, axes[:1], "J")
    _add_colours(figure, axes[1:], "squared residual", "magma_r", (0.0, 1.0))
    return figure


def _demons_panels(
    regulariser: Plausibility, real_cines: Path | None, size: int
) -> dict[str, FieldSet]:
    if real_cines is None or not real_cines.is_dir():
        return {}
    try:
        fields = demons_fields(str(real_cines), size, regulariser.spacing)
    except ImportError as error:
        LOG.warning("no panel of Demons: %s", error)
        return {}
    order = np.argsort(scores(regulariser, fields))
    return {
        f"Demons, {name}": FieldSet(fields.displacement[i : i + 1], fields.mask[i : i + 1])
        for name, i in (("lowest of all", order[0]), ("median", order[len(order) // 2]))
    }


def _area_and_strain(gradient: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    size = gradient.shape[-1]
    index = torch.arange(size, dtype=gradient.dtype)
    rows = []
    for g, m in zip(gradient.split(1), mask.split(1), strict=True):
        total = m.sum()
        center = [float((m.sum(d) * index).sum() / total) for d in ((0, 1, 3), (0, 1, 2))]
        radial = radial_direction(center, (size, size), (VAE_SPACING, VAE_SPACING), g)
        strain = radial_circumferential_strain(green_lagrange_strain(g), radial)
        rows.append(torch.cat([jacobian_determinant(g), strain[:, 1:]], dim=1))
    return torch.cat(rows)


def integrated(gradient: np.ndarray, wall: np.ndarray) -> np.ndarray:
    """Displacement ``(2, H, W)`` in voxels with the gradient ``(4, H, W)``, by least squares."""
    number = np.full(wall.shape, -1)
    number[wall] = np.arange(wall.sum())
    rows, targets = [], []
    for axis in (0, 1):
        n = wall.shape[axis] - 1
        first, second = (np.take(number, range(k, n + k), axis=axis) for k in (0, 1))
        both = (first >= 0) & (second >= 0)
        rows.append(np.stack([first[both], second[both]], axis=1))
        slope = gradient[[axis, 2 + axis]]
        here, there = (np.take(slope, range(k, n + k), axis=axis + 1) for k in (0, 1))
        targets.append((here + there)[:, both] / 2)
    pairs, steps = np.concatenate(rows), np.concatenate(targets, axis=1)
    equations = np.repeat(np.arange(len(pairs)), 2)
    signs = np.tile([-1.0, 1.0], len(pairs))
    matrix = coo_matrix((signs, (equations, pairs.ravel())), (len(pairs), int(wall.sum()))).tocsr()
    field = np.zeros((2, *wall.shape))
    for component in (0, 1):
        solution = lsqr(matrix, steps[component], atol=1e-8, btol=1e-8)[0]
        field[component][wall] = solution - solution.mean()
    return field


def _figure(rows: int, columns: int, title: str, bars: int = 1) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=(2.2 * columns + 1.2 * bars, 2.4 * rows + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.ravel():
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_aspect("equal")
    figure.suptitle(title, fontsize=11)
    return figure, axes


def _draw_map(
    axis: Axes,
    values: np.ndarray,
    wall: np.ndarray,
    title: str,
    colours: str,
    limits: tuple[float, float],
) -> None:
    shown = np.where(wall, values, np.nan).T
    axis.imshow(shown, cmap=colours, vmin=limits[0], vmax=limits[1])
    show_about(axis, wall, 2.0)
    axis.set_title(title, fontsize=9)


def draw_deformed(
    axis: Axes, displacement: np.ndarray, gradient: np.ndarray, wall: np.ndarray, title: str
) -> None:
    """Draw each voxel of the wall where it goes and as it is deformed, coloured by J.

    Args:
        axis: to draw on.
        displacement: ``(2, H, W)`` in voxels.
        gradient: ``(4, H, W)``, its gradient.
        wall: boolean ``(H, W)``, at end-diastole.
        title: of the panel.
    """
    material = np.argwhere(wall)
    moved = displacement[:, wall].T
    moved = moved - moved.mean(0)
    g = gradient[:, wall].T.reshape(-1, 2, 2)
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    quads = (material + moved)[:, None] + np.einsum("nij,kj->nki", g + np.eye(2), corners)
    patches_ = PolyCollection(
        list(quads), array=np.linalg.det(g + np.eye(2)), cmap="PuOr", norm=Normalize(*J_RANGE)
    )
    axis.add_collection(patches_)
    axis.contour(wall.T.astype(float), [0.5], colors="0.4", linewidths=0.6)
    show_about(axis, wall, 4.0)
    axis.set_title(title, fontsize=9)


def show_about(axis: Axes, part: np.ndarray, margin: float) -> None:
    """Show a square around a part of the grid, axis 0 to the right and axis 1 down.

    Args:
        axis: to set.
        part: boolean ``(H, W)``.
        margin: around the part, voxels.
    """
    low, high = np.argwhere(part).min(0), np.argwhere(part).max(0)
    half = (high - low).max() / 2 + margin
    middle = (low + high) / 2
    axis.set_xlim(middle[0] - half, middle[0] + half)
    axis.set_ylim(middle[1] + half, middle[1] - half)


def _add_colours(
    figure: Figure,
    axes: np.ndarray,
    label: str,
    colours: str = "PuOr",
    limits: tuple[float, float] = J_RANGE,
) -> None:
    mappable = ScalarMappable(Normalize(*limits), colours)
    figure.colorbar(mappable, ax=axes, shrink=0.6, aspect=30, label=label, extend="both")
