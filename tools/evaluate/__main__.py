"""Evaluate one way of tracking on a folder of cines, end-systole to end-diastole, or the contours.

python -m tools.evaluate --data DIR --method refined --output FILE.json
python -m tools.evaluate --data DIR --method segmentation --output FILE.json
"""

from __future__ import annotations

import argparse
import io
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fem_sim.command_line import add_overrides, check_names, make_parser, run_command
from myomotion.errors import InputError, SettingError
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import claim, refuse_unsafe
from myomotion.files.tables import write_report
from myomotion.io.built_in.cines import studies_of
from myomotion.transforms.load_cine import LoadCine
from tools.evaluate.contours import evaluate_contours, lines
from tools.evaluate.methods import OUR_METHODS, make_tracker, method_names
from tools.evaluate.scores import at_levels, score_study, statistics_by, statistics_of

LOG = logging.getLogger(__name__)
SEGMENTATION = "segmentation"  # draws contours rather than tracking them
OPTIONS = {  # of the command line, by what they set
    **{"dataset_dir": "--data", "label_coding": "--label-coding"},
    **{"output_dir": "--output", "fields": "--output"},
    **{key: f"--{key}" for key in ("data", "method", "section", "only", "thirds")},
}
PRINTED_MEASURES = (
    *("dice", "mcd_mm", "hd95_mm", "abs_j_minus_1", "area_change_error"),
    *("cavity_dice", "ejected_error", "ecc_labels_error_points", "ecc_bias_points"),
    *("epe_mm", "ecc_error_points", "err_error_points", "seconds"),
)


def evaluate(
    data: Path,
    method: str,
    *,
    section: str | None = None,
    label_coding: str = "auto",
    only: Sequence[str] = (),
    thirds: bool = False,
    fields: Path | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Track and score every study of a folder.

    Args:
        data: folder of studies, see docs/data.md of the bundle.
        method: see :func:`tools.evaluate.methods.make_tracker`.
        section: section of the folder's ``datalist.json``; all studies where None.
        label_coding: see :func:`~myomotion.io.cine.read_cine`.
        only: names of the studies to take; all where empty.
        thirds: of each study, score the slices at 25, 50 and 75 % of the labelled ones alone.
        fields: folder for the fields, one ``.npz`` a study (``displacement`` in millimetres).
        changes: keys of the bundle's ``inference.yaml`` with other values.

    Returns:
        ``method``, ``n``, ``mean``, ``std``, ``levels`` and ``groups`` (the same for each level and
        disease group), ``slices``, and ``skipped`` with reasons.

    Raises:
        InputError: if no study at all can be scored, or one that is named is not there.

    Examples:
        >>> result = evaluate(Path("/my/cines"), "refined", refine_steps=80)
        >>> result["n"], result["mean"]["dice"]
        (18, 0.87)
    """
    studies = _chosen(data, section, only)
    if fields is not None:
        for study in studies:
            refuse_unsafe(fields / f"{study['name']}.npz", [study["image"]])
    if method in OUR_METHODS:
        changes = {"label_coding": label_coding, "label_ed": "file", **changes}
    tracker = make_tracker(method, **changes)
    size, spacing = tracker.grid
    load = tracker.load or LoadCine(size, spacing, label_coding)
    rows: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    for study in studies:
        name = str(study["name"])
        try:
            item = load(dict(study))
            if item["es_index"] < 0:
                raise InputError(f"{study['image']}: es_frame is unknown; give it in info.json.")
            if item["slices"].cine.label_ed is None:
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
    if thirds:
        rows = at_levels(rows)
    return {
        "method": method,
        **statistics_of(rows),
        "levels": statistics_by(rows, "level"),
        "groups": statistics_by(rows, "group"),
        "slices": rows,
        "skipped": skipped,
    }


def _chosen(data: Path, section: str | None, only: Sequence[str]) -> list[dict[str, object]]:
    """Studies of a folder, or those of them that are named."""
    studies = studies_of(data, section)
    check_names(only, {str(study["name"]) for study in studies}, data)
    return [study for study in studies if not only or study["name"] in only]


def fields_folder(output: Path) -> Path:
    """Folder of the fields beside a report.

    Args:
        output: file of the report.
    """
    return output.with_suffix("") if output.suffix else output.with_name(f"{output.name}_fields")


def save_field(path: Path, displacement: torch.Tensor) -> None:
    """Write ``displacement`` ``(Z, 2, H, W)`` in millimetres as ``.npz``, atomically."""
    claim(path)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, displacement=displacement.cpu().numpy().astype(np.float32))
    write_bytes(path, buffer.getvalue())


def table_line(result: dict[str, Any]) -> str:
    """The means and standard deviations worth a look, in one line."""
    parts = [
        f"{name} {result['mean'][name]:.3f} ± {result['std'][name]:.3f}"
        for name in PRINTED_MEASURES
        if name in result["mean"]
    ]
    return f"{result['method']:<9} n={result['n']}  " + "  ".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.evaluate", __doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of studies")
    parser.add_argument("--method", choices=(*method_names(), SEGMENTATION), required=True)
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--section", help="section of the folder's datalist.json")
    parser.add_argument("--label-coding", default="auto")
    parser.add_argument(
        "--thirds", action="store_true", help="slices at 25, 50 and 75 %% of the labelled ones"
    )
    parser.add_argument("--only", nargs="*", default=(), help="names of the studies to take")
    add_overrides(parser, "refine_steps=80", OPTIONS)
    options = parser.parse_args(arguments)
    # The settings of a method are checked by what they configure, with ValueErrors of its own.
    return run_command(lambda: _evaluate(options), ValueError)


def _evaluate(options: argparse.Namespace) -> None:
    claim(options.output, signed=True)
    changes = dict(options.changes)
    if options.method == SEGMENTATION:
        if options.thirds:
            raise SettingError("--thirds: does nothing with the method segmentation. Leave it out.")
        if unknown := set(changes) - {"weights"}:
            raise SettingError(f"segmentation has no setting {min(unknown)!r}; it has: weights.")
        chosen = _chosen(options.data, options.section, options.only)
        result = evaluate_contours(chosen, label_coding=options.label_coding, **changes)
        write_report(options.output, result)
        print("\n".join(lines(result)))
        return
    result = evaluate(
        options.data,
        options.method,
        section=options.section,
        label_coding=options.label_coding,
        only=options.only,
        thirds=options.thirds,
        fields=fields_folder(options.output),
        **changes,
    )
    write_report(options.output, result)
    print("end-systole to end-diastole, mean ± standard deviation over slices")
    print(table_line(result))
    for name in ("levels", "groups"):
        for part, values in result[name].items():
            print("  " + table_line({"method": part, **values}))


if __name__ == "__main__":
    sys.exit(main())
