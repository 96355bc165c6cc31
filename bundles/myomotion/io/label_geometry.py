"""What the codes of a label map mean, from how they lie: the wall encloses the cavity.

In a short-axis slice the left ventricle's wall is a ring, its cavity the code inside, and the right
ventricle the code that touches the ring from outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from myomotion.core.stack_order import StackOrder, stack_order
from myomotion.io.codes import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE

ENCLOSED = 0.7  # share of a code within the hull of another from which it counts as enclosed
OUTSIDE = 0.4  # share up to which it counts as lying outside
HOLLOW = 0.1  # share of a shape that is hole, from which it is a ring
FEWEST_VOXELS = 8  # of a code in a slice that counts
GAP_VOXELS = 3  # a gap of a ring that is closed to see what it encloses


def label_order(names: Sequence[str], label: np.ndarray, affine: np.ndarray) -> StackOrder:
    """Where base and apex are, sizes by the slices of a label map that show a cavity.

    Args:
        names: of the slices.
        label: ``(X, Y, Z)``, internal coding; where it has no cavity at all, walls count.
        affine: see :func:`~myomotion.core.stack_order.stack_order`.
    """
    wall, cavity = ((label == code).sum((0, 1)) for code in (MYOCARDIUM, CAVITY))
    shown = cavity if cavity.any() else wall
    return stack_order(names, np.where(shown > 0, wall + cavity, 0).tolist(), affine)


def meanings(values: np.ndarray) -> dict[int, int] | None:
    """Decide what the codes of a map mean.

    Args:
        values: whole numbers ``(X, Y, Z)``. 0 is background; where no voxel is 0, what most of the
            border is.

    Returns:
        Code in the map to internal code; None where the shapes do not tell.
    """
    nothing = background(values)
    found = _principal(values, nothing)
    if found is None:
        return None
    rest = [int(code) for code in np.unique(values) if code != nothing and code not in found]
    found |= {code: _part_of(values, code, found) for code in rest}
    return found if nothing == 0 else {nothing: 0} | found


def background(values: np.ndarray) -> int:
    """The code of what is no heart: 0, or that of most of the border where no voxel is 0."""
    if not values.size or (values == 0).any():
        return 0
    border = np.ones(values.shape, bool)
    border[1:-1, 1:-1] = False
    codes, counts = np.unique(values[border], return_counts=True)
    return int(codes[counts.argmax()])


def contradiction(values: np.ndarray, table: Mapping[int, int]) -> str | None:
    """Why a coding cannot be that of a map.

    Args:
        values: whole numbers ``(X, Y, Z)``.
        table: code to internal code, as stated.

    Returns:
        A sentence that names the codes, or None where the shapes agree or do not tell.
    """
    nothing = background(values)
    found = _principal(values, nothing)
    if found is None or list(found.values()) == [CAVITY]:
        return None  # a shape without a hole may be the wall of an apex
    stated = [
        (outer, inner)
        for outer, inner in _rings(values, nothing)
        if table.get(outer) == MYOCARDIUM and table.get(inner) == CAVITY
    ]
    if stated:
        return None  # there may be several, and the user knows
    names = {CAVITY: "cavity", MYOCARDIUM: "myocardium", RIGHT_VENTRICLE: "right ventricle"}
    names[0] = "background"
    left = (CAVITY, MYOCARDIUM)
    wrong = [
        f"{code} is called {names[table[code]]} but lies as the {names[meaning]} does"
        for code, meaning in sorted(found.items())
        if code in table and table[code] != meaning and (table[code] in left or meaning in left)
    ]
    return "; ".join(wrong) or None


def _principal(values: np.ndarray, nothing: int) -> dict[int, int] | None:
    """Codes of wall and cavity, and of what lies outside the wall; None where nothing tells."""
    codes = [int(code) for code in np.unique(values) if code != nothing]
    if not codes:
        return None
    if len(codes) == 1:
        hollow = hollowness(values == codes[0])
        if hollow is None:
            return None
        return {codes[0]: MYOCARDIUM if hollow >= HOLLOW else CAVITY}
    rings = _rings(values, nothing)
    if not rings:
        return _ring_and_neighbours(values, codes)
    # Papillary muscles and scars may have codes of their own, and lie within something as well; of
    # all that does, the cavity is the largest.
    wall, cavity = max(rings, key=lambda pair: (int((values == pair[1]).sum()), rings[pair]))
    if (enclosed_share(values, cavity, wall) or 0.0) >= ENCLOSED:
        return None  # each within the hull of the other: nothing of a heart
    found = {wall: MYOCARDIUM, cavity: CAVITY}
    return found | _neighbours(values, wall, [c for c in codes if c not in found])


def _rings(values: np.ndarray, nothing: int) -> dict[tuple[int, int], float]:
    """Pairs of a code and one within its hull, and how much of it is; of rings where there are any.

    The wall of the right ventricle, where it has a code, is a crescent about its cavity.
    """
    codes = [int(code) for code in np.unique(values) if code != nothing]
    pairs = {
        (outer, inner): share
        for outer in codes
        for inner in codes
        if outer != inner and (share := enclosed_share(values, outer, inner) or 0.0) >= ENCLOSED
    }
    hollow = {code for code, _ in pairs if (hollowness(values == code) or 0.0) >= HOLLOW}
    return {pair: share for pair, share in pairs.items() if pair[0] in hollow} or pairs


def _part_of(values: np.ndarray, code: int, found: Mapping[int, int]) -> int:
    """What a code is that is neither wall nor cavity nor outside: part of one of them.

    Papillary muscles lie within the cavity's hull and count as cavity, scars beside it within the
    wall's.
    """
    for whole in (CAVITY, MYOCARDIUM):
        outer = next((c for c, meaning in found.items() if meaning == whole), None)
        share = None if outer is None else enclosed_share(values, outer, code)
        if share is not None and share >= ENCLOSED:
            return whole
    return 0


def enclosed_share(values: np.ndarray, outer: int, inner: int) -> float | None:
    """Share of a code that lies within the hull of another, slice by slice.

    Args:
        values: whole numbers ``(X, Y, Z)``.
        outer: code whose hull is taken.
        inner: the other code.

    Returns:
        0 to 1; None where no slice shows both.
    """
    within = total = 0
    for slice_ in _slices(values):
        points, others = np.argwhere(slice_ == outer), np.argwhere(slice_ == inner)
        if min(len(points), len(others)) < FEWEST_VOXELS:
            continue
        try:
            sides = ConvexHull(points).equations  # normal and offset of each
        except QhullError:  # a straight line
            continue
        within += int((others @ sides[:, :2].T + sides[:, 2] <= 1e-9).all(axis=1).sum())
        total += len(others)
    return within / total if total else None


def hollowness(part: np.ndarray) -> float | None:
    """Share of a shape and its hole that is hole, gaps of a few voxels closed.

    Args:
        part: boolean ``(X, Y, Z)``.

    Returns:
        0 to 1 over all slices; None where no slice shows enough.
    """
    hole = whole = 0
    for slice_ in _slices(part):
        if slice_.sum() < FEWEST_VOXELS:
            continue
        inside = enclosed(slice_)
        hole += int(inside.sum())
        whole += int((inside | slice_).sum())
    return hole / whole if whole else None


def enclosed(ring: np.ndarray) -> np.ndarray:
    """What a ring encloses, a gap of up to :data:`GAP_VOXELS` closed.

    Args:
        ring: boolean ``(X, Y)``.

    Returns:
        Boolean ``(X, Y)``; nothing for an open ring.
    """
    inside = ndimage.binary_fill_holes(ring) & ~ring
    if inside.any():
        return inside
    for size in range(1, GAP_VOXELS + 1):
        disc = np.hypot(*np.indices((2 * size + 1,) * 2) - size) <= size + 0.5
        padded = np.pad(ring, size + 1)
        closed = ndimage.binary_closing(padded, disc)[(slice(size + 1, -size - 1),) * 2]
        inside = ndimage.binary_fill_holes(closed) & ~closed
        if inside.any():
            # The closing has rounded the hole off: what lies between hole and ring belongs to it.
            return ndimage.binary_dilation(inside, disc) & ~ring & ndimage.binary_fill_holes(closed)
    return inside


def _ring_and_neighbours(values: np.ndarray, codes: list[int]) -> dict[int, int] | None:
    """A map without a cavity: the ring is the wall, what touches it the right ventricle."""
    hollow = {code: hollowness(values == code) or 0.0 for code in codes}
    wall = max(codes, key=lambda code: hollow[code])
    if hollow[wall] < HOLLOW:
        return None
    return {wall: MYOCARDIUM} | _neighbours(values, wall, [c for c in codes if c != wall])


def _neighbours(values: np.ndarray, wall: int, others: list[int]) -> dict[int, int]:
    """Other codes outside the wall: the right ventricle, and its own wall, which is about it."""
    outside = [
        code
        for code in others
        if (share := enclosed_share(values, wall, code)) is not None and share <= OUTSIDE
    ]
    return {
        code: 0
        if any((enclosed_share(values, code, c) or 0.0) >= ENCLOSED for c in outside if c != code)
        else RIGHT_VENTRICLE
        for code in outside
    }


def _slices(values: np.ndarray) -> Iterator[np.ndarray]:
    return (values[..., z] for z in range(values.shape[2]))
