"""Contours of every frame, by motion and picture together.

The outlines of the end-diastolic label are moved with the motion. Where a network looks at every
frame, each of their points is then put half of the way to the outline that the network sees::

    c(t) = WEIGHT * fade(t) * (smooth_t(d)(t) - h)

along the moved outline's normal, with ``d`` the distance to the outline that is seen, positive
within it, and ``h`` the median of ``smooth_t(d)`` along the outline at end-diastole: a network that
draws a cavity larger or smaller than the label does so in every frame, and that does not count. At
end-diastole the contours are the label's. Tracking falls short of vigorous hearts, a network sees
each frame anew: their errors are not the same, and their mean is nearer to readers' contours than
either where end-diastole is labelled.

Outlines move as the motion says at their places, where it has a kink that a grid rounds off: with
true motion the cavity loses 4 % less than it should. What is tracked errs the other way: reading
the motion within the wall, which mends that, made ejection fractions of real and simulated hearts
worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial import cKDTree

from myomotion.analysis.drawing.closed import kept_open
from myomotion.analysis.grids import Slices
from myomotion.analysis.motion import Motion, WindowMaps, moved_label
from myomotion.core.contours import dense, filled, level_lines, signed_area
from myomotion.core.flow import sample_at
from myomotion.core.frames_together import workers
from myomotion.core.working_grid import WorkingGrid
from myomotion.io.cine import Cine
from myomotion.io.labels import CAVITY, MYOCARDIUM

WEIGHT = 0.5  # of what is seen; 0.3 and 0.7 are as good
LIMIT_MM = 6.0  # what is seen farther off counts as if it were so far
THINNED = 0.5  # share of its moved thickness that the wall keeps at least
SEEN_SHARE = 0.5  # of the label's area that must be seen, in each frame of the whole ventricle
NEAR_VOXELS = 8  # of the working grid about the label, within which what is seen counts
CALM = 1 / 30  # of the cycle, standard deviation of the smoothing and of the fading
FEW = 0.3  # share of a frame's neighbours, itself with them, in which something must be seen
_DISC = ndimage.generate_binary_structure(2, 1)

Lines = list[np.ndarray]


@dataclass(frozen=True, eq=False)
class SliceContours:
    """Contours of one slice over the cycle, frames in the order of the file.

    Attributes:
        cavity: lines ``(T, N, 2)`` in voxels of the cine, those of holes running the other way
            round; none where the label has no cavity.
        ventricle: the same of cavity and wall together; those of the cavity where the slice has no
            wall.
        seen: whether what a network sees has a part in them.
    """

    cavity: Lines
    ventricle: Lines
    seen: bool


def contours_over_time(motion: Motion) -> list[SliceContours] | None:
    """Contours of cavity and wall in every frame of every slice.

    Args:
        motion: of the study.

    Returns:
        One a slice; None where the end-diastolic label has no cavity.
    """
    slices = motion.slices
    label = slices.cine.label_ed
    if label is None or not (label == CAVITY).any():
        return None
    tissues = None if slices.tissues is None else kept_open(slices.tissues)
    with workers() as run:
        return run(lambda z: _slice_contours(motion, z, tissues), range(len(motion.grids)))


def contour_labels(
    cine: Cine, maps: Sequence[WindowMaps], contours: Sequence[SliceContours] | None
) -> np.ndarray:
    """Label of every frame.

    Args:
        cine: the study, with an end-diastolic label.
        maps: of every slice and all frames, from ``Motion.on_window``.
        contours: from :func:`contours_over_time`; None moves cavity and wall, too, as they are.

    Returns:
        uint8 ``(X, Y, Z, T)`` in the internal coding, contiguous in the order of files: cavity and
        wall within their contours, what else the label has moved with the motion; the label itself
        at end-diastole.

    Raises:
        ValueError: without a label.
    """
    if cine.label_ed is None:
        raise ValueError("there are no contours without an end-diastolic label")
    labels = np.zeros(cine.image.shape, np.uint8, order="F")
    for z, part in enumerate(maps):
        label = cine.label_ed[..., z]
        if contours is None:
            labels[:, :, z] = moved_label(label, cine.spacing, part)
            continue
        beside = np.where(np.isin(label, (CAVITY, MYOCARDIUM)), 0, label)
        labels[:, :, z] = moved_label(beside, cine.spacing, part)
        for t in range(cine.image.shape[3]):
            picture = labels[:, :, z, t]
            for lines, code in (
                (contours[z].ventricle, MYOCARDIUM),
                (contours[z].cavity, CAVITY),
            ):
                picture[filled([line[t] for line in lines], picture.shape)] = code
        labels[:, :, z, cine.ed_frame] = label
    return labels


def _slice_contours(motion: Motion, z: int, tissues: torch.Tensor | None) -> SliceContours:
    slices, grid = motion.slices, motion.slices.grids[z]
    assert slices.cine.label_ed is not None
    label = slices.cine.label_ed[..., z]
    cavity, wall = label == CAVITY, label == MYOCARDIUM
    ring = ndimage.binary_fill_holes(wall) & ~wall
    regions = [(cavity, (CAVITY,)), (cavity | wall, (CAVITY, MYOCARDIUM))][: 1 + bool(wall.any())]
    moved = [_moved(part, grid, motion.working_displacement[:, z]) for part, _ in regions]
    pushes: list[np.ndarray | None] = [None for _ in regions]
    # Where the wall is open, outlines of cavity and wall are in part the same: they stay together.
    if tissues is not None and (len(regions) == 1 or ring[cavity].all()):
        shares, shown = _seen(slices, z, tissues)
        pushes = [
            _push(lines, np.sum([shares[c] for c in codes], axis=0), shown, slices)
            for lines, (_, codes) in zip(moved, regions, strict=True)
        ]
        if len(regions) == 2:
            pushes = _with_wall(moved, pushes)
    seen = any(push is not None for push in pushes)
    found = []
    for lines, push in zip(moved, pushes, strict=True):
        placed = lines if push is None else [_pushed(lines[0], push), *lines[1:]]
        found.append([grid.place_of(line) for line in placed])
    return SliceContours(cavity=found[0], ventricle=found[-1], seen=seen)


def _moved(region: np.ndarray, grid: WorkingGrid, displacement: np.ndarray) -> Lines:
    """Outlines of a region, the largest first, ``(T, N, 2)`` in voxels of the working grid."""
    if not region.any():
        return []
    padded = np.pad(region, 1)
    inside, outside = (
        ndimage.distance_transform_edt(part, sampling=grid.source_spacing)
        for part in (padded, ~padded)
    )
    moved = []
    lines = level_lines(np.asarray(inside - outside), 0.0)
    for line in sorted(lines, key=lambda line: -abs(float(signed_area(line)))):
        start = grid.index_of(line[:-1] - 1)  # the last point is the first
        moved.append(start + sample_at(displacement, start) / grid.spacing)
    return moved


def _seen(
    slices: Slices, z: int, tissues: torch.Tensor
) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """What a network sees near the label, frames in the order of the file.

    What it sees beside the picture, which goes on there as it is at its edge, does not count.

    Returns:
        Shares ``(T, size, size)`` of cavity and wall by code, and in which frames ``(T,)`` enough
        of the ventricle is seen.
    """
    heart = (slices.soft[CAVITY][z] + slices.soft[MYOCARDIUM][z]).numpy()
    near = ndimage.binary_dilation(heart > 0.5, _DISC, iterations=NEAR_VOXELS)
    near &= slices.grids[z].within_source().numpy()
    shares = {
        code: slices.cine.to_file(tissues[z, :, code - 1].numpy() * near, axis=0)
        for code in (CAVITY, MYOCARDIUM)
    }
    whole = shares[CAVITY] + shares[MYOCARDIUM] > 0.5
    return shares, whole.sum((1, 2)) >= SEEN_SHARE * heart.sum()


def _push(lines: Lines, shares: np.ndarray, shown: np.ndarray, slices: Slices) -> np.ndarray | None:
    """How far points of the first line, the outline, are put outward, ``(T, N)`` in voxels.

    Args:
        lines: from :func:`_moved`; holes and what lies apart move as they are.
        shares: of what lies within the outline that is seen, ``(T, size, size)``.
        shown: frames in which it is looked for.
        slices: the study.

    Returns:
        None where there is no outline, or too little is seen at end-diastole for a comparison.
    """
    if not lines:
        return None
    outline, frames, first = lines[0], len(shares), slices.cine.ed_frame
    area = np.abs(signed_area(outline[first]))
    if not shown[first] or (shares[first] > 0.5).sum() < SEEN_SHARE * area:
        return None
    off = np.full(outline.shape[:2], np.nan)
    for t in np.flatnonzero(shown):
        off[t] = _distance(outline[t], shares[t])
    smooth = _smoothed(off, CALM * frames, slices.closes)
    away = np.abs(np.arange(frames) - first)
    if slices.closes:
        away = np.minimum(away, frames - away)
    fade = 1 - np.exp(-0.5 * (away / (CALM * frames)) ** 2)
    limit = LIMIT_MM / slices.spacing
    change = np.clip(smooth - np.median(smooth[first]), -limit, limit)
    return WEIGHT * fade[:, None] * np.nan_to_num(change)


def _with_wall(moved: list[Lines], pushes: list[np.ndarray | None]) -> list[np.ndarray | None]:
    """Pushes of cavity and ventricle that leave the wall between them its share."""
    if not all(moved):
        return pushes
    (inner, *_), (outer, *_) = moved
    found = list(pushes)
    for k, (own, other, sign) in enumerate(((inner, outer, 1), (outer, inner, -1))):
        push = pushes[k]
        if push is not None:
            thick = np.stack([cKDTree(b).query(a)[0] for a, b in zip(own, other, strict=True)])
            found[k] = sign * np.minimum(sign * push, (1 - THINNED) / 2 * thick)
    return found


def _pushed(line: np.ndarray, push: np.ndarray) -> np.ndarray:
    """An outline ``(T, N, 2)`` put along its normals, positive outward."""
    along = np.roll(line, -1, axis=1) - np.roll(line, 1, axis=1)
    normal = np.stack([along[..., 1], -along[..., 0]], axis=-1)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    turn = np.sign(signed_area(line))[:, None]
    return line + (turn * push)[..., None] * normal


def _distance(points: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Distance of points ``(N, 2)`` from the outline of a share, positive within; NaN without."""
    lines = [dense(line - 1) for line in level_lines(np.pad(share, 1), 0.5)]
    if not lines:
        return np.full(len(points), np.nan)
    away = cKDTree(np.concatenate(lines)).query(points)[0]
    inside = ndimage.map_coordinates(share, points.T, order=1) > 0.5
    return np.where(inside, away, -away)


def _smoothed(values: np.ndarray, frames: float, closes: bool) -> np.ndarray:
    """Values ``(T, N)`` smoothed over time without unknown ones; NaN where too few are known."""
    known = np.isfinite(values)

    def calm(part: np.ndarray) -> np.ndarray:
        mode = "wrap" if closes else "nearest"
        return ndimage.gaussian_filter1d(part.astype(float), frames, axis=0, mode=mode)

    weight = calm(known)
    mean = calm(np.where(known, values, 0)) / np.maximum(weight, FEW)
    return np.where(weight > FEW, mean, np.nan)
