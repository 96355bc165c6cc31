"""Tables of the documents and figures of the metadata, drawn from what verifications have written.

python -m tools.figures.records                                # write every table anew (make docs)
python -m tools.figures.records --check                        # name what differs; exit status 1
python -m tools.figures.records --take REPORT.json results/registration.json --bundle NAME

A table stands between ``<!-- table: KIND FILE -->`` and ``<!-- end of table -->`` in a page of a
bundle's ``docs``; FILE lies under that folder. ``eval_metrics`` in a bundle's ``metadata.json`` are
the accuracies of all its results.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fem_sim.command_line import make_parser, run_command
from myomotion.errors import InputError
from myomotion.files.atomic import write_bytes
from myomotion.files.tables import json_text, write_report
from tools.bundle import BUNDLES
from tools.study.tables import Table

RESULTS = "results"
TABLE = re.compile(r"<!-- table: (\w+) (\S+) -->\n(.*?)<!-- end of table -->", re.DOTALL)
METRICS = re.compile(r'(?m)^  "eval_metrics": \{.*?\}(?=,?$)', re.DOTALL)
LEFT_OUT = ("slices", "studies", "skipped", "levels")  # of a report: a row a slice
COSTS = ("s", "GB")
GROUPS = {"DCM": "dilated", "HCM": "hypertrophic", "NOR": "normal", "MINF": "infarcted"}
Report = Mapping[str, Any]


def claims_table(report: Report) -> list[str]:
    """One row a claim, with the notes where there are any; in bold what misses its threshold.

    Args:
        report: what :func:`fem_sim.claims.run` has written.
    """
    noted = any(claim["note"] for claim in report["claims"])
    rows = [
        "| claim | threshold | value |" + " note |" * noted,
        "| --- | --- | --- |" + " --- |" * noted,
    ]
    for claim in report["claims"]:
        lacking = "not run" if claim["passed"] is None else "no number"
        value = lacking if claim["value"] is None else f"{claim['value']:.3g} {claim['unit']}"
        text = value.strip() if claim["passed"] is not False else f"**{value.strip()}**"
        cells = [claim["claim"], claim["threshold"], text, *[claim["note"]] * noted]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return rows


def groups_table(report: Report) -> list[str]:
    """Dice, contour distance in mm and error of the ejected share by disease group and method.

    Args:
        report: of ``tools.verify registration`` with ``--groups``.
    """
    found = {
        name.removeprefix("groups, "): part
        for name, part in report["results"].items()
        if name.startswith("groups, ")
    }
    rows = [f"| group | {' | '.join(found)} |", "| --- |" + " --- |" * len(found)]
    first = next(iter(found.values()))
    for group, known in first["groups"].items():
        name = f"{GROUPS.get(group, 'not stated')} ({known['n']} slices)"
        parts = (_overlap(part["groups"][group]["mean"]) for part in found.values())
        rows.append(f"| {name} | {' | '.join(parts)} |")
    whole = (_overlap(part["mean"]) for part in found.values())
    return [*rows, f"| all ({first['n']} slices) | {' | '.join(whole)} |"]


def _overlap(mean: Mapping[str, float | None]) -> str:
    digits = {"dice": 3, "mcd_mm": 2, "ejected_error": 3}
    return ", ".join(_number(mean[name], count) for name, count in digits.items())


def _number(value: float | None, digits: int) -> str:
    return "no number" if value is None else f"{value:.{digits}f}"


def virtual_table(report: Report) -> list[str]:
    """Errors against the known motion of virtual cines, one row a method.

    Args:
        report: of ``tools.verify registration`` with ``--virtual``.
    """
    rows = [
        "| method | error in the wall, mm | GCS error, points | GRS error, points | Dice |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, part in report["results"].items():
        if name.startswith("virtual, "):
            digits = {"epe_mm": 2, "ecc_error_points": 2, "err_error_points": 1, "dice": 3}
            cells = [_number(part["mean"][key], count) for key, count in digits.items()]
            rows.append(f"| {' | '.join([name.removeprefix('virtual, '), *cells])} |")
    return rows


def circumstances_line(report: Report) -> list[str]:
    """The machine and the versions of a report, as a sentence.

    Args:
        report: what :func:`fem_sim.claims.run` has written.
    """
    machine, versions = report["machine"], report["versions"]
    return [
        f"*{machine['cpu']}, {machine['cores']} cores; Python {versions['python']}, "
        f"torch {versions['torch']}, monai {versions['monai']}.*"
    ]


def study_tables(report: Report) -> list[str]:
    """Every table of a comparison, what is said of them, and with what they were made.

    Args:
        report: ``claims.json`` of ``tools.study``.
    """
    lines = []
    for content in report["tables"]:
        rows = tuple(tuple(row) for row in content["rows"])
        table = Table(**{**content, "header": tuple(content["header"]), "rows": rows})
        lines += [*table.markdown().splitlines(), ""]
    for heading, sentences in report["remarks"].items():
        if sentences:
            lines += [f"### {heading}", "", *(f"- {sentence}" for sentence in sentences), ""]
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    return [*lines, f"*Commit {report['commit'][:12]}; {versions}.*"]


def acdc_table(report: Report) -> list[str]:
    """Rows beside published ones, and how they were made.

    Args:
        report: of ``tools.benchmark acdc``.
    """
    return [*report["table"].splitlines(), "", report["protocol"]]


KINDS: dict[str, Callable[[Report], list[str]]] = {
    "claims": claims_table,
    "groups": groups_table,
    "virtual": virtual_table,
    "circumstances": circumstances_line,
    "study": study_tables,
    "acdc": acdc_table,
}


def read_results(path: Path) -> Report:
    """A report of results.

    Args:
        path: of a JSON file.

    Raises:
        InputError: if it is not there or holds neither claims nor a table.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable ({error}). Keep a report with --take.") from None
    if not isinstance(report, dict) or not {"claims", "table"} & set(report):
        raise InputError(f"{path}: no claims in it. Give what a verification has written.")
    return report


