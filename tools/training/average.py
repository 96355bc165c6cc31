"""Average the weights of two stages of one training.

python -m tools.training.average FIRST.pt SECOND.pt --share 0.6 --output model.pt

A stage that goes on from another with other data wins what these teach and loses a little of what
the first had learned; weights between the two keep both (Wortsman et al., Robust fine-tuning of
zero-shot models, CVPR 2022).
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from fem_sim.command_line import make_parser, run_command
from myomotion.errors import InputError, SettingError
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import claim
from myomotion.networks.weights import DESCRIPTION, read_state


def average(
    first: dict[str, torch.Tensor], second: dict[str, torch.Tensor], share: float
) -> dict[str, torch.Tensor]:
    """Weights between two states of one network.

    Args:
        first: state dict.
        second: the same of a later stage.
        share: of the second, 0 to 1; the first has the rest.

    Returns:
        State dict; what is no floating-point number, such as a description, is that of ``second``.

    Raises:
        SettingError: for a share outside 0 to 1.
        InputError: if the two are not of one architecture.
    """
    if not 0 <= share <= 1:
        raise SettingError(f"share is {share}; use 0 to 1.")
    numbers = [{k: v.shape for k, v in s.items() if k != DESCRIPTION} for s in (first, second)]
    if numbers[0] != numbers[1]:
        raise InputError("the weights are of two architectures. Give two stages of one training.")
    return {
        key: torch.lerp(first[key], value, share) if torch.is_floating_point(value) else value
        for key, value in second.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.training.average", __doc__)
    parser.add_argument("first", type=Path, help="weights of the earlier stage")
    parser.add_argument("second", type=Path, help="weights of the later stage")
    parser.add_argument("--share", type=float, default=0.5, help="of the second, 0 to 1")
    parser.add_argument("--output", type=Path, required=True, help="weights to write")
    options = parser.parse_args(arguments)

    def write() -> int:
        claim(options.output, [options.first, options.second])
        first, second = read_state(options.first), read_state(options.second)
        content = io.BytesIO()
        torch.save(average(first, second, options.share), content)
        write_bytes(options.output, content.getvalue())
        return 0

    return run_command(write, ValueError)


if __name__ == "__main__":
    sys.exit(main())
