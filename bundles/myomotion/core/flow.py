"""Sampling, warping, composing and integrating displacement fields on a pixel grid.

Every function takes displacements in voxels, shaped ``(B, 2, H, W)``, channel ``i`` along axis
``i``. There is one sampler, :func:`sample`, and one convention: coordinates are voxel indices,
integers are voxel centres, and values beyond the border are those of the nearest border voxel.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

INVERSE_ITERATIONS = 30


def identity_coordinates(size: list[int], like: torch.Tensor) -> torch.Tensor:
    """Voxel indices of a grid.

    Args:
        size: ``(H, W)``.
        like: tensor that gives dtype and device.

    Returns:
        ``(1, 2, H, W)``, channel ``i`` holding the index along axis ``i``.
    """
    rows = torch.arange(size[0], dtype=like.dtype, device=like.device)
    columns = torch.arange(size[1], dtype=like.dtype, device=like.device)
    return torch.stack(torch.meshgrid([rows, columns], indexing="ij"))[None]


def _power_of_two(n: int) -> int:
    power = 2
    while power < n:
        power *= 2
    return power


def sample(image: torch.Tensor, coordinates: torch.Tensor, mode: str = "bilinear") -> torch.Tensor:
    """Interpolate an image at voxel coordinates.

    The image is padded by replication to a power of two, so that torch's mapping of coordinates to
    [-1, 1] and back is exact in binary floating point: an integer coordinate returns that voxel's
    value bit for bit.

    Args:
        image: ``(B, C, H, W)``.
        coordinates: ``(B or 1, 2, H', W')`` voxel indices into ``image``.
        mode: ``"bilinear"`` or ``"nearest"``.

    Returns:
        ``(B, C, H', W')``.
    """
    height, width = image.shape[-2], image.shape[-1]
    tall, wide = _power_of_two(height), _power_of_two(width)
    if height != tall or width != wide:
        image = F.pad(image, (0, wide - width, 0, tall - height), mode="replicate")
    # What lies beyond the border is equal by the padding, and beyond that by padding_mode.
    rows, columns = coordinates.unbind(1)
    scaled = [columns * (2 / wide) + (1 / wide - 1), rows * (2 / tall) + (1 / tall - 1)]
    # A view with the two components apart is read as it is, and made in half the time.
    grid = torch.stack(scaled, dim=1).permute(0, 2, 3, 1).to(image.dtype)
    grid = grid.expand(image.shape[0], -1, -1, -1)
    return F.grid_sample(image, grid, mode=mode, padding_mode="border", align_corners=False)


def sample_at(fields: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values of maps at points, such as how far each frame's motion takes them.

    Args:
        fields: ``(T, C, H, W)``.
        points: ``(N, 2)`` in voxels.

    Returns:
        ``(T, N, C)``.
    """
    maps = torch.from_numpy(np.ascontiguousarray(fields))
    places = torch.from_numpy(points.T).to(maps)
    found: np.ndarray = sample(maps, places[None, :, :, None])[..., 0].transpose(1, 2).numpy()
    return found.astype(float)


def warp(image: torch.Tensor, displacement: torch.Tensor, mode: str = "bilinear") -> torch.Tensor:
    """Pull an image back: ``warped(X) = image(X + u(X))``.

    Args:
        image: moving image ``(B, C, H, W)``.
        displacement: ``(B, 2, H, W)`` in voxels, on the reference grid.
        mode: ``"bilinear"`` or ``"nearest"`` (labels).

    Returns:
        ``(B, C, H, W)``, in the reference configuration.
    """
    return sample(
        image,
        identity_coordinates(list(displacement.shape[-2:]), displacement) + displacement,
        mode,
    )


def compose(first: torch.Tensor, then: torch.Tensor) -> torch.Tensor:
    """Displacement of ``x -> x + first(x)`` followed by ``y -> y + then(y)``.

    ``u(X) = first(X) + then(X + first(X))``.

    Args:
        first: ``(B, 2, H, W)`` in voxels, on the reference grid.
        then: ``(B, 2, H, W)`` in voxels, on the intermediate grid.

    Returns:
        ``(B, 2, H, W)`` in voxels.
    """
    return first + warp(then, first)


def exponentiate(velocity: torch.Tensor, steps: int = 6) -> torch.Tensor:
    """Displacement of a stationary velocity field over unit time, by scaling and squaring.

    Arsigny et al., A log-Euclidean framework for statistics on diffeomorphisms, MICCAI 2006.

    Args:
        velocity: ``(B, 2, H, W)`` in voxels per unit time; its negative gives the inverse motion.
        steps: number of squarings; the first step is ``velocity / 2**steps``.

    Returns:
        ``(B, 2, H, W)`` in voxels.
    """
    displacement = velocity / 2**steps
    for _ in range(steps):
        displacement = compose(displacement, displacement)
    return displacement


def invert(displacement: torch.Tensor) -> torch.Tensor:
    """Inverse field ``v`` with ``v(x) = -u(x + v(x))``, by fixed-point iteration.

    Chen et al., A simple fixed-point approach to invert a deformation field, Medical Physics 2008.
    Converges where the gradient of ``u`` is smaller than one.

    Args:
        displacement: ``(B, 2, H, W)`` in voxels.

    Returns:
        ``(B, 2, H, W)`` in voxels, on the grid of the deformed frame.
    """
    inverse = -displacement
    for _ in range(INVERSE_ITERATIONS):
        inverse = -warp(displacement, inverse)
    return inverse


def border_window(size: list[int], margin: int, like: torch.Tensor) -> torch.Tensor:
    """Window that is 1 inside and falls to 0 at the grid's border (raised cosine).

    A velocity multiplied by it moves nothing at the border, so the motion continues as the identity
    outside the working grid.

    Args:
        size: ``(H, W)``.
        margin: width of the fall in voxels.
        like: tensor that gives dtype and device.

    Returns:
        ``(1, 1, H, W)``.
    """
    profiles = []
    for n in size:
        index = torch.arange(n, dtype=like.dtype, device=like.device)
        distance = torch.minimum(index, n - 1 - index).clamp(max=margin) / margin
        profiles.append((1 - torch.cos(torch.pi * distance)) / 2)
    return (profiles[0][:, None] * profiles[1][None, :])[None, None]
