"""Measure every claim about the bundles; exit status 1 if one fails.

python -m tools.verify NAME --output FILE.json ...

NAME: autoencoder, registration, segmentation, inference, distribution, robustness or volume.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from fem_sim import claims
from fem_sim.command_line import make_parser, run_command
from tools.verify.folders import check_folders

MODULES = {
    "autoencoder": "tools.verify.autoencoder.command",
    "registration": "tools.verify.registration",
    "segmentation": "tools.verify.segmentation",
    "inference": "tools.verify.inference.command",
    "distribution": "tools.verify.distribution",
    "robustness": "tools.verify.robustness.command",
    "volume": "tools.verify.volume.command",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verification that the first argument names with the options after it.

    Args:
        arguments: command line without the program's name.

    Returns:
        Exit status.
    """
    names = make_parser("tools.verify", __doc__)
    names.add_argument("name", choices=MODULES, help="what to verify; its options: NAME --help")
    names.add_argument("options", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    given = names.parse_args(arguments)
    # Only the module that is asked for is imported: each loads seconds of libraries.
    module = import_module(MODULES[given.name])
    parser = make_parser(f"tools.verify {given.name}", module.__doc__)
    claims.add_arguments(parser)
    module.add_arguments(parser)
    options = parser.parse_args(given.options)

    def checked() -> int:
        check_folders(options, module.FOLDERS)
        return int(module.run(options))

    return run_command(checked, ValueError)


if __name__ == "__main__":
    sys.exit(main())
