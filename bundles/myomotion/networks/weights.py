"""Loading network weights safely."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from myomotion.errors import InputError


def load_state(module: nn.Module, path: str | Path) -> nn.Module:
    """Load a plain state dict, refusing pickles and naming what does not fit.

    Args:
        module: network of the same architecture.
        path: ``.pt`` file.

    Returns:
        ``module``.

    Raises:
        InputError: if the file is missing, is not a state dict, or a key or shape differs.
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
    if "model" in state and isinstance(state["model"], dict):
        state = state["model"]
    expected = module.state_dict()
    problems = [f"missing {k}" for k in expected if k not in state]
    problems += [f"unexpected {k}" for k in state if k not in expected]
    problems += [
        f"{k} is {tuple(state[k].shape)}, the configured network has {tuple(v.shape)}"
        for k, v in expected.items()
        if k in state and state[k].shape != v.shape
    ]
    if problems:
        raise InputError(
            f"{path}: weights do not match the configured network: "
            f"{'; '.join(problems[:5])}. Use the configuration they were trained with."
        )
    module.load_state_dict(state)
    return module


def start_from(module: nn.Module, path: str | Path | None) -> nn.Module:
    """Load weights to start a training from, where a file is given.

    Args:
        module: network of the same architecture.
        path: ``.pt`` file, or None to start from random weights.

    Returns:
        ``module``.

    Raises:
        InputError: see :func:`load_state`.
    """
    return module if path is None else load_state(module, path)
