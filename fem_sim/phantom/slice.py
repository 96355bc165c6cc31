"""One real slice of an animated study: its simulated cycle, its moved pictures, its noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import map_coordinates

from fem_sim.geometry.labels import label_membership
from fem_sim.mechanics.cycle import Cycle, simulate_cycle
from fem_sim.mechanics.parameters import SimulationParameters
from fem_sim.mechanics.unload import unload
from fem_sim.phantom.geometry import heart_geometry
from fem_sim.phantom.motion import MotionSettings, SliceMotion, build_motion
from fem_sim.phantom.render import moving_points
from fem_sim.phantom.study import StudySlice
from fem_sim.population.dynamics import Dynamics
from myomotion.core.wall.contours import contours_from_labels, polygon_centroid

GRID_SPACING_MM, GRID_SIZE = 1.5, 128  # wide enough for the motion to fade around big hearts
UNLOAD_TOLERANCE_MM = 0.05
LEVELS_OF_CYCLE = 25


def simulate_slice(
    part: StudySlice,
    spacing: float,
    ratio: float,
    dynamics: Dynamics,
    rng: np.random.Generator,
) -> tuple[Cycle, np.ndarray]:
    """Cycle whose end-diastolic ring is the labelled one.

    Returns:
        The cycle and the ``(2,)`` shift in mm from the image's grid to the cycle's.

    Raises:
        RejectedSliceError: the ring cannot be outlined, unloaded or simulated.
    """
    ring = contours_from_labels(part.labels, spacing)
    drawn: SimulationParameters = dynamics.parameters(ratio, part.level, rng)
    parameters = replace(drawn, levels=LEVELS_OF_CYCLE)
    unloaded = unload(ring, parameters, tolerance_mm=UNLOAD_TOLERANCE_MM)
    cycle = simulate_cycle(unloaded, parameters, spacing=GRID_SPACING_MM, size=GRID_SIZE)
    middle = (GRID_SIZE - 1) / 2 * GRID_SPACING_MM
    return cycle, middle - polygon_centroid(ring.endo)


def slice_motion(
    cycle: Cycle, level: str, septum: float, added: MotionSettings, rng: np.random.Generator
) -> SliceMotion:
    """Motion of the whole slice.

    A right ventricle is supposed towards the septum, of a size that fits the level; where its
    motion would fold, the surroundings follow the left ventricle alone.

    Args:
        cycle: of the left ventricle.
        level: basal, mid or apical.
        septum: direction of the right ventricle, radians.
        added: time course and rigid motion.
        rng: draws the right ventricle.

    Returns:
        The motion.

    Raises:
        PhantomError: the motion folds.
    """
    heart = heart_geometry(cycle.endo[0], cycle.epi[0], level, septum, rng)
    fields = cycle.displacement, cycle.labels, cycle.area_ratio, GRID_SPACING_MM
    return build_motion(*fields, heart, added)


def render_slice(
    part: StudySlice, motion: SliceMotion, shift: np.ndarray, spacing: float, frames: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pull the end-diastolic slice back along the motion.

    Args:
        part: the slice.
        motion: in coordinates of the cycle's grid, mm.
        shift: from the image's grid to the cycle's, mm.
        spacing: of the image, mm.
        frames: frames of the cine.

    Returns:
        Images ``(X, Y, T)`` (cubic splines, within the slice's range), displacement
        ``(T, 2, X, Y)`` in mm and labels ``(T, X, Y)``.
    """
    shape = part.image.shape
    grid = np.stack(np.meshgrid(*(np.arange(n) * spacing for n in shape), indexing="ij"))
    points = grid + shift[:, None, None]
    flat = points.reshape(2, -1)
    moving = moving_points(motion, flat)
    start = flat[:, moving]
    low, high = float(part.image.min()), float(part.image.max())
    images, fields, labels = [], [], []
    for frame in range(frames):
        image, label = part.image.ravel().copy(), part.labels.ravel().copy()
        if frame > 0:
            start = motion.material_points(frame, flat[:, moving], start)
            index = (start - shift[:, None]) / spacing
            values = map_coordinates(part.image, index, order=3, mode="nearest")
            image[moving] = np.clip(values, low, high)
            label[moving] = label_membership(part.labels, index)
        images.append(image.reshape(shape))
        fields.append(motion.displacement(frame, points).astype(np.float32))
        labels.append(label.reshape(shape))
    return np.stack(images, axis=-1), np.stack(fields), np.stack(labels)


def background_noise(image: np.ndarray) -> float:
    """Noise of one channel in a magnitude image ``(X, Y)``, from its dark background.

    The diagonal differences of 2 x 2 blocks hold little but noise; their spread over the darkest
    quarter of the blocks that are not empty is that of Rayleigh noise, 0.655 of a channel's.
    """
    x, y = (n // 2 * 2 for n in image.shape)
    block = image[:x, :y].reshape(x // 2, 2, y // 2, 2)
    mean = block.mean(axis=(1, 3))
    diagonal = (block[:, 0, :, 0] - block[:, 0, :, 1] - block[:, 1, :, 0] + block[:, 1, :, 1]) / 2
    filled = mean > 0
    if not filled.any():
        return 0.0
    dark = filled & (mean <= np.quantile(mean[filled], 0.25))
    return float(np.median(np.abs(diagonal[dark])) / 0.6745 / 0.655)