def drawn_page(page: Path, docs: Path) -> str:
    """A page with its tables drawn anew.

    Args:
        page: Markdown file.
        docs: folder from which its tables name their reports.

    Raises:
        InputError: for a kind of table that does not exist, or a report that cannot be read.
    """

    def drawn(found: re.Match[str]) -> str:
        kind, name = found[1], found[2]
        if kind not in KINDS:
            raise InputError(f"{page}: table of kind {kind!r}. Use {', '.join(KINDS)}.")
        table = "\n".join(KINDS[kind](read_results(docs / name)))
        return f"<!-- table: {kind} {name} -->\n{table}\n<!-- end of table -->"

    return TABLE.sub(drawn, page.read_text(encoding="utf-8"))


def drawn_metadata(path: Path, docs: Path) -> str:
    """A bundle's metadata with the accuracies of its results; leads over peers are none.

    Args:
        path: ``metadata.json``.
        docs: folder of the bundle's pages, with ``results``.
    """
    metrics = {
        claim["claim"]: float(f"{claim['value']:.3g}")
        for report in sorted((docs / RESULTS).glob("*.json"))
        for claim in _own_claims(read_results(report))
        if claim["value"] is not None and claim["unit"] not in COSTS
    }
    block = json_text({"eval_metrics": metrics}, indent=2)[2:-2]
    return METRICS.sub(lambda _: block, path.read_text(encoding="utf-8"), count=1)


def _own_claims(report: Report) -> Sequence[Mapping[str, Any]]:
    return () if "tables" in report else report.get("claims", ())


def drawn_files(bundles: Path) -> Iterator[tuple[Path, str]]:
    """Every file that holds results, and what it should hold.

    Args:
        bundles: folder of the bundles.
    """
    for metadata in sorted(bundles.glob("*/configs/metadata.json")):
        docs = metadata.parents[1] / "docs"
        for page in sorted(docs.glob("*.md")):
            if TABLE.search(page.read_text(encoding="utf-8")):
                yield page, drawn_page(page, docs)
        if (docs / RESULTS).is_dir():
            yield metadata, drawn_metadata(metadata, docs)


def taken(report: Report) -> dict[str, Any]:
    """A report without its rows of single slices, small enough to keep.

    Args:
        report: what a verification has written.
    """

    def smaller(part: Any) -> Any:
        if isinstance(part, float):
            return float(f"{part:.5g}")
        if isinstance(part, list):
            return [smaller(value) for value in part]
        if not isinstance(part, dict):
            return part
        return {name: smaller(value) for name, value in part.items() if name not in LEFT_OUT}

    kept: dict[str, Any] = smaller(dict(report))
    return kept


def _run(options: argparse.Namespace) -> None:
    bundles: Path = options.bundles
    if options.take:
        source, name = options.take
        if not options.bundle:
            raise InputError("--take needs --bundle NAME: whose results they are.")
        report = read_results(Path(source))
        if report.get("unfinished"):
            raise InputError(f"{source}: a part, its run was stopped. Run it to the end.")
        write_report(bundles / options.bundle / "docs" / name, taken(report))
    differing = [
        (path, text)
        for path, text in drawn_files(bundles)
        if text != path.read_text(encoding="utf-8")
    ]
    for path, text in differing:
        if not options.check:
            write_bytes(path, text.encode())
        print(f"{path}: {'differs from its results' if options.check else 'written'}")
    if options.check and differing:
        raise InputError("tables differ from the results: run make docs.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.figures.records", __doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument(
        "--take", nargs=2, metavar=("REPORT.json", "NAME"), help="keep a report as docs/NAME"
    )
    parser.add_argument("--bundle", help="whose report it is")
    parser.add_argument("--bundles", type=Path, default=BUNDLES, help="folder of the bundles")
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(options))


if __name__ == "__main__":
    sys.exit(main())
