"""Networks whose weights say what they are, so that no key beside them can be wrong."""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import nn

from myomotion.errors import SettingError


class Described(nn.Module):
    """A network with a description that travels in its state dict (``_extra_state``).

    The description is a JSON object: ``network``, the name of the class, ``architecture``, the
    arguments that make it again, and ``trained``, what its weights make sense with (spacing of the
    grid, kind of output ...). It is stored as bytes in a tensor, so that the file stays a plain
    state dict that loads with ``weights_only=True``.

    Args:
        architecture: JSON object.
        trained: JSON object.
    """

    TITLE = "a network"  # what it is, for messages

    def __init__(self, architecture: dict[str, Any], trained: dict[str, Any]) -> None:
        super().__init__()
        self.architecture = architecture
        self.trained = trained

    def description(self) -> dict[str, Any]:
        """The JSON object that travels with the weights."""
        return {
            "network": type(self).__name__,
            "architecture": self.architecture,
            "trained": self.trained,
        }

    def get_extra_state(self) -> torch.Tensor:
        """The description as uint8 ``(N,)``; torch puts it into the state dict."""
        return encoded(self.description())

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Take ``trained`` over from loaded weights; the architecture is the module's own."""
        self.trained = decoded(state)["trained"]


def encoded(description: dict[str, Any]) -> torch.Tensor:
    """A description as bytes, uint8 ``(N,)``."""
    return torch.tensor(list(json.dumps(description, sort_keys=True).encode()), dtype=torch.uint8)


def decoded(state: torch.Tensor) -> dict[str, Any]:
    """The description in a tensor of :func:`encoded`.

    Raises:
        ValueError: if it holds none.
    """
    description = json.loads(bytes(state.tolist()).decode())
    if not isinstance(description, dict) or {"network", "architecture", "trained"} - set(
        description
    ):
        raise ValueError("not a description of a network")
    return description


def check_kind(network: object, kind: type[Described]) -> None:
    """Refuse a configured network of another kind.

    Args:
        network: what ``network_def`` makes.
        kind: what it must be, such as :class:`~myomotion.networks.pair.PairNetwork`.

    Raises:
        SettingError: naming what it is and what to give.
    """
    if not isinstance(network, kind):
        raise SettingError(
            f"network_def is of class {type(network).__name__}, expected {kind.TITLE}. Give a "
            f"{kind.__module__}.{kind.__name__}."
        )
