"""Refinement at inference: a network's motion of one slice as the start of an optimisation."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from myomotion.core.cycle import FEWEST_FRAMES, cycle_closes
from myomotion.core.flow import warp
from myomotion.core.integrator import FieldIntegrator
from myomotion.errors import InputError
from myomotion.losses.plausibility import Plausibility
from myomotion.losses.similarity import MeanSquares
from myomotion.losses.smoothness import SmoothnessPenalty

LOG = logging.getLogger(__name__)


class Refinement:
    """Optimise the motion of all frames of one slice at once, starting from a network's output.

    With ``phi_t = X + u_t(X)``, ``u_t`` the integrated field of frame ``t``, it lowers

    ``mean_t sim(frame_t(phi_t), frame_0) + alpha * mean_t R(u_t, mask)
    + temporal * mean_t ||u_{t+1} - 2 u_t + u_{t-1}||^2 + bending * mean_t B(u_t)``

    over a correction of the network's output, given by control points ``control_step`` voxels apart
    and interpolated bicubically. Where the cycle closes
    (:func:`~myomotion.core.cycle.cycle_closes`) the last frame is followed by frame 0, whose
    displacement is zero; fewer than five frames have no course over time to be smooth. The best
    iterate is kept, the start included, so the result is never worse in this sum than the
    network's. On the CPU, equal input gives equal output bit for bit.

    Args:
        integrator: turns output into displacement, as in the network's training.
        regulariser: ``R``, takes millimetres; None leaves it out.
        steps: gradient steps (Adam); 0 returns the network's output.
        alpha: weight of the regulariser.
        temporal: weight of the squared second difference over time, per squared voxel, a mean over
            grid and components.
        bending: weight of the mean squared second derivatives ``B``.
        learning_rate: step of a control point, in voxels.
        spacing: voxel size in millimetres.
        control_step: distance of the control points in voxels.
        similarity: takes warped and reference images ``(T - 1, 1, H, W)``; mean squares by default.

    Raises:
        ValueError: if ``steps`` is negative or ``control_step`` is not positive.
    """

    def __init__(
        self,
        *,
        integrator: FieldIntegrator,
        regulariser: Plausibility | None = None,
        steps: int = 60,
        alpha: float = 0.002,
        temporal: float = 0.001,
        bending: float = 0.0,
        learning_rate: float = 0.15,
        spacing: float = 1.5,
        control_step: int = 2,
        similarity: nn.Module | None = None,
    ) -> None:
        if steps < 0 or control_step < 1:
            raise ValueError(
                f"steps must be >= 0 and control_step >= 1, got {steps} and {control_step}"
            )
        self.integrator = integrator
        self.regulariser = regulariser
        self.steps = steps
        self.alpha = alpha
        self.temporal = temporal
        self.bending = bending
        self.learning_rate = learning_rate
        self.spacing = spacing
        self.control_step = control_step
        self.similarity = similarity or MeanSquares()
        self.bending_energy = SmoothnessPenalty("bending", spacing)

    def __call__(
        self, images: torch.Tensor, output: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Refine one slice.

        Args:
            images: ``(T, H, W)``, the reference (end-diastolic) frame first.
            output: network output ``(T, 2, H, W)`` in voxels, zero in frame 0.
            mask: end-diastolic myocardium ``(1, H, W)`` or ``(H, W)``, counted where above 0.5; an
                empty one leaves the regulariser out, with a warning.

        Returns:
            ``(T, 2, H, W)`` in voxels, zero in frame 0; ``output`` itself where ``steps`` is 0.

        Raises:
            InputError: if shapes disagree, or a value or the loss is not finite.
        """
        check_refinable(images, output, mask)
        if self.steps == 0:
            return output
        frames = images.detach().to(output)[:, None]
        start = output.detach()[1:]
        wall = (mask.to(output).reshape(1, 1, *output.shape[-2:]) > 0.5).to(output)
        wall = wall.expand(len(start), -1, -1, -1)
        regularised = self._regularises(wall)
        periodic = cycle_closes(images)
        rows, columns = (control_weights(n, self.control_step, start) for n in start.shape[-2:])
        control = start.new_zeros(*start.shape[:2], rows.shape[1], columns.shape[1])
        control.requires_grad_(True)

        def field() -> torch.Tensor:
            return start + rows @ control @ columns.T

        def loss() -> torch.Tensor:
            displacement = self.integrator(field())
            return self._loss(frames, displacement, wall if regularised else None, periodic)

        descend([{"params": [control], "lr": self.learning_rate}], loss, self.steps)
        best = field().detach()
        return torch.cat([torch.zeros_like(best[:1]), best])

    def _regularises(self, wall: torch.Tensor) -> bool:
        if self.regulariser is None or self.alpha == 0:
            return False
        if not bool(wall.any()):
            LOG.warning("no myocardium in the mask: slice refined without the regulariser")
            return False
        return True

    def _loss(
        self,
        frames: torch.Tensor,
        displacement: torch.Tensor,
        wall: torch.Tensor | None,
        periodic: bool,
    ) -> torch.Tensor:
        """Objective of frames ``(T, 1, H, W)`` and motion ``(T - 1, 2, H, W)`` in voxels."""
        if not bool(torch.isfinite(displacement).all()):
            # Warping clamps coordinates, so an infinite motion could still give a finite loss.
            return displacement.sum() * torch.nan
        reference = frames[:1].expand_as(frames[1:])
        loss = self.similarity(warp(frames[1:], displacement), reference).mean()
        if self.regulariser is not None and wall is not None:
            millimetres = displacement * self.spacing
            loss = loss + self.alpha * self.regulariser(millimetres, wall).mean()
        if self.temporal and len(frames) >= FEWEST_FRAMES:
            loss = loss + self.temporal * temporal_roughness(displacement, periodic)
        if self.bending:
            bending = self.bending_energy(displacement * self.spacing, frames[1:])
            loss = loss + self.bending * bending.mean()
        return loss


