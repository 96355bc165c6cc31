"""Compare tracking methods: tables, statistics and figures on real and virtual cines.

python -m tools.study --config tools/study/study.yaml --data DIR [--virtual DIR] --output DIR

Interrupted, the same command goes on where it was; what depends on changed code, weights, settings
or data is computed again.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import logging
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tools.bundle import ROOT, inference_parts, use_bundle_code
from tools.evaluation import FIGURES
from tools.study.config import StudyConfig, read_config
from tools.study.figures import alpha_figure, cycle_figure, pareto_figure
from tools.study.page import study_page
from tools.study.regions import REGIONS
from tools.study.runs import Runner, runnable, usable_studies
from tools.study.tables import (
    LEVELS,
    NEUTRAL,
    OVERLAP,
    REAL,
    TRUTH,
    Results,
    Table,
    accuracy_table,
    comparisons,
    places,
    statistics_table,
    strain_table,
)

use_bundle_code()

from myomotion.errors import InputError  # noqa: E402
from myomotion.files import write_bytes  # noqa: E402
from myomotion.provenance import versions  # noqa: E402

PEER_PACKAGES = ("SimpleITK", "antspyx", "hf-deepali", "voxelmorph", "scipy")
QUIET = 1.2  # load average, this process included, up to which times mean something


def run_study(
    config: StudyConfig, data: Path, virtual: Path | None, output: Path, progress: bool = True
) -> list[Table]:
    """Run what is missing and write tables, figures and the page.

    Args:
        config: what to compare.
        data: real studies with labels at end-diastole and end-systole.
        virtual: folder of virtual cines.
        output: receives ``results.md``, ``index.html``, ``slices.csv``, one CSV a table, PNGs,
            ``provenance.json`` and the folder ``cache``.
        progress: show progress bars.

    Returns:
        The tables.

    Raises:
        InputError: if a folder holds no study that can be scored.
    """
    methods, skipped = runnable(config)
    runner = Runner(output / "cache", progress)
    tables: list[Table] = []
    remarks: dict[str, list[str]] = {}
    figures: dict[str, tuple[str, bytes]] = {}
    curves: dict[str, Any] = {}
    scored: dict[str, Results] = {}
    sources: list[tuple[str, Path, str | None]] = [("real", data, None)]
    if virtual is not None:
        sources.append(("virtual", virtual, config.virtual_section))
    for name, folder, section in sources:
        studies, refused = usable_studies(folder, section)
        studies = studies[: config.virtual_studies] if name == "virtual" else studies
        skipped += [f"{name}: {sentence}" for sentence in refused]
        results: Results = runner.rows(name, methods, studies)
        scored[name] = results
        tables += _tables(name, config, results)
        remarks[f"Where ours is first, {name} cines"] = places(
            config, results, REAL if name == "real" else (*TRUTH, *OVERLAP)
        )
        followed = [m for m in methods if m.name in config.cycle and m.name in results]
        if followed:
            curves[f"{name} cines"] = runner.curves(name, followed, studies[: config.cycle_studies])
        if name == "real" and config.alpha:
            figures |= _alpha(config, runner, studies)
    labels = {m.name: m.label for m in methods} | {"truth": "true motion"}
    if curves:
        figures["jacobian_cycle.png"] = ("J across the cycle", cycle_figure(curves, labels))
    figures["pareto.png"] = ("Accuracy against time", _pareto(config, scored))
    remarks["Time"] = _time_remarks(scored)
    remarks["Not run"] = [*skipped, *runner.failed]
    _write(output, tables, remarks, figures, scored, circumstances(config))
    return tables


def _tables(name: str, config: StudyConfig, results: Results) -> list[Table]:
    # True hearts and virtual ones change their area: where the truth is known, it alone counts.
    neutral = NEUTRAL if name == "real" else (*NEUTRAL, "abs_j_minus_1")
    columns = (*REAL, "seconds")
    found = [accuracy_table(f"{name} cines", config, results, columns, neutral=neutral)]
    if name == "virtual":
        title = "virtual cines against their known motion: end-point error in mm, strain errors"
        found.append(accuracy_table(title, config, results, TRUTH))
    found += [
        accuracy_table(f"{name} cines, {level}", config, results, columns, level, neutral)
        for level in LEVELS
        if any(row["level"] == level for rows in results.values() for row in rows)
    ]
    found.append(strain_table(f"{name} cines, peak strain", config, results))
    tested = tuple(f for f in REAL if f != "fold_fraction")
    if name == "virtual":
        tested = ("mcd_mm", "dice", "epe_mm", "epe_scar_mm", "ecc_error_points", "err_error_points")
    pairs = comparisons(config, results, tested)
    if pairs:
        found.append(statistics_table(f"{name} cines, ours against each peer", config, pairs))
    return found


def _alpha(
    config: StudyConfig, runner: Runner, studies: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[str, bytes]]:
    results = runner.rows("real", list(config.alpha.values()), studies)
    by_weight = {w: results[m.name] for w, m in config.alpha.items() if m.name in results}
    if not by_weight:
        return {}
    shipped = float(inference_parts()["refine_alpha"])
    caption = "Weight of the regulariser, real cines"
    return {"alpha.png": (caption, alpha_figure(by_weight, shipped))}


def _pareto(config: StudyConfig, scored: Mapping[str, Results]) -> bytes:
    panels = [("real cines", scored["real"], "mcd_mm", "MCD, mm")]
    if "virtual" in scored:
        label = "end-point error in the wall, mm"
        panels.append(("virtual cines", scored["virtual"], "epe_mm", label))
    return pareto_figure(config, panels)


def _time_remarks(scored: Mapping[str, Results]) -> list[str]:
    loads = [r["load"] for results in scored.values() for rows in results.values() for r in rows]
    top = max(loads, default=0.0)
    if top <= QUIET:
        return []
    return [
        f"times were taken while the machine was busy (load average up to {top:.1f}): they are to "
        "be measured again; remove the folder cache on a quiet machine and run the same command."
    ]


def circumstances(config: StudyConfig) -> dict[str, Any]:
    """Commit, versions and class of machine; no dates, no paths."""
    found = {}
    for package in PEER_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return {
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "versions": {**versions(), **found},
        "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
        "seed": config.seed,
        "settings": {
            m.name: {k: v for k, v in m.settings.items() if "weights" not in k}
            for m in config.methods
        },
    }


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def _write(
    output: Path,
    tables: Sequence[Table],
    remarks: Mapping[str, Sequence[str]],
    figures: Mapping[str, tuple[str, bytes]],
    scored: Mapping[str, Results],
    provenance: Mapping[str, Any],
) -> None:
    parts = [table.markdown() for table in tables]
    for heading, lines in remarks.items():
        if lines:
            parts.append("\n".join([f"### {heading}", "", *(f"- {line}" for line in lines)]) + "\n")
    parts += [f"![{caption}]({name})\n" for name, (caption, _) in figures.items()]
    write_bytes(output / "results.md", "\n".join(parts).encode())
    for table in tables:
        stem = "".join(c if c.isalnum() else "-" for c in table.title.split(" (n =")[0])
        write_bytes(output / "tables" / f"{stem}.csv", table.csv().encode())
    for name, (_, content) in figures.items():
        write_bytes(output / name, content)
    write_bytes(output / "slices.csv", _slices_csv(scored).encode())
    page = study_page(tables, remarks, figures, provenance)
    write_bytes(output / "index.html", page.encode())
    write_bytes(output / "provenance.json", (json.dumps(provenance, indent=1) + "\n").encode())


def _slices_csv(scored: Mapping[str, Results]) -> str:
    columns = ("data", "method", "study", "slice", "level", *FIGURES, *REGIONS)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for data, results in scored.items():
        for method, rows in results.items():
            writer.writerows({"data": data, "method": method, **row} for row in rows)
    return text.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.study", description=__doc__)
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("study.yaml"))
    parser.add_argument("--data", type=Path, required=True, help="real studies with labels")
    parser.add_argument("--virtual", type=Path, help="folder of virtual cines")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        config = read_config(options.config)
        tables = run_study(config, options.data, options.virtual, options.output)
    except (InputError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(tables[0].markdown())
    print(f"All results: {options.output / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
