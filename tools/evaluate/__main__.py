"""Evaluate one way of tracking on a folder of cines, end-systole to end-diastole.

python -m tools.evaluate --data DIR --method refined --output FILE.json
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from myomotion.built_in import studies_of
from myomotion.errors import InputError
from myomotion.files import write_bytes
from myomotion.transforms.load_cine import LoadCined
from tools.evaluate.methods import METHODS, make_tracker
from tools.evaluate.scores import FIGURES, score_study, summarise

LOG = logging.getLogger(__name__)
SHOWN = ("dice", "mcd_mm", "hd95_mm", "abs_j_minus_1", "area_change_error", "epe_mm", "seconds")


def evaluate(
    data: Path,
    method: str,
    *,
    section: str | None = None,
    label_coding: str = "auto",
    only: Sequence[str] = (),
    fields: Path | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Track and score every study of a folder.

    Args:
        data: folder of studies, see README, 'Your own data'.
        method: see :func:`tools.evaluate.methods.make_tracker`.
        section: section of the folder's ``datalist.json``; all studies where None.
        label_coding: see :func:`~myomotion.io.cine.read_cine`.
        only: names of the studies to take; all where empty.
        fields: folder for the fields, one ``.npz`` a study (``displacement`` in millimetres).
        changes: keys of the bundle's ``inference.yaml`` with other values.

    Returns:
        ``method``, ``n``, ``mean``, ``std``, ``levels`` (the same for each level), ``slices``, and
        ``skipped`` with reasons.

    Raises:
        InputError: if no study at all can be scored.
    """
    tracker = make_tracker(method, **changes)
    size, spacing = tracker.grid
    load = LoadCined(size, spacing, label_coding)
    rows: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    for study in studies_of(data, section):
        name = str(study["name"])
        if only and name not in only:
            continue
        try:
            item = load(study)
            if item["es_index"] < 0:
                raise InputError(f"{study['image']}: es_frame is unknown; give it in info.json.")
            if not bool((item["mask"] > 0.5).any()):
                raise InputError(f"{study['image']}: no label_sa_ED.nii.gz beside it to score on.")
        except InputError as error:
            LOG.warning("skipped: %s", error)
            skipped.append({"study": name, "reason": str(error)})
            continue
        displacement, seconds = tracker(item)
        rows += score_study(item, displacement.cpu(), seconds, spacing)
        if fields is not None:
            save_field(fields / f"{name}.npz", displacement)
    if not rows:
        raise InputError(f"{data}: no study could be scored ({len(skipped)} skipped).")
    levels = sorted({row["level"] for row in rows})
    return {
        "method": method,
        **summarise(rows),
        "levels": {v: summarise([r for r in rows if r["level"] == v]) for v in levels},
        "slices": rows,
        "skipped": skipped,
    }


def save_field(path: Path, displacement: torch.Tensor) -> None:
    """Write ``displacement`` ``(Z, 2, H, W)`` in millimetres as ``.npz``, atomically."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, displacement=displacement.cpu().numpy().astype(np.float32))
    write_bytes(path, buffer.getvalue())


def table_line(result: dict[str, Any]) -> str:
    """The means and standard deviations worth a look, in one line."""
    parts = [
        f"{name} {result['mean'][name]:.3f} ± {result['std'][name]:.3f}"
        for name in SHOWN
        if name in result["mean"]
    ]
    return f"{result['method']:<9} n={result['n']}  " + "  ".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.evaluate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of studies")
    parser.add_argument("--method", choices=METHODS, required=True)
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--section", help="section of the folder's datalist.json")
    parser.add_argument("--label-coding", default="auto")
    parser.add_argument("--only", nargs="*", default=(), help="names of the studies to take")
    parser.add_argument(
        "--set",
        nargs="*",
        default=(),
        metavar="KEY=VALUE",
        help="keys of the bundle's inference.yaml, such as refine_steps=80",
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        changes = dict(read_change(text) for text in options.set)
        result = evaluate(
            options.data,
            options.method,
            section=options.section,
            label_coding=options.label_coding,
            only=options.only,
            fields=options.output.with_suffix(""),
            **changes,
        )
        write_bytes(options.output, json.dumps(result, indent=1).encode())
    except (InputError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("end-systole to end-diastole, mean ± standard deviation over slices")
    print(table_line(result))
    for level, part in result["levels"].items():
        print("  " + table_line({"method": level, **part}))
    return 0


def read_change(text: str) -> tuple[str, Any]:
    """Split ``KEY=VALUE``; numbers become numbers.

    Raises:
        ValueError: without an equals sign.
    """
    key, sign, value = text.partition("=")
    if not sign:
        raise ValueError(f"--set {text!r}: expected KEY=VALUE.")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


__all__ = ["FIGURES", "evaluate", "main"]

if __name__ == "__main__":
    sys.exit(main())
