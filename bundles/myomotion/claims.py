"""Claims: what was measured, what was promised, and whether it holds."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from myomotion.files import write_bytes

VERDICTS = {True: "PASS", False: "FAIL", None: "NOT RUN"}


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


def summary(claims: Sequence[Claim]) -> str:
    """How many claims passed, failed and were not run."""
    counts = {verdict: sum(c.passed is p for c in claims) for p, verdict in VERDICTS.items()}
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


def exit_status(claims: Sequence[Claim]) -> int:
    """1 if a claim failed, else 0; claims that were not run do not fail."""
    return int(any(claim.passed is False for claim in claims))


def write_report(path: Path, claims: Sequence[Claim], circumstances: dict[str, Any]) -> None:
    """Write claims and the circumstances of their measurement as JSON, atomically.

    Args:
        path: file to write.
        claims: in the order of the table.
        circumstances: JSON-ready; machine, versions, seed.

    Raises:
        OSError: if the file cannot be written.
    """
    content = {"claims": [asdict(claim) for claim in claims], **circumstances}
    write_bytes(path, (json.dumps(content, indent=1) + "\n").encode())


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
