"""The numbers that a tracked cine is remembered by, and how two sets of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from myomotion.tracker import Result

Numbers = dict[str, Any]
COLUMNS = ("err_percent", "ecc_percent", "area_ratio", "mean_j", "abs_j_minus_1")
DIGITS = 2


def numbers_of(result: Result) -> Numbers:
    """What a reader of a result looks at.

    Args:
        result: a tracked study.

    Returns:
        Frame of end-systole, ejection fraction, volume of each frame as a share of the
        end-diastolic one, the light of each slice, strain (Green-Lagrange, percent, reference
        end-diastole), area and J of each slice and frame, and strain of the segments at
        end-systole, by name.
    """
    numbers: Numbers = {"end-systolic frame": result.motion.es_frame}
    numbers["seen_lv_ef_percent"] = result.summary["seen_lv_ef_percent"]
    for frame, ratio in enumerate(result.table("function")["lv_volume_ratio"]):
        numbers[f"frame {frame}, lv_volume_ratio"] = ratio
    for entry in result.summary["slices"]:
        numbers[f"{entry['level']}, light"] = entry["light"]
        numbers[f"{entry['level']}, ejection_area_fraction"] = entry["ejection_area_fraction"]
    for row in result.rows:
        if row["segment"] == 0:
            place = f"{row['level']}, frame {row['frame']}"
            numbers |= {f"{place}, {column}": row[column] for column in COLUMNS}
    for segment in result.summary["segments_at_end_systole"].values():
        for column in COLUMNS[:2]:
            numbers[f"{segment['name']}, {column}"] = segment[column]
    return numbers


def rounded(numbers: Mapping[str, Any]) -> Numbers:
    """Numbers as they are committed, with :data:`DIGITS` digits."""
    return {key: _rounded(value) for key, value in numbers.items()}


def differences(expected: Mapping[str, Any], found: Mapping[str, Any], drift: float) -> list[str]:
    """Numbers that differ by more than rounding.

    Args:
        expected: committed, from :func:`rounded`.
        found: numbers of now, from :func:`numbers_of`.
        drift: what passes for the same beside the rounding; of percentages a hundred times that.

    Returns:
        One line a number: its name, what was expected and what was found.
    """
    lines = []
    for key in [*expected, *(key for key in found if key not in expected)]:
        old, new = expected.get(key), found.get(key)
        change = ""
        if isinstance(old, float) and isinstance(new, float):
            allowed = 0.5 * 10**-DIGITS + drift * (100 if key.endswith("percent") else 1)
            if abs(new - old) <= allowed:
                continue
            change = f" ({new - old:+.{DIGITS + 1}f}, allowed {allowed:.{DIGITS + 1}f})"
        elif old == new:
            continue
        lines.append(f"{key}: expected {old}, found {_rounded(new)}{change}")
    return lines


def _rounded(value: Any) -> Any:
    return round(value, DIGITS) + 0.0 if isinstance(value, float) else value  # + 0.0: no minus zero
