"""Claims about places of results: nothing of anybody else is ever replaced or removed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from fem_sim.claims import Claim, at_most
from tools.verify.robustness.arrangement import Arrangement
from tools.verify.robustness.of_bundles import INFERENCE, TRAINING
from tools.verify.robustness.of_commands import SIMULATOR, TOOLS
from tools.verify.robustness.world import heard, make_world, sums

ARRANGEMENTS = (*INFERENCE, *TRAINING, *SIMULATOR, *TOOLS)


def output_claims(
    work: Path, arrangements: Sequence[Arrangement] = ARRANGEMENTS
) -> Iterator[Claim]:
    """Every arrangement is refused or done rightly, and what was there is there after.

    Args:
        work: folder to work in.
        arrangements: what is tried.
    """
    make_world(work / "world")
    wrong = [
        f"{arrangement.name}: {fault}"
        for number, arrangement in enumerate(arrangements)
        for fault in faults(arrangement, work / "world", work / f"{number:03d}")
    ]
    claim = f"inputs and foreign files unchanged over {len(arrangements)} arrangements: faults"
    yield at_most(claim, len(wrong), 0, "", "; ".join(wrong[:6]))


def faults(arrangement: Arrangement, world: Path, copy: Path) -> list[str]:
    """What is wrong after a command in an arrangement.

    Args:
        arrangement: what is tried.
        world: from :func:`~tools.verify.robustness.world.make_world`; stays as it is.
        copy: folder to make, in which the command works.

    Returns:
        Sentences; none if all is right.
    """
    shutil.copytree(world, copy, symlinks=True)
    arrangement.arrange(copy)
    before = sums(copy)
    with heard() as said:
        status = arrangement.act(copy)
    after = sums(copy)
    found = [
        f"{name} is {'changed' if name in after else 'gone'}"
        for name, value in before.items()
        if after.get(name) != value and not name.startswith(arrangement.replaced or "\0")
    ]
    found += [f"{name} was not made" for name in arrangement.makes if name not in after]
    if not arrangement.makes:
        if status == 0:
            found.append("was not refused")
        if "Traceback" in said.getvalue():
            found.append("ended with a traceback")
        made = [name for name in after.keys() - before.keys() if Path(name).name != "failed.json"]
        if made:
            found.append(f"made {sorted(made)[0]} although it was refused")
    elif status:
        found.append(f"ended with status {status}")
    return found
