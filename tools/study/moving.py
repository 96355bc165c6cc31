"""The moving comparison: contours of several methods on one cine, frame by frame, as a GIF."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from scipy import ndimage

from myomotion.core.contours import ring_contours
from myomotion.core.flow import sample
from myomotion.transforms.frame_pairs import slices_with_heart

SMOOTHING = 0.8  # voxels; takes the steps of the label's voxels off the contour
MARGIN = 8  # voxels around the wall
SECONDS = 2.0  # of one heart beat
COLORS = {"tracked": "#ffb000", "truth": "#5ad1ff"}


def middle_slice(item: Mapping[Any, Any]) -> dict[Any, Any]:
    """The item with the middle one of its slices with myocardium alone."""
    slices = slices_with_heart(item)
    z = slices[len(slices) // 2]
    kept = ("image", "mask", "mask_es", "truth")
    return {k: v[z : z + 1] if k in kept else v for k, v in item.items()}


def moved_contours(
    field: torch.Tensor, item: Mapping[Any, Any], spacing: float
) -> list[list[list[list[float]]]]:
    """Both contours of the wall in every frame.

    Args:
        field: ``(T, 2, H, W)`` in millimetres.
        item: of one slice.
        spacing: of the working grid, millimetres.

    Returns:
        For each frame its contours as points in voxels.
    """
    soft = ndimage.gaussian_filter(item["mask"][0, 0].float().numpy(), SMOOTHING)
    frames: list[list[list[list[float]]]] = [[] for _ in field]
    for line in ring_contours(soft):
        points = torch.from_numpy(line.T.astype(np.float32))[None, :, :, None]
        moved = points + sample(field / spacing, points.expand(len(field), -1, -1, -1))
        for t, at in enumerate(moved[..., 0]):
            frames[t].append(np.round(at.T.numpy(), 2).tolist())
    return frames


def film(
    item: Mapping[Any, Any],
    contours: Mapping[str, Sequence[Sequence[Sequence[Sequence[float]]]]],
    labels: Mapping[str, str],
) -> bytes:
    """One panel a method: the cine, the method's contours, and the true ones where known.

    Args:
        item: of one slice.
        contours: from :func:`moved_contours`, by method; ``truth`` is drawn in every panel.
        labels: of the methods.

    Returns:
        GIF that repeats.
    """
    frames = item["image"][0].float().numpy()
    where = np.argwhere(item["mask"][0, 0].numpy() > 0.5)
    low, high = where.min(0) - MARGIN, where.max(0) + MARGIN
    panels = [n for n in contours if n != "truth"]
    width = 2.3 * len(panels)
    pictures = []
    for t, image in enumerate(frames):
        figure = Figure(dpi=80, figsize=(width, 2.9), layout="constrained")
        canvas = FigureCanvasAgg(figure)
        for axis, name in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
        ):
            axis.imshow(image.T, cmap="gray", vmin=0, vmax=1, interpolation="bilinear")
            for kind, source in (("truth", contours.get("truth")), ("tracked", contours[name])):
                for line in source[t] if source else ():
                    axis.plot(*np.transpose([*line, line[0]]), color=COLORS[kind], lw=1.1)
            axis.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), xticks=[], yticks=[])
            axis.set_title(labels[name], fontsize=7, wrap=True)
        known = ", blue: true motion" if "truth" in contours else ""
        figure.supxlabel(f"frame {t + 1} of {len(frames)}{known}", fontsize=7)
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
        duration=round(1000 * SECONDS / len(frames)),
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
