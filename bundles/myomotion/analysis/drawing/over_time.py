"""Contours of every frame, by motion and picture together.

The outlines of the end-diastolic label are moved with the motion. Where a network looks at every
frame, each of their points is then put half of the way to the outline that the network sees::

    c(t) = WEIGHT * fade(t) * smooth_t(d(t) - h)

along the moved outline's normal, with ``d`` the distance to the outline that is seen, positive
outside, and ``h`` the mean of ``d`` along the outline at end-diastole: a network that draws a
cavity larger or smaller than the label does so in every frame, and that does not count. At
end-diastole the contours are the label's. Tracking falls short of vigorous hearts, a network sees
each frame anew: their errors are not the same, and their mean is nearer to readers' contours than
either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial import cKDTree

from myomotion.analysis.grids import Slices
from myomotion.analysis.motion import Motion, WindowMaps, moved_label
from myomotion.core.contours import dense, filled, level_lines, signed_area
from myomotion.core.flow import sample
from myomotion.core.frames_together import workers
from myomotion.core.working_grid import WorkingGrid
from myomotion.io.cine import Cine
from myomotion.io.labels import CAVITY, MYOCARDIUM

WEIGHT = 0.5  # of what is seen; 0.3 and 0.7 are as good
LIMIT_MM = 6.0  # farther off, what is seen is taken for something else
SEEN_SHARE = 0.5  # of the label's area that the network must see at end-diastole to be believed
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
    label = motion.slices.cine.label_ed
    if label is None or not (label == CAVITY).any():
        return None
    with workers() as run:
        return run(lambda z: _slice_contours(motion, z), range(len(motion.grids)))


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


def _slice_contours(motion: Motion, z: int) -> SliceContours:
    slices, grid = motion.slices, motion.slices.grids[z]
    assert slices.cine.label_ed is not None
    label = slices.cine.label_ed[..., z]
    cavity, wall = label == CAVITY, label == MYOCARDIUM
    ring = ndimage.binary_fill_holes(wall) & ~wall
    closed = bool(wall.any()) and bool(ring[cavity].all())
    found: list[Lines] = []
    used = False
    for region, codes in ((cavity, (CAVITY,)), (cavity | wall, (CAVITY, MYOCARDIUM))):
        if not wall.any() and found:
            return SliceContours(cavity=found[0], ventricle=found[0], seen=used)
        moved = _moved(region, grid, motion.working_displacement[:, z])
        shares = _seen(slices, z, codes) if moved else None
        if shares is not None:
            moved, used = _towards(moved, shares, slices, closed), True
        found.append([grid.place_of(line) for line in moved])
    return SliceContours(cavity=found[0], ventricle=found[1], seen=used)


def _moved(region: np.ndarray, grid: WorkingGrid, displacement: np.ndarray) -> Lines:
    """Outlines of a region in every frame, ``(T, N, 2)`` in voxels of the working grid."""
    if not region.any():
        return []
    padded = np.pad(region, 1)
    inside, outside = (
        ndimage.distance_transform_edt(part, sampling=grid.source_spacing)
        for part in (padded, ~padded)
    )
    field = torch.from_numpy(np.ascontiguousarray(displacement))
    moved = []
    for line in level_lines(np.asarray(inside - outside), 0.0):
        start = grid.index_of(line[:-1] - 1)  # the last point is the first
        at = torch.from_numpy(start.T).to(field)
        shift = sample(field, at[None, :, :, None])[..., 0].transpose(1, 2)
        moved.append(start + shift.numpy().astype(float) / grid.spacing)
    return moved


def _seen(slices: Slices, z: int, codes: tuple[int, ...]) -> np.ndarray | None:
    """Share of parts that a network sees near the label, ``(T, size, size)`` in file order.

    What it sees beside the picture, which goes on there as it is at its edge, does not count.

    Returns:
        None where none has looked, or it sees too little of the label at end-diastole.
    """
    if slices.tissues is None:
        return None
    label = torch.stack([slices.soft[code][z] for code in codes]).sum(0)
    heart = slices.soft[CAVITY][z] + slices.soft[MYOCARDIUM][z] > 0.5
    near = ndimage.binary_dilation(heart.numpy(), _DISC, iterations=NEAR_VOXELS)
    near &= slices.grids[z].within_source().numpy()
    shares = slices.tissues[z][:, [code - 1 for code in codes]].sum(1).numpy() * near
    if (shares[0] > 0.5).sum() < SEEN_SHARE * float(label.sum()):
        return None
    return slices.cine.to_file(shares, axis=0)


def _towards(moved: Lines, shares: np.ndarray, slices: Slices, closed: bool) -> Lines:
    """Moved outlines put towards those that are seen, in voxels of the working grid.

    Args:
        moved: from :func:`_moved`.
        shares: from :func:`_seen`.
        slices: the study.
        closed: the wall lies all about the cavity. Where it does not, outlines of both are in
            part the same, and each point keeps its own distance of end-diastole.
    """
    frames, first = len(shares), slices.cine.ed_frame
    points = np.concatenate(moved, axis=1)
    off = np.stack([_distance(*pair) for pair in zip(points, shares, strict=True)])
    smooth = _smoothed(off, CALM * frames, slices.closes)
    habit = smooth[first].mean() if closed else smooth[first]
    away = np.abs(np.arange(frames) - first)
    if slices.closes:
        away = np.minimum(away, frames - away)
    fade = 1 - np.exp(-0.5 * (away / (CALM * frames)) ** 2)
    limit = LIMIT_MM / slices.spacing
    push = WEIGHT * fade[:, None] * np.clip(smooth - habit, -limit, limit)
    turn = np.sign(np.sum([signed_area(line[first]) for line in moved]))
    found, at = [], 0
    for line in moved:
        along = np.roll(line, -1, axis=1) - np.roll(line, 1, axis=1)
        normal = turn * np.stack([along[..., 1], -along[..., 0]], axis=-1)
        normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
        found.append(line + push[:, at : at + line.shape[1], None] * normal)
        at += line.shape[1]
    return found


def _distance(points: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Distance of points ``(N, 2)`` from the outline of a share, positive within; NaN without."""
    lines = [dense(line - 1) for line in level_lines(np.pad(share, 1), 0.5)]
    if not lines:
        return np.full(len(points), np.nan)
    away = cKDTree(np.concatenate(lines)).query(points)[0]
    inside = ndimage.map_coordinates(share, points.T, order=1) > 0.5
    return np.where(inside, away, -away)


def _smoothed(values: np.ndarray, frames: float, closes: bool) -> np.ndarray:
    """Values ``(T, N)`` smoothed over time without unknown frames; 0 where too few are known."""
    known = np.isfinite(values)

    def calm(part: np.ndarray) -> np.ndarray:
        mode = "wrap" if closes else "nearest"
        return ndimage.gaussian_filter1d(part.astype(float), frames, axis=0, mode=mode)

    weight = calm(known)
    return np.where(weight > FEW, calm(np.where(known, values, 0)) / np.maximum(weight, FEW), 0)
