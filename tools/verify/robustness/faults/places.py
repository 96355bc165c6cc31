"""Results where inputs or others' files lie (kind K1): arrangements, and what killed runs leave."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from myomotion.files.atomic import clear_leftovers, hidden_name
from tools.verify.robustness import outputs
from tools.verify.robustness.world import make_world

# Rows of the list of faults, and the arrangements that stand for them.
ROWS = {
    "results into the folder of studies": (
        "results into the folder of studies",
        "several at a time into the folder of studies",
    ),
    "results of a study into its parent": ("results of a study into its parent",),
    "results of a DICOM study beside it": (
        "results of a DICOM study into its parent",
        "results into the DICOM folder",
    ),
    "an unrelated folder of the study's name": ("unrelated folder of the study's name",),
    "an animated cine in the place of its study": (
        "animated cine in the place of its study",
        "animated cines in the place of their studies",
    ),
    "meshes in the place of their study": ("meshes in the place of their study",),
    "names with dots": ("names with dots",),
    "sa.nii.gz of several patients": ("two files of one name",),
    "training again into the same folder": ("weights of a finished training",),
    "#, numbers and links in a path": (
        "a name with # and spaces",
        "names that are numbers",
        "a link to a DICOM folder",
    ),
}


def place_faults(work: Path) -> Iterator[tuple[str, list[str]]]:
    """Every row with what is wrong.

    Args:
        work: folder to work in.

    Yields:
        Name of the row, and sentences; none if all is right.
    """
    world = work / "world"
    make_world(world)
    named = {arrangement.name: arrangement for arrangement in outputs.ARRANGEMENTS}
    number = 0
    for row, names in ROWS.items():
        found = []
        for name in names:
            number += 1
            found += outputs.faults(named[name], world, work / f"{number:02d}")
        yield row, found
    yield "leftovers of dead and of living processes", leftover_faults(work / "leftovers")


def leftover_faults(folder: Path) -> list[str]:
    """Only what processes that are gone left behind is cleared away.

    Args:
        folder: to make.

    Returns:
        What is wrong.
    """
    folder.mkdir()
    own = hidden_name(folder / "anna")
    # The parent runs as long as this process does; this one's own number counts as gone.
    running = own.with_name(re.sub(r"-\d+-", f"-{os.getppid()}-", own.name, count=1))
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    )
    dead = own.with_name(re.sub(r"-\d+-", f"-{ended.stdout.strip()}-", own.name, count=1))
    for path in (running, dead):
        path.mkdir()
    clear_leftovers(folder / "anna")
    faults = [] if running.is_dir() else ["the unfinished folder of a running process is gone"]
    return faults + (["that of a dead process is still there"] if dead.exists() else [])
