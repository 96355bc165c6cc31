"""What runs have found: results of a folder, a line or three of them, and what to open first."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from myomotion.analysis.provenance import read_summary
from myomotion.errors import OutputError
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import Inputs, claim, kind_of
from myomotion.files.tables import json_text

COHORT = "cohort.csv"
FAILED = "failed.json"


def first_page(output_dir: Path, names: Sequence[str]) -> Path:
    """What to open first of a run's results, relative to their folder.

    Args:
        output_dir: of the run.
        names: of the studies that are there.
    """
    pages = [f"{name}/report.html" for name in names]
    several = [COHORT] if len(names) > 1 else []
    found = [Path(page) for page in (*several, *pages) if (output_dir / page).is_file()]
    return found[0] if found else Path(names[0])


def found_lines(output_dir: Path, names: Sequence[str]) -> list[str]:
    """What a run has found, in a line or three.

    Args:
        output_dir: of the run.
        names: of the studies that are there.

    Returns:
        Of one study its light, ejection fraction and strain; of several how many have which light.
    """
    read = (read_summary(output_dir / name) or {} for name in names)
    summaries = [summary for summary in read if "light" in summary]  # contours alone have none
    if len(names) > 1:
        lights = Counter(str(summary["light"]) for summary in summaries)
        counted = ", ".join(f"{number} {light}" for light, number in lights.most_common())
        return [f"{len(names)} studies: {counted}"] if lights else []
    lines = []
    for summary in summaries:
        lines.append(f"{summary['name']}: light {summary['light']}")
        for prefix, about in (("", ""), ("seen_", " of the slices seen")):
            if (fraction := summary.get(f"{prefix}lv_ef_percent")) is not None:
                lines.append(f"ejection fraction{about} {fraction:.0f} %")
        means = summary.get("mean_of_slices_at_end_systole") or {}
        if (ecc := means.get("ecc_percent")) is not None:
            lines.append(f"circumferential strain at end-systole {ecc:.1f} %, mean of slices")
    return lines


def results_in(output_dir: Path, kind: str) -> dict[str, dict[str, Any]]:
    """Summaries of the results in a folder, whichever run they are from.

    Args:
        output_dir: holds a folder for each study.
        kind: of the folders of results.

    Returns:
        Content of ``summary.json`` by the name of the folder, sorted; that name is its ``name``.
    """
    inside = sorted(output_dir.iterdir()) if output_dir.is_dir() else []
    folders = [f for f in inside if not f.name.startswith(".") and kind_of(f) == kind]
    read = {folder.name: read_summary(folder) for folder in folders}
    return {name: {**found, "name": name} for name, found in read.items() if found is not None}


def no_longer_failed(output_dir: Path, name: str) -> None:
    """Take a study that has a result now out of ``failed.json``, and that away if it was the last.

    Args:
        output_dir: holds a folder for each study.
        name: of the study.
    """
    failures = failures_in(output_dir)
    if failures.pop(name, None) is not None:
        with suppress(OutputError):  # it is somebody else's
            list_failures(output_dir, failures)


def list_failures(
    output_dir: Path, failures: Mapping[str, str], inputs: Inputs | Iterable[object] = ()
) -> None:
    """Write ``failed.json``, or take it away where nothing has failed.

    Args:
        output_dir: holds a folder for each study.
        failures: name of a study to the reason.
        inputs: files and folders that are read.

    Raises:
        OutputError: if there is one that this program has not written.
    """
    path = output_dir / FAILED
    if failures:
        claim(path, inputs)
        write_bytes(path, (json_text(failures, indent=2) + "\n").encode())
    elif path.exists():
        claim(path, inputs)  # that of an earlier run, or it is refused
        path.unlink(missing_ok=True)  # a run beside this one may have been quicker


def failures_in(output_dir: Path) -> dict[str, str]:
    """What ``failed.json`` of a folder says.

    Args:
        output_dir: holds a folder for each study.

    Returns:
        Reasons by the names of studies; none where there is no such file that can be read.
    """
    try:
        content = json.loads((output_dir / FAILED).read_text())
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in content.items()} if isinstance(content, dict) else {}
