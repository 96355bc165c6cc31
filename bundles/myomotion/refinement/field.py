"""Refinement at inference: a network's motion of a slice as the start of an optimisation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from myomotion.core.cycle import cycle_closes
from myomotion.core.frames_together import at_once, parts_of, workers
from myomotion.core.integrator import BORDER_MARGIN, FieldIntegrator
from myomotion.errors import InputError
from myomotion.losses.plausibility import Plausibility
from myomotion.losses.similarity import MeanSquares
from myomotion.refinement.objective import FrameTerms, Objective, Weights

LOG = logging.getLogger(__name__)
COARSE = 2  # voxels between control points; motion is integrated on their grid
SQUARINGS = 4  # of the motion on its way; the result is integrated as the network's
PRIOR_INTERVAL = 3  # steps between evaluations of R, which is continued by its gradient between
LAST_RATE = 0.1  # of the learning rate, which falls along a cosine


class Refinement:
    """Optimise the motion of all frames of a slice at once, starting from a network's output.

    It lowers the sum of :class:`~myomotion.refinement.objective.Objective` over a correction of the
    network's output at control points, interpolated bicubically. On its way the motion is
    integrated on the grid of the control points, which costs a quarter. The best iterate is kept,
    the start included. On the CPU, equal input gives equal output bit for bit.

    Args:
        integrator: turns output into displacement, as in the network's training.
        regulariser: ``R``, takes millimetres; None leaves it out.
        steps: gradient steps (Adam); 0 returns the network's output.
        alpha: weight of the regulariser.
        temporal: weight of the squared second difference over time.
        bending: weight of the mean squared second derivatives.
        tissue: weight of the difference of the tissues' shares, where a call gives them.
        learning_rate: step of a control point, in voxels, at the beginning.
        spacing: voxel size in millimetres.
        similarity: takes warped and reference images ``(B, 1, H, W)``; mean squares by default.

    Raises:
        ValueError: if ``steps`` is negative.
    """

    def __init__(
        self,
        *,
        integrator: FieldIntegrator,
        regulariser: Plausibility | None = None,
        steps: int = 30,
        alpha: float = 0.002,
        temporal: float = 0.001,
        bending: float = 0.0,
        tissue: float = 0.0,
        learning_rate: float = 0.2,
        spacing: float = 1.5,
        similarity: nn.Module | None = None,
    ) -> None:
        if steps < 0:
            raise ValueError(f"steps must be >= 0, got {steps}")
        self.integrator = integrator
        self.steps = steps
        self.learning_rate = learning_rate
        self.weights = Weights(
            regulariser=regulariser,
            alpha=alpha,
            temporal=temporal,
            bending=bending,
            tissue=tissue,
            similarity=similarity or MeanSquares(),
            spacing=spacing,
        )

    def __call__(
        self,
        images: torch.Tensor,
        output: torch.Tensor,
        mask: torch.Tensor,
        tissues: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Refine slices, each for itself.

        Args:
            images: ``(Z, T, H, W)``, the reference (end-diastolic) frame first.
            output: network output ``(Z, T, 2, H, W)`` in voxels, zero in frame 0.
            mask: end-diastolic myocardium ``(Z, 1, H, W)``, counted where above 0.5; an empty one
                leaves the regulariser out.
            tissues: shares of the tissues ``(Z, T, C, H, W)``, 0 to 1; None leaves them out.

        Returns:
            ``(Z, T, 2, H, W)`` in voxels, zero in frame 0; ``output`` itself where ``steps`` is 0.

        Raises:
            InputError: if shapes disagree, or a value or the loss is not finite.
        """
        check_refinable(images, output, mask)
        if self.steps == 0:
            return output
        objective = self._objective(images, output, mask, PRIOR_INTERVAL, tissues)
        start = output.detach()[:, 1:]
        shape, size = start.shape[:2], start.shape[-2:]
        frames = start.flatten(0, 1)
        small = F.avg_pool2d(frames, COARSE)
        control = torch.zeros_like(small).unflatten(0, shape).requires_grad_(True)
        with workers() as run:
            parts = parts_of(shape[0], shape[1], at_once(frames))
            motions = run(lambda part: _Motion(self, objective.of(part), small[part]), parts)

            def loss(slope: bool) -> torch.Tensor:
                flat = control.detach().flatten(0, 1)
                numbers = range(len(parts))
                run(lambda i: motions[i].move(flat[parts[i]], slope), numbers)
                coarse = torch.cat([m.coarse.detach() for m in motions]).unflatten(0, shape)
                rough = objective.over_time(coarse.requires_grad_(slope))
                each = torch.cat([m.value.detach() for m in motions]).unflatten(0, shape)
                value = each.mean(1) + rough.detach()
                if slope and bool(torch.isfinite(value).all()):
                    pull = torch.zeros_like(coarse)
                    if rough.requires_grad:
                        (pull,) = torch.autograd.grad(rough.sum(), coarse)
                    pull = pull.flatten(0, 1)
                    slopes = run(lambda i: motions[i].slope(pull[parts[i]], shape[1]), numbers)
                    control.grad = torch.cat(slopes).unflatten(0, shape)
                return value

            descend([{"params": [control], "lr": self.learning_rate}], loss, self.steps)
        rows, columns = (control_weights(n, COARSE, start) for n in size)
        best = start + rows @ control.detach() @ columns.T
        return torch.cat([torch.zeros_like(best[:, :1]), best], 1)

    def tell(self, mask: torch.Tensor) -> None:
        """Log what slices of a study lack; refining them says nothing, it may be repeated.

        Args:
            mask: end-diastolic myocardium ``(Z, 1, H, W)``.
        """
        without = slices_without_wall(mask)
        if without and self.weights.regulariser is not None and self.weights.alpha:
            LOG.info("no myocardium in %d slice(s): refined without the regulariser", without)

    def _objective(
        self,
        images: torch.Tensor,
        output: torch.Tensor,
        mask: torch.Tensor,
        interval: int,
        tissues: torch.Tensor | None = None,
    ) -> Objective:
        """What is lowered for these slices."""
        wall = (mask.to(output).reshape(len(output), 1, *output.shape[-2:]) > 0.5).to(output)
        closes = [cycle_closes(frames) for frames in images]
        shares = None if tissues is None else tissues.detach().to(output)
        return Objective(self.weights, images.detach().to(output), wall, closes, interval, shares)


