"""What a refinement lowers: image difference, implausibility and roughness of a motion."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import nn

from myomotion.core.cycle import FEWEST_FRAMES
from myomotion.core.flow import warp
from myomotion.losses.plausibility import Plausibility
from myomotion.losses.similarity import MeanSquares
from myomotion.networks.half import has_bfloat16

#: Of the curvature that R would have if no code explained anything: what it is continued by.
PRIOR_SHARE = 0.7
#: Voxels about the wall where bending does not count. The motion of a wall is no smooth one: it has
#: kinks at the edges, and falls off from the inner to the outer one as that of a ring does.
NEAR_WALL = 2


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The terms of the objective and how much each counts.

    Attributes:
        regulariser: ``R``, takes millimetres; None leaves it out.
        alpha: weight of the regulariser.
        temporal: weight of the squared second difference over time, per squared voxel, a mean over
            grid and components.
        bending: weight of :func:`bending_energy` ``B``, which counts where R does not: not in the
            wall and :data:`NEAR_WALL` voxels about it.
        tissue: weight of the mean squared difference of the tissues' shares, summed over tissues.
        similarity: takes warped and reference images ``(B, 1, H, W)``.
        spacing: voxel size in millimetres.
    """

    regulariser: Plausibility | None = None
    alpha: float = 0.0
    temporal: float = 0.0
    bending: float = 0.0
    tissue: float = 0.0
    similarity: nn.Module = field(default_factory=MeanSquares)
    spacing: float = 1.5

    @property
    def regularised(self) -> bool:
        """R looks after the motion of walls."""
        return self.regulariser is not None and bool(self.alpha)


class FrameTerms:
    """What depends on one frame alone, for some frames of some slices.

    Where R looks after the wall, bending counts away from it alone. R is dear and changes slowly:
    where it is ``lasting`` it is evaluated once, and continued by its gradient and
    :data:`PRIOR_SHARE` of an upper bound of its curvature until :meth:`renew`. On a processor with
    units for bfloat16 the autoencoder computes in that.

    Args:
        weights: of the terms.
        moving: frames ``(N, 1, H, W)``.
        reference: of each, the same shape.
        wall: myocardium of each ``(N, 1, H, W)``, 0 or 1; R does not count in frames without any.
        lasting: continue R between :meth:`renew`.
        tissues: shares of the tissues in moving and reference frames, ``(N, C, H, W)`` each.
    """

    def __init__(
        self,
        weights: Weights,
        moving: torch.Tensor,
        reference: torch.Tensor,
        wall: torch.Tensor,
        lasting: bool,
        tissues: tuple[torch.Tensor, torch.Tensor],
    ) -> None:
        self.weights = weights
        self.moving = torch.cat([moving, tissues[0]], 1)
        self.reference = reference
        self.tissues = tissues[1]
        self.walls = wall
        self.walled = wall.flatten(1).any(1)
        self.wall = wall[self.walled]
        self.lasting = lasting
        self._loose: dict[int, torch.Tensor] = {}
        self.known: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None

    def loose(self, step: int) -> torch.Tensor:
        """Share of bending that counts at points ``step`` voxels apart, ``(N, 1, h, w)``."""
        if step not in self._loose:
            near = torch.zeros_like(self.walls)
            if self.weights.regularised:
                near = F.max_pool2d(self.walls, 2 * NEAR_WALL + 1, 1, NEAR_WALL)
            self._loose[step] = 1 - F.avg_pool2d(near, step)
        return self._loose[step]

    def renew(self) -> None:
        """Evaluate R the next time."""
        self.known = None

    def __call__(
        self, displacement: torch.Tensor, coarse: torch.Tensor | None = None, step: int = 1
    ) -> torch.Tensor:
        """Value of each frame.

        Args:
            displacement: ``(N, 2, H, W)`` in voxels.
            coarse: see :meth:`Objective.__call__`.
            step: see :meth:`Objective.__call__`.

        Returns:
            ``(N,)``.
        """
        weights = self.weights
        if not math.isfinite(float(displacement.detach().sum())):
            # Warping clamps coordinates, so an infinite motion could still give a finite loss.
            return displacement.flatten(1).sum(1) * torch.nan
        warped = warp(self.moving, displacement)
        # A similarity of one number is that of all frames.
        value = weights.similarity(warped[:, :1], self.reference).expand(len(displacement))
        if self.tissues.shape[1]:
            apart = (warped[:, 1:] - self.tissues).square().sum(1).mean((1, 2))
            value = value + weights.tissue * apart
        if weights.regularised and bool(self.walled.any()):
            prior = self._prior(displacement[self.walled])
            places = (self.walled.nonzero()[:, 0],)
            value = value + weights.alpha * torch.zeros_like(value).index_put(places, prior)
        if weights.bending:
            motion = displacement if coarse is None else coarse
            bent = bending_energy(motion, self.loose(step)) / step**4
            value = value + weights.bending * bent
        return value

    def _prior(self, displacement: torch.Tensor) -> torch.Tensor:
        """R of the frames with myocardium, ``(n,)``, evaluated or continued."""
        regulariser = self.weights.regulariser
        assert regulariser is not None
        if self.known is None or not self.lasting:
            slope = torch.is_grad_enabled()
            at = displacement.detach().requires_grad_(slope)
            half = at.device.type == "cpu" and has_bfloat16(at.device)
            with torch.autocast(at.device.type, torch.bfloat16, enabled=half):
                value = regulariser(at * self.weights.spacing, self.wall).float()
            if not slope:
                return value
            (gradient,) = torch.autograd.grad(value.sum(), at)
            self.known = at.detach(), value.detach(), gradient
        place, value, gradient = self.known
        step = displacement - place
        value = value + (step * gradient).flatten(1).sum(1)
        if not self.lasting:
            return value
        wall = self.wall
        on_rows = torch.maximum(wall[:, :, 1:], wall[:, :, :-1])
        on_columns = torch.maximum(wall[..., 1:], wall[..., :-1])
        stretched = stretch(step, on_rows, on_columns)
        return value + PRIOR_SHARE * regulariser.stiffness * stretched / wall.sum((1, 2, 3))


