"""Choose each peer's regularisation by the paper's rule: mean abs(abs(J) - 1) closest to a target.

python -m tools.study.selection --config tools/study/study.yaml --data DIR --output DIR

With the study's own folder as output the study finds what is already done. The rule looks at no
label of end-systole. The chosen values are to be written into the configuration.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fem_sim.command_line import make_parser, run_command
from myomotion.errors import InputError
from myomotion.files.outputs import claim
from myomotion.files.tables import write_report
from tools.bundle import ROOT
from tools.study.config import Method, StudyConfig, read_config
from tools.study.runs import Runner
from tools.study.sources import usable_studies
from tools.study.tables import mean_of

SWEPT_MEASURES = ("abs_j_minus_1", "dice", "mcd_mm", "area_change_error")


def candidates(method: Method) -> dict[Any, Method]:
    """The method with each value of its sweep.

    Args:
        method: with one setting under ``sweep``.

    Returns:
        Value to method; empty without a sweep.
    """
    return {
        value: replace(
            method, name=f"{method.name}-{value}", settings={**method.settings, key: value}
        )
        for key, values in method.sweep.items()
        for value in values
    }


def closest(volume: Mapping[Any, float], target: float) -> Any:
    """The value whose mean abs(abs(J) - 1) is closest to the target.

    Args:
        volume: mean abs(abs(J) - 1) by value.
        target: what the rule asks for.

    Returns:
        The value.
    """
    return min(volume, key=lambda value: abs(volume[value] - target))


def select(config: StudyConfig, data: Path, output: Path) -> dict[str, Any]:
    """Sweep every method that has a sweep.

    Args:
        config: the study.
        data: folder of the selection patients.
        output: folder; its ``cache`` keeps results.

    Returns:
        By method: ``setting``, ``chosen`` and ``sweep`` (measures by value).

    Raises:
        InputError: if the configuration names no patients or no target, or the patients are not
            there.
    """
    if missing := [key for key in ("patients", "target") if key not in config.selection]:
        raise InputError(f"the configuration has no {' and no '.join(missing)} under 'selection'.")
    studies, _ = usable_studies(data, only=config.selection["patients"])
    runner = Runner(output / "cache")
    result = {}
    for method in config.methods:
        reason = method.reason_to_skip()
        tried = candidates(method)
        if reason or not tried:
            continue
        rows = runner.rows(f"selection-{method.name}", list(tried.values()), studies)
        sweep = {
            value: {f: mean_of(rows[m.name], f) for f in SWEPT_MEASURES}
            for value, m in tried.items()
            if m.name in rows
        }
        volume = {value: measures["abs_j_minus_1"] for value, measures in sweep.items()}
        result[method.name] = {
            "setting": next(iter(method.sweep)),
            "chosen": closest(volume, config.selection["target"]),
            "sweep": sweep,
        }
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.study.selection", __doc__)
    parser.add_argument("--config", type=Path, default=ROOT / "tools" / "study" / "study.yaml")
    parser.add_argument("--data", type=Path, required=True, help="folder of the patients")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    options = parser.parse_args(arguments)
    return run_command(lambda: _select(options), ValueError)


def _select(options: argparse.Namespace) -> None:
    claim(options.output / "selection.json", signed=True)
    result = select(read_config(options.config), options.data, options.output)
    write_report(options.output / "selection.json", result)
    for name, found in result.items():
        print(f"{name}: {found['setting']} = {found['chosen']}")
        for value, measures in found["sweep"].items():
            print(f"  {value!s:<8}", "  ".join(f"{k} {v:.3f}" for k, v in measures.items()))


if __name__ == "__main__":
    sys.exit(main())
