"""Claims about strain: motions that are known, run through the whole chain after the network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from fem_sim.claims import Claim, below
from fem_sim.mechanics.cycle import simulate_cycle
from fem_sim.mechanics.parameters import SimulationParameters
from fem_sim.phantom.render import CineSettings, VirtualCine, render_cine
from fem_sim.verify.rings import round_contours
from myomotion.analysis.grids import working_grids, working_slices
from myomotion.analysis.measures.tracked import tracked_slices
from myomotion.analysis.motion import source_motion
from myomotion.analysis.tables.strain import strain_rows
from myomotion.io.cine import Cine
from tools.verify.inference.elements import WALL, element_strain, lattices

SPACING, SIZE = 1.5, 96
VIRTUAL_POINTS = {"ecc_percent": 0.5, "err_percent": 1.0, "erc_percent": 0.5}
STRAINS = tuple(VIRTUAL_POINTS)
Strains = tuple[float, float, float]  # in their order

# Inner and outer radius, mm; pi times what r^2 loses, mm^2; torsion across the wall, degrees.
RINGS = (
    ("basal", 24.0, 34.0, 500.0, 0.0),
    ("mid", 22.0, 32.0, 400.0, 6.0),
    ("apical", 14.0, 23.0, 200.0, 10.0),
    ("twist alone", 22.0, 32.0, 0.0, 12.0),
)
# Voxels of the label, mm, and the largest error, points: coarse ones leave the contours open.
VOXELS_MM = {(1.25, 1.5): 0.2, (1.8,): 0.3}
# Level, end-systolic radii in mm and relative ovalness, cavity area ratio.
HEART = (
    ("basal", (19.0, 30.0, 0.04), 1.8),
    ("mid", (17.0, 28.0, 0.02), 2.0),
    ("apical", (12.0, 22.0, 0.0), 2.2),
)
LAMBDA_Z, TORSION_DEG = 1.12, 6.0
RADII = 2000  # samples of the analytic mean across the wall


def analytic_strain_claims(seed: int) -> Iterator[Claim]:
    """Mean strain of drawn rings that contract and twist, against the formula's mean."""
    rng = np.random.default_rng(seed)
    errors: dict[tuple[str, float], list[float]] = defaultdict(list)
    for _, inner, outer, drop, twist in RINGS:
        expected = analytic_means(inner, outer, drop, twist)
        for voxels, limit in VOXELS_MM.items():
            for voxel in voxels:
                center = 40.0 + rng.uniform(-2, 2, 2)
                found = ring_strain(center, voxel, inner, outer, drop, twist)
                for strain, value, truth in zip(STRAINS, found, expected, strict=True):
                    errors[strain, limit].append(abs(value - truth))
    for (strain, limit), values in errors.items():
        (voxels,) = (group for group, own in VOXELS_MM.items() if own == limit)
        sizes = " and ".join(f"{voxel:g}" for voxel in voxels)
        label = strain.split("_")[0].capitalize()
        title = f"{label} of rings, analytic motion, voxels of {sizes} mm"
        yield below(title, max(values), limit, "points", f"worst of {len(RINGS)} rings")


def analytic_means(inner: float, outer: float, drop: float, twist: float) -> Strains:
    """Area means of the strain of ``r^2 = R^2 - drop / pi, theta = Theta + alpha(R)``.

    ``F`` in polar axes is ``[[R / r, 0], [r alpha', r / R]]``; alpha rises linearly over the wall.

    Args:
        inner: radius of the endocardium, mm.
        outer: of the epicardium, mm.
        drop: area that every circle loses, mm^2.
        twist: of the epicardium against the endocardium, degrees.

    Returns:
        Ecc, Err and Erc, Green-Lagrange, percent. Turning from axis 0 towards axis 1 is clockwise
        in the view of a file as stored, and shear counts the other way.
    """
    edges = np.linspace(inner, outer, RADII + 1)
    radius = (edges[1:] + edges[:-1]) / 2
    new = np.sqrt(radius**2 - drop / np.pi)
    slope = np.deg2rad(twist) / (outer - inner)
    ecc = ((new / radius) ** 2 - 1) / 2
    err = ((radius / new) ** 2 + (new * slope) ** 2 - 1) / 2
    erc = -(new**2) * slope / radius / 2
    means = [100 * float(np.average(part, weights=radius)) for part in (ecc, err, erc)]
    return means[0], means[1], means[2]


