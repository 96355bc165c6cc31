"""Compare two visits of one person: differences, and which of them are beyond error, on one page.

python -m tools.compare_visits RESULT_A RESULT_B --output FILE.html

RESULT_A is the folder of results of the first visit, RESULT_B that of the second. A difference is
beyond error where it exceeds 1.96 standard deviations of the differences between two examinations
of an unchanged heart: by the intervals of the two results, else by published figures of other
methods, unless --repeat gives your own.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from fem_sim.command_line import make_parser, run_command
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import Inputs, claim, refuse_unsafe
from tools.compare_visits.change import REPEAT, read_repeat, read_visit
from tools.compare_visits.page import visits_page


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = make_parser("tools.compare_visits", __doc__)
    parser.add_argument("first", type=Path, metavar="RESULT_A", help="results of the first visit")
    parser.add_argument("second", type=Path, metavar="RESULT_B", help="results of the second")
    parser.add_argument("--output", type=Path, required=True, help="page to write, .html")
    parser.add_argument("--repeat", type=Path, default=REPEAT, help="errors of repeats, YAML")
    options = parser.parse_args(arguments)
    return run_command(lambda: _compare(options))


def _compare(options: argparse.Namespace) -> None:
    inputs = Inputs([options.first, options.second, options.repeat])
    refuse_unsafe(options.output, inputs)
    first, second = (read_visit(folder) for folder in (options.first, options.second))
    page = visits_page(first, second, read_repeat(options.repeat), options.repeat == REPEAT)
    claim(options.output, inputs)
    write_bytes(options.output, page.encode())


if __name__ == "__main__":
    raise SystemExit(main())
