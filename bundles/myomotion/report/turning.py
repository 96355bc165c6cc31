"""The ventricle turning about its axis, at end-diastole and end-systole, as an animated picture.

The epicardium is glass around the endocardium, on which lines of tissue run from apex to base: at
end-systole they show how the ventricle has twisted. Faces are drawn from the farthest to the
nearest, so that nothing but Pillow is needed, and no display.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image, ImageDraw

from myomotion.analysis.volume.lattice import ANGLES
from myomotion.analysis.volume.study import VolumeMotion

SIDE, FINER = 260, 2  # pixels of a picture of one phase; drawn this much larger, then made smaller
STEPS, FRAME_MS = 24, 150  # pictures of a full turn
TILT = np.deg2rad(22.0)  # the base is turned towards the viewer, so that the cavity is seen
MARGIN = 8  # pixels
PHASES = (("end-diastole", (140, 148, 156)), ("end-systole", (196, 74, 66)))
GLASS = 70  # opacity of the epicardium, of 255
LINE_EVERY = 6  # angles between lines of tissue
FIRST_LINE, LINE, INK, PAPER = (250, 214, 60), (255, 255, 255), (60, 70, 80), (255, 255, 255)
LIGHT = np.array([-0.35, -0.75, 0.56])  # from the viewer's left, above
DARKEST = 0.45  # share of the colour of faces that are turned away from the light
CAVITY = 0.6  # share of the light within the cavity


def turning_pictures(volume: VolumeMotion, es_frame: int) -> list[Image.Image]:
    """Pictures of a full turn, end-diastole left, end-systole right, both in one scale.

    Args:
        volume: motion in space.
        es_frame: end-systolic frame.
    """
    walls = (volume.lifted.shape.positions, volume.lifted.positions[es_frame])
    middle = walls[0].reshape(-1, 3).mean(0)
    reach = np.linalg.norm((walls[0] - middle).reshape(-1, 3), axis=1).max()
    scale = (SIDE / 2 - MARGIN) * FINER / reach
    shown = []
    for step in range(STEPS):
        turn = 2 * np.pi * step / STEPS
        page = Image.new("RGB", (2 * SIDE * FINER, SIDE * FINER), PAPER)
        for place, (wall, (_, color)) in enumerate(zip(walls, PHASES, strict=True)):
            drawn = _picture(seen_from(wall - middle, turn), scale, color)
            page.paste(drawn, (place * SIDE * FINER, 0))
        small = page.resize((2 * SIDE, SIDE), Image.Resampling.LANCZOS)
        pen = ImageDraw.Draw(small)
        for place, (name, _) in enumerate(PHASES):
            pen.text((place * SIDE + MARGIN, SIDE - 18), name, fill=INK)
        shown.append(small)
    return shown


def seen_from(positions: np.ndarray, turn: float) -> np.ndarray:
    """Places as a viewer sees them: right, up, and towards the viewer.

    Args:
        positions: ``(..., 3)`` about the middle, the third axis from apex to base.
        turn: of the ventricle about its axis, radians.
    """
    x = positions[..., 0] * np.cos(turn) - positions[..., 1] * np.sin(turn)
    y = positions[..., 0] * np.sin(turn) + positions[..., 1] * np.cos(turn)
    z = positions[..., 2]
    up, near = z * np.cos(TILT) + y * np.sin(TILT), z * np.sin(TILT) - y * np.cos(TILT)
    return np.stack([x, up, near], axis=-1)


def animated(pictures: list[Image.Image]) -> str:
    """An endless animated picture as a data URL (WebP)."""
    content = io.BytesIO()
    pictures[0].save(
        content,
        "WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=FRAME_MS,
        loop=0,
        quality=70,
        method=4,
    )
    return "data:image/webp;base64," + base64.b64encode(content.getvalue()).decode()


def _picture(wall: np.ndarray, scale: float, color: tuple[int, int, int]) -> Image.Image:
    """One phase: far half of the epicardium, endocardium with its lines, near half."""
    side = SIDE * FINER
    page = Image.new("RGBA", (side, side), (*PAPER, 255))
    glass = [Image.new("RGBA", page.size, (*color, 0)) for _ in range(2)]
    pens = [ImageDraw.Draw(layer) for layer in glass]
    faces, facing, light = _faces(wall[:, :, -1])
    for place in np.argsort(faces[..., 2].mean(1)):
        shade = (*_shaded(color, light[place]), GLASS)
        pens[int(facing[place] > 0)].polygon(_pixels(faces[place], scale), fill=shade)
    page.alpha_composite(glass[0])
    pen = ImageDraw.Draw(page)
    faces, facing, light = _faces(wall[:, :, 0])
    for place in np.argsort(faces[..., 2].mean(1)):
        inside = CAVITY if facing[place] < 0 else 1.0  # seen through the open base
        pen.polygon(_pixels(faces[place], scale), fill=_shaded(color, inside * light[place]))
    _lines(pen, wall[:, :, 0], facing.reshape(-1, len(ANGLES)) > 0, scale)
    page.alpha_composite(glass[1])
    return page.convert("RGB")


def _faces(surface: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corners ``(N, 4, 3)``, how far each faces the viewer, and its light, 0 to 1."""
    after = np.roll(surface, -1, axis=1)
    corners = np.stack([surface[:-1], after[:-1], after[1:], surface[1:]], axis=2)
    flat = corners.reshape(-1, 4, 3)
    normal = np.cross(flat[:, 2] - flat[:, 0], flat[:, 3] - flat[:, 1])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    outward = np.where(normal[:, 2:] < 0, -normal, normal)  # the side that is seen
    toward = np.array([LIGHT[0], LIGHT[2], -LIGHT[1]])
    return flat, normal[:, 2], np.clip(outward @ toward, 0, 1)


def _shaded(color: tuple[int, int, int], light: float) -> tuple[int, int, int]:
    share = DARKEST + (1 - DARKEST) * light
    red, green, blue = (int(channel * share) for channel in color)
    return red, green, blue


def _lines(
    pen: ImageDraw.ImageDraw, surface: np.ndarray, outside: np.ndarray, scale: float
) -> None:
    """Lines of tissue from apex to base, where the surface's outside is seen."""
    for angle in range(0, len(ANGLES), LINE_EVERY):
        color, width = (FIRST_LINE, 2 * FINER) if angle == 0 else (LINE, FINER)
        seen = outside[:, angle] & outside[:, angle - 1]
        for ring in np.flatnonzero(seen):
            pen.line(_pixels(surface[ring : ring + 2, angle], scale), fill=color, width=width)


def _pixels(points: np.ndarray, scale: float) -> list[tuple[float, float]]:
    half = SIDE * FINER / 2
    return [(half + scale * x, half - scale * up) for x, up in points[:, :2]]
