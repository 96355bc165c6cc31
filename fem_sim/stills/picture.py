"""The picture of one virtual slice and what a reader draws into it.

Looks are drawn far wider than those of virtual cines: contrasts, textures, trabeculae, shading,
noise and sharpness of scanners that nobody has seen; and whatever else is round and bright in a
chest lies about the heart. A network that knows the heart in all of these knows it in a hospital's
pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import affine_transform

from fem_sim.phantom.anatomy import FAT, TissueLook, draw_look, material_image
from fem_sim.phantom.contrast import Acquisition, acquire, draw_acquisition
from fem_sim.phantom.geometry import HeartGeometry, heart_geometry, polar
from fem_sim.phantom.painter import Painter
from fem_sim.phantom.render import voxel_label, voxel_mean
from fem_sim.stills.ring import Ring, draw_ring
from myomotion.core.wall.contours import POINTS

SIZE, SPACING_MM = 144, 1.5
FINE = 2  # points along each side of a voxel
OFF_CENTRE_MM = 55.0
BRIGHTEST = 255
ASIDE = 0.35  # how far the right ventricle lies beside the septum's middle, of its half width
NARROWEST = 0.6  # of its width, that it loses towards its far end
FATTEST_MM = 25.0


@dataclass(frozen=True, kw_only=True)
class Still:
    """A picture and its contours.

    Attributes:
        image: uint8 ``(SIZE, SIZE)``.
        label: uint8, internal codes: 1 cavity, 2 myocardium, 3 cavity of the right ventricle, as a
            reader draws them: trabeculae and papillary muscles belong to the cavity until they have
            closed up, then to the wall.
        ring: what was drawn.
    """

    image: np.ndarray
    label: np.ndarray
    ring: Ring


def draw_still(rng: np.random.Generator) -> Still:
    """Draw one slice of a virtual heart.

    Args:
        rng: of everything.

    Returns:
        Picture and label on a grid of :data:`SPACING_MM`.
    """
    ring = draw_ring(rng)
    look = _draw_look(rng)
    acquisition = _draw_acquisition(rng)
    geometry = _geometry(ring, rng)
    step = SPACING_MM / FINE
    middle = geometry.centre + rng.uniform(-OFF_CENTRE_MM, OFF_CENTRE_MM, 2)
    first = middle - (SIZE * FINE - 1) / 2 * step
    material = material_image(
        geometry,
        look,
        ring.level,
        rng,
        origin=first,
        extent=(SIZE * FINE - 1) * step,
        spacing=step,
    )
    points = first[:, None, None] + step * np.indices(material.labels.shape)
    painter = Painter(material, look, acquisition, np.array([0.0, ring.contraction]))
    flat = points.reshape(2, -1)
    left = np.full(flat.shape[1], ring.left)
    bright, _, seen = painter.paint(int(ring.contraction > 0), flat, left)
    bright = bright.reshape(material.labels.shape)
    _paint_fat(bright, points, geometry, rng)
    _paint_others(bright, points, geometry, look, rng)
    near = np.clip(1 - (geometry.outside_lv(points) - 10.0) / 15.0, 0.0, 1.0)
    bright += near * (_through_plane(bright, (geometry.centre - first) / step, ring.slope) - bright)
    label = _as_read(ring, seen)
    picture = acquire(voxel_mean(bright.ravel(), SIZE, FINE), acquisition, look.blood, rng)
    scale = rng.uniform(0.75, 1.25) * BRIGHTEST / np.quantile(picture, 0.995)
    return Still(
        image=np.clip(np.rint(picture * scale), 0, BRIGHTEST).astype(np.uint8),
        label=voxel_label(label, SIZE, FINE),
        ring=ring,
    )


def _draw_look(rng: np.random.Generator) -> TissueLook:
    blood = float(rng.uniform(0.4, 1.1))
    return replace(
        draw_look(rng),
        blood=blood,
        rv_blood=blood * rng.uniform(0.6, 1.1),
        myocardium=blood * rng.uniform(0.12, 0.55),
        lung=rng.uniform(0.01, 0.2),
        liver=rng.uniform(0.12, 0.6),
        texture=rng.uniform(0.03, 0.2),
        trabeculae_mm=rng.uniform(1.0, 8.0),
        papillary=rng.uniform(0.05, 0.26),
        fat_mm=max(0.0, rng.uniform(-4.0, 6.0)),  # often none
        wall_gap_mm=rng.uniform(1.0, 25.0),
        direction_jitter=rng.normal(0.0, 0.4),
        closing=rng.uniform(0.3, 1.0),
        flow=rng.uniform(0.0, 0.25),
        right_trabeculae_mm=rng.uniform(3.0, 18.0),
        right_trabeculae=rng.uniform(0.3, 1.0),
    )


def _draw_acquisition(rng: np.random.Generator) -> Acquisition:
    drawn = draw_acquisition(rng, snr_range=(6.0, 50.0), noise=True)
    kept = float(rng.uniform(0.5, 1.0)), float(rng.uniform(0.45, 1.0))
    return replace(
        drawn,
        kept=kept if rng.random() < 0.5 else kept[::-1],
        bias=drawn.bias * rng.uniform(0.5, 2.0),
        inflow=float(rng.uniform(0.0, 0.3)),
    )


def _geometry(ring: Ring, rng: np.random.Generator) -> HeartGeometry:
    """Outlines to paint, the right ventricle as crooked as it is near the apex."""
    heart = _straight(ring, rng)
    septum = heart.septal_angle
    aside = (
        rng.uniform(-ASIDE, ASIDE) * heart.rv_axes[1] * np.array([-np.sin(septum), np.cos(septum)])
    )
    return replace(
        heart, rv_centre=heart.rv_centre + aside, rv_taper=float(rng.uniform(-0.2, NARROWEST))
    )


def _straight(ring: Ring, rng: np.random.Generator) -> HeartGeometry:
    """Outlines; where no left ventricle is, those of an atrium or of the apical tip."""
    septum = np.deg2rad(ring.septal_angle)
    if ring.contours is not None:
        endo, epi = ring.contours.endo, ring.contours.epi
        return heart_geometry(endo, epi, ring.level, septum, rng, ring.right_ventricle)
    angle = 2 * np.pi * np.arange(POINTS) / POINTS
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    oval = circle * (1 + rng.uniform(0.0, 0.25) * np.cos(2 * angle + rng.uniform(0, 6.3)))[:, None]
    if ring.height > 0:  # a tip of muscle
        outer = float(rng.uniform(2.0, 7.0))
        return heart_geometry(0.02 * oval, outer * oval, ring.level, septum, rng, 0.0)
    inner = ring.radius * float(rng.uniform(0.5, 1.0))
    wall = float(rng.uniform(0.8, 2.2))
    size = ring.right_ventricle if rng.random() < 0.5 else 0.0
    return heart_geometry(inner * oval, (inner + wall) * oval, ring.level, septum, rng, size)


def _as_read(ring: Ring, seen: np.ndarray) -> np.ndarray:
    """Labels of a reader: nothing of the left heart where the slice has no left ventricle."""
    if ring.contours is None:
        return np.where(seen == 3, 3, 0).astype(np.uint8)
    return seen if ring.cavity else np.where(seen == 1, 2, seen).astype(np.uint8)


def _paint_fat(
    bright: np.ndarray, points: np.ndarray, geometry: HeartGeometry, rng: np.random.Generator
) -> None:
    """Pads of fat on the heart, as bright as blood is, in place."""
    lv, rv = geometry.outside_lv(points), geometry.rv_distance(points) - geometry.rv_wall
    outer = np.minimum(lv, rv)
    _, angle = polar(points, geometry.centre)
    for _ in range(int(rng.integers(0, 3))):
        toward = geometry.septal_angle + rng.normal(0.0, 1.2)
        width = rng.uniform(0.4, 1.3)
        apart = (angle - toward + np.pi) % (2 * np.pi) - np.pi
        thickness = rng.uniform(3.0, FATTEST_MM) * np.exp(-0.5 * (apart / width) ** 2)
        rim = rng.uniform(0.0, 1.0)  # pericardium and chemical shift
        pad = np.clip(0.5 - (outer - thickness) / 1.0, 0.0, 1.0) * (outer > rim)
        bright += pad * (rng.uniform(0.6, 1.25) * FAT - bright)


def _through_plane(bright: np.ndarray, centre: np.ndarray, slope: float) -> np.ndarray:
    """Mean over the slice's thickness, in which the heart gets narrower towards the apex."""
    total = bright.copy()
    for scale in (1 + slope, 1 + 0.5 * slope, 1 - 0.5 * slope, 1 - slope):
        total += affine_transform(
            bright, np.full(2, 1 / scale), centre * (1 - 1 / scale), order=1, mode="nearest"
        )
    return total / 5


