"""Slices that are in a stack twice, bit by bit: no two places in a body look the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np


def repeated_slices(image: np.ndarray) -> dict[int, int]:
    """Slices whose pictures are those of another in every frame; blank ones do not count.

    Args:
        image: ``(X, Y, Z, T)``.

    Returns:
        By slice the first one with its pictures.
    """
    alike: dict[bytes, list[int]] = {}  # one frame tells of nearly all slices that they are none
    found = {}
    for z in range(image.shape[2]):
        others, frames = alike.setdefault(image[:, :, z, 0].tobytes(), []), image[:, :, z]
        other = next((o for o in others if np.array_equal(frames, image[:, :, o])), None)
        if other is None:
            others.append(z)
        elif np.ptp(frames) > 0:
            found[z] = other
    return found


def repeats_among(repeated: Mapping[int, int], slices: Iterable[int]) -> dict[int, int]:
    """The repeats of a stack of which only some slices count.

    Args:
        repeated: those of all, from :func:`repeated_slices`.
        slices: that count.

    Returns:
        By slice the first one of them with its pictures.
    """
    firsts: dict[int, int] = {}  # of the slices that count, by the first of all
    pairs = ((z, firsts.setdefault(repeated.get(z, z), z)) for z in sorted(slices))
    return {z: first for z, first in pairs if first != z}


def repeats_named(repeated: Mapping[int, int]) -> str:
    """What :func:`repeated_slices` found, as part of a sentence."""
    return " and ".join(f"slice {z} holds the pictures of slice {o}" for z, o in repeated.items())
