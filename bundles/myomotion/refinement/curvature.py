"""Second derivatives of a refinement's objective, as far as they are known without trying."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from myomotion.core.flow import identity_coordinates, warp
from myomotion.refinement.objective import PRIOR_SHARE, FrameTerms, shares_of_bending

SOLVING = 8  # iterations of conjugate gradients
FLOOR = 0.1  # of the mean curvature by images, added everywhere
ROUGHEST = 16.0  # largest eigenvalue of the squared second difference over time
CORNERS = 20.0  # of the three squared second differences at a point inside the grid
FADING = 8.0  # voxels beyond a wall within which its turn fades
HELD = 0.9  # of what is added everywhere, which is left out along a turn of the wall
TINY = 1e-12


class Curvature:
    """Curvature of frames at their control points, each frame for itself.

    That of images and tissues is Gauss and Newton's, ``2 g g^T`` with ``g`` the mean gradient of
    warped frame and reference, summed over the voxels of a control point; that of bending is exact;
    that over time is its largest eigenvalue; that of R is the one which
    :class:`~myomotion.refinement.objective.FrameTerms` continues it by, which does not see a turn.
    A turn of the wall is what conjugate gradients find last: it is looked for first.

    Args:
        points: upper triangle of a symmetric 2 x 2 matrix at every control point, ``(N, 3, h, w)``.
        bending: factor of the squared second differences at every control point,
            ``(N, 1, h, w)``.
        edges: factors of the squared differences between neighbours along each axis,
            ``(N, 1, h - 1, w)`` and ``(N, 1, h, w - 1)``.
        turn: motion by a turn of the wall, ``(N, 2, h, w)``; zero where there is none.
        held: what of the diagonal of ``points`` does not count along the turn, ``(N,)``.
    """

    def __init__(
        self,
        points: torch.Tensor,
        bending: torch.Tensor,
        edges: tuple[torch.Tensor, torch.Tensor],
        turn: torch.Tensor,
        held: torch.Tensor,
    ) -> None:
        self.points = points
        self.bending = shares_of_bending(bending)
        self.edges = edges
        rows, columns = F.pad(edges[0], (0, 0, 1, 1)), F.pad(edges[1], (1, 1))
        own = rows[:, 0, 1:] + rows[:, 0, :-1] + columns[:, 0, :, 1:] + columns[:, 0, :, :-1]
        own = own + CORNERS * F.avg_pool2d(bending, 3, 1, 1, count_include_pad=False)[:, 0]
        first, mixed, second = points.unbind(1)
        first, second = first + own, second + own
        determinant = first * second - mixed.square()
        turned = torch.cat([columns.diff(dim=3), -rows.diff(dim=2)], 1)
        count = edges[0].sum((1, 2, 3)) + edges[1].sum((1, 2, 3))
        self.less = [
            (turned, _one_over(count)),
            (turn, held * _one_over(inner(turn, turn))),
        ]
        self.turn = turn
        self.inverse = torch.stack([second, -mixed, first], 1) / determinant[:, None]
        self.yielding = _one_over(inner(turn, self(turn)))

    def __call__(self, motion: torch.Tensor) -> torch.Tensor:
        """Product with changes of a motion ``(N, 2, h, w)``."""
        product = _times(self.points, motion)
        on_rows, on_columns, on_corners = self.bending
        across = on_corners * motion.diff(dim=2).diff(dim=3)
        twist = F.pad(across, (1, 1, 1, 1)).diff(dim=2).diff(dim=3)
        along = F.pad(on_rows * motion.diff(n=2, dim=2), (0, 0, 2, 2)).diff(n=2, dim=2)
        beside = F.pad(on_columns * motion.diff(n=2, dim=3), (2, 2)).diff(n=2, dim=3)
        product = product + along + 2 * twist + beside
        rows = F.pad(self.edges[0] * motion.diff(dim=2), (0, 0, 1, 1)).diff(dim=2)
        columns = F.pad(self.edges[1] * motion.diff(dim=3), (1, 1)).diff(dim=3)
        product = product - rows - columns
        for direction, weight in self.less:
            product = product - over(inner(direction, motion) * weight) * direction
        return product

    def solve(self, slope: torch.Tensor) -> torch.Tensor:
        """About the motion whose product is a slope ``(N, 2, h, w)``, by conjugate gradients."""
        found = over(inner(self.turn, slope) * self.yielding) * self.turn
        left = slope - self(found)
        near = _times(self.inverse, left)
        along, size = near, inner(left, near)
        for _ in range(SOLVING):
            product = self(along)
            length = size * _one_over(inner(along, product))
            found = found + over(length) * along
            left = left - over(length) * product
            near = _times(self.inverse, left)
            before, size = size, inner(left, near)
            along = near + over(size * _one_over(before)) * along
        return found


def curvature_of(terms: FrameTerms, displacement: torch.Tensor, step: int) -> Curvature:
    """Curvature where frames have moved somehow.

    Args:
        terms: of the frames.
        displacement: ``(N, 2, H, W)`` in voxels.
        step: voxels between the control points.
    """
    weights, voxels = terms.weights, displacement.shape[-2] * displacement.shape[-1]
    reference = torch.cat([terms.reference, terms.tissues], 1)
    middle = (warp(terms.moving, displacement) + reference) / 2
    rows = F.pad((middle[:, :, 2:] - middle[:, :, :-2]) / 2, (0, 0, 1, 1))
    columns = F.pad((middle[..., 2:] - middle[..., :-2]) / 2, (1, 1))
    counts = [1.0] + [weights.tissue] * terms.tissues.shape[1]
    of_channels = 2 / voxels * middle.new_tensor(counts)[:, None, None]
    pairs = (rows * rows, rows * columns, columns * columns)
    points = torch.stack([(of_channels * pair).sum(1) for pair in pairs], 1)
    points = step**2 * F.avg_pool2d(points, step)
    points = F.avg_pool2d(F.pad(points, (1,) * 4, mode="replicate"), 3, 1)
    number = points.shape[-2] * points.shape[-1]
    least = FLOOR * (points[:, 0] + points[:, 2]).mean((1, 2)) / 2
    least = least + ROUGHEST * weights.temporal / number + TINY
    diagonal = points.new_tensor([1.0, 0.0, 1.0])[:, None, None]
    points = points + over(least) * diagonal
    bending = weights.bending / step**4 / (4 * number) * terms.loose(step)
    turn = turn_about_the_wall(terms.walls, step)
    return Curvature(points, bending, _edges(terms, len(displacement), step), turn, HELD * least)


def _edges(terms: FrameTerms, frames: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Factors by R of the squared differences between neighbouring control points."""
    small = [n // step for n in terms.reference.shape[-2:]]
    wall = terms.reference.new_zeros(frames, 1, *small)
    if terms.weights.regularised and len(terms.wall):
        regulariser = terms.weights.regulariser
        assert regulariser is not None
        near = F.avg_pool2d(F.max_pool2d(terms.wall, 3, 1, 1), step)
        stiff = 2 * PRIOR_SHARE * terms.weights.alpha * regulariser.stiffness
        wall[terms.walled] = stiff * near / over(terms.wall.flatten(1).sum(1))
    return (wall[:, :, 1:] + wall[:, :, :-1]) / 2, (wall[..., 1:] + wall[..., :-1]) / 2


def turn_about_the_wall(wall: torch.Tensor, step: int) -> torch.Tensor:
    """Motion of control points by a turn of one degree, zero where there is no wall.

    Args:
        wall: myocardium ``(N, 1, H, W)``, 0 or 1.
        step: voxels between control points.

    Returns:
        ``(N, 2, h, w)`` in voxels, from axis 0 towards axis 1; the whole turn up to the farthest
        point within the wall, none from :data:`FADING` beyond that.
    """
    share = F.avg_pool2d(wall, step)
    places = identity_coordinates(list(share.shape[-2:]), share) * step
    weight = share / over(share.flatten(1).sum(1).clamp(min=torch.finfo(share.dtype).tiny))
    offset = places - (weight * places).sum((2, 3), keepdim=True)
    radius = offset.norm(dim=1, keepdim=True)
    reach = (radius * (share > 0.5)).amax((2, 3), keepdim=True)
    beyond = ((radius - reach) / FADING).clamp(0, 1)
    kept = math.radians(1.0) * (1 - beyond**2 * (3 - 2 * beyond)) * (reach > 0)
    return kept * torch.stack([-offset[:, 1], offset[:, 0]], 1)


def inner(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Inner product of each frame's ``(N, 2, h, w)``, ``(N,)``."""
    return (one * other).flatten(1).sum(1)


def over(numbers: torch.Tensor) -> torch.Tensor:
    """Numbers ``(N,)`` of frames, shaped to multiply ``(N, 2, h, w)``."""
    return numbers[:, None, None, None]


def _one_over(numbers: torch.Tensor) -> torch.Tensor:
    return 1 / numbers.clamp(min=torch.finfo(numbers.dtype).tiny)


def _times(matrices: torch.Tensor, motion: torch.Tensor) -> torch.Tensor:
    first, mixed, second = matrices.unbind(1)
    rows, columns = motion.unbind(1)
    return torch.stack([first * rows + mixed * columns, mixed * rows + second * columns], 1)