class _Motion:
    """Motion of some frames that is refined, by a correction at control points.

    Args:
        refinement: says how a field is integrated.
        terms: of these frames.
        start: field at the control points ``(N, 2, h, w)`` in voxels.
    """

    def __init__(self, refinement: Refinement, terms: FrameTerms, start: torch.Tensor) -> None:
        field = refinement.integrator.field
        self.integrate = FieldIntegrator(field, SQUARINGS, BORDER_MARGIN // COARSE)
        self.terms = terms
        self.start = start
        self.control = self.coarse = self.value = start

    def move(self, control: torch.Tensor, slope: bool) -> None:
        """Set ``coarse``, the motion at the control points, and ``value`` ``(N,)``.

        Args:
            control: correction ``(N, 2, h, w)`` in voxels.
            slope: keep what :meth:`slope` needs.
        """
        with torch.set_grad_enabled(slope):
            self.control = control.clone().requires_grad_(slope)
            coarse = self.integrate((self.start + self.control) / COARSE) * COARSE
            fine = F.interpolate(coarse, scale_factor=COARSE, mode="bilinear", align_corners=False)
            self.coarse, self.value = coarse, self.terms(fine, coarse, COARSE)

    def slope(self, pull: torch.Tensor, frames: int) -> torch.Tensor:
        """Gradient at the control points of the frames' mean, and of what pulls at the motion.

        Args:
            pull: gradient of other terms at ``coarse``.
            frames: that the mean of a slice is taken over.
        """
        each = torch.full_like(self.value, 1 / frames)
        (slope,) = torch.autograd.grad([self.value, self.coarse], self.control, [each, pull])
        return slope


def descend(
    groups: Sequence[dict[str, Any]], loss: Callable[[bool], torch.Tensor], steps: int
) -> None:
    """Lower losses by Adam and leave the parameters at the best iterates, the start included.

    Args:
        groups: Adam's parameter groups, each with ``params`` and ``lr``; the first axis of every
            parameter is that of the losses, which do not depend on each other.
        loss: of the parameters' present values, ``(Z,)``; where it is told to, it leaves its
            gradients in them.
        steps: gradient steps.

    Raises:
        InputError: if a loss is not finite.
    """
    parameters = [p for group in groups for p in group["params"]]
    optimizer = torch.optim.Adam(list(groups))
    falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps))
    best = [p.detach().clone() for p in parameters]
    lowest: torch.Tensor | None = None
    with torch.enable_grad():
        for step in range(steps + 1):
            present = loss(step < steps)
            if not bool(torch.isfinite(present).all()):
                raise InputError(
                    f"refinement: the loss is {float(present.sum())} at step {step} of {steps}. "
                    f"Lower learning_rate (now {groups[0]['lr']:g}) or the weights."
                )
            better = (
                torch.ones_like(present, dtype=torch.bool) if lowest is None else present < lowest
            )
            lowest = present if lowest is None else torch.minimum(lowest, present)
            for kept, p in zip(best, parameters, strict=True):
                kept[better] = p.detach()[better]
            if step < steps:
                optimizer.step()
                falling.step()
    with torch.no_grad():
        for p, kept in zip(parameters, best, strict=True):
            p.copy_(kept)


def _rate(step: int, steps: int) -> float:
    """Share of the learning rate: 1 at the beginning, :data:`LAST_RATE` at the end."""
    half = (1 + torch.cos(torch.tensor(torch.pi * step / max(steps, 1)))) / 2
    return LAST_RATE + (1 - LAST_RATE) * float(half)


def slices_without_wall(mask: torch.Tensor) -> int:
    """How many slices of a mask ``(Z, 1, H, W)`` have no myocardium."""
    return int((~(mask > 0.5).flatten(1).any(1)).sum())


def check_refinable(images: torch.Tensor, output: torch.Tensor, mask: torch.Tensor) -> None:
    """Raise an InputError unless shapes fit, frames are two or more, and values are finite."""
    slices, frames, *size = images.shape
    if output.shape != (slices, frames, 2, *size) or mask.shape != (slices, 1, *size):
        raise InputError(
            "refinement: expected images (Z, T, H, W), output (Z, T, 2, H, W) and mask "
            f"(Z, 1, H, W), found {tuple(images.shape)}, {tuple(output.shape)} and "
            f"{tuple(mask.shape)}."
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
