"""A picture of drawn contours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from myomotion.core.view import View, standard_view, towards_right
from myomotion.io.cine import Cine
from myomotion.io.codes import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE

COLOURS = {CAVITY: "tab:red", MYOCARDIUM: "tab:green", RIGHT_VENTRICLE: "tab:cyan"}
SHOWN_MM = 70.0  # to each side of the heart's middle
INCHES, DARK, BRIGHT = 2.0, 1.0, 99.5


def contour_figure(cine: Cine, labels: Mapping[str, tuple[int, np.ndarray]]) -> Figure:
    """Draw contours into the slices, one row a phase.

    Args:
        cine: the study.
        labels: title of a phase to its frame and label ``(X, Y, Z)`` in the internal coding.

    Returns:
        The figure.
    """
    depth = cine.image.shape[2]
    figure = Figure(figsize=(INCHES * depth, (INCHES + 0.2) * len(labels)))
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(labels), depth, squeeze=False)
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.93, 0.03, 0.1)
    marked = np.argwhere(np.any([label.any(2) for _, label in labels.values()], axis=0))
    middle = marked.mean(0) if len(marked) else np.array(cine.image.shape[:2]) / 2
    view = _view(cine, [label for _, label in labels.values()])
    shape = np.array(cine.image.shape[:2])
    at, half = [], []
    for axis, sign in (view.right, view.down):
        at.append(float(middle[axis] if sign > 0 else shape[axis] - 1 - middle[axis]))
        half.append(SHOWN_MM / cine.spacing[axis])
    for row, (title, (frame, label)) in zip(axes, labels.items(), strict=True):
        for z, axis in enumerate(row):
            picture = cine.image[:, :, z, frame]
            low, high = np.percentile(picture, (DARK, BRIGHT))
            axis.imshow(view.picture(picture), cmap="gray", vmin=low, vmax=high)
            for code, colour in COLOURS.items():
                if (label[..., z] == code).any():
                    inside = view.picture(label[..., z] == code)
                    axis.contour(inside, [0.5], colors=colour, linewidths=0.8)
            axis.set_xlim(at[0] - half[0], at[0] + half[0])
            axis.set_ylim(at[1] + half[1], at[1] - half[1])
            axis.set_title(f"{title}, {cine.levels[z]}", fontsize=7)
            axis.set_xticks([])
            axis.set_yticks([])
    return figure


def _view(cine: Cine, labels: Sequence[np.ndarray]) -> View:
    """As the report shows the slices, see :func:`~myomotion.core.view.standard_view`."""
    slices = np.concatenate([label.transpose(2, 0, 1) for label in labels])
    left = np.isin(slices, (CAVITY, MYOCARDIUM))
    towards = towards_right(left, slices == RIGHT_VENTRICLE)
    return standard_view(cine.affine, None if towards is None else towards * cine.spacing)
