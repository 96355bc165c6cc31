"""Ask the package index whether what a bundle pins can be installed. Nothing is installed.

python -m tools.package.requirements bundles/NAME/configs/metadata.json ... [--python 3.10 ...]

All packages are resolved together with all they need, into an environment that holds nothing, as
wheels alone. Of torch only the wheel is asked for: what it needs is gigabytes of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.command_line import make_parser, run_command

PYTHONS = ("3.10", "3.11", "3.12")
ON_TORCH = ("monai", "pytorch-ignite")  # would bring torch with all it needs


def pinned(path: Path) -> dict[str, str]:
    """Packages and versions that a bundle's ``metadata.json`` names.

    Args:
        path: the file.

    Returns:
        Lower-case name in the package index to version.
    """
    metadata = json.loads(path.read_text(encoding="utf-8"))
    core = {"monai": "monai", "pytorch": "torch", "numpy": "numpy"}
    packages = {name: metadata[f"{key}_version"] for key, name in core.items()}
    return packages | {k.lower(): v for k, v in metadata["required_packages_version"].items()}


def resolution_error(packages: Mapping[str, str], python: str) -> str | None:
    """Why packages cannot be installed together.

    Args:
        packages: name to version.
        python: such as ``3.10``.

    Returns:
        pip's last lines; None if they can.
    """
    pins = {name: f"{name}=={version}" for name, version in packages.items()}
    alone = [pins[name] for name in ON_TORCH if name in pins]
    together = [pin for name, pin in pins.items() if name not in (*ON_TORCH, "torch")]
    with tempfile.TemporaryDirectory() as nowhere:
        common = ("--only-binary=:all:", "--python-version", python)
        dry = ("install", "--dry-run", "--ignore-installed", "--target", nowhere, *common)
        questions = [(*dry, *together), (*dry, "--no-deps", *alone)]
        for question in questions:
            done = _pip(*question)
            if done.returncode:
                return "\n".join(done.stderr.strip().splitlines()[-3:])
    if "torch" in packages:
        done = _pip("index", "versions", "torch", *common)
        listed = done.stdout.partition("Available versions:")[2].splitlines()[:1]
        if packages["torch"] not in (v.strip() for v in "".join(listed).split(",")):
            return f"there is no wheel of {pins['torch']} for Python {python}"
    return None


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.package.requirements", __doc__)
    parser.add_argument("metadata", type=Path, nargs="+", help="metadata.json of a bundle")
    parser.add_argument("--python", nargs="+", default=PYTHONS, help="versions of Python")
    options = parser.parse_args(arguments)
    return run_command(lambda: _ask(options.metadata, options.python))


def _ask(files: Sequence[Path], pythons: Sequence[str]) -> int:
    failed = False
    for path in files:
        for python in pythons:
            error = resolution_error(pinned(path), python)
            failed |= error is not None
            print(f"{path}, Python {python}: {error or 'can be installed'}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
