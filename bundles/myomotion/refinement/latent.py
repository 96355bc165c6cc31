"""Refinement within the autoencoder's manifold: only motions that it can decode are searched."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch

from myomotion.core.flow import border_window, identity_coordinates, sample
from myomotion.core.integrator import BORDER_MARGIN, FieldIntegrator
from myomotion.core.kinematics import displacement_gradient, mean_rotation, rotate_deformation
from myomotion.errors import InputError
from myomotion.losses.plausibility import Plausibility, patch_frame, standardise
from myomotion.refinement.field import (
    Refinement,
    check_refinable,
    control_weights,
    slices_without_wall,
)

LOG = logging.getLogger(__name__)
LATENT_RATE = 0.1  # step of a latent coordinate, in prior standard deviations
ANGLE_RATE = 0.01  # radians
SHIFT_RATE = 0.15  # voxels
CONTROL_STEP = 3  # voxels between the control points of the integrated gradient
BENDING = 0.03  # beside the gradient's misfit; decides how the motion continues around the wall
LOGARITHM_ITERATIONS = 20
LAST_RATE = 0.1  # of the steps, which fall along a cosine


class LatentRefinement(Refinement):
    """Search the motion of all frames of one slice among those the autoencoder can decode.

    Each frame has a latent code, an angle (where the autoencoder does not see rotation) and a mean
    displacement. The code is decoded to a displacement gradient on the myocardium, turned by the
    angle, and :class:`GradientIntegration` finds the motion with that gradient. Lowered is the same
    sum as in :class:`~myomotion.refinement.field.Refinement`. The start is the code of the
    network's motion; unlike there, the result can be worse than the network's, because that motion
    need not lie in the manifold. A slice without myocardium keeps the network's motion.
    """

    def __call__(
        self,
        images: torch.Tensor,
        output: torch.Tensor,
        mask: torch.Tensor,
        tissues: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Refine slices, see :meth:`~myomotion.refinement.field.Refinement.__call__`."""
        check_refinable(images, output, mask)
        if self.steps == 0:
            return output
        shares = [None] * len(images) if tissues is None else tissues.split(1)
        parts = zip(images.split(1), output.split(1), mask.split(1), shares, strict=True)
        return torch.cat([self._one(*part) for part in parts])

    def tell(self, mask: torch.Tensor) -> None:
        """See :meth:`~myomotion.refinement.field.Refinement.tell`."""
        without = slices_without_wall(mask)
        if without:
            LOG.warning("no myocardium in %d slice(s): they keep the network's motion", without)

    def _one(
        self,
        images: torch.Tensor,
        output: torch.Tensor,
        mask: torch.Tensor,
        tissues: torch.Tensor | None,
    ) -> torch.Tensor:
        """Refine one slice, of arguments as those of many."""
        wall = (mask.to(output).reshape(1, 1, *output.shape[-2:]) > 0.5).to(output)
        if not bool(wall.any()):
            return output
        regulariser, spacing = self.weights.regulariser, self.weights.spacing
        if regulariser is None:
            raise ValueError("latent refinement needs the autoencoder: give a regulariser")
        start = self.integrator(output.detach()[0, 1:]) * spacing
        decode = LatentMotion(regulariser, wall, spacing)
        code, angle, shift = (p[None].requires_grad_(True) for p in decode.encode(start))
        objective = self._objective(images, output, mask, False, tissues)

        def loss(slope: bool) -> torch.Tensor:
            with torch.set_grad_enabled(slope):
                value = objective(decode(code[0], angle[0], shift[0])[None] / spacing)
                if slope:
                    found = torch.autograd.grad(value.sum(), [code, angle, shift])
                    code.grad, angle.grad, shift.grad = found
            return value.detach()

        groups = [
            {"params": [code], "lr": LATENT_RATE},
            {"params": [angle], "lr": ANGLE_RATE},
            {"params": [shift], "lr": SHIFT_RATE * spacing},
        ]
        descend(groups, loss, self.steps)
        with torch.no_grad():
            displacement = decode(code[0], angle[0], shift[0]) / spacing
            best = output_of(displacement, self.integrator)
        return torch.cat([torch.zeros_like(best[:1]), best])[None]


