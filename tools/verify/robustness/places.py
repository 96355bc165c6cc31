"""Claims about disks that are full and places that are read-only, as real mounts of a process."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from fem_sim.claims import Claim, at_most, not_run
from myomotion.files.outputs import MARKER
from tools.bundle import BUNDLES
from tools.verify.robustness.kills import Undisturbed, differing_sums
from tools.verify.robustness.processes import contents, damage, differing, end, start
from tools.verify.robustness.world import STUDIES

# A process with mounts of its own, of which nobody else sees anything; needs no privileges where
# the kernel lets users have namespaces.
OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
NO_MOUNTS = "this machine lets no user mount anything (unshare --user --mount)"
SHARES = (0.02, 0.4, 0.8)  # of the room that the result needs
LARGEST_FILE = 0.5  # of the largest file of a result, as a limit of the process
PLENTY = "64m"
FULL = "full disk: faults over {} disks and a limit of file size"
READ_ONLY = "read-only places: faults over output, studies and bundles"
DISK_WORDS = re.compile("No space left on device|File too large")


def full_disk_claims(
    alone: Undisturbed, work: Path, shares: Sequence[float] = SHARES
) -> Iterator[Claim]:
    """A disk that fills up while a study is written costs nothing that is finished.

    One study is finished before; the other one does not fit. Then there is room, and the same
    command goes on.

    Args:
        alone: a run that nobody disturbs.
        work: folder to work in.
        shares: of the room that the second study needs, one a disk.
    """
    if not can_mount():
        yield not_run(FULL.format(len(shares)), "<= 0", NO_MOUNTS)
        return
    found = [fault for share in shares for fault in _full_disk(alone, work / f"{share}", share)]
    found += _limited_files(alone, work / "limited")
    found += differing_sums(alone)
    yield at_most(FULL.format(len(shares)), len(found), 0, "", "; ".join(found[:6]))


def read_only_claims(alone: Undisturbed, work: Path) -> Iterator[Claim]:
    """An output that cannot be written is refused; studies and bundles need not be written to.

    Args:
        alone: a run that nobody disturbs.
        work: folder to work in.
    """
    if not can_mount():
        yield not_run(READ_ONLY, "<= 0", NO_MOUNTS)
        return
    output = work / "output"
    shutil.copytree(alone.results, output)
    status, said = end(start(alone.data, output, overwrite=True, before=_read_only(output)))
    found = [] if status else ["output: was not refused"]
    found += _unclear("output", said, str(output))
    found += [f"output: {name}" for name in differing(contents(output), alone.wanted)]
    for title, place in (("studies", alone.data), ("bundles", BUNDLES)):
        output = work / title
        status, said = end(start(alone.data, output, before=_read_only(place)))
        found += [f"{title}: status {status}: {said.strip()[-120:]}"] if status else []
        found += [f"{title}: {name}" for name in differing(contents(output), alone.wanted)[:3]]
    found += differing_sums(alone)
    yield at_most(READ_ONLY, len(found), 0, "", "; ".join(found[:6]))


def can_mount() -> bool:
    """Whether a process may have mounts of its own here."""
    command = [*OWN_MOUNTS, "mount -t tmpfs tmpfs /mnt"]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def _full_disk(alone: Undisturbed, work: Path, share: float) -> list[str]:
    """Faults after a run onto a disk with room for a share of the second study, and after another.

    Args:
        alone: a run that nobody disturbs.
        work: folder to make.
        share: of the room that the second study's result needs.
    """
    disk, begun = work / "disk", work / "begun"
    full, after = work / "full", work / "after"
    for folder in (disk, full, after):
        folder.mkdir(parents=True)
    shutil.copytree(alone.results / STUDIES[0], begun / STUDIES[0])
    room = _room(begun) + share * _room(alone.results / STUDIES[1])
    at = {p.name: shlex.quote(str(p)) for p in (disk, begun, full, after)}
    script = (
        f"mount -t tmpfs -o size={int(room)} tmpfs {at['disk']} && cp -a {at['begun']}/. "
        f'{at["disk"]} && {{ "$@"; cp -a {at["disk"]}/. {at["full"]}; echo END OF THE FIRST; '
        f'mount -o remount,size={PLENTY} {at["disk"]} && "$@"; status=$?; '
        f"cp -a {at['disk']}/. {at['after']}; exit $status; }}"
    )
    status, said = end(start(alone.data, disk, before=(*OWN_MOUNTS, script, "sh")))
    first = said.split("END OF THE FIRST")[0]
    about = f"room for {share:.0%}"
    found = [] if DISK_WORDS.search(first) else [f"{about}: nothing said: {first.strip()[-120:]}"]
    found += _unclear(about, first, str(disk))
    found += [f"{about}: {reason}" for reason in damage(full, alone.wanted)]
    found += _finished_study_differs(about, full, alone)
    if status:
        found.append(f"{about}: with room again status {status}: {said.strip()[-120:]}")
    # The marker still lists failed.json, which was there in between.
    names = [name for name in differing(contents(after), alone.wanted) if name != MARKER]
    return found + [f"{about}, room again: {name}" for name in names[:3]]


def _limited_files(alone: Undisturbed, output: Path) -> list[str]:
    """The same with files that may not grow, which any user may ask for."""
    shutil.copytree(alone.results / STUDIES[0], output / STUDIES[0])
    largest = max(p.stat().st_size for p in (alone.results / STUDIES[1]).rglob("*") if p.is_file())
    blocks = max(1, int(largest * LARGEST_FILE) // 512)  # of dash; bash counts in 1024 bytes
    limit = ("sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh")
    _, said = end(start(alone.data, output, before=limit))
    about = "limit of file size"
    found = [] if DISK_WORDS.search(said) else [f"{about}: nothing said: {said.strip()[-120:]}"]
    found += _unclear(about, said, str(output))
    found += [f"{about}: {reason}" for reason in damage(output, alone.wanted)]
    return found + _finished_study_differs(about, output, alone)


def _finished_study_differs(about: str, output: Path, alone: Undisturbed) -> list[str]:
    own = f"{STUDIES[0]}/"
    wanted = {name: content for name, content in alone.wanted.items() if name.startswith(own)}
    found = {n: content for n, content in contents(output).items() if n.startswith(own)}
    return [f"{about}: finished {name} differs" for name in differing(found, wanted)[:3]]


def _unclear(about: str, said: str, place: str) -> list[str]:
    found = [f"{about}: a traceback"] if "Traceback" in said else []
    return found if place in said else [*found, f"{about}: the place is not named"]


def _read_only(place: Path) -> Sequence[str]:
    at = shlex.quote(str(place.resolve()))
    script = f'mount --bind {at} {at} && mount -o remount,bind,ro {at} && exec "$@"'
    return (*OWN_MOUNTS, script, "sh")


def _room(folder: Path) -> int:
    """Bytes that a folder takes on a disk of pages of 4 KiB."""
    return sum(4096 * (1 + p.stat().st_size // 4096) for p in folder.rglob("*"))
