"""Loading network weights safely, and making the network that they describe."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from myomotion.errors import InputError
from myomotion.networks.described import Described, decoded
from myomotion.networks.registry import NETWORKS

LOG = logging.getLogger(__name__)
DESCRIPTION = "_extra_state"  # torch's name in a state dict for what a module adds of its own
Network = TypeVar("Network", bound=Described)


def read_state(path: str | Path) -> dict[str, torch.Tensor]:
    """Read a plain state dict, refusing pickles.

    Args:
        path: ``.pt`` file.

    Returns:
        The state dict; that under ``model`` where a checkpoint holds one.

    Raises:
        InputError: if the file is missing or is not a state dict.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such weights file. Train the bundle or give another path.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(
            f"{path}: not a plain state dict that can be loaded safely. Give a file that this "
            "project has written."
        ) from error
    if not isinstance(state, dict):
        raise InputError(f"{path}: expected a state dict, found {type(state).__name__}.")
    return state["model"] if isinstance(state.get("model"), dict) else state


def network_of(path: str | Path, kind: type[Network]) -> Network:
    """The network that weights describe, not yet with their values.

    Args:
        path: ``.pt`` file.
        kind: what it must be, such as :class:`~myomotion.networks.pair.PairNetwork`.

    Returns:
        A network of the described class and architecture.

    Raises:
        InputError: if the file cannot be read, does not say what it holds, or holds another kind.
    """
    return _described(Path(path), read_state(path), kind)


def load_network(path: str | Path, kind: type[Network]) -> Network:
    """The network that weights describe, with their values.

    Args:
        path: ``.pt`` file.
        kind: see :func:`network_of`.

    Returns:
        The network.

    Raises:
        InputError: see :func:`network_of` and :func:`load_state`.
    """
    state = read_state(path)
    network = _described(Path(path), state, kind)
    _load(network, state, Path(path))
    return network


def load_state(module: nn.Module, path: str | Path) -> nn.Module:
    """Load a plain state dict into a network, naming what does not fit.

    Args:
        module: network of the same architecture.
        path: ``.pt`` file.

    Returns:
        ``module``.

    Raises:
        InputError: if the file is missing, is not a state dict, or a key or shape differs.
    """
    _load(module, read_state(path), Path(path))
    return module


def start_from(module: nn.Module, path: str | Path | None) -> nn.Module:
    """Load weights to start a training from, where a file is given.

    What the network is trained for (grid, kind of output) stays as configured.

    Args:
        module: network of the same architecture.
        path: ``.pt`` file, or None to start from random weights.

    Returns:
        ``module``.

    Raises:
        InputError: see :func:`load_state`.
    """
    if path is None:
        return module
    configured = dict(module.trained) if isinstance(module, Described) else {}
    load_state(module, path)
    if isinstance(module, Described) and module.trained != configured:
        LOG.warning("%s was trained for %s, now %s", path, module.trained, configured)
        module.trained = configured
    return module


def _described(path: Path, state: dict[str, Any], kind: type[Network]) -> Network:
    if DESCRIPTION not in state:
        raise InputError(
            f"{path}: the weights do not say what network they are of. Train them again with this "
            "version, or give a file that this project has written."
        )
    try:
        description = decoded(state[DESCRIPTION])
        name = str(description["network"])
        network = NETWORKS[name](**description["architecture"]) if name in NETWORKS else None
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: the weights' description is damaged ({error}).") from error
    if network is None:
        raise InputError(
            f"{path}: weights of a {name}, which is unknown here. Known: {', '.join(NETWORKS)}."
        )
    if not isinstance(network, kind):
        raise InputError(f"{path}: weights of a {name}, expected {kind.TITLE}.")
    network.trained = description["trained"]
    return network


def _load(module: nn.Module, state: dict[str, Any], path: Path) -> None:
    expected = module.state_dict()
    problems = []
    if DESCRIPTION in expected and DESCRIPTION in state:
        held = decoded(state[DESCRIPTION])["network"]
        if held != type(module).__name__:
            problems.append(f"they are of a {held}, not of a {type(module).__name__}")
    names = [k for k in expected if k != DESCRIPTION]
    problems += [f"missing {k}" for k in expected if k not in state]
    problems += [f"unexpected {k}" for k in state if k not in expected]
    problems += [
        f"{k} is {tuple(state[k].shape)}, the configured network has {tuple(expected[k].shape)}"
        for k in names
        if k in state and state[k].shape != expected[k].shape
    ]
    if problems:
        raise InputError(
            f"{path}: weights do not match the configured network: "
            f"{'; '.join(problems[:5])}. Use the configuration they were trained with."
        )
    module.load_state_dict(state)