class LatentMotion:
    """Latent codes of a slice to displacements, and back.

    Args:
        regulariser: holds the autoencoder.
        wall: myocardium ``(1, 1, H, W)``, 0 or 1.
        spacing: voxel size in millimetres.
    """

    def __init__(self, regulariser: Plausibility, wall: torch.Tensor, spacing: float) -> None:
        self.regulariser = regulariser
        self.vae = regulariser.vae
        self.wall = wall
        self.turns = bool(self.vae.rotation_free)
        self.integrate = GradientIntegration(wall, spacing)
        size = self.vae.size
        center, step = patch_frame(wall, spacing, size)
        index = identity_coordinates(list(wall.shape[-2:]), wall)
        self.coordinates = (index - center) / step + (size - 1) / 2

    def encode(self, displacement: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Posterior mean, angle and mean displacement of a motion.

        Args:
            displacement: ``(B, 2, H, W)`` in millimetres.

        Returns:
            ``(B, latent)``, ``(B,)`` in radians, ``(B, 2)`` in millimetres.
        """
        walls = self.wall.expand(len(displacement), -1, -1, -1)
        code, _ = self.vae.encode(
            standardise(self.vae, self.regulariser.patch(displacement, walls))
        )
        gradient = displacement_gradient(displacement, self.regulariser.spacing)
        angle = torch.atan2(*mean_rotation(gradient, walls))
        shift = (displacement * walls).sum((2, 3)) / walls.sum((2, 3))
        return code, angle if self.turns else torch.zeros_like(angle), shift

    def __call__(
        self, code: torch.Tensor, angle: torch.Tensor, shift: torch.Tensor
    ) -> torch.Tensor:
        """Displacement ``(B, 2, H, W)`` in millimetres of what :meth:`encode` gives."""
        standardised = self.vae.decode(code)
        gradient = standardised * self.vae.gradient_std + self.vae.gradient_mean
        gradient = sample(gradient, self.coordinates)
        if self.turns:
            gradient = rotate_deformation(gradient, angle.sin(), angle.cos())
        return self.integrate(gradient, shift)


class GradientIntegration:
    """The smooth motion whose gradient on the myocardium comes closest to a given one.

    On bicubic control points it solves the linear least squares problem
    ``min_u sum_wall |grad u - g|^2 + BENDING * sum_grid |second derivatives of u|^2`` with the mean
    of ``u`` over the wall given; the motion fades out at the grid's border.

    Args:
        wall: myocardium ``(1, 1, H, W)``, 0 or 1.
        spacing: voxel size in millimetres.
    """

    def __init__(self, wall: torch.Tensor, spacing: float) -> None:
        size = list(wall.shape[-2:])
        window = border_window(size, BORDER_MARGIN, wall)[0, 0]
        profiles = (window[:, size[1] // 2], window[size[0] // 2])
        self.basis = [
            control_weights(n, CONTROL_STEP, wall) * w[:, None]
            for n, w in zip(size, profiles, strict=True)
        ]
        self.inside = wall[0, 0] > 0.5
        # Functions of both axes are products, so derivatives along one axis are all it needs.
        rows, columns = (_derivatives(b.double(), spacing) for b in self.basis)
        at = [i[self.inside] for i in torch.meshgrid(*map(torch.arange, size), indexing="ij")]

        def on_wall(i: int, j: int) -> torch.Tensor:
            """Derivative of order ``i`` and ``j`` on the wall, ``(M, n)``."""
            return torch.einsum("mk,ml->mkl", rows[i][at[0]], columns[j][at[1]]).flatten(1)

        misfit = torch.cat([on_wall(1, 0), on_wall(0, 1)])
        bending = spacing**2 * sum(
            count * torch.kron(rows[i].T @ rows[i], columns[j].T @ columns[j])
            for count, i, j in ((1, 2, 0), (2, 1, 1), (1, 0, 2))
        )
        normal = misfit.T @ misfit + BENDING * bending
        mean = on_wall(0, 0).mean(0)
        scale = normal.diagonal().mean()
        normal = normal + scale * torch.outer(mean, mean) * len(mean) / mean.square().sum()
        normal = normal + 1e-9 * scale * torch.eye(len(normal), dtype=normal.dtype)
        solved = torch.linalg.solve(normal, torch.cat([misfit.T, mean[:, None]], 1))
        # Of all solutions the one with the given mean: a correction along the mean's response.
        response = solved[:, -1:] / (mean @ solved[:, -1])
        solved = solved[:, :-1] - response * (mean @ solved[:, :-1])
        self.operator = torch.cat([solved, response], 1).to(wall)

    def __call__(self, gradient: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
        """Integrate.

        Args:
            gradient: ``(B, 4, H, W)``; only the myocardium counts.
            mean: displacement averaged over the myocardium, ``(B, 2)`` in millimetres.

        Returns:
            ``(B, 2, H, W)`` in millimetres.
        """
        wanted = gradient[:, :, self.inside].unflatten(1, (2, 2)).flatten(2)
        right = torch.cat([wanted, mean[:, :, None]], dim=2)
        rows, columns = self.basis
        control = (right @ self.operator.T).unflatten(2, (rows.shape[1], columns.shape[1]))
        return rows @ control @ columns.T


def _derivatives(basis: torch.Tensor, spacing: float) -> list[torch.Tensor]:
    """A basis ``(size, n)`` along one axis, its first and its second derivative."""
    first = torch.gradient(basis, spacing=spacing, dim=0)[0]
    return [basis, first, torch.gradient(first, spacing=spacing, dim=0)[0]]


def output_of(displacement: torch.Tensor, integrator: FieldIntegrator) -> torch.Tensor:
    """Output that an integrator turns into a displacement, by fixed-point iteration.

    ``v <- v + (u - integrate(v))``; for velocities a discrete logarithm, close for moderate motion.

    Args:
        displacement: ``(B, 2, H, W)`` in voxels, zero at the border.
        integrator: of the registration.

    Returns:
        ``(B, 2, H, W)`` in voxels.
    """
    output = displacement.clone()
    for _ in range(LOGARITHM_ITERATIONS):
        output = output + (displacement - integrator(output))
    return output


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
