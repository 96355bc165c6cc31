"""Claims about how much of a turn the pictures hold: one that is put in, and looked for again.

The end-systolic picture is turned about the wall's middle by a few degrees either way, the wall as
a whole and, fading, what lies around it. Of the difference of the rotations that are tracked then,
the share of the angle put in says what the texture of the pictures, the regularisation and the
start leave of rotation. It needs no true motion, so that it is known of real hearts too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fem_sim.claims import Claim, at_least, not_run
from myomotion.analysis.grids import Slices
from myomotion.analysis.measures.on_wall.mesh import Wall, wall_of
from myomotion.core.flow import identity_coordinates, warp
from myomotion.errors import InputError
from myomotion.io.built_in.cines import studies_of
from myomotion.io.cine import find_studies
from myomotion.tracker import Tracker
from tools.evaluate.hearts import tracker_of
from tools.training.intervals import REPORTED_ON
from tools.verify.hearts import SELECTION
from tools.verify.inference.end_systole import Pair, moved_slices, pair_of, track_pair
from tools.verify.inference.tracked import METHOD

DEGREES = 3.0
FADING_VOXELS = 8.0  # beyond the wall, within which the turn fades
LEAST_SHARE = 0.9


def real_turn_claims(folder: Path) -> Iterator[Claim]:
    """Real studies with contours that nothing was chosen on."""
    studies = [study for study in find_studies(folder) if study["name"] not in SELECTION]
    yield _claim("real hearts", studies)


def virtual_turn_claims(cines: Path, hearts: int | None) -> Iterator[Claim]:
    """Virtual hearts that nothing was chosen on."""
    yield _claim("virtual hearts", studies_of(cines, REPORTED_ON)[:hearts])


def _claim(name: str, studies: Iterable[Mapping[str, Any]]) -> Claim:
    tracker = tracker_of(METHOD)
    found: list[float] = []
    hearts = 0
    for study in studies:
        try:
            shares = found_shares(tracker, tracker.load(dict(study)))
        except InputError:
            continue
        hearts += bool(shares)
        found += shares
    title = f"{name} ({METHOD}): share found of a turn by {DEGREES:g} degrees that is put in"
    if not found:
        return not_run(title, f">= {LEAST_SHARE:g}", "no study with a wall and an end-systole")
    note = f"mean of {len(found)} slices of {hearts} hearts, deviation {np.std(found):.2f}"
    return at_least(title, float(np.mean(found)), LEAST_SHARE, "", note)


def found_shares(tracker: Tracker, item: Mapping[str, Any]) -> list[float]:
    """Share of the turn that is found in each slice with a mesh.

    Args:
        tracker: with its refinement.
        item: of a study, as loaded; without an end-systolic frame there is no share.
    """
    slices: Slices = item["slices"]
    pair = pair_of(item)
    if pair is None:
        return []
    walls = _walls(slices, track_pair(tracker, pair))
    turn = torch.stack([_turn(walls.get(z), slices) for z in range(len(slices.grids))])
    either = [
        _walls(slices, track_pair(tracker, turned(pair, sign * turn))) for sign in (1.0, -1.0)
    ]
    rotations = [{z: _rotation_deg(wall) for z, wall in own.items()} for own in either]
    # A picture that is read further on along a turn shows its content turned back.
    return [(rotations[1][z] - rotations[0][z]) / (2 * DEGREES) for z in walls]


def turned(pair: Pair, turn: torch.Tensor) -> Pair:
    """The pair with its second frame read elsewhere.

    Args:
        pair: of a study.
        turn: ``(Z, 2, size, size)`` in voxels.
    """

    def second(maps: torch.Tensor) -> torch.Tensor:
        """Maps ``(Z, 2, ..., size, size)``."""
        channels = maps[:, 1].reshape(len(maps), -1, *maps.shape[-2:])
        return torch.stack([maps[:, 0], warp(channels, turn).reshape(maps[:, 1].shape)], dim=1)

    tissues = None if pair.tissues is None else second(pair.tissues)
    return Pair(second(pair.image), second(pair.plain), pair.mask, tissues)


def _walls(slices: Slices, field: torch.Tensor) -> dict[int, tuple[Wall, int]]:
    """Walls with a mesh by slice, and the end-systolic frame."""
    found = {}
    for tracked in moved_slices(slices, field):
        wall = wall_of(tracked)
        if wall is not None:
            found[tracked.index] = wall, tracked.motion.es_frame
    return found


def _rotation_deg(wall: tuple[Wall, int]) -> float:
    return float(wall[0].turns.rotation_deg()[wall[1]])


def _turn(wall: tuple[Wall, int] | None, slices: Slices) -> torch.Tensor:
    """Displacement ``(2, size, size)`` in voxels that turns by :data:`DEGREES`; zero without wall.

    Its sign is that of the mesh, from axis 0 towards axis 1.
    """
    size = slices.grids[0].size
    if wall is None:
        return torch.zeros(2, size, size)
    nodes = torch.from_numpy(wall[0].nodes[wall[1]] / slices.spacing).float()
    center = nodes.mean((0, 1))
    reach = (nodes[:, -1] - center).norm(dim=-1).max()
    offset = identity_coordinates([size, size], center)[0] - center[:, None, None]
    beyond = ((offset.norm(dim=0) - reach) / FADING_VOXELS).clamp(0, 1)
    angle = np.deg2rad(DEGREES) * (1 - beyond**2 * (3 - 2 * beyond))
    cosine, sine = angle.cos(), angle.sin()
    there = torch.stack(
        [cosine * offset[0] - sine * offset[1], sine * offset[0] + cosine * offset[1]]
    )
    return there - offset
