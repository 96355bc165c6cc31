"""Every subject registered by every method, and the rows that stand beside published ones."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from myomotion.analysis.provenance import versions
from myomotion.errors import InputError, SettingError
from myomotion.files.paths import file_sha256
from tools.benchmark.acdc import TISSUES, Frames, Grid, check_tissues
from tools.benchmark.both_ways import LABELS, make_register, settings_of, timed
from tools.benchmark.volume_scores import DIRECTIONS, MEASURES, scored
from tools.study.cache import SHIPPED_WEIGHTS

LOG = logging.getLogger(__name__)
HEADER = ("method", "n", "Avg. Dice %", "RV %", "LVM %", "LVBP %", "HD95 mm", "SDlogJ")
PROTOCOL = (
    "End-diastole and end-systole of each subject, all slices, resampled to {spacing} mm and "
    "cropped or filled up to {size} voxels about the middle; registered slice by slice on this "
    "grid, the two frames alone, no label seen by any method; labels warped to the nearest voxel. "
    "Dice and HD95 of right ventricle (RV), wall (LVM) and cavity (LVBP) in the volume, SDlogJ of "
    "log(J + 3); both directions averaged for each subject."
)


def measured(
    readers: Mapping[str, Callable[[], Frames]],
    methods: Sequence[str],
    grid: Grid,
    progress: bool = True,
    **changes: Any,
) -> dict[str, Any]:
    """Register and score.

    Args:
        readers: from :func:`tools.benchmark.acdc.find_frames`.
        methods: of :data:`tools.benchmark.both_ways.LABELS`.
        grid: of the protocol.
        progress: show a bar.
        changes: keys of the bundle's ``inference.yaml`` for our methods; those of the refinement
            for the one that is refined.

    Returns:
        ``protocol``, ``grid``, ``versions``, ``weights``; ``subjects``, a row for each method and
        subject with the mean over directions and each of them; ``methods`` with ``n``, ``mean``
        and ``std`` over subjects; ``skipped`` with reasons; and ``table`` in Markdown.

    Raises:
        InputError: for an unknown method, or if no subject can be scored.
        SettingError: for a key that none of the methods takes.
    """
    own = {method: settings_of(method, changes) for method in methods}
    if unused := sorted(set(changes).difference(*own.values())):
        raise SettingError(
            f"--set {unused[0]}: none of the methods {', '.join(methods)} takes it. Add refined to "
            "--methods, or leave it out."
        )
    ways = {method: make_register(method, **own[method]) for method in methods}
    rows: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    for name, reader in tqdm(readers.items(), unit="subject", disable=not progress):
        try:
            given = reader()
            frames = grid.of(given)
            check_tissues(name, frames.labels.numpy(), grid)
            for method, register in ways.items():
                fields, seconds = timed(register, frames)
                about = {"subject": name, "group": given.group, "method": method}
                about |= {"grid_slices": frames.images.shape[3], "layout": given.layout}
                about["source_spacing_mm"] = [round(n, 4) for n in given.spacing]
                about["source_slices"] = given.images.shape[3]
                rows.append({**about, **scored(frames, fields, grid), "seconds": seconds})
        except InputError as error:
            LOG.warning("skipped: %s", error)
            rows = [row for row in rows if row["subject"] != name]
            skipped.append({"subject": name, "reason": str(error)})
    if not rows:
        reasons = "; ".join(one["reason"] for one in skipped)
        raise InputError(f"no subject could be scored: {reasons}")
    summary = {m: statistics([r for r in rows if r["method"] == m]) for m in methods}
    spacing, size = ("x".join(f"{n:g}" for n in v) for v in (grid.spacing, grid.size))
    return {
        "protocol": PROTOCOL.format(spacing=spacing.replace("x", " x "), size=size),
        "grid": {"spacing_mm": list(grid.spacing), "size": list(grid.size)},
        "versions": versions(),
        "weights": {p.parents[1].name: file_sha256(p) for p in SHIPPED_WEIGHTS if p.is_file()},
        "settings": changes,
        "methods": summary,
        "table": "\n".join(markdown(summary)),
        "subjects": rows,
        "skipped": skipped,
    }


def statistics(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``n``, ``mean`` and ``std`` over subjects of each measure, and of each direction's.

    Args:
        rows: of one method.
    """
    found: dict[str, Any] = {"n": len(rows)}
    for part in ("mean", *DIRECTIONS):
        values = {m: np.array([row[part][m] for row in rows]) for m in MEASURES}
        means = {m: float(v.mean()) for m, v in values.items()}
        if part == "mean":
            found["mean"] = means
            found["std"] = {m: float(v.std()) for m, v in values.items()}
        else:
            found[part] = means
    return found


def markdown(summary: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Rows with the columns of the published table, mean ± standard deviation over subjects.

    Args:
        summary: from :func:`statistics`, by method.
    """
    lines = [f"| {' | '.join(HEADER)} |", f"| {' | '.join('---' for _ in HEADER)} |"]
    for method, own in summary.items():
        mean, std = own["mean"], own["std"]
        names = ("dice", *(f"dice_{tissue}" for tissue in TISSUES))
        cells = [f"{100 * mean[m]:.2f} ± {100 * std[m]:.2f}" for m in names]
        cells.append(f"{mean['hd95_mm']:.2f} ± {std['hd95_mm']:.2f}")
        moved = method != "none"
        cells.append(f"{mean['sd_log_j']:.3f} ± {std['sd_log_j']:.3f}" if moved else "-")
        lines.append(f"| {' | '.join([LABELS[method], str(own['n']), *cells])} |")
    return lines
