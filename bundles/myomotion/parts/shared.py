"""What the configurations of all bundles call: each part ends the program on unusable input.

Library functions raise :class:`~myomotion.errors.InputError`; here it becomes an exit status and
one line. Where a name is that of a function elsewhere, it is that function.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

import torch
from torch import distributed as dist
from torch import nn

from myomotion.errors import SettingError, exit_on_input_error
from myomotion.files import outputs
from myomotion.files.paths import given_path
from myomotion.networks import weights
from myomotion.training import checkpoints

T = TypeVar("T")


def exits(function: Callable[..., T]) -> Callable[..., T]:
    """The function for a command line, see :func:`~myomotion.errors.exit_on_input_error`."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> T:
        return exit_on_input_error(lambda: function(*arguments, **named))

    return call


start_from = exits(weights.start_from)
check_training = exits(checkpoints.check_training)


def folder(path: object) -> str:
    """A folder as a configuration gives it, see :func:`~myomotion.files.paths.given_path`."""
    return str(given_path(path))


@exits
def claim_files(folder: str | Path, names: Sequence[str], inputs: Sequence[object] = ()) -> None:
    """Make sure of files that others than this package write, see :func:`outputs.claim`."""
    for name in names:
        outputs.claim(given_path(folder) / name, inputs)


@exits
def load_weights(network: nn.Module, path: str | Path) -> nn.Module:
    """A network with the values of its weights, see :func:`weights.load_state`."""
    return weights.load_state(network, path)


@exits
def check_device(device: object, key: str = "device") -> None:
    """Refuse a device that this machine does not have.

    Args:
        device: name, number or ``torch.device``.
        key: of the configuration that names it.

    Raises:
        SettingError: with what torch says of it, here an exit status and one line.
    """
    try:
        torch.empty(1, device=device)  # type: ignore[call-overload]
    except (RuntimeError, AssertionError, TypeError, ValueError, NotImplementedError) as error:
        reason = (str(error).strip().splitlines() or ["not a device"])[0]
        raise SettingError(
            f"{key} is {device}: this machine cannot compute there ({reason}). Set {key} to cpu."
        ) from error


def _is_number(value: object) -> TypeGuard[float]:
    """A finite number; true and false are none."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)  # type: ignore[arg-type]


def _is_whole(value: object) -> TypeGuard[int]:
    """A whole number; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


#: What values of each kind of settings are, and what is said of others.
KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "counts": (lambda v: _is_whole(v) and v >= 1, "is no whole number of at least 1. Give one."),
    "whole": (lambda v: _is_whole(v) and v >= 0, "is no whole number of at least 0. Give one."),
    "amounts": (lambda v: _is_number(v) and v >= 0, "is no number of at least 0. Give one."),
    "sizes": (lambda v: _is_number(v) and v > 0, "is no number above 0. Give one."),
    "truths": (lambda v: isinstance(v, bool), "is not understood. Give True or False."),
}


@exits
def check_settings(
    choices: Mapping[str, tuple[object, Sequence[str]]] | None = None,
    ranges: Mapping[str, tuple[object, int, int]] | None = None,
    **kinds: Mapping[str, object],
) -> None:
    """Refuse values that would stop a run in its midst, or be taken for something else.

    Args:
        choices: of keys that are a word, as pairs of the value and all words.
        ranges: of keys that must be whole numbers from one to another, with both.
        **kinds: values of other keys, by their kind in :data:`KINDS`.

    Raises:
        SettingError: naming key, value and fix; here an exit status and one line.
    """
    for kind, values in kinds.items():
        fits, lacking = KINDS[kind]
        for key, value in values.items():
            if not fits(value):
                raise SettingError(f"{key}: {value!r} {lacking}")
    for key, (value, least, most) in (ranges or {}).items():
        if not _is_whole(value) or not least <= value <= most:
            raise SettingError(
                f"{key}: {value!r} is no whole number from {least} to {most}. Give one."
            )
    for key, (value, words) in (choices or {}).items():
        if value not in words:
            raise SettingError(f"{key}: {value!r} is unknown. Use {' or '.join(words)}.")


def first_alone(make: Callable[[], T]) -> T:
    """What ``make`` gives; in a training of several processes the others wait for the first.

    Args:
        make: reads data, and makes built-in ones where they are not there yet.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return make()
    if dist.get_rank() > 0:
        dist.barrier()
        return make()
    made = make()
    dist.barrier()
    return made


def by_section(
    read: Callable[..., list[dict[str, T]]],
) -> Callable[..., dict[str, list[dict[str, T]]]]:
    """Training and validation data for a configuration.

    Args:
        read: entries of a section, from the user's folder (None for built-in data), the section and
            what describes built-in data.

    Returns:
        The function of folder and description that gives the entries of both sections.
    """

    @exits
    def training_data(
        dataset_dir: str | Path | None, **built: Any
    ) -> dict[str, list[dict[str, T]]]:
        return first_alone(
            lambda: {s: read(dataset_dir, s, **built) for s in ("training", "validation")}
        )

    return training_data
