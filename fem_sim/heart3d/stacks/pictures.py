"""Pictures of a virtual stack: the phantom's drawing, moved as lines of tissue cross the planes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import CubicSpline

from fem_sim.heart3d.stacks.stack import VirtualStack
from fem_sim.phantom.anatomy import draw_look, material_image
from fem_sim.phantom.contrast import draw_acquisition
from fem_sim.phantom.geometry import heart_geometry
from fem_sim.phantom.motion import MotionSettings, PhantomError, build_motion
from fem_sim.phantom.painter import Painter
from fem_sim.phantom.render import CineSettings, PaintedSlice, VirtualCine, paint_frames
from myomotion.analysis.volume.lattice import DEPTHS
from myomotion.core.segments import LEVELS

GRID_MM, GRID_SIZE = 1.5, 128
SEPTUM = np.deg2rad(155.0)
BEYOND_WALL = 0.3  # of its thickness, how far its motion is drawn out


def draw_stack(
    stack: VirtualStack, rng: np.random.Generator, settings: CineSettings | None = None
) -> tuple[VirtualCine, list[int]]:
    """Cine of a stack.

    Args:
        stack: its slices.
        rng: draws anatomy, look and noise.
        settings: of the cine; its frames are those of the stack.

    Returns:
        The cine, slices from apex to base, and which slices of the stack could be drawn: where a
        cavity closes altogether, the motion of pictures folds.

    Raises:
        PhantomError: if fewer than three slices can be drawn.
    """
    frames = len(stack.seen)
    chosen = settings or CineSettings(frames=frames)
    spacing = round(float(rng.uniform(*chosen.spacing_range)), 4)
    look = draw_look(rng)
    acquisition = draw_acquisition(rng, snr_range=chosen.snr_range, noise=chosen.noise)
    scale = float(rng.uniform(250.0, 900.0)) / look.blood
    names = level_names(len(stack.levels))
    middle = (GRID_SIZE - 1) / 2 * GRID_MM
    origin = np.full(2, middle - (chosen.matrix - 1) / 2 * spacing)
    drawn: list[PaintedSlice] = []
    kept: list[int] = []
    for k, name in enumerate(names):
        endo, epi = (c + middle for c in (stack.contours[k].endo, stack.contours[k].epi))
        geometry = heart_geometry(endo, epi, name, SEPTUM, rng)
        field, labels = wall_motion(stack.seen[:, k] + middle)
        added = MotionSettings(
            contraction=contraction_of(stack.seen[:, k, :, 0]),
            rv_shortening=float(rng.uniform(0.1, 0.3)),
            translation=np.zeros((frames, 2)),
            rotation=np.zeros(frames),
            positions=np.arange(frames, dtype=float),
        )
        try:
            motion = build_motion(field, labels, np.zeros(frames), GRID_MM, geometry, added)
            material = material_image(
                geometry,
                look,
                name,
                rng,
                origin=origin - spacing,
                extent=(chosen.matrix + 2) * spacing,
            )
            painter = Painter(material, look, acquisition, added.contraction)
            drawn.append(paint_frames(painter, motion, scale, origin, spacing, chosen, rng))
        except PhantomError:
            continue
        kept.append(k)
    if len(kept) < 3:
        raise PhantomError(f"only {len(kept)} slices of the stack can be drawn; it needs 3")
    return (
        VirtualCine(
            images=np.stack([s.images for s in drawn], axis=2),
            displacement=np.stack([s.displacement for s in drawn], axis=1),
            labels=np.stack([s.labels for s in drawn], axis=1),
            seen=np.stack([s.seen for s in drawn], axis=1),
            spacing=spacing,
            es_frame=stack.es_frame,
            levels=tuple(names[k] for k in kept),
            record={"snr": acquisition.snr, "min_jacobian": min(s.min_jacobian for s in drawn)},
        ),
        kept,
    )


def contraction_of(endo: np.ndarray) -> np.ndarray:
    """Share ``(T,)`` of a slice's contraction, 0 at end-diastole and 1 where it is smallest.

    Args:
        endo: ``(T, angles, 2)`` places of the endocardium.
    """
    middle = endo.mean(1, keepdims=True)
    squared = ((endo - middle) ** 2).sum(-1).mean(1)
    lost = np.clip(1 - squared / squared[0], 0, 1)
    return lost / max(float(lost.max()), 1e-6)


def level_names(count: int) -> list[str]:
    """Names of slices from apex to base: thirds of the stack."""
    return [LEVELS[::-1][3 * k // count] for k in range(count)]


def wall_motion(seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Motion of the wall's pixels and their labels, from lines of tissue.

    Args:
        seen: ``(T, angles, depths, 2)`` places in mm of the grid; frame 0 is end-diastole.

    Returns:
        ``(T, 2, size, size)`` in mm, drawn out a little beyond the wall, and uint8
        ``(size, size)``: 1 cavity, 2 wall.
    """
    axis = np.arange(GRID_SIZE) * GRID_MM
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"))
    start, middle = seen[0], seen[0].mean((0, 1))
    x, y = grid - middle[:, None, None]
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    inner, outer = (
        np.interp(angle, *_polar(start[:, d] - middle), period=2 * np.pi) for d in (0, -1)
    )
    depth = (radius - inner) / (outer - inner)
    labels = np.where(depth < 0, 1, np.where(depth <= 1, 2, 0)).astype(np.uint8)
    near = (depth > -BEYOND_WALL) & (depth < 1 + BEYOND_WALL)
    # The angle of a line of tissue is that about the heart's axis; its pixels' about the middle of
    # the slice: looked up on the mid-wall.
    turn, _ = _polar(start[:, 1] - middle)
    knots = np.append(turn, turn[0] + 2 * np.pi)
    moves = seen - start
    around = CubicSpline(knots, np.concatenate([moves, moves[:, :1]], axis=1), axis=1,
                         bc_type="periodic")  # fmt: skip
    wrapped = knots[0] + (angle[near] - knots[0]) % (2 * np.pi)
    values = around(wrapped)
    weights = _parabola(depth[near])
    field = np.zeros((len(seen), 2, GRID_SIZE, GRID_SIZE))
    field[:, :, near] = np.einsum("tndi,nd->tin", values, weights)
    return field, labels


def _polar(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Angles, increasing from one to the next, and radii of points ``(angles, 2)``."""
    return np.unwrap(np.arctan2(points[:, 1], points[:, 0])), np.hypot(*points.T)


def _parabola(depth: np.ndarray) -> np.ndarray:
    """Weights ``(N, depths)`` of the parabola through :data:`DEPTHS`."""
    parts: Sequence[np.ndarray] = [
        np.prod([(depth - o) / (own - o) for o in DEPTHS if o != own], axis=0) for own in DEPTHS
    ]
    return np.stack(parts, axis=-1)
