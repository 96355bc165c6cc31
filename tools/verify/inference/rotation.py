"""Claims about rotation and twist: rings, and simulated hearts, that are turned by known angles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fem_sim.claims import Claim, at_most
from fem_sim.mechanics.lattice import node_areas
from fem_sim.mechanics.raster import RasterGrid
from myomotion.core.wall.contours import contours_from_labels
from myomotion.core.wall.field import WallField
from myomotion.core.wall.mesh import wall_mesh
from myomotion.core.wall.rotation import wall_rotation_deg
from tools.verify.inference.strain import contraction
from tools.verify.inference.wall import SIZE, SPACING, TrueSlice, true_slices

# Inner and outer radius, mm; pi times what r^2 loses, mm^2.
RINGS = ((24.0, 34.0, 500.0), (22.0, 32.0, 0.0), (14.0, 23.0, 200.0))
ANGLES = (-20.0, -4.0, 1.0, 10.0, 30.0)
TURNS = {"basal": (-6.0, -2.0), "mid": (0.0, 5.0), "apical": (5.0, 15.0)}  # degrees, drawn
SHIFT_MM = 4.0
APART_CM = 4.0  # from the basal to the apical slice; a short ventricle
RING_LIMIT, HEART_LIMIT, PER_CM_LIMIT = 0.05, 0.3, 0.1


def rotation_claims(seed: int) -> Iterator[Claim]:
    """Rotation on the mesh against the angle that everything was turned by.

    Args:
        seed: of what is drawn.
    """
    rng = np.random.default_rng(seed)
    errors = [abs(_ring_error(ring, angle, rng)) for ring in RINGS for angle in ANGLES]
    title = "rotation of rings that contract, shift and turn, largest error"
    note = f"{len(RINGS)} rings, angles {', '.join(f'{a:g}' for a in ANGLES)}"
    yield at_most(title, max(errors), RING_LIMIT, "degrees", note)
    slices = true_slices(seed)
    gaps = np.array([_heart_error(part, rng) for part in slices])
    worst = slices[int(np.abs(gaps).argmax())]
    title = "true fields of hearts of every kind: rotation of a slice, largest error"
    note = f"{len(gaps)} slices, bias {gaps.mean():+.3f}; {worst.kind}, {worst.level}"
    yield at_most(title, float(np.abs(gaps).max()), HEART_LIMIT, "degrees", note)
    levels = [part.level for part in slices]
    twists = [
        gaps[z + 2] - gaps[z]
        for z in range(len(levels) - 2)
        if levels[z : z + 3] == ["basal", "mid", "apical"]
    ]
    largest = float(np.abs(twists).max())
    name = "true fields of hearts of every kind: twist"
    yield at_most(f"{name}, largest error", largest, HEART_LIMIT, "degrees", f"{len(twists)}")
    note = f"{APART_CM:g} cm from base to apex"
    yield at_most(f"{name} per cm, largest error", largest / APART_CM, PER_CM_LIMIT, "/cm", note)


def _rotation(label: np.ndarray, field: np.ndarray) -> float:
    mesh = wall_mesh(contours_from_labels(label, SPACING))
    nodes = WallField(mesh, SPACING, (SIZE, SIZE)).nodes(field[None])
    return float(wall_rotation_deg(mesh, nodes)[0])


def _ring_error(ring: tuple[float, float, float], angle: float, rng: np.random.Generator) -> float:
    inner, outer, drop = ring
    middle = (SIZE - 1) / 2 * SPACING + rng.uniform(-SPACING, SPACING, 2)
    axis = np.arange(SIZE) * SPACING
    x = np.stack(np.meshgrid(*(axis - m for m in middle), indexing="ij"))
    place = x + contraction(x, inner, outer, drop, 0.0)
    moved = np.einsum("ij,jhw->ihw", _matrix(angle), place)
    shift = rng.uniform(-SHIFT_MM, SHIFT_MM, 2)
    radius = np.hypot(*x)
    label = np.where(radius < inner, 1, np.where(radius < outer, 2, 0))
    return _rotation(label, moved - x + shift[:, None, None]) - angle


def _heart_error(part: TrueSlice, rng: np.random.Generator) -> float:
    """Of a slice whose end-systolic nodes are turned about the wall's centroid, and shifted."""
    angle = float(rng.uniform(*TURNS[part.level]))
    weight = node_areas(part.start).ravel()
    center = weight @ part.end.reshape(-1, 2) / weight.sum()
    shift = rng.uniform(-SHIFT_MM, SHIFT_MM, 2)
    end = (part.end - center) @ _matrix(angle).T + center + shift
    raster = RasterGrid(part.start, SPACING, SIZE)
    return _rotation(part.label, raster.rasterise((end - part.start)[None])[0]) - angle


def _matrix(degrees: float) -> np.ndarray:
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[cosine, -sine], [sine, cosine]])