def descend(groups: Sequence[dict[str, Any]], loss: Callable[[], torch.Tensor], steps: int) -> None:
    """Lower a loss by Adam and leave the parameters at the best iterate, the start included.

    Args:
        groups: Adam's parameter groups, each with ``params`` and ``lr``.
        loss: of the parameters' present values.
        steps: gradient steps.

    Raises:
        InputError: if the loss is not finite.
    """
    parameters = [p for group in groups for p in group["params"]]
    optimizer = torch.optim.Adam(list(groups))
    best, lowest = [p.detach().clone() for p in parameters], float("inf")
    with torch.enable_grad():
        for step in range(steps + 1):
            value = loss()
            present = float(value.detach())
            if not math.isfinite(present):
                raise InputError(
                    f"refinement: the loss is {present} at step {step} of {steps}. Lower "
                    f"learning_rate (now {groups[0]['lr']:g}) or the weights."
                )
            if present < lowest:
                best, lowest = [p.detach().clone() for p in parameters], present
            if step < steps:
                for p, gradient in zip(
                    parameters, torch.autograd.grad(value, parameters), strict=True
                ):
                    p.grad = gradient
                optimizer.step()
    with torch.no_grad():
        for p, value in zip(parameters, best, strict=True):
            p.copy_(value)


def check_refinable(images: torch.Tensor, output: torch.Tensor, mask: torch.Tensor) -> None:
    frames, *size = images.shape
    if output.shape != (frames, 2, *size) or mask.shape[-2:] != images.shape[-2:]:
        raise InputError(
            "refinement: expected images (T, H, W), output (T, 2, H, W) and mask (1, H, W), found "
            f"{tuple(images.shape)}, {tuple(output.shape)} and {tuple(mask.shape)}."
        )
    if frames < 2:
        raise InputError("refinement: 1 frame. Motion needs at least two frames.")
    for name, values in (("images", images), ("output", output)):
        bad = int((~torch.isfinite(values)).sum())
        if bad:
            raise InputError(
                f"refinement: {bad} values of {name} are NaN or infinite. Check the cine and the "
                "network's weights."
            )


def control_weights(size: int, step: int, like: torch.Tensor) -> torch.Tensor:
    """Bicubic weights of control points along one axis (Keys' kernel, voxel-centre convention).

    A matrix product with it is the same on every device, in the backward pass too.

    Args:
        size: voxels along the axis.
        step: distance of the control points in voxels.
        like: tensor that gives dtype and device.

    Returns:
        ``(size, ceil(size / step))``, rows sum to 1.
    """
    points = -(-size // step)
    unit = torch.eye(points, dtype=like.dtype, device=like.device)[None, None]
    return F.interpolate(unit, size=(size, points), mode="bicubic", align_corners=False)[0, 0]


def temporal_roughness(displacement: torch.Tensor, periodic: bool = True) -> torch.Tensor:
    """Mean squared second difference over the cycle, ``mean (u_{t+1} - 2 u_t + u_{t-1})^2``.

    Args:
        displacement: frames 1 to T - 1, ``(T - 1, 2, H, W)`` in voxels; frame 0, which is zero, is
            added here.
        periodic: frame 0 follows the last frame; otherwise the course ends there.

    Returns:
        Scalar in squared voxels, a mean over time, components and grid.
    """
    cycle = torch.cat([torch.zeros_like(displacement[:1]), displacement])
    if periodic:
        second = cycle.roll(-1, 0) - 2 * cycle + cycle.roll(1, 0)
    else:
        second = cycle[2:] - 2 * cycle[1:-1] + cycle[:-2]
    return (second**2).mean()
