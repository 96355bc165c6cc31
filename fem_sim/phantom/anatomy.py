"""The continuous ED image of one slice: tissues around a heart outline, bSSFP-like brightness.

Brightness is relative to fat = 0.85; means follow short-axis bSSFP cines at 1.5 T (blood 0.6-0.9,
myocardium 0.15-0.25, lung 0.03-0.06, liver 0.25-0.35). Texture belongs to the material: it is drawn
once on the ED grid and carried by the motion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from fem_sim.phantom.closing import neighbourhood_share
from fem_sim.phantom.geometry import HeartGeometry, polar

FAT = 0.85


@dataclass(frozen=True)
class MaterialImage:
    """ED image on a fine grid; a point p in mm has index `(p - origin) / spacing`.

    Attributes:
        tissue: (M, M) brightness of all but the blood.
        blood: (M, M) brightness of the blood (kept apart: it may change with inflow).
        share: (M, M) share of muscle in the LV cavity: papillary muscles and trabeculae.
        neighbourhood: (M, M) the same about each point, see :mod:`fem_sim.phantom.closing`.
        other: (M, M) unit-variance pattern that tissue takes on as other tissue moves through the
            plane.
        flow: (M, M) unit-variance pattern of the blood's flow.
        labels: (M, M) uint8, 1 LV cavity, 2 LV myocardium, 3 RV cavity.
        origin: (2,) mm of index (0, 0).
        spacing: mm.
    """

    tissue: np.ndarray
    blood: np.ndarray
    share: np.ndarray
    neighbourhood: np.ndarray
    other: np.ndarray
    flow: np.ndarray
    labels: np.ndarray
    origin: np.ndarray
    spacing: float


@dataclass(frozen=True)
class TissueLook:
    """Appearance shared by the slices of one subject (brightness relative to fat 0.85).

    ``closing`` is the strength with which trabeculae and papillary muscles close up
    (:mod:`fem_sim.phantom.closing`), ``through_plane`` the relative amplitude of the pattern that
    tissue takes on until end-systole, ``flow`` that of the blood's; ``right_trabeculae_mm`` and
    ``right_trabeculae`` are depth and share of the right ventricle's trabeculae.
    """

    blood: float
    rv_blood: float
    myocardium: float
    lung: float
    liver: float
    texture: float
    trabeculae_mm: float
    papillary: float
    fat_mm: float
    wall_gap_mm: float
    chest_fat_mm: float
    direction_jitter: float
    closing: float
    through_plane: float
    flow: float
    right_trabeculae_mm: float = 6.0
    right_trabeculae: float = 0.55


def draw_look(rng: np.random.Generator) -> TissueLook:
    """Draw the appearance of one subject."""
    blood = rng.uniform(0.55, 0.95)
    return TissueLook(
        blood=blood,
        rv_blood=blood * rng.uniform(0.7, 1.0),
        myocardium=blood * rng.uniform(0.18, 0.42),
        lung=rng.uniform(0.02, 0.09),
        liver=rng.uniform(0.18, 0.42),
        texture=rng.uniform(0.05, 0.13),
        trabeculae_mm=rng.uniform(2.0, 7.5),
        papillary=rng.uniform(0.09, 0.22),
        fat_mm=rng.uniform(0.0, 4.0),
        wall_gap_mm=rng.uniform(2.0, 14.0),
        chest_fat_mm=rng.uniform(6.0, 30.0),
        direction_jitter=rng.normal(0.0, 0.2),
        closing=rng.uniform(0.4, 1.0),
        through_plane=rng.uniform(0.0, 0.12),
        flow=rng.uniform(0.0, 0.12),
    )


class _Canvas:
    """Paints tissues over one another on a fine grid with soft, sub-voxel edges."""

    def __init__(self, points: np.ndarray, spacing: float, rng: np.random.Generator) -> None:
        self.points = points
        self.spacing = spacing
        self.rng = rng
        self.tissue = np.zeros(points.shape[1:])
        self.blood = np.zeros(points.shape[1:])

    def noise(self, scale_mm: float) -> np.ndarray:
        """Unit-variance smooth noise of a given correlation length."""
        white = self.rng.standard_normal(self.tissue.shape, dtype=np.float32)
        smooth = gaussian_filter(white, scale_mm / self.spacing, mode="wrap", truncate=3.0)
        return smooth / smooth.std()

    def cover(self, distance: np.ndarray) -> np.ndarray:
        """Opacity of a shape from its signed distance in mm (negative inside)."""
        return np.clip(0.5 - distance / self.spacing, 0.0, 1.0)

    def paint(self, opacity: np.ndarray, value: np.ndarray | float, *, blood: bool = False) -> None:
        """Lay a tissue over what is there."""
        self.tissue *= 1 - opacity
        self.blood *= 1 - opacity
        layer = self.blood if blood else self.tissue
        layer += opacity * value


def material_image(
    geometry: HeartGeometry,
    look: TissueLook,
    level: str,
    rng: np.random.Generator,
    *,
    origin: np.ndarray,
    extent: float,
    spacing: float = 0.5,
) -> MaterialImage:
    """Draw the ED image of one slice.

    Args:
        geometry: heart outlines in grid mm.
        look: appearance of the subject.
        level: 'basal', 'mid' or 'apical'.
        rng: generator of textures and details.
        origin: (2,) mm of the first voxel.
        extent: side of the square field of view, mm.
        spacing: fine grid spacing, mm.
    """
    size = int(np.ceil(extent / spacing)) + 1
    axis = np.arange(size) * spacing
    points = np.stack(np.meshgrid(origin[0] + axis, origin[1] + axis, indexing="ij"))
    canvas = _Canvas(points, spacing, rng)
    fine, coarse = canvas.noise(1.5), canvas.noise(4.5)
    texture = 1 + look.texture * (0.75 * fine + 0.65 * coarse)
    _paint_surroundings(canvas, geometry, look, level, texture)
    share = _paint_heart(canvas, geometry, look, level, texture)
    radius, angle = polar(points, geometry.centre)
    labels = np.zeros(radius.shape, np.uint8)
    outside = radius > geometry.epi_radius(angle)
    labels[outside & (geometry.rv_distance(points) <= 0)] = 3
    labels[~outside] = 2
    labels[radius <= geometry.endo_radius(angle)] = 1
    share = np.where(labels == 1, share, 0.0)
    return MaterialImage(
        tissue=canvas.tissue.astype(np.float32),
        blood=canvas.blood.astype(np.float32),
        share=share.astype(np.float32),
        neighbourhood=neighbourhood_share(share, labels == 1, spacing),
        other=canvas.noise(2.5),
        flow=canvas.noise(5.0),
        labels=labels,
        origin=origin,
        spacing=spacing,
    )


def _paint_surroundings(
    canvas: _Canvas, geometry: HeartGeometry, look: TissueLook, level: str, texture: np.ndarray
) -> None:
    """Lung with vessels, liver, stomach, chest wall and what lies outside the body."""
    septum = geometry.septal_angle + look.direction_jitter
    rng = canvas.rng
    vessels = np.clip(canvas.noise(1.4) + 0.5 * canvas.noise(12.0) - 2.3, 0.0, 1.0)
    canvas.paint(np.ones_like(texture), look.lung * texture**3 + 0.8 * vessels)
    drop = {"basal": 14.0, "mid": 6.0, "apical": 2.0}[level]
    stomach = septum - np.deg2rad(115.0)
    folds = texture * np.clip(1 + 0.35 * canvas.noise(5.0), 0.4, 2.0)
    _paint_disc(canvas, geometry, stomach, 4.0 + drop, 38.0, 0.85 * look.liver, 0.75 * FAT, folds)
    liver = septum - np.deg2rad(62.0)
    distance = _paint_disc(
        canvas, geometry, liver, 1.0 + 0.3 * drop, 62.0, look.liver, 0.4 * FAT, texture
    )
    vessels = np.clip(canvas.noise(1.6) + 0.4 * canvas.noise(10.0) - 1.9, 0.0, 0.7)
    canvas.paint(vessels * canvas.cover(distance + 6.0), 0.5)
    chest = septum + np.deg2rad(30.0)
    normal = np.array([np.cos(chest), np.sin(chest)])
    bend = rng.uniform(110.0, 170.0)
    reach = geometry.outer_radius(float(chest)) + look.wall_gap_mm
    middle = geometry.centre + normal * (reach - bend)
    radius, angle = polar(canvas.points, middle)
    depth = radius - bend + 1.5 * canvas.noise(18.0)
    along = angle * bend + 3.0 * canvas.noise(12.0)
    period = rng.uniform(24.0, 32.0)
    to_rib = np.abs((along + rng.uniform(0, period)) % period - period / 2)
    rib = np.hypot(to_rib / 1.4, depth - 7.0) - 4.5
    canvas.paint(canvas.cover(-depth), 0.7 * FAT * texture)
    canvas.paint(canvas.cover(np.abs(depth - 7.0 + canvas.noise(6.0)) - 4.0), 0.28 * texture)
    canvas.paint(canvas.cover(np.abs(rib) - 0.8), 0.06)
    canvas.paint(canvas.cover(rib), 0.2 * texture)
    edge = 14.0 + look.chest_fat_mm
    canvas.paint(canvas.cover(13.0 - depth), FAT * texture)
    canvas.paint(canvas.cover(edge - depth), 0.01)


def _paint_disc(
    canvas: _Canvas,
    geometry: HeartGeometry,
    direction: float,
    gap: float,
    size: float,
    inside: float,
    rind: float,
    texture: np.ndarray,
) -> np.ndarray:
    """A large rounded organ beside the heart with a fatty rind; returns its signed distance."""
    reach = geometry.outer_radius(direction) + gap + size
    middle = geometry.centre + reach * np.array([np.cos(direction), np.sin(direction)])
    radius, _ = polar(canvas.points, middle)
    distance = radius - size + 2.5 * canvas.noise(14.0)
    canvas.paint(canvas.cover(distance), rind * texture)
    canvas.paint(canvas.cover(np.abs(distance) - 0.5), 0.03)
    canvas.paint(canvas.cover(distance + 3.0), inside * texture)
    return distance


def _paint_heart(
    canvas: _Canvas, geometry: HeartGeometry, look: TissueLook, level: str, texture: np.ndarray
) -> np.ndarray:
    """Pericardial fat, RV, LV wall and cavity; returns the share of muscle in the cavity."""
    points = canvas.points
    radius, angle = polar(points, geometry.centre)
    lv = radius - geometry.epi_radius(angle)
    rv = geometry.rv_distance(points)
    outer = np.minimum(lv, rv - geometry.rv_wall)
    ripple = canvas.noise(7.0)
    groove = 2.5 * np.exp(-0.5 * ((np.abs(lv) + np.abs(rv)) / 7.0) ** 2)
    fat = np.clip(look.fat_mm * (0.5 + 0.8 * ripple) + 2.0 * groove, 0.0, 9.0)
    canvas.paint(canvas.cover(outer - fat) * (outer > 0), 0.9 * FAT * texture)
    canvas.paint(0.75 * canvas.cover(np.abs(outer - 0.3) - 0.4), 0.04)
    muscle = look.myocardium * texture
    canvas.paint(canvas.cover(rv - geometry.rv_wall), muscle)
    flow = 1 + 0.5 * (texture - 1) + 0.05 * canvas.noise(9.0)
    canvas.paint(canvas.cover(rv), look.rv_blood * flow, blood=True)
    strands = _trabeculae(canvas, -rv, look.right_trabeculae_mm, look.right_trabeculae)
    canvas.paint(strands * canvas.cover(rv), muscle)
    canvas.paint(canvas.cover(lv), muscle)
    endo = radius - geometry.endo_radius(angle)
    canvas.paint(canvas.cover(endo), look.blood * flow, blood=True)
    filled = canvas.blood.copy()
    to_septum = (angle - geometry.septal_angle + np.pi) % (2 * np.pi) - np.pi
    side = 0.25 + 0.75 * np.clip(np.abs(to_septum) / 2.2, 0.0, 1.0) ** 2
    width = look.trabeculae_mm * {"basal": 0.6, "mid": 1.0, "apical": 1.3}[level]
    share = {"basal": 0.6, "mid": 0.85, "apical": 0.95}[level]
    canvas.paint(_trabeculae(canvas, -endo, width * side, share * side), 1.15 * muscle)
    _paint_papillaries(canvas, geometry, look, level, muscle)
    return 1 - canvas.blood / np.maximum(filled, 1e-6)


def _trabeculae(
    canvas: _Canvas, depth: np.ndarray, width: np.ndarray | float, share: np.ndarray | float
) -> np.ndarray:
    """Opacity of muscle strands in the outermost `width` mm of a cavity."""
    pattern = canvas.noise(1.1)
    inward = depth / np.maximum(width, 0.3)
    threshold = 1.8 * inward - 1.2 * np.asarray(share) + 0.35
    return np.clip(2.0 * (pattern - threshold), 0.0, 0.85) * (depth > 0) * (inward < 1.6)


def _paint_papillaries(
    canvas: _Canvas, geometry: HeartGeometry, look: TissueLook, level: str, muscle: np.ndarray
) -> None:
    """Two groups of papillary muscle, away from the septum."""
    rng = canvas.rng
    scale = {"basal": 0.6, "mid": 1.0, "apical": 0.7}[level]
    mean = float(geometry.endo.mean())
    for side in (-1.0, 1.0):
        for _ in range(int(rng.integers(1, 4))):
            angle = geometry.septal_angle + np.pi + side * rng.uniform(0.55, 1.15)
            border = float(geometry.endo_radius(np.asarray(angle)))
            size = look.papillary * scale * mean * rng.uniform(0.7, 1.2)
            place = border - size * rng.uniform(0.6, 1.6)
            middle = geometry.centre + place * np.array([np.cos(angle), np.sin(angle)])
            x, y = canvas.points[0] - middle[0], canvas.points[1] - middle[1]
            tilt, stretch = rng.uniform(0, np.pi), rng.uniform(0.75, 1.3)
            u, v = np.cos(tilt) * x + np.sin(tilt) * y, np.cos(tilt) * y - np.sin(tilt) * x
            distance = np.hypot(u * stretch, v / stretch) - size + 0.5 * canvas.noise(2.0)
            canvas.paint(0.95 * canvas.cover(distance), 1.1 * muscle)