class Objective:
    """The sum of a motion ``phi_t = X + u_t(X)`` of some slices, one value a slice.

    ``mean_t sim(frame_t(phi_t), frame_0) + tissue * mean_t |p_t(phi_t) - p_0|^2
    + alpha * mean_t R(u_t, mask) + temporal * mean_t ||u_{t+1} - 2 u_t + u_{t-1}||^2
    + bending * mean_t B(u_t)``, with the shares ``p`` of the tissues.

    Where the cycle closes the last frame is followed by frame 0, whose displacement is zero; fewer
    than five frames have no course over time to be smooth.

    Args:
        weights: of the terms.
        frames: ``(Z, T, H, W)``, the reference first.
        wall: myocardium ``(Z, 1, H, W)``, 0 or 1; R does not count in slices without any.
        periodic: for each slice, whether its cycle closes.
        lasting: continue R between evaluations, see :class:`FrameTerms`.
        tissues: shares of the tissues ``(Z, T, C, H, W)``, 0 to 1, the reference first; None leaves
            them out.
    """

    def __init__(
        self,
        weights: Weights,
        frames: torch.Tensor,
        wall: torch.Tensor,
        periodic: list[bool],
        lasting: bool = False,
        tissues: torch.Tensor | None = None,
    ) -> None:
        if tissues is None or not weights.tissue:
            tissues = frames.new_zeros(*frames.shape[:2], 0, *frames.shape[2:])
        self.weights = weights
        self.frames = frames[:, :, None]
        self.wall = wall
        self.periodic = periodic
        self.lasting = lasting
        self.tissues = tissues
        self.all = self.of(slice(0, len(frames) * (frames.shape[1] - 1)))

    def of(self, part: slice) -> FrameTerms:
        """What depends on some frames alone.

        Args:
            part: which, counted over the slices' frames 1 to T - 1.
        """
        slices, count = len(self.frames), self.frames.shape[1] - 1
        moving, known = (m[:, 1:].flatten(0, 1)[part] for m in (self.frames, self.tissues))
        of = torch.arange(slices, device=moving.device).repeat_interleave(count)[part]
        reference, tissues = self.frames[of, 0], self.tissues[of, 0]
        return FrameTerms(
            self.weights, moving, reference, self.wall[of], self.lasting, (known, tissues)
        )

    def __call__(
        self, displacement: torch.Tensor, coarse: torch.Tensor | None = None, step: int = 1
    ) -> torch.Tensor:
        """Value of a motion.

        Args:
            displacement: frames 1 to T - 1, ``(Z, T - 1, 2, H, W)`` in voxels.
            coarse: the same on a coarser grid, in voxels of the fine one, for what asks for
                smoothness; the displacement itself by default.
            step: voxels between the points of the coarse grid.

        Returns:
            ``(Z,)``.
        """
        flat = None if coarse is None else coarse.flatten(0, 1)
        each = self.all(displacement.flatten(0, 1), flat, step).unflatten(0, displacement.shape[:2])
        return each.mean(1) + self.over_time(displacement if coarse is None else coarse)

    def over_time(self, displacement: torch.Tensor) -> torch.Tensor:
        """What depends on neighbouring frames, ``(Z,)``; see :meth:`__call__`."""
        if not self.weights.temporal or displacement.shape[1] + 1 < FEWEST_FRAMES:
            return displacement.new_zeros(len(displacement))
        return self.weights.temporal * temporal_roughness(displacement, self.periodic)


