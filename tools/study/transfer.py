"""Networks trained on one data set and tested on all (Table 3 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence

from myomotion.core.segments import LEVELS
from tools.study.config import Method
from tools.study.tables import Results, Table, at_level, mean_of, shown


def transfer_table(title: str, tested: str, methods: Sequence[Method], results: Results) -> Table:
    """Contours and overlap on one data set of networks that have learned from this and from others.

    Args:
        title: of the table.
        tested: name of the data set.
        methods: the networks.
        results: their rows on cases that none of them has seen.

    Returns:
        One row a network: where it learned, and MCD and Dice of each level.
    """
    ran = [m for m in methods if results.get(m.name)]
    levels = [v for v in LEVELS if any(r["level"] == v for m in ran for r in results[m.name])]
    header = ["network", "trained on", "MCD mm", "Dice", "abs(abs(J) - 1)"]
    header += [f"{v}: MCD mm" if i == 0 else "Dice" for v in levels for i in (0, 1)]
    lines = []
    for method in ran:
        rows = results[method.name]
        cells = [method.label, method.trained_on or "-"]
        cells += [shown(mean_of(rows, f), d) for f, d in (("mcd_mm", 2), ("dice", 3))]
        cells.append(shown(mean_of(rows, "abs_j_minus_1"), 3))
        for level in levels:
            part = at_level(rows, level)
            cells += [shown(mean_of(part, f), d) for f, d in (("mcd_mm", 2), ("dice", 3))]
        lines.append(tuple(cells))
    subjects = len({r["study"] for m in ran for r in results[m.name]})
    count = max((len(results[m.name]) for m in ran), default=0)
    note = f"{subjects} subjects of the data set '{tested}' from whom no network has learned."
    return Table(
        title=f"{title} (n = {count} slices)", header=tuple(header), rows=tuple(lines), note=note
    )