def _paint_others(
    bright: np.ndarray,
    points: np.ndarray,
    geometry: HeartGeometry,
    look: TissueLook,
    rng: np.random.Generator,
) -> None:
    """The aorta and other round or long things beside the heart, bright or dark, in place."""
    free = ~geometry.inside_heart(points) & (geometry.outside_lv(points) > 3.0)
    for _ in range(int(rng.integers(0, 5))):
        away = geometry.outer_radius(float(rng.uniform(-np.pi, np.pi))) + rng.uniform(5.0, 80.0)
        angle = rng.uniform(-np.pi, np.pi)
        middle = geometry.centre + away * np.array([np.cos(angle), np.sin(angle)])
        radius = rng.uniform(4.0, 18.0)
        x, y = points - middle[:, None, None]
        tilt, stretch = rng.uniform(0, np.pi), np.exp(rng.normal(0.0, 0.35))
        along, across = np.cos(tilt) * x + np.sin(tilt) * y, np.cos(tilt) * y - np.sin(tilt) * x
        distance = np.hypot(along * stretch, across / stretch) - radius
        rim = rng.uniform(0.0, 3.0)
        value = rng.uniform(0.5, 1.1) * look.blood if rng.random() < 0.6 else rng.uniform(0.02, 0.6)
        edge = np.clip(0.5 - (distance - rim) / 1.0, 0.0, 1.0) * free
        bright += edge * (rng.uniform(0.02, 0.3) - bright)
        core = np.clip(0.5 - distance / 1.0, 0.0, 1.0) * free
        bright += core * (value - bright)
