"""Claims about the simulator; the code is that of the bundles in the same clone."""

from __future__ import annotations

from myomotion.claims import (
    Claim,
    at_least,
    at_most,
    below,
    broken,
    exit_status,
    not_run,
    summary,
    write_report,
)

__all__ = [
    "Claim",
    "at_least",
    "at_most",
    "below",
    "broken",
    "exit_status",
    "not_run",
    "summary",
    "write_report",
]
