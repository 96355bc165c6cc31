"""Ours against every peer at the peer's own volume preservation.

A method that deforms more freely follows contours better, so contours are compared where the mean
abs(abs(J) - 1) of both is the same: ours is taken between two weights of R_VAE.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from myomotion.core.segments import LEVELS
from tools.study.config import StudyConfig
from tools.study.statistics import Comparison, Rows, compare_rows
from tools.study.tables import Results, Table, at_level, groups_of, in_group, mean_of, shown

VOLUME = "abs_j_minus_1"
CONTOUR_MEASURES = ("mcd_mm", "dice")


def at_volume(by_weight: Mapping[float, Rows], volume: float) -> list[dict[str, Any]] | None:
    """Rows of ours at a mean abs(abs(J) - 1), slice by slice between the two nearest weights.

    Args:
        by_weight: rows by weight of R_VAE.
        volume: the mean abs(abs(J) - 1) that is asked for.

    Returns:
        Rows with :data:`CONTOUR_MEASURES` and abs(abs(J) - 1); None where no two weights enclose
        it.
    """
    known = sorted((mean_of(rows, VOLUME), weight) for weight, rows in by_weight.items())
    for (low, a), (high, b) in itertools.pairwise(known):
        if low <= volume <= high:
            share = (volume - low) / (high - low) if high > low else 0.0
            second = {(r["study"], r["slice"]): r for r in by_weight[b]}
            return [
                {
                    **{k: r[k] for k in ("study", "group", "slice", "level") if k in r},
                    **{
                        k: (1 - share) * r[k] + share * second[r["study"], r["slice"]][k]
                        for k in (*CONTOUR_MEASURES, VOLUME)
                    },
                }
                for r in by_weight[a]
            ]
    return None


def matched_pairs(
    config: StudyConfig, results: Results, by_weight: Mapping[float, Rows]
) -> dict[str, list[dict[str, Any]] | None]:
    """Rows of ours at the volume preservation of every peer that ran.

    Args:
        config: the study.
        results: rows by method.
        by_weight: rows of ours by weight of R_VAE.

    Returns:
        Peer to rows; None where the weights tried do not reach the peer's volume preservation.
    """
    return {
        peer.name: at_volume(by_weight, mean_of(results[peer.name], VOLUME))
        for peer in config.peers()
        if peer.name in results
    }


def parts_of(results: Results) -> dict[str, Callable[[Rows], Rows]]:
    """What picks the rows of each level and each group that there is, by its name.

    Args:
        results: rows by method.
    """
    levels = [v for v in LEVELS if any(at_level(rows, v) for rows in results.values())]
    return {
        **{level: partial(at_level, level=level) for level in levels},
        **{group: partial(in_group, group=group) for group in groups_of(results)},
    }


def equal_table(
    title: str,
    config: StudyConfig,
    results: Results,
    matched: Mapping[str, list[dict[str, Any]] | None],
) -> Table:
    """Contours of ours and of each peer at the peer's mean abs(abs(J) - 1).

    Args:
        title: of the table.
        config: the study.
        results: rows by method.
        matched: from :func:`matched_pairs`.

    Returns:
        One row a peer; the better of both numbers in bold, both where they are equal as shown.
    """
    parts = parts_of(results)
    header = ["peer", "abs(abs(J) - 1)"]
    header += [f"{v}: MCD mm, peer / ours" if i == 0 else "Dice" for v in parts for i in (0, 1)]
    lines = []
    for name, ours in matched.items():
        theirs = results[name]
        cells = [config.method(name).label, shown(mean_of(theirs, VOLUME), 3)]
        for part in parts.values():
            for measure, digits in zip(CONTOUR_MEASURES, (2, 3), strict=True):
                cells.append(_both(part(theirs), part(ours or ()), measure, digits))
        lines.append(tuple(cells))
    ours_label = config.method(config.ours).label
    swept = next((m.label.split(", alpha")[0] for m in config.alpha.values()), ours_label)
    note = (
        f"{swept} at the peer's own mean abs(abs(J) - 1) over all "
        "slices, linearly between the two nearest weights of R_VAE that were tried; a dash where "
        "none encloses it."
    )
    return Table(title=title, header=tuple(header), rows=tuple(lines), note=note)


def equal_comparisons(
    config: StudyConfig, results: Results, matched: Mapping[str, list[dict[str, Any]] | None]
) -> list[Comparison]:
    """Paired differences over subjects at equal volume preservation.

    Args:
        config: gives the bootstrap's seed.
        results: rows by method.
        matched: from :func:`matched_pairs`.

    Returns:
        Two comparisons a peer.
    """
    return [
        one
        for name, ours in matched.items()
        for one in compare_rows(ours or (), results[name], CONTOUR_MEASURES, name, config.seed)
    ]


def _both(theirs: Rows, ours: Rows, measure: str, digits: int) -> str:
    values = [shown(mean_of(rows, measure), digits) for rows in (theirs, ours)]
    if "-" in values:
        return " / ".join(values)
    first = (max if measure == "dice" else min)(values, key=float)
    return " / ".join(f"**{v}**" if v == first else v for v in values)
