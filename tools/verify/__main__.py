"""Measure every claim about the bundles.

python -m tools.verify registration|inference|distribution --output FILE.json ...
"""

from __future__ import annotations

import sys
from importlib import import_module

MODULES = {
    "registration": "tools.verify.registration",
    "inference": "tools.verify.inference.command",
    "distribution": "tools.verify.distribution",
}


def main(arguments: list[str]) -> int:
    """Run the verification that the first argument names with the others.

    Args:
        arguments: command line without the program's name.

    Returns:
        Exit status.
    """
    if not arguments or arguments[0] not in MODULES:
        print(f"usage: python -m tools.verify {{{','.join(MODULES)}}} ...", file=sys.stderr)
        return 2
    return int(import_module(MODULES[arguments[0]]).main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
