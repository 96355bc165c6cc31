"""Motions with known gradients, Jacobians and strains, and files made of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch


def coordinates(size: int, spacing: float) -> np.ndarray:
    """Offsets in mm from the middle of a square grid, ``(2, size, size)``."""
    axis = (np.arange(size) - (size - 1) / 2) * spacing
    return np.stack(np.meshgrid(axis, axis, indexing="ij"))


def ring_contraction(size: int = 96, spacing: float = 1.5, area_drop: float = 400.0) -> np.ndarray:
    """Area-preserving contraction of rings, ``r^2 = R^2 - c``, ``(2, size, size)`` in mm.

    ``c = area_drop / pi``; inside twice that radius the motion is smoothly bounded.
    """
    x = coordinates(size, spacing)
    radius = np.maximum(np.hypot(*x), 1e-9)
    c = area_drop / np.pi
    inner = np.sqrt(2 * c)
    new = np.where(radius > inner, np.sqrt(np.maximum(radius**2 - c, 0)), radius * np.sqrt(0.5))
    return x * (new / radius - 1)


def ring_labels(
    size: int = 96, spacing: float = 1.5, inner: float = 22, outer: float = 32
) -> np.ndarray:
    """1 inside ``inner`` mm, 2 between ``inner`` and ``outer`` mm."""
    radius = np.hypot(*coordinates(size, spacing))
    return np.where(radius < inner, 1, np.where(radius < outer, 2, 0)).astype(np.uint8)


def write_cycles(folder: Path, per_section: int = 2, frames: int = 6) -> Path:
    """Folder of analytic cycles in the simulator's format, with a data list."""
    folder.mkdir(parents=True, exist_ok=True)
    sections: dict[str, list[dict[str, str]]] = {}
    rng = np.random.default_rng(0)
    for section in ("training", "validation", "test"):
        for index in range(per_section):
            name = f"{section}{index}.npz"
            drop = rng.uniform(200, 600)
            field = np.stack(
                [
                    ring_contraction(area_drop=drop * t / (frames - 1))
                    if t
                    else np.zeros((2, 96, 96))
                    for t in range(frames)
                ]
            )
            np.savez_compressed(
                folder / name,
                displacement=field.astype(np.float32),
                labels=ring_labels(),
                spacing=np.array([1.5, 1.5]),
            )
            sections.setdefault(section, []).append({"cycle": name, "subject": name})
    (folder / "datalist.json").write_text(json.dumps(sections))
    return folder


def as_batch(field: np.ndarray) -> torch.Tensor:
    """``(2, H, W)`` to a double tensor ``(1, 2, H, W)``."""
    return torch.from_numpy(field)[None].double()