def ring_strain(
    center: np.ndarray, voxel: float, inner: float, outer: float, drop: float, twist: float
) -> Strains:
    """What the table of strains says about a drawn ring that moves by the formula.

    Args:
        center: of the ring, voxels.
        voxel: size, mm.
        inner: see :func:`analytic_means`.
        outer: see :func:`analytic_means`.
        drop: see :func:`analytic_means`.
        twist: see :func:`analytic_means`.

    Returns:
        Ecc, Err and Erc of the slice, percent.
    """
    count = int(np.ceil(2 * (outer + 10) / voxel + 2 * center.min() - 40))
    offset = np.stack(np.meshgrid(*[np.arange(max(count, 81)) - c for c in center], indexing="ij"))
    radius = voxel * np.hypot(*offset)
    label = np.where(radius < inner, 1, np.where(radius < outer, 2, 0)).astype(np.uint8)
    image = np.stack([label, label], axis=-1)[:, :, None].astype(np.float32)
    affine = np.diag([voxel, voxel, 8.0, 1.0])
    cine = Cine(
        name="ring",
        image=image,
        affine=affine,
        ed_frame=0,
        es_frame=1,
        label_ed=label[..., None],
        levels=["mid"],
    )
    grid = working_grids(cine, SIZE, SPACING)[0]
    start = (np.array(grid.center) - center) * voxel
    axis = (np.arange(SIZE) - (SIZE - 1) / 2) * SPACING
    x = np.stack(np.meshgrid(*(axis + s for s in start), indexing="ij"))
    return end_systolic_strain(cine, contraction(x, inner, outer, drop, twist)[None])[0]


def contraction(x: np.ndarray, inner: float, outer: float, drop: float, twist: float) -> np.ndarray:
    """Displacement of the formula of :func:`analytic_means`; similar, bounded motion in the cavity.

    Args:
        x: ``(2, H, W)`` offsets from the centre, mm.
        inner: see :func:`analytic_means`.
        outer: see :func:`analytic_means`.
        drop: see :func:`analytic_means`.
        twist: see :func:`analytic_means`.

    Returns:
        ``(2, H, W)`` in mm.
    """
    radius = np.maximum(np.hypot(*x), 1e-9)
    core = np.sqrt(max(2 * drop / np.pi, (inner / 2) ** 2))
    scale = np.sqrt(1 - drop / np.pi / np.maximum(radius, core) ** 2)
    angle = np.deg2rad(twist) * (np.maximum(radius, core) - inner) / (outer - inner)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return np.stack([cosine * x[0] - sine * x[1], sine * x[0] + cosine * x[1]]) - x


def end_systolic_strain(cine: Cine, field: np.ndarray) -> list[Strains]:
    """Strain as inference reports it, from a field instead of the network's.

    Args:
        cine: a study of two frames or more with a label and known end-systole.
        field: ``(Z, 2, SIZE, SIZE)`` displacement to end-systole on the working grids, mm.

    Returns:
        Ecc, Err and Erc of each slice, percent.
    """
    displacement = torch.zeros(len(field), cine.image.shape[3], 2, SIZE, SIZE)
    assert cine.es_frame is not None
    displacement[:, cine.es_frame] = torch.from_numpy(field).float()
    slices = working_slices(cine, SIZE, SPACING)
    motion = source_motion(slices, displacement, torch.zeros_like(displacement))
    rows = strain_rows(tracked_slices(motion))
    whole = [r for r in rows if r["segment"] == 0 and r["frame"] == cine.es_frame]
    return [(row["ecc_percent"], row["err_percent"], row["erc_percent"]) for row in whole]


def virtual_strain_claims(seed: int) -> Iterator[Claim]:
    """Strain of a virtual cine from its true fields, against the elements that moved it."""
    levels = [level for level, _, _ in HEART]
    cycles: list[Any] = []
    expected = []
    for _, radii, ratio in HEART:
        parameters = SimulationParameters(
            area_ratio=ratio, lambda_z=LAMBDA_Z, torsion=TORSION_DEG, levels=10
        )
        contours = round_contours(*radii)
        cycles.append(simulate_cycle(contours, parameters))
        own = element_strain(*lattices(contours, parameters))[WALL]
        expected.append((own["ecc"], own["err"], -own["erc"]))  # counted clockwise there
    cine = render_cine(
        list(zip(levels, cycles, strict=True)), CineSettings(), np.random.default_rng(seed)
    )
    found = true_field_strain(cine)
    for column, strain in enumerate(STRAINS):
        errors = [abs(f[column] - e[column]) for f, e in zip(found, expected, strict=True)]
        values = ", ".join(
            f"{f[column]:.2f}/{e[column]:.2f}" for f, e in zip(found, expected, strict=True)
        )
        label = strain.split("_")[0].capitalize()
        yield below(
            f"{label} of a virtual cine from its true fields",
            max(errors),
            VIRTUAL_POINTS[strain],
            "points",
            f"worst of {', '.join(levels)} at end-systole; found/elements: {values} %",
        )


def true_field_strain(cine: VirtualCine) -> list[Strains]:
    """Strain that inference reports from the true field of a virtual cine, percent, by slice."""
    study = Cine(
        name="virtual",
        image=cine.images.astype(np.float32),
        affine=np.diag([cine.spacing, cine.spacing, 8.0, 1.0]),
        ed_frame=0,
        es_frame=cine.es_frame,
        label_ed=np.moveaxis(cine.labels[0], 0, -1),
        levels=list(cine.levels),
    )
    truth = torch.from_numpy(cine.displacement[cine.es_frame])
    grids = working_grids(study, SIZE, SPACING)
    field = torch.stack([g.to_working(truth[z : z + 1])[0] for z, g in enumerate(grids)])
    return end_systolic_strain(study, field.numpy())
