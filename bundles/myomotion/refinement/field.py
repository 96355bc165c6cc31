"""Refinement at inference: a network's motion of a slice as the start of an optimisation."""

from __future__ import annotations

import logging

import torch
import torch.nn.functional as F
from torch import nn

from myomotion.core.cycle import cycle_closes
from myomotion.core.frames_together import Run, at_once, parts_of, workers
from myomotion.core.integrator import BORDER_MARGIN, FieldIntegrator
from myomotion.errors import InputError
from myomotion.losses.plausibility import Plausibility
from myomotion.losses.similarity import MeanSquares
from myomotion.refinement.curvature import curvature_of
from myomotion.refinement.descent import Descent
from myomotion.refinement.objective import FrameTerms, Objective, Weights

LOG = logging.getLogger(__name__)
COARSE = 2  # voxels between control points; motion is integrated on their grid
SQUARINGS = 4  # of the motion on its way; the result is integrated as the network's
PRIOR_INTERVAL = 3  # steps between evaluations of R, which is continued between


class Refinement:
    """Optimise the motion of all frames of a slice at once, starting from a network's output.

    It lowers the sum of :class:`~myomotion.refinement.objective.Objective` over a correction of the
    network's output at control points, interpolated bicubically, by quasi-Newton steps
    (:class:`~myomotion.refinement.descent.Descent`). On its way the motion is integrated on the
    grid of the control points, which costs a quarter. Of the places where everything was evaluated
    the lowest is kept, the start included. On the CPU, equal input gives equal output bit for bit.

    Args:
        integrator: turns output into displacement, as in the network's training.
        regulariser: ``R``, takes millimetres; None leaves it out.
        steps: quasi-Newton steps; 0 returns the network's output.
        alpha: weight of the regulariser.
        temporal: weight of the squared second difference over time.
        bending: weight of the mean squared second derivatives.
        tissue: weight of the difference of the tissues' shares, where a call gives them.
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
        steps: int = 15,
        alpha: float = 0.002,
        temporal: float = 0.001,
        bending: float = 0.0,
        tissue: float = 0.0,
        spacing: float = 1.5,
        similarity: nn.Module | None = None,
    ) -> None:
        if steps < 0:
            raise ValueError(f"steps must be >= 0, got {steps}")
        self.integrator = integrator
        self.steps = steps
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
            InputError: if shapes disagree, or a value or the sum is not finite.
        """
        check_refinable(images, output, mask)
        if self.steps == 0:
            return output
        objective = self._objective(images, output, mask, True, tissues)
        start = output.detach()[:, 1:]
        with workers() as run:
            control = _Slices(self, objective, start, run).descend(self.steps)
        rows, columns = (control_weights(n, COARSE, start) for n in start.shape[-2:])
        best = start + rows @ control @ columns.T
        return torch.cat([torch.zeros_like(best[:, :1]), best], 1)

    def tell(self, mask: torch.Tensor) -> None:
        """Log what slices of a study lack; refining them says nothing, it may be repeated.

        Args:
            mask: end-diastolic myocardium ``(Z, 1, H, W)``.
        """
        without = slices_without_wall(mask)
        if without and self.weights.regularised:
            LOG.info("no myocardium in %d slice(s): refined without the regulariser", without)

    def _objective(
        self,
        images: torch.Tensor,
        output: torch.Tensor,
        mask: torch.Tensor,
        lasting: bool,
        tissues: torch.Tensor | None = None,
    ) -> Objective:
        """What is lowered for these slices."""
        wall = (mask.to(output).reshape(len(output), 1, *output.shape[-2:]) > 0.5).to(output)
        closes = [cycle_closes(frames) for frames in images]
        shares = None if tissues is None else tissues.detach().to(output)
        return Objective(self.weights, images.detach().to(output), wall, closes, lasting, shares)