def stretch(
    displacement: torch.Tensor, on_rows: torch.Tensor, on_columns: torch.Tensor
) -> torch.Tensor:
    """Sum of squared differences between neighbours, without what one turn of them all explains.

    Args:
        displacement: ``(B, 2, H, W)``.
        on_rows: factors of the differences along axis 0, ``(B, 1, H - 1, W)``.
        on_columns: along axis 1, ``(B, 1, H, W - 1)``.

    Returns:
        ``(B,)``: the least of the sum over all turns that are taken out, as R takes one out.
    """
    rows, columns = displacement.diff(dim=2), displacement.diff(dim=3)
    sums = (on_rows * rows.square()).sum((1, 2, 3)) + (on_columns * columns.square()).sum((1, 2, 3))
    turned = (on_rows[:, 0] * rows[:, 1]).sum((1, 2)) - (on_columns[:, 0] * columns[:, 0]).sum(
        (1, 2)
    )
    count = on_rows.sum((1, 2, 3)) + on_columns.sum((1, 2, 3))
    return sums - turned.square() / count.clamp(min=torch.finfo(count.dtype).tiny)


def bending_energy(displacement: torch.Tensor, share: torch.Tensor | None = None) -> torch.Tensor:
    """Mean squared second differences between neighbours, which see the finest wave as well.

    Args:
        displacement: ``(B, 2, H, W)`` in voxels.
        share: that counts of the squares at each point, ``(B, 1, H, W)``; all by default.

    Returns:
        ``(B,)`` in 1 / voxel^2, a mean over components, grid and the four second derivatives.
    """
    along = displacement.diff(n=2, dim=-2), displacement.diff(n=2, dim=-1)
    mixed = displacement.diff(dim=-2).diff(dim=-1)
    squares = [d.square() for d in (*along, mixed)]
    if share is not None:
        squares = [s * part for s, part in zip(squares, shares_of_bending(share), strict=True)]
    first, second, cross = (s.mean((1, 2, 3)) for s in squares)
    return (first + 2 * cross + second) / 4


def shares_of_bending(share: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Shares that count of second differences, from those at points.

    Args:
        share: ``(B, 1, H, W)``.

    Returns:
        ``(B, 1, H - 2, W)`` along rows, ``(B, 1, H, W - 2)`` along columns and
        ``(B, 1, H - 1, W - 1)`` of the mixed ones.
    """
    return share[:, :, 1:-1], share[..., 1:-1], F.avg_pool2d(share, 2, 1)


def temporal_roughness(displacement: torch.Tensor, periodic: list[bool]) -> torch.Tensor:
    """Mean squared second difference over the cycle, ``mean (u_{t+1} - 2 u_t + u_{t-1})^2``.

    Args:
        displacement: frames 1 to T - 1, ``(Z, T - 1, 2, H, W)`` in voxels; frame 0, which is zero,
            is added here.
        periodic: for each slice, whether frame 0 follows the last frame; otherwise the course ends
            there.

    Returns:
        ``(Z,)`` in squared voxels, means over time, components and grid.
    """
    cycle = torch.cat([torch.zeros_like(displacement[:, :1]), displacement], 1)
    second = cycle.roll(-1, 1) - 2 * cycle + cycle.roll(1, 1)
    rough = (second**2).mean((2, 3, 4))
    inner = rough[:, 1:-1].mean(1)
    return torch.where(torch.tensor(periodic, device=rough.device), rough.mean(1), inner)
