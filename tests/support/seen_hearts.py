"""Pictures of hearts whose tissues have their own brightness, and networks that know it.

What such a network says is exact, so that whatever goes wrong is not the network's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from myomotion.analysis.drawing import looks
from myomotion.networks.ventricles import VentricleNet

Network = Callable[[torch.Tensor], torch.Tensor]
SURE = 20.0  # logit of what a network says
STRIPES = 8  # every eighth column is the brightest: each part of a picture is scaled alike
GREY = np.array([0.0, 300.0, 100.0, 200.0])  # of background, cavity, wall, right ventricle
BRIGHTEST = 400.0


def by_grey() -> Network:
    """Knows the tissues of :func:`striped` pictures, exactly, whatever they are mixed with."""
    return by_steps([0.125, 0.375, 0.625, 0.875], [0, 2, 3, 1, 0])


def by_brightness() -> Network:
    """Bright is cavity, grey is wall, dark is background: right between voxels as well."""
    return by_steps([0.25, 0.75], [0, 2, 1])


def by_steps(edges: Sequence[float], codes: Sequence[int]) -> Network:
    """A network that knows classes by brightness.

    Args:
        edges: brightness at which the class changes, ascending.
        codes: class below, between and above them.
    """
    table = torch.tensor(codes)

    def network(pictures: torch.Tensor) -> torch.Tensor:
        seen = table[torch.bucketize(pictures[:, 0].float(), torch.tensor(edges))]
        return SURE * torch.nn.functional.one_hot(seen, 4).movedim(-1, 1).float()

    return network


def ring_label(
    shape: tuple[int, int],
    center: tuple[float, float],
    inner: float,
    outer: float,
    *,
    gap: float = 0.0,
    right: bool = False,
    spacing: tuple[float, float] = (1.0, 1.0),
) -> np.ndarray:
    """A left ventricle in the internal coding.

    Args:
        shape: of the slice.
        center: in voxels.
        inner: radius of the cavity; 0 for none.
        outer: of the wall.
        gap: degrees of the wall that are background.
        right: with a right ventricle, a disc behind the wall along the first axis.
        spacing: voxel size, in the unit of the radii.

    Returns:
        uint8 ``shape``.
    """
    x, y = ((i - c) * s for i, c, s in zip(np.indices(shape), center, spacing, strict=True))
    radius = np.hypot(x, y)
    open_wall = np.abs(np.rad2deg(np.arctan2(y, -x))) < gap / 2
    label = np.zeros(shape, np.uint8)
    if right:
        label[np.hypot(x - outer, y) < 0.8 * outer] = 3
    label[(radius < outer) & ~open_wall] = 2
    label[(radius < outer) & open_wall] = 0
    label[radius < inner] = 1
    return label


def striped(label: np.ndarray) -> torch.Tensor:
    """Picture of labels ``(..., H, W)`` for :func:`by_grey`."""
    picture = GREY[label]
    picture[..., ::STRIPES] = np.where(
        label[..., ::STRIPES] == 0, BRIGHTEST, picture[..., ::STRIPES]
    )
    return torch.from_numpy(picture).float()


def bright(label: np.ndarray) -> np.ndarray:
    """Picture of labels for :func:`by_brightness`."""
    picture: np.ndarray = np.array([10.0, 910.0, 460.0, 10.0], np.float32)[label]
    return picture


def untrained_ventricles(path: Path) -> Path:
    """Weights of a small network, to be replaced by one of those above where it was loaded."""
    torch.manual_seed(0)
    torch.save(VentricleNet(channels=(4, 8), size=96).state_dict(), path)
    return path


def write_slices(folder: Path, per_section: int = 2, size: int = 96) -> Path:
    """Folder of slices to learn from, with a data list, as ``fem_sim slices`` makes it."""
    folder.mkdir(parents=True, exist_ok=True)
    sections: dict[str, list[dict[str, str]]] = {}
    for section in ("training", "validation", "test"):
        for index in range(per_section):
            inner, outer = 10 + 8 * index, 15 + 12 * index  # alike in no loss
            label = ring_label((size, size), (50.0, 40 + 5.0 * index), inner, outer, right=True)
            name = f"{section}{index}.npz"
            np.savez(folder / name, image=(GREY[label] / 2).astype(np.uint8), label=label)
            sections.setdefault(section, []).append({"slice": name})
    (folder / "datalist.json").write_text(json.dumps(sections))
    return folder


def read_at_the_edge(patch: pytest.MonkeyPatch) -> None:
    """Contours lie where a network's classes meet, so that an answer can be exact."""
    patch.setattr(looks, "rounded", lambda cavity, wall: (cavity, wall))
    patch.setattr(looks, "READ_SMOOTHING", 0.0)
    patch.setattr(looks, "READ_VENTRICLE", 0.5)
    patch.setattr(looks, "READ_CAVITY", 0.5)
    patch.setattr(looks, "_thinnest_wall", lambda: np.ones((1, 1, 1), bool))
