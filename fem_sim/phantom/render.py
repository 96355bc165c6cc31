"""Render a virtual short-axis cine from the simulated cycles of one heart, with its true motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from fem_sim.phantom.anatomy import draw_look, material_image
from fem_sim.phantom.contrast import acquire, draw_acquisition
from fem_sim.phantom.geometry import heart_geometry
from fem_sim.phantom.motion import MotionSettings, SliceMotion, build_motion
from fem_sim.phantom.painter import Painter
from fem_sim.phantom.timing import contraction_curve


class SimulatedCycle(Protocol):
    """What a cine needs of a simulated cycle (see fem_sim.mechanics.cycle)."""

    displacement: np.ndarray
    labels: np.ndarray
    endo: np.ndarray
    epi: np.ndarray
    area_ratio: np.ndarray
    spacing: np.ndarray
    provenance: dict[str, Any]


@dataclass(frozen=True)
class CineSettings:
    """What the user chooses about virtual cines. Lengths in mm, angles in degrees."""

    frames: int = 20
    spacing_range: tuple[float, float] = (1.1, 1.9)
    matrix: int = 128
    translation_mm: float = 4.0
    rotation_deg: float = 10.0
    snr_range: tuple[float, float] = (12.0, 45.0)
    noise: bool = True
    supersampling: int = 2

    def __post_init__(self) -> None:
        if not 5 <= self.frames <= 30:
            raise ValueError(f"frames is {self.frames}; a cine has 5 to 30 frames.")
        low, high = self.spacing_range
        if not 0.8 <= low <= high <= 3.0:
            raise ValueError(f"spacing_range is {low}-{high} mm; use 0.8 <= low <= high <= 3.0.")
        if self.matrix < 64:
            raise ValueError(f"matrix is {self.matrix}; the heart needs at least 64 voxels.")
        low, high = self.snr_range
        if not 0 < low <= high < np.inf:
            raise ValueError(f"snr_range is {low}-{high}; use 0 < low <= high.")
        for name in ("translation_mm", "rotation_deg"):
            if not np.isfinite(getattr(self, name)):
                raise ValueError(f"{name} is {getattr(self, name)}; it must be a finite number.")


@dataclass(frozen=True)
class VirtualCine:
    """A cine with its truth.

    Attributes:
        images: int16 (X, Y, Z, T).
        displacement: float32 (T, Z, 2, X, Y), mm along array axes, on the ED grid.
        labels: uint8 (T, Z, X, Y), internal codes, of the tissue.
        seen: the same as a reader sees it: the cavity's closed-up trabeculae are wall.
        spacing: in-plane spacing, mm.
        es_frame: end-systolic frame (ED is frame 0).
        levels: level name of each slice.
        record: JSON-ready description.
    """

    images: np.ndarray
    displacement: np.ndarray
    labels: np.ndarray
    seen: np.ndarray
    spacing: float
    es_frame: int
    levels: tuple[str, ...]
    record: dict[str, Any] = field(default_factory=dict)


def render_cine(
    cycles: Sequence[tuple[str, SimulatedCycle]], settings: CineSettings, rng: np.random.Generator
) -> VirtualCine:
    """Render one cine of the given (level, cycle) slices.

    Frame t at the spatial point x shows the ED material at `X = phi_t^-1(x)`, averaged over the
    voxel, so `frame_t(X + u(X))` is the ED frame up to voxel size and interpolation.

    Raises:
        PhantomError: a motion field that folds or cannot be inverted.
    """
    frames = settings.frames
    es_frame = int(np.clip(round(rng.uniform(0.35, 0.40) * frames), 2, frames - 2))
    spacing = round(float(rng.uniform(*settings.spacing_range)), 4)
    look = draw_look(rng)
    acquisition = draw_acquisition(rng, snr_range=settings.snr_range, noise=settings.noise)
    shift = rng.uniform(-6.0, 6.0, 2)
    heart = draw_heart_motion(rng, settings)
    scale = float(rng.uniform(250.0, 900.0)) / look.blood
    slices = []
    for level, cycle in cycles:
        shape = cycle.provenance.get("shape", {})
        septum = np.deg2rad(float(shape.get("septal_angle", 155.0)))
        right = float(shape.get("right_ventricle", 1.0))
        geometry = heart_geometry(cycle.endo[0], cycle.epi[0], level, septum, rng, right)
        step = float(cycle.spacing[0])
        extent = settings.matrix * spacing
        drift = {"basal": 0.0, "mid": 2.0, "apical": 5.0}[level] * heart["apex_direction"]
        origin = geometry.centre - (settings.matrix - 1) / 2 * spacing + shift + drift
        material = material_image(
            geometry, look, level, rng, origin=origin - spacing, extent=extent + 2 * spacing
        )
        motion_settings = slice_motion_settings(heart, level, frames, es_frame, rng)
        motion = build_motion(
            cycle.displacement, cycle.labels, cycle.area_ratio, step, geometry, motion_settings
        )
        painter = Painter(material, look, acquisition, motion_settings.contraction)
        slices.append(paint_frames(painter, motion, scale, origin, spacing, settings, rng))
    return VirtualCine(
        images=np.stack([s.images for s in slices], axis=2),
        displacement=np.stack([s.displacement for s in slices], axis=1),
        labels=np.stack([s.labels for s in slices], axis=1),
        seen=np.stack([s.seen for s in slices], axis=1),
        spacing=spacing,
        es_frame=es_frame,
        levels=tuple(level for level, _ in cycles),
        record={
            "snr": acquisition.snr,
            "kspace_kept": list(acquisition.kept),
            "closing": look.closing,
            "min_jacobian": min(s.min_jacobian for s in slices),
            "right_ventricle_moves": [s.right_ventricle for s in slices],
        },
    )


def draw_heart_motion(rng: np.random.Generator, settings: CineSettings) -> dict[str, Any]:
    """Motion that the slices of a heart share."""
    direction = rng.uniform(0, 2 * np.pi)
    return {
        "rv_shortening": rng.uniform(0.1, 0.3),
        "early_filling": rng.uniform(0.6, 0.85),
        "translation": settings.translation_mm
        * np.sqrt(rng.uniform(0.0, 1.0))
        * np.array([np.cos(direction), np.sin(direction)]),
        "twist": np.deg2rad(settings.rotation_deg) * rng.uniform(0.2, 1.0),
        "apex_direction": np.array([-0.7, -0.7]) + rng.normal(0, 0.3, 2),
    }


def slice_motion_settings(
    heart: dict[str, Any], level: str, frames: int, es_frame: int, rng: np.random.Generator
) -> MotionSettings:
    """Motion of one slice: base and apex turn in opposite directions; untwisting leads filling."""
    early = float(np.clip(heart["early_filling"] + rng.normal(0, 0.03), 0.5, 0.95))
    skew = float(rng.uniform(0.92, 1.08))
    contraction = contraction_curve(frames, es_frame, skew=skew, early_filling=early)
    bulk = contraction_curve(frames, es_frame, skew=0.85, early_filling=early)
    turning = contraction_curve(frames, es_frame, skew=1.1, early_filling=0.95)
    twist = heart["twist"] * {"basal": -0.4, "mid": 0.3, "apical": 1.0}[level]
    return MotionSettings(
        contraction=contraction,
        rv_shortening=heart["rv_shortening"],
        translation=bulk[:, None] * heart["translation"],
        rotation=turning * twist * rng.uniform(0.8, 1.2),
    )


@dataclass(frozen=True)
class PaintedSlice:
    """Images (X, Y, T), displacement (T, 2, X, Y), labels (T, X, Y) and how the motion came out."""

    images: np.ndarray
    displacement: np.ndarray
    labels: np.ndarray
    seen: np.ndarray
    min_jacobian: float
    right_ventricle: bool


def paint_frames(
    painter: Painter,
    motion: SliceMotion,
    scale: float,
    origin: np.ndarray,
    spacing: float,
    settings: CineSettings,
    rng: np.random.Generator,
) -> PaintedSlice:
    """Pictures of one slice in every frame, with its motion and labels.

    Args:
        painter: what material looks like.
        motion: of the slice.
        scale: of brightness to intensities.
        origin: ``(2,)`` place of the first voxel in the motion's mm.
        spacing: of the voxels, mm.
        settings: frames, matrix and supersampling.
        rng: draws the noise.
    """
    n, factor = settings.matrix, settings.supersampling
    sub = (np.arange(n * factor) + 0.5) / factor - 0.5
    points = np.stack(
        np.meshgrid(origin[0] + sub * spacing, origin[1] + sub * spacing, indexing="ij")
    )
    voxel = np.arange(n) * spacing
    centres = np.stack(np.meshgrid(origin[0] + voxel, origin[1] + voxel, indexing="ij"))
    flat = points.reshape(2, -1)
    still = painter.paint(0, flat, np.ones(flat.shape[1]))
    moving = moving_points(motion, flat)
    start = flat[:, moving]
    images, fields, labels, seen = [], [], [], []
    for frame in range(settings.frames):
        bright, label, visible = (part.copy() for part in still)
        if frame > 0:
            start = motion.material_points(frame, flat[:, moving], start)
            area = motion.area(frame, start)
            bright[moving], label[moving], visible[moving] = painter.paint(frame, start, area)
        ideal = voxel_mean(bright, n, factor)
        blood = painter.look.blood
        images.append(scale * acquire(ideal, painter.acquisition, blood, rng))
        fields.append(motion.displacement(frame, centres))
        labels.append(voxel_label(label, n, factor))
        seen.append(voxel_label(visible, n, factor))
    pictures = np.clip(np.rint(np.stack(images, axis=-1)), 0, 32767).astype(np.int16)
    return PaintedSlice(
        images=pictures,
        displacement=np.stack(fields).astype(np.float32),
        labels=np.stack(labels),
        seen=np.stack(seen),
        min_jacobian=float(motion.min_jacobian.min()),
        right_ventricle=motion.right_ventricle,
    )


def moving_points(motion: SliceMotion, points: np.ndarray, still_mm: float = 1e-3) -> np.ndarray:
    """Indices of points in the box that motion reaches in any frame (plus the largest motion)."""
    speed = np.abs(motion.field).max(axis=(0, 1))
    hit = np.argwhere(speed > still_mm) * motion.spacing + motion.origin
    margin = float(speed.max()) + motion.spacing
    low, high = hit.min(axis=0) - margin, hit.max(axis=0) + margin
    inside = np.all((points >= low[:, None]) & (points <= high[:, None]), axis=0)
    return np.flatnonzero(inside)


def voxel_mean(values: np.ndarray, size: int, factor: int) -> np.ndarray:
    return _voxel_sum(values, size, factor) / factor**2


def _voxel_sum(values: np.ndarray, size: int, factor: int) -> np.ndarray:
    grid = values.reshape(size, factor, size, factor)
    total = np.zeros((size, size))
    for first in range(factor):
        for second in range(factor):
            total += grid[:, first, :, second]
    return total


def voxel_label(values: np.ndarray, size: int, factor: int) -> np.ndarray:
    """Label with the largest share of each voxel; ties go to the wall, then the cavity."""
    order = (2, 1, 3, 0)
    share = np.stack([_voxel_sum(values == code, size, factor) for code in order])
    return np.asarray(order, np.uint8)[np.argmax(share, axis=0)]