class _Slices:
    """Slices on their way, the frames in parts.

    Args:
        refinement: says how a field is integrated.
        objective: of the slices.
        start: output of the network ``(Z, T - 1, 2, H, W)`` in voxels.
        run: computes the parts.
    """

    def __init__(
        self, refinement: Refinement, objective: Objective, start: torch.Tensor, run: Run
    ) -> None:
        self.objective, self.run, self.shape = objective, run, start.shape[:2]
        frames = start.flatten(0, 1)
        small = F.avg_pool2d(frames, COARSE)
        parts = parts_of(self.shape[0], self.shape[1], at_once(frames))
        field = refinement.integrator.field
        self.motions = run(lambda part: _Motion(field, objective.of(part), small[part]), parts)
        self.best = torch.zeros_like(small).unflatten(0, self.shape)
        self.lowest = start.new_full((len(start),), torch.inf)

    def descend(self, steps: int) -> torch.Tensor:
        """Corrections at the control points ``(Z, T - 1, 2, h, w)`` with the lowest sum.

        Args:
            steps: how many.

        Raises:
            InputError: if the sum is not finite.
        """
        for step in range(steps):
            if step % PRIOR_INTERVAL == 0:
                self._keep(self._evaluate(known=True))
                self.run(_Motion.settle, self.motions)
            self.run(_Motion.propose, self.motions)
            self._evaluate(known=False)
            self.run(_Motion.accept, self.motions)
        self._keep(self._evaluate(known=True, slope=False))
        return self.best

    def _evaluate(self, known: bool, slope: bool = True) -> torch.Tensor:
        """Sums ``(Z,)`` where the frames are, with R as it is there, or at their proposals."""
        self.run(lambda motion: motion.move(known, slope), self.motions)
        coarse = torch.cat([m.coarse.detach() for m in self.motions]).unflatten(0, self.shape)
        rough = self.objective.over_time(coarse.requires_grad_(slope))
        if slope:
            pull = torch.zeros_like(coarse)
            if rough.requires_grad:  # the sums of frames, not their mean
                (pull,) = torch.autograd.grad(self.shape[1] * rough.sum(), coarse)
            pulls = pull.flatten(0, 1).split([len(m.start) for m in self.motions])
            pairs = zip(self.motions, pulls, strict=True)
            self.run(lambda pair: pair[0].differentiate(pair[1]), pairs)
        values = torch.cat([m.value.detach() for m in self.motions]).unflatten(0, self.shape)
        return values.mean(1) + rough.detach()

    def _keep(self, total: torch.Tensor) -> None:
        """Remember where the frames are, where their sum is the lowest."""
        if not bool(torch.isfinite(total).all()):
            raise InputError(
                f"refinement: the sum that is lowered is {float(total.sum())}. Lower its weights."
            )
        lower = total < self.lowest
        self.lowest = torch.where(lower, total, self.lowest)
        positions = torch.cat([m.descent.position for m in self.motions])
        self.best[lower] = positions.unflatten(0, self.shape)[lower]


class _Motion:
    """Motion of some frames that is refined, by a correction at control points.

    Args:
        field: see :class:`~myomotion.core.integrator.FieldIntegrator`.
        terms: of these frames.
        start: field at the control points ``(N, 2, h, w)`` in voxels.
    """

    def __init__(self, field: str, terms: FrameTerms, start: torch.Tensor) -> None:
        self.integrate = FieldIntegrator(field, SQUARINGS, BORDER_MARGIN // COARSE)
        self.terms = terms
        self.start = start
        self.descent = Descent(torch.zeros_like(start))
        self.control = self.coarse = self.fine = self.value = self.slope = start

    def move(self, known: bool, slope: bool) -> None:
        """Set ``coarse``, the motion at the control points, and ``value`` ``(N,)``.

        Args:
            known: to where the descent is, with R as it is there; else to what it proposes.
            slope: keep what :meth:`differentiate` needs.
        """
        if known:
            self.terms.renew()
        control = self.descent.position if known else self.descent.proposed
        with torch.set_grad_enabled(slope):
            self.control = control.clone().requires_grad_(slope)
            self.coarse = self.integrate((self.start + self.control) / COARSE) * COARSE
            self.fine = F.interpolate(
                self.coarse, scale_factor=COARSE, mode="bilinear", align_corners=False
            )
            self.value = self.terms(self.fine, self.coarse, COARSE)

    def differentiate(self, pull: torch.Tensor) -> None:
        """Set ``slope``, of the frames' sum at the control points.

        Args:
            pull: gradient of other terms at ``coarse``.
        """
        ones = torch.ones_like(self.value)
        (self.slope,) = torch.autograd.grad([self.value, self.coarse], self.control, [ones, pull])

    def settle(self) -> None:
        """Tell the descent what is where it is."""
        if self.descent.curvature is None:
            self.descent.curvature = curvature_of(self.terms, self.fine.detach(), COARSE)
        self.descent.set(self.value.detach(), self.slope)

    def propose(self) -> None:
        """Let the descent say where to go."""
        self.descent.propose()

    def accept(self) -> None:
        """Tell the descent what is at its proposal."""
        self.descent.take(self.value.detach(), self.slope)


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
