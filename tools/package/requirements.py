"""Ask the package index whether what a bundle pins can be installed. Nothing is installed.

python -m tools.package.requirements bundles/NAME/configs/metadata.json ... [--python 3.10 ...]

All packages are resolved together with all they need, into an environment that holds nothing, as
wheels alone. Only what the index says about them is read, so that torch costs no gigabytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from uv import find_uv_bin

from fem_sim.command_line import make_parser, run_command

PYTHONS = ("3.10", "3.11", "3.12")


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
        What uv says; None if they can.
    """
    pins = "".join(f"{name}=={version}\n" for name, version in packages.items())
    compile_pins = (find_uv_bin(), "pip", "compile", "-", "--quiet", "--no-python-downloads")
    done = subprocess.run(
        [*compile_pins, "--only-binary", ":all:", "--python-version", python],
        input=pins,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return done.stderr.strip() if done.returncode else None


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
