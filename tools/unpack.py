"""Check a downloaded bundle against its published sum and unpack it. Needs Python alone.

python tools/unpack.py NAME_vX.Y.Z.zip --sums SHA256SUMS --output DIR
"""

from __future__ import annotations

import argparse
import hashlib
import stat
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

LARGEST_SIZE = 1_000_000_000  # bytes, unpacked


class UnsafeZip(ValueError):
    """A zip that must not be unpacked; the message says why."""


def verify_zip(path: str | Path, sums: str | Path) -> str:
    """Check a bundle's zip without unpacking it.

    Args:
        path: ``NAME_vX.Y.Z.zip``.
        sums: ``SHA256SUMS`` as published with it.

    Returns:
        ``NAME``, the one folder in it.

    Raises:
        UnsafeZip: if the sum is missing or differs, the file is no zip, or an entry is a link, is
            no regular file, leaves the folder ``NAME``, comes twice or is too large.
        OSError: if a file cannot be read.
    """
    path = Path(path)
    expected = read_sums(sums).get(path.name)
    if expected is None:
        raise UnsafeZip(f"{path}: {sums} has no sum of {path.name}. Get both from one place.")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected:
        raise UnsafeZip(f"{path}: SHA-256 is {found}, should be {expected}. Download it again.")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise UnsafeZip(f"{path}: not a zip file ({error}).") from error
    name = path.name.split("_v")[0] if "_v" in path.name else path.stem
    problems = [text for entry in entries if (text := _problem(entry, name))]
    if problems:
        raise UnsafeZip(f"{path}: {'; '.join(problems[:3])}. Do not unpack it.")
    if len({entry.filename.lower() for entry in entries}) < len(entries):
        raise UnsafeZip(f"{path}: an entry comes twice. Do not unpack it.")
    size = sum(entry.file_size for entry in entries)
    if size > LARGEST_SIZE:
        raise UnsafeZip(f"{path}: {size} bytes when unpacked, more than {LARGEST_SIZE}.")
    return name


def unpack(path: str | Path, sums: str | Path, folder: str | Path) -> Path:
    """Verify a zip, then unpack it.

    Args:
        path: see :func:`verify_zip`.
        sums: see :func:`verify_zip`.
        folder: where the folder ``NAME`` shall lie; made if missing.

    Returns:
        The unpacked bundle.

    Raises:
        UnsafeZip: see :func:`verify_zip`; nothing is written then.
        FileExistsError: if ``NAME`` is there already.
    """
    name = verify_zip(path, sums)
    target = Path(folder) / name
    if target.exists() or target.is_symlink():
        raise FileExistsError(f"{target} exists. Remove it or choose another folder.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as partial:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(partial)
        (Path(partial) / name).rename(target)
    return target


def read_sums(path: str | Path) -> dict[str, str]:
    """Read lines of ``sha256sum``: a sum, two spaces, a file name."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    pairs = [line.split(maxsplit=1) for line in lines if line.strip()]
    return {pair[1].lstrip("*"): pair[0].lower() for pair in pairs if len(pair) == 2}


def _problem(entry: zipfile.ZipInfo, name: str) -> str | None:
    # orig_filename is what the file says; filename has been cut and had its separators changed.
    raw = entry.orig_filename
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return f"{raw!r} is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"{raw!r} is no regular file"
    if raw.startswith("/") or ":" in raw:
        return f"{raw!r} is an absolute path"
    if ".." in raw.replace("\\", "/").split("/"):
        return f"{raw!r} leads out of the folder"
    if "\\" in raw or "\0" in raw or PurePosixPath(raw).parts[:1] != (name,):
        return f"{raw!r} is not inside {name}/"
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("zip", type=Path, nargs="+", help="downloaded bundles")
    parser.add_argument("--sums", type=Path, required=True, help="SHA256SUMS, published with them")
    parser.add_argument("--output", type=Path, default=Path(), help="folder to unpack into")
    options = parser.parse_args(arguments)
    try:
        for path in options.zip:
            print(unpack(path, options.sums, options.output))
    except (UnsafeZip, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
