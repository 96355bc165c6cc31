"""What cardiologists measure on a beat: ejection, shortening, thickening and torsion."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from fem_sim.heart3d.beat import Beat
from fem_sim.heart3d.heart import gauss_values, wall_directions
from fem_sim.heart3d.mesh import SolidMesh

MIDDLE = (1 / 3, 2 / 3)  # of the height: the mid-ventricular level; of the depth: the mid-wall
STEEP = 0.05  # difference of height between the ends of an edge that runs from apex to base
BASAL, APICAL = 0.85, 0.45  # heights, 0 apex to 1 base, between which torsion is measured


@dataclass(frozen=True, kw_only=True)
class Function:
    """Function of a beat at end-systole against end-diastole.

    Attributes:
        ejection_fraction: %.
        gls: longitudinal shortening of the endocardium, length of the meridians, %; negative.
        gcs: circumferential Green-Lagrange strain of the mid-wall, whole ventricle, %; negative.
        ecc_middle: the same of the mid-ventricular level.
        err_middle: radial Green-Lagrange strain of the mid-ventricular level, whole wall, %.
        thickening: of the wall at that level, %.
        torsion: turn of the apical against the basal level over their distance, degrees/cm;
            positive if the apex turns counter-clockwise seen from the apex.
        apical_rotation: degrees, seen so.
        basal_rotation: degrees, seen so.
        base_descent: mm towards the apex.
    """

    ejection_fraction: float
    gls: float
    gcs: float
    ecc_middle: float
    err_middle: float
    thickening: float
    torsion: float
    apical_rotation: float
    basal_rotation: float
    base_descent: float

    def record(self) -> dict[str, float]:
        """All of it, ready for JSON."""
        return asdict(self)


def function_of(beat: Beat) -> Function:
    """Function of a beat."""
    mesh, end = beat.mesh, beat.es_frame
    diastole, systole = beat.positions[0], beat.positions[end]
    strain = strain_between(beat, 0, end)
    height, depth = gauss_values(mesh, mesh.height), gauss_values(mesh, mesh.depth)
    weights = beat.model.weights
    mid_wall = _within(depth) * weights
    level = _within(height) * weights
    apical, basal = (_rotation(mesh, diastole, systole, h) for h in (APICAL, BASAL))
    distance = np.ptp([_mean_height(mesh, diastole, h) for h in (APICAL, BASAL)]) / 10
    held = mesh.held
    return Function(
        ejection_fraction=float(100 * (1 - beat.volumes[end] / beat.volumes[0])),
        gls=100 * (_meridians(mesh, systole) / _meridians(mesh, diastole) - 1),
        gcs=100 * _mean(strain[..., 0, 0], mid_wall),
        ecc_middle=100 * _mean(strain[..., 0, 0], _within(depth) * level),
        err_middle=100 * _mean(strain[..., 2, 2], level),
        thickening=100 * (_thickness(mesh, systole) / _thickness(mesh, diastole) - 1),
        torsion=float((apical - basal) / distance),
        apical_rotation=apical,
        basal_rotation=basal,
        base_descent=float(np.mean(diastole[held, 2] - systole[held, 2])),
    )


def strain_between(beat: Beat, first: int, second: int) -> np.ndarray:
    """Green-Lagrange strain of one frame against another at Gauss points.

    Returns:
        ``(elements, points, 3, 3)`` along the first frame's circumferential, longitudinal and
        radial directions.
    """
    before, after = (beat.model.gradients(beat.states[frame].x) for frame in (first, second))
    motion = after @ np.linalg.inv(before)
    directions = wall_directions(beat.mesh, beat.positions[first])
    local = motion @ directions
    return (np.swapaxes(local, -1, -2) @ local - np.eye(3)) / 2


def _within(values: np.ndarray) -> np.ndarray:
    return (values >= MIDDLE[0]) & (values <= MIDDLE[1])


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float(np.sum(values * weights) / np.sum(weights))


def _meridians(mesh: SolidMesh, nodes: np.ndarray) -> float:
    """Sum of the lengths in mm of the endocardium's element edges that run from apex to base."""
    total = 0.0
    # Sides of a face in SfePy's order: two corners and the node between them.
    for side in ((0, 4, 1), (1, 5, 2), (2, 6, 3), (3, 7, 0)):
        edges = mesh.loaded[:, side]
        heights = mesh.height[edges]
        steep = np.abs(heights[:, 0] - heights[:, 2]) > STEEP
        total += float(np.linalg.norm(np.diff(nodes[edges[steep]], axis=1), axis=-1).sum())
    return total


def _thickness(mesh: SolidMesh, nodes: np.ndarray) -> float:
    """Mean distance in mm from endo- to epicardium at the mid-ventricular level."""
    inner, outer = (np.flatnonzero(mesh.depth == side) for side in (0.0, 1.0))
    chosen = _within(mesh.height[inner])
    return float(np.linalg.norm(nodes[outer[chosen]] - nodes[inner[chosen]], axis=1).mean())


def _level(mesh: SolidMesh, height: float) -> np.ndarray:
    """Numbers of the nodes in all depths on the ring nearest to a height."""
    ring = mesh.height[mesh.height > 0.3]
    nearest = ring[np.argmin(np.abs(ring - height))]
    return np.flatnonzero(np.isclose(mesh.height, nearest, atol=1e-6))


def _rotation(mesh: SolidMesh, before: np.ndarray, after: np.ndarray, height: float) -> float:
    """Turn of a level in degrees, positive counter-clockwise seen from the apex."""
    nodes = _level(mesh, height)
    a, b = ((x[nodes] - x[nodes].mean(0))[:, :2] for x in (before, after))
    crossed = np.sum(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    return -float(np.rad2deg(np.arctan2(crossed, np.sum(a * b))))


def _mean_height(mesh: SolidMesh, nodes: np.ndarray, height: float) -> float:
    return float(nodes[_level(mesh, height), 2].mean())
