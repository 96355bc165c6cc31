"""Constitutive materials of the wall, by name.

A new one is a file in this folder and its entry in :data:`MATERIALS`; the claims of ``python -m
fem_sim verify`` about tangents then include it.
"""

from __future__ import annotations

from fem_sim.mechanics.materials.base import Material as Material
from fem_sim.mechanics.materials.demiray import Demiray as Demiray
from fem_sim.mechanics.materials.neo_hookean import NeoHookean as NeoHookean

MATERIALS: dict[str, type[Material]] = {m.name: m for m in (NeoHookean, Demiray)}


def material_named(name: str) -> Material:
    """A material with its default constants.

    Args:
        name: key of :data:`MATERIALS`.

    Raises:
        ValueError: for an unknown name.
    """
    if name not in MATERIALS:
        raise ValueError(f"material {name!r} is unknown; use one of: {', '.join(MATERIALS)}.")
    return MATERIALS[name]()
