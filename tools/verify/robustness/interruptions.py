"""The group of claims about inference that is interrupted, crowded, out of room or not let in."""

from __future__ import annotations

from functools import cache

from fem_sim.claims import Groups
from tools.verify.robustness.given import Given
from tools.verify.robustness.kills import Undisturbed, kill_claims, two_runs_claims, undisturbed
from tools.verify.robustness.places import full_disk_claims, read_only_claims


def interruption_groups(given: Given) -> Groups:
    """Claims by name; the run that they are compared with is made once.

    Args:
        given: place and seed.
    """
    work = given.work / "interruptions"

    @cache
    def alone() -> Undisturbed:
        return undisturbed(work)

    return {
        "kills": lambda: kill_claims(alone(), work / "kills", given.seed),
        "two runs at once": lambda: two_runs_claims(alone(), work / "two runs"),
        "full disk": lambda: full_disk_claims(alone(), work / "full disk"),
        "read-only places": lambda: read_only_claims(alone(), work / "read-only"),
    }
