"""Strain of the simulated elements themselves: what a measurement from their motion should find."""

from __future__ import annotations

import numpy as np

from fem_sim.geometry.mesh import ring_mesh
from fem_sim.mechanics.gauge import cycle_positions
from fem_sim.mechanics.lattice import LatticeMap
from fem_sim.mechanics.parameters import SimulationParameters
from fem_sim.mechanics.path import cycle_states, inflation_path
from fem_sim.mechanics.ring import ring_model
from myomotion.core.wall.contours import Contours
from myomotion.core.wall.mesh import LAYERS, wall_mesh

SAMPLES = 6  # of an element along the circumference
ACROSS = 24  # across the wall, where thirds are told apart
WALL = "wall"
PARTS = (WALL, *LAYERS)


def lattices(contours: Contours, parameters: SimulationParameters) -> tuple[np.ndarray, np.ndarray]:
    """Node positions of a simulated slice at end-diastole and at end-systole.

    Args:
        contours: undeformed ring, mm.
        parameters: of the simulation.

    Returns:
        Two of ``(2 n_circ, 2 n_rad + 1, 2)`` in mm.
    """
    mesh = ring_mesh(contours, parameters.n_circ, parameters.n_rad)
    model = ring_model(mesh, parameters)
    path = inflation_path(model, parameters.area_ratio, parameters.lambda_z)
    states, _ = cycle_states(model, path, parameters)
    positions = cycle_positions(model, states, parameters.torsion)
    return positions[0], positions[-1]


def element_strain(start: np.ndarray, end: np.ndarray) -> dict[str, dict[str, float]]:
    """Means of the elements' strain over the wall's area and over thirds of its thickness.

    The directions are the elements' own: along the circumference, and at right angles to it.

    Args:
        start: end-diastolic nodes, from :func:`lattices`.
        end: end-systolic nodes.

    Returns:
        By part of :data:`PARTS`: ``err``, ``ecc``, ``erc`` in percent, and ``jacobian``.
    """
    map_ = LatticeMap((start.shape[0], start.shape[1]))
    s, t = (
        (np.arange(count)[:, None] + (np.arange(samples) + 0.5) / samples).ravel()
        for count, samples in ((map_.n_circ, SAMPLES), (map_.n_rad, ACROSS))
    )
    nodes, weights, *slopes = map_.weights(*(g.ravel() for g in np.meshgrid(s, t, indexing="ij")))

    def tangents(lattice: np.ndarray) -> np.ndarray:
        corners = lattice.reshape(-1, 2)[nodes]
        return np.stack([np.einsum("nk,nkd->nd", w, corners) for w in slopes], axis=-1)

    reference = tangents(start)
    gradient = tangents(end) @ np.linalg.inv(reference)
    strain = (gradient.transpose(0, 2, 1) @ gradient - np.eye(2)) / 2
    around = reference[..., 0] / np.linalg.norm(reference[..., 0], axis=1, keepdims=True)
    outward = np.stack([around[:, 1], -around[:, 0]], axis=1)
    values = {
        "err": 100 * np.einsum("ni,nij,nj->n", outward, strain, outward),
        "ecc": 100 * np.einsum("ni,nij,nj->n", around, strain, around),
        "erc": 100 * np.einsum("ni,nij,nj->n", outward, strain, around),
        "jacobian": np.linalg.det(gradient),
    }
    place = np.einsum("nk,nkd->nd", weights, start.reshape(-1, 2)[nodes])
    _, radius, inner, outer = wall_mesh(true_contours(start)).polar(place)
    depth = np.clip((radius - inner) / (outer - inner), 0, 1 - 1e-9)
    area = np.abs(np.linalg.det(reference))
    parts = {WALL: np.ones(len(depth), bool)}
    parts |= {name: (depth * len(LAYERS)).astype(int) == i for i, name in enumerate(LAYERS)}
    return {
        part: {key: float(np.average(v[where], weights=area[where])) for key, v in values.items()}
        for part, where in parts.items()
    }


def true_contours(lattice: np.ndarray) -> Contours:
    """Endo- and epicardium of a lattice, its quadratic edges as they are.

    Args:
        lattice: ``(2 n_circ, 2 n_rad + 1, 2)`` in mm.

    Returns:
        The contours, mm.
    """
    map_ = LatticeMap((lattice.shape[0], lattice.shape[1]))
    s = (np.arange(map_.n_circ)[:, None] + np.arange(SAMPLES) / SAMPLES).ravel()

    def edge(depth: float) -> np.ndarray:
        nodes, weights, *_ = map_.weights(s, np.full(len(s), depth))
        return np.einsum("nk,nkd->nd", weights, lattice.reshape(-1, 2)[nodes])

    return Contours(endo=edge(0.0), epi=edge(float(map_.n_rad)))
