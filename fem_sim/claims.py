"""Claims: what was measured, what was promised, and whether it holds; and how they are run."""

from __future__ import annotations

import argparse
import logging
import math
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from myomotion.files import outputs, tables

LOG = logging.getLogger(__name__)
VERDICTS = {True: "PASS", False: "FAIL", None: "NOT RUN"}
PACKAGES = ("torch", "monai", "numpy", "scipy", "sfepy", "felupe", "SimpleITK")  # in every report


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One measured statement.

    Attributes:
        claim: what is stated.
        value: what was measured; None if nothing was.
        unit: of the value; empty for a pure number.
        threshold: the relation that must hold, such as ``< 0.005``.
        passed: whether it holds; None if it was not run.
        note: how it was measured, or why it was not.
    """

    claim: str
    value: float | None
    unit: str
    threshold: str
    passed: bool | None
    note: str = ""

    def line(self) -> str:
        """The claim as one line of text."""
        verdict = VERDICTS[self.passed]
        value = "-" if self.value is None else f"{self.value:.3g} {self.unit}".strip()
        text = f"{verdict:<7}  {self.claim:<62}  {value:>14}  {self.threshold:<9}"
        return f"{text}  {self.note}".rstrip() if self.passed is not True else text.rstrip()


def below(claim: str, value: float, limit: float, unit: str = "", note: str = "") -> Claim:
    """A claim that the value is smaller than the limit; a value that is no number fails."""
    return _judged(claim, value, f"< {limit:g}", value < limit, unit, note)


def at_most(claim: str, value: float, limit: float, unit: str = "", note: str = "") -> Claim:
    """A claim that the value does not exceed the limit; a value that is no number fails."""
    return _judged(claim, value, f"<= {limit:g}", value <= limit, unit, note)


def at_least(claim: str, value: float, limit: float, unit: str = "", note: str = "") -> Claim:
    """A claim that the value reaches the limit; a value that is no number fails."""
    return _judged(claim, value, f">= {limit:g}", value >= limit, unit, note)


def not_run(claim: str, threshold: str, reason: str) -> Claim:
    """A claim that was not measured, and why."""
    return Claim(claim=claim, value=None, unit="", threshold=threshold, passed=None, note=reason)


def broken(claim: str, error: BaseException) -> Claim:
    """A claim whose measurement ended in an error: it fails."""
    note = f"the measurement ended with {type(error).__name__}: {error}"
    return Claim(claim=claim, value=None, unit="", threshold="runs", passed=False, note=note)


# A group of claims is a name and what measures them, one after the other.
Groups = Mapping[str, Callable[[], Iterable[Claim]]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that every verification has: ``--output`` and ``--only``."""
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE.json", help="report to write"
    )
    add_only(parser)


def add_only(parser: argparse.ArgumentParser) -> None:
    """Declare ``--only``."""
    parser.add_argument(
        "--only",
        nargs="+",
        default=(),
        metavar="GROUP",
        help="groups of claims to measure, such as cost; all by default",
    )


def run(
    groups: Groups,
    output: Path,
    *,
    only: Sequence[str] = (),
    seed: int | None = None,
    further: Mapping[str, Any] | None = None,
) -> int:
    """Measure groups of claims, print one line a claim as it is measured, write the report.

    The report is written after every claim, so that a run that is stopped leaves what it has
    measured; until all of it has been, ``unfinished`` in it says so.

    Args:
        groups: in their order; one that ends in an error is a failed claim.
        output: JSON file to write.
        only: names of the groups to measure; empty for all.
        seed: of everything drawn; None where nothing is.
        further: entries of the report beside claims and circumstances, which they replace where
            the names are the same; may be filled while the groups are measured.

    Returns:
        Exit status: 1 if a claim fails.

    Raises:
        ValueError: for a name in ``only`` that is no group.
        OutputError: if the report cannot be written; known before anything is measured.
    """
    chosen = selected(groups, only)
    outputs.claim(output, signed=True)
    load = os.getloadavg()[0]
    about = circumstances(seed, load)
    found = []
    for claim in measure({name: groups[name] for name in chosen}):
        print(claim.line(), flush=True)
        found.append(claim)
        write_claims(output, found, {"unfinished": True, **about, **(further or {})})
    write_claims(output, found, {**about, **(further or {})})
    print(f"{tally(found)}; {output}")
    return exit_status(found)


def selected(names: Iterable[str], only: Sequence[str]) -> list[str]:
    """The names in ``only``, in the order of ``names``; all of them where ``only`` is empty.

    Args:
        names: of all groups.
        only: what the user has asked for.

    Raises:
        ValueError: for a name that is no group.
    """
    known = list(names)
    unknown = sorted(set(only).difference(known))
    if unknown:
        raise ValueError(f"--only {', '.join(unknown)}: no such group. Use {', '.join(known)}.")
    return [name for name in known if not only or name in only]


def measure(groups: Groups) -> Iterator[Claim]:
    """Claims of groups; a group that ends in an error becomes a failed claim.

    Args:
        groups: in their order.
    """
    for name, group in groups.items():
        try:
            yield from group()
        except Exception as error:
            # One broken measurement must not hide the others; it counts as a failure.
            LOG.exception("%s: the measurement ended in an error", name)
            yield broken(name, error)


def tally(claims: Sequence[Claim]) -> str:
    """How many claims passed, failed and were not run."""
    counts = {verdict: sum(c.passed is p for c in claims) for p, verdict in VERDICTS.items()}
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


def exit_status(claims: Sequence[Claim]) -> int:
    """1 if a claim failed, else 0; claims that were not run do not fail."""
    return int(any(claim.passed is False for claim in claims))


def write_claims(path: Path, claims: Sequence[Claim], further: Mapping[str, Any]) -> None:
    """Write claims and the circumstances of their measurement as JSON, atomically.

    Args:
        path: file to write.
        claims: in the order of the table.
        further: entries beside the claims, JSON-ready.

    Raises:
        OutputError: if the file cannot be written.
    """
    tables.write_report(path, {"claims": [asdict(claim) for claim in claims], **further})


def circumstances(seed: int | None, load: float) -> dict[str, Any]:
    """Machine, versions and seed of a report.

    Args:
        seed: of everything drawn, or None.
        load: load average of the machine before the measurements.
    """
    return {
        "machine": {
            "cpu": _cpu_model(),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "load_before": round(load, 2),
            "load_after": [round(value, 2) for value in os.getloadavg()],
        },
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in PACKAGES},
        "seed": seed,
    }


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _judged(claim: str, value: float, threshold: str, passed: bool, unit: str, note: str) -> Claim:
    value = float(value)
    if not math.isfinite(value):
        note = f"the value is {value}. {note}".rstrip()
    return Claim(
        claim=claim,
        value=value if math.isfinite(value) else None,
        unit=unit,
        threshold=threshold,
        passed=bool(passed) and math.isfinite(value),
        note=note,
    )
