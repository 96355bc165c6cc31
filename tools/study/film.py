"""Panels of a beating slice with contours on it, frame by frame, as a GIF."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from scipy import ndimage

from myomotion.core.contours import ring_contours
from myomotion.core.flow import sample

SMOOTHING = 0.8  # voxels; takes the steps of the label's voxels off the contour
MARGIN = 8  # voxels around the wall
SECONDS = 2.0  # of one heart beat
COLORS = {"tracked": "#ffb000", "truth": "#5ad1ff"}

Line = Sequence[Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel of a film.

    Attributes:
        title: above it.
        frames: ``(T, H, W)``, 0 black and 1 white.
        wall: ``(H, W)`` at end-diastole, about which the panel is cut.
        contours: by a name of :data:`COLORS`, the closed lines of every frame as points in voxels.
    """

    title: str
    frames: np.ndarray
    wall: np.ndarray
    contours: Mapping[str, Sequence[Sequence[Line]]]


def moved_contours(field: torch.Tensor, wall: np.ndarray, spacing: float) -> list[list[Line]]:
    """Both contours of the wall in every frame.

    Args:
        field: ``(T, 2, H, W)`` in millimetres.
        wall: ``(H, W)`` at end-diastole, 0 to 1.
        spacing: of the working grid, millimetres.

    Returns:
        For each frame its contours as points in voxels.
    """
    soft = ndimage.gaussian_filter(np.asarray(wall, float), SMOOTHING)
    frames: list[list[Line]] = [[] for _ in field]
    for line in ring_contours(soft):
        points = torch.from_numpy(line.T.astype(np.float32))[None, :, :, None]
        moved = points + sample(field / spacing, points.expand(len(field), -1, -1, -1))
        for t, at in enumerate(moved[..., 0]):
            frames[t].append(np.round(at.T.numpy(), 2).tolist())
    return frames


def film(panels: Sequence[Panel], note: str = "", seconds: float = SECONDS) -> bytes:
    """Draw panels side by side.

    Args:
        panels: of equally many frames.
        note: below them, behind the number of the frame.
        seconds: of one beat.

    Returns:
        GIF that repeats.
    """
    pictures = []
    count = len(panels[0].frames)
    for t in range(count):
        figure = Figure(dpi=80, figsize=(2.3 * len(panels), 2.9), layout="constrained")
        canvas = FigureCanvasAgg(figure)
        for axis, panel in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
        ):
            where = np.argwhere(panel.wall > 0.5)
            low, high = where.min(0) - MARGIN, where.max(0) + MARGIN
            axis.imshow(panel.frames[t].T, cmap="gray", vmin=0, vmax=1, interpolation="bilinear")
            for kind, lines in panel.contours.items():
                for line in lines[t]:
                    axis.plot(*np.transpose([*line, line[0]]), color=COLORS[kind], lw=1.1)
            axis.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), xticks=[], yticks=[])
            axis.set_title(panel.title, fontsize=7, wrap=True)
        figure.supxlabel(f"frame {t + 1} of {count}{note}", fontsize=7)
        canvas.draw()
        pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]))
    palette = _palette()
    paletted = [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
    buffer = io.BytesIO()
    paletted[0].save(
        buffer,
        "GIF",
        save_all=True,
        append_images=paletted[1:],
        duration=round(1000 * seconds / count),
        loop=0,
        optimize=True,
    )
    return buffer.getvalue()


def _palette() -> Image.Image:
    """Greys, and the contours' colours as they fade into greys."""
    greys = np.linspace(0, 255, 128)[:, None].repeat(3, axis=1)
    ramps = [
        (1 - share) * grey + share * np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
        for color in COLORS.values()
        for share in (0.25, 0.5, 0.75, 1.0)
        for grey in np.linspace(0, 255, 16)
    ]
    image = Image.new("P", (1, 1))
    image.putpalette(np.vstack([greys, *ramps]).round().astype(np.uint8).ravel().tolist())
    return image
