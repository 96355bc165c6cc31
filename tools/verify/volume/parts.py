"""What part of a lift's error is the tracks' and what part its own, by direction and level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fem_sim.heart3d.stacks.stack import VirtualStack
from myomotion.analysis.volume.function import function_of
from myomotion.analysis.volume.lattice import ANGLES
from myomotion.analysis.volume.lift import Lifted, LiftSettings, Tracks, lift
from myomotion.analysis.volume.modes import shipped_modes
from myomotion.analysis.volume.study import VolumeMotion

OUTWARD = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1)
AROUND = np.stack([-np.sin(ANGLES), np.cos(ANGLES)], axis=-1)
DOUBTING = LiftSettings(turn_mm=1.0, iterations=4)  # not shipped: see docs/volume.md
LEVELS = ("apical", "middle", "basal")  # thirds of a stack's slices
DIRECTIONS = ("outward", "around", "along")
TRACKED, DOUBTED, TURN, CONTRACTION, TRUE = (
    "as tracked",
    "as tracked, turns doubted",
    "tracked outward, true around",
    "true outward, tracked around",
    "true",
)

Rows = dict[str, dict[str, float]]


def parts_of(
    stack: VirtualStack, volume: VolumeMotion, slices: Sequence[int], truth: Mapping[str, float]
) -> Rows:
    """Errors of lifts at end-systole whose tracks are true in part.

    Args:
        stack: slices and true motion of a ventricle.
        volume: the lift of its tracked slices.
        slices: of the stack that were lifted.
        truth: ``gls`` and ``torsion`` of the ventricle.

    Returns:
        For each way ``point_mm``, mean sizes ``outward_mm``, ``around_mm``, ``along_mm``, the same
        of thirds (``apical_outward_mm`` ...), ``gls`` and ``torsion`` less the true ones; and under
        ``tracks`` the mean of what is tracked less what a perfect tracker finds, of thirds
        (``apical_outward_mm``, ``apical_around_mm`` ...; around: negative clockwise seen from the
        base), each beside ``..._true_mm``.
    """
    chosen, end = list(slices), stack.es_frame
    tracked, perfect = volume.tracks.moves[end], stack.moves[end][chosen]
    true = (stack.tissue[end] - stack.tissue[0])[chosen]
    ways = {
        TRACKED: tracked,
        DOUBTED: tracked,
        TURN: _joined(tracked, perfect),
        CONTRACTION: _joined(perfect, tracked),
        TRUE: perfect,
    }
    rows: Rows = {}
    for name, moves in ways.items():
        tracks = Tracks(
            levels=volume.tracks.levels,
            moves=np.stack([np.zeros_like(moves), moves]),
            trust=volume.tracks.trust,
        )
        settings = DOUBTING if name == DOUBTED else None
        found = lift(volume.lifted.shape, tracks, shipped_modes(), settings)
        rows[name] = _errors(found, true, truth)
    rows["tracks"] = _short(tracked, perfect)
    return rows


def mean_parts(hearts: Mapping[str, Rows]) -> Rows:
    """Means over ventricles: of sizes, and of what has a sign with it for ``tracks``."""
    names = next(iter(hearts.values()))
    found: Rows = {}
    for way, row in names.items():
        values = {key: np.array([rows[way][key] for rows in hearts.values()]) for key in row}
        found[way] = {
            key: float(np.nanmean(value if way == "tracks" else np.abs(value)))
            for key, value in values.items()
        }
    return found


def part_tables(hearts: Mapping[str, Rows]) -> str:
    """Three tables in Markdown: means by what is true, by level, and each ventricle's."""
    mean = mean_parts(hearts)
    lines = _table("tracks", ("point", *DIRECTIONS, "GLS, points", "torsion, degrees/cm"))
    for way in (TRACKED, DOUBTED, TURN, CONTRACTION, TRUE):
        row = mean[way]
        cells = [row["point_mm"], *(row[f"{d}_mm"] for d in DIRECTIONS), row["gls"], row["torsion"]]
        lines.append(_line(way, cells))
    titles = [f"tracks {d} (true)" for d in DIRECTIONS[:2]] + [f"lift {d}" for d in DIRECTIONS]
    lines += ["", *_table("level", titles)]
    for level in LEVELS:
        short = mean["tracks"]
        seen = [
            f"{short[f'{level}_{d}_mm']:+.2f} ({short[f'{level}_{d}_true_mm']:+.2f})"
            for d in DIRECTIONS[:2]
        ]
        lifted = [mean[TRACKED][f"{level}_{d}_mm"] for d in DIRECTIONS]
        lines.append(_line(level, [*seen, *lifted]))
    lines += ["", *_table("ventricle", ("point", *DIRECTIONS, TURN, TRUE))]
    for name, rows in hearts.items():
        row = rows[TRACKED]
        cells = [row["point_mm"], *(row[f"{d}_mm"] for d in DIRECTIONS)]
        lines.append(_line(name, [*cells, rows[TURN]["point_mm"], rows[TRUE]["point_mm"]]))
    return "\n".join(lines)


def _errors(found: Lifted, true: np.ndarray, truth: Mapping[str, float]) -> dict[str, float]:
    apart = found.at_levels(found.shape.levels)[1] - true
    parts = dict(zip(DIRECTIONS, (*_split(apart), apart[..., 2]), strict=True))
    function = function_of(found)
    row = {
        "point_mm": float(np.linalg.norm(apart, axis=-1).mean()),
        "gls": float(function.gls[1]) - truth["gls"],
        "torsion": float(function.torsion[1]) - truth["torsion"],
    }
    for direction, part in parts.items():
        sizes = np.abs(part).mean((1, 2))
        row[f"{direction}_mm"] = float(sizes.mean())
        row |= {f"{level}_{direction}_mm": value for level, value in _thirds(sizes)}
    return row


def _short(tracked: np.ndarray, perfect: np.ndarray) -> dict[str, float]:
    row: dict[str, float] = {}
    for direction, got, true in zip(DIRECTIONS, _split(tracked), _split(perfect), strict=False):
        known = np.isfinite(got - true)
        for suffix, values in (("_mm", got - true), ("_true_mm", true)):
            sums = np.where(known, values, 0.0).sum((1, 2))
            counts = known.sum((1, 2))
            means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
            row |= {f"{level}_{direction}{suffix}": value for level, value in _thirds(means)}
    return row


def _thirds(values: np.ndarray) -> list[tuple[str, float]]:
    """Means of the lowest, middle and highest third of slices."""
    parts = np.array_split(values, len(LEVELS))
    return [(level, float(np.nanmean(part))) for level, part in zip(LEVELS, parts, strict=True)]


def _split(moves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parts outward and around of ``(..., angles, depths, 2 or 3)``."""
    plane = moves[..., :2]
    return (plane * OUTWARD[:, None]).sum(-1), (plane * AROUND[:, None]).sum(-1)


def _joined(outward: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Moves with the outward part of one and the part around of another."""
    part = _split(outward)[0][..., None] * OUTWARD[:, None]
    joined: np.ndarray = part + _split(around)[1][..., None] * AROUND[:, None]
    return joined


def _table(first: str, titles: Sequence[str]) -> list[str]:
    return [f"| {' | '.join([first, *titles])} |", f"| {' | '.join(['---'] * (1 + len(titles)))} |"]


def _line(name: str, cells: Sequence[float | str]) -> str:
    text = [cell if isinstance(cell, str) else f"{cell:.2f}" for cell in cells]
    return f"| {' | '.join([name, *text])} |"
