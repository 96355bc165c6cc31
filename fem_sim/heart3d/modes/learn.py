"""Modes of motion from simulated ventricles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fem_sim.heart3d.motion import HeartMotion
from fem_sim.heart3d.wall import moving_wall
from myomotion.analysis.volume.lattice import ANGLES, DEPTHS, HEIGHTS
from myomotion.analysis.volume.modes import HeartModes, learn_modes

COUNTS = (14, 8, 6, 4)  # modes of each order of waves about the axis


def modes_of(paths: Sequence[Path], counts: tuple[int, ...] = COUNTS) -> HeartModes:
    """Principal modes of ventricles.

    Args:
        paths: of their motions.
        counts: modes of each order of waves.
    """
    hearts, names, kinds = [], [], []
    for path in paths:
        motion = HeartMotion.load(path)
        wall = moving_wall(motion, HEIGHTS, ANGLES, DEPTHS)
        hearts.append((wall.positions, wall.es_frame))
        names.append(name_of(motion))
        kinds.append(str(motion.provenance["heart"]["kind"]))
    return learn_modes(
        hearts,
        counts,
        {
            "hearts": names,
            "kinds": dict(Counter(kinds)),
            "modes_of_orders": list(counts),
            "command": "python -m fem_sim modes3d",
        },
    )


def name_of(motion: HeartMotion) -> str:
    """Seed and name of a simulated ventricle, so that it is known wherever its file lies."""
    return f"seed {motion.provenance.get('seed')}, {motion.provenance.get('subject')}"
