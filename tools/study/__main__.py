"""Compare tracking methods: tables, statistics and figures on real and virtual cines.

python -m tools.study [--config tools/study/study.yaml] [--data [NAME=]DIR ...] --output DIR

Networks that the configuration says how to train, and virtual cines, are made on first use.
Interrupted, the same command goes on where it was; what depends on changed code, weights, settings
or data is computed again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fem_sim import claims
from fem_sim.command_line import add_workers, make_parser, run_command
from myomotion.errors import InputError
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import REPORT, claim, refuse_unsafe
from myomotion.files.tables import write_report, write_table
from tools.evaluate.scores import MEASURES
from tools.study.claims import TIME_GROUP, lead_group
from tools.study.compare import Findings, run_study
from tools.study.config import StudyConfig, read_config
from tools.study.figures import rendered
from tools.study.page import study_page
from tools.study.provenance import circumstances
from tools.study.regions import AREA_RATIO, REGIONS
from tools.study.sources import DataSet, named_folders, real_set, virtual_set

SLICE_COLUMNS = (
    *("data", "method", "study", "slice", "level"),
    *(measure for measure in MEASURES if measure != "seconds"),  # of this machine
    *(*REGIONS, AREA_RATIO),
)


def data_sets(
    config: StudyConfig, folders: Mapping[str, Sequence[Path]], virtual: Path | None, output: Path
) -> list[DataSet]:
    """The data sets of a study.

    Args:
        config: names the cases on which networks may be trained, and the virtual cohort.
        folders: real data sets by name.
        virtual: folder of virtual cines; None for the built-in ones.
        output: of the study.

    Returns:
        Real ones first.

    Raises:
        InputError: if a folder holds no study that can be scored, or there is no data set at all.
    """
    trained = config.selection.get("patients", ())
    made = output / "cache" / "training"
    sets = [real_set(n, places, trained, made, config.cines) for n, places in folders.items()]
    if virtual is not None or config.virtual:
        sets.append(virtual_set(config.virtual, virtual, config.cines, made))
    if not sets:
        raise InputError("no data set. Give --data, --virtual or 'virtual' in the configuration.")
    return sets


def write_findings(output: Path, found: Findings, provenance: Mapping[str, Any]) -> None:
    """Write what a study has found.

    Args:
        output: receives ``results.md``, ``index.html``, ``slices.csv``, ``tables/*.csv``,
            figures as PNG and PDF, films as GIF, and ``provenance.json``.
        found: the findings.
        provenance: from :func:`~tools.study.provenance.circumstances`.

    Raises:
        OutputError: for a folder that cannot be written, or a file of somebody else's in it.
    """

    def write(name: str, content: bytes) -> None:
        claim(output / name)
        write_bytes(output / name, content)

    pictures: dict[str, tuple[str, bytes]] = {}
    for name, (caption, figure) in found.figures.items():
        for kind, content in rendered(figure).items():
            write(f"{name}.{kind}", content)
            if kind == "png":
                pictures[f"{name}.png"] = (caption, content)
    for name, (caption, content) in found.films.items():
        pictures[f"{name}.gif"] = (caption, content)
        write(f"{name}.gif", content)
    lines = [claim.line() for claim in claims.measure(found.claims)]
    parts = [table.markdown() for table in found.tables]
    for heading, sentences in found.remarks.items():
        if sentences:
            parts.append("\n".join([f"### {heading}", "", *(f"- {s}" for s in sentences)]) + "\n")
    if lines:
        parts.append("\n".join(["### Claims", "", "```", *lines, "```"]) + "\n")
    parts += [f"![{caption}]({name})\n" for name, (caption, _) in pictures.items()]
    write("results.md", "\n".join(parts).encode())
    for table in found.tables:
        stem = "".join(c if c.isalnum() else "-" for c in table.title.split(" (n =")[0])
        claim(output / "tables" / f"{stem}.csv")
        write_table(output / "tables" / f"{stem}.csv", table.header, table.plain_rows())
    claim(output / "slices.csv")
    write_table(output / "slices.csv", SLICE_COLUMNS, _slice_rows(found))
    page = study_page(found.tables, found.remarks, lines, pictures, provenance)
    write("index.html", page.encode())
    claim(output / "provenance.json")
    write_report(output / "provenance.json", provenance)


def _slice_rows(found: Findings) -> Iterator[dict[str, Any]]:
    for data, results in found.scored.items():
        for method, rows in results.items():
            yield from ({"data": data, "method": method, **row} for row in rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.study", __doc__)
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("study.yaml"))
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="[NAME=]DIR",
        help="real studies with labels; may be given several times, the first is called 'real', "
        "and folders of one name are one data set",
    )
    parser.add_argument(
        "--virtual", type=Path, help="folder of virtual cines (default: the built-in ones)"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    add_workers(parser)
    claims.add_only(parser)
    parser.add_argument("--strict", action="store_true", help="exit with status 1 if a claim fails")
    options = parser.parse_args(arguments)
    return run_command(lambda: _compare(options), ValueError)


def _compare(options: argparse.Namespace) -> int:
    config = read_config(options.config)
    folders = named_folders(options.data)
    sets = data_sets(config, folders, options.virtual, options.output)
    groups = [*(lead_group(s.name) for s in sets), TIME_GROUP]
    claims.selected(groups, options.only)  # a wrong name is said before hours of work
    given = [folder for places in folders.values() for folder in places]
    for name in ("results.md", "index.html", "slices.csv", "provenance.json"):
        refuse_unsafe(options.output / name, given)
    report = options.output / "claims.json"
    refuse_unsafe(report, given, REPORT)
    found = run_study(config, sets, options.output, workers=options.workers)
    provenance = circumstances(config)
    write_findings(options.output, found, provenance)
    print(found.tables[0].markdown())
    tables = [vars(table) for table in found.tables]
    further = {**provenance, "tables": tables, "remarks": found.remarks}
    status = claims.run(found.claims, report, only=options.only, further=further)
    print(f"All results: {options.output / 'index.html'}")
    return status if options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
