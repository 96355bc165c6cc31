"""What a study compares: the YAML file and its checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tools.bundle import ROOT
from tools.methods import METHODS
from tools.peers import PEERS, PeerError, require_peer

WEIGHT_KEYS = ("weights", "vae_weights")  # settings that name files, relative to the root


@dataclass(frozen=True, kw_only=True)
class Method:
    """One line of the tables.

    Attributes:
        name: short and unique; names its files.
        label: for readers.
        method: see :func:`tools.methods.make_tracker`.
        settings: its keyword arguments.
        peer: somebody else's method, which ours is held against.
        sweep: one setting and the values of which the selection rule chooses.
    """

    name: str
    label: str
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    peer: bool = False
    sweep: Mapping[str, list[Any]] = field(default_factory=dict)

    def reason_to_skip(self) -> str | None:
        """Why the method cannot run here; None if it can."""
        if self.method not in METHODS:
            return f"this version of the project has no method '{self.method}'"
        try:
            if self.method in PEERS:
                require_peer(self.method)
        except PeerError as error:
            return str(error)
        for key in WEIGHT_KEYS:
            if key not in self.settings:
                continue
            if self.settings[key] is None:
                return f"no weights given (key '{key}' of '{self.name}' in the configuration)"
            if not Path(self.settings[key]).is_file():
                return f"no file {Path(self.settings[key]).name} (key '{key}')"
        return None


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """Everything a study depends on beside the data.

    Attributes:
        ours: name of the method that is tested against the peers.
        methods: lines of the tables, in their order.
        alpha: methods that differ in the weight of R_VAE alone, by weight.
        cycle: names of the methods whose J is followed over the cycle.
        cycle_studies: on how many studies of each data set.
        selection: ``patients`` and ``target`` of the selection rule.
        virtual_section: section of the virtual cines' list.
        virtual_studies: how many of them, the first ones of the list; all where None.
        seed: of the bootstrap.
    """

    ours: str
    methods: tuple[Method, ...]
    alpha: Mapping[float, Method]
    cycle: tuple[str, ...]
    cycle_studies: int
    selection: Mapping[str, Any]
    virtual_section: str
    virtual_studies: int | None
    seed: int

    def method(self, name: str) -> Method:
        """The method of a name."""
        return next(m for m in self.methods if m.name == name)

    def peers(self) -> list[Method]:
        """Methods that ours is held against."""
        return [m for m in self.methods if m.peer]


def read_config(path: Path) -> StudyConfig:
    """Read and check a study's configuration.

    Args:
        path: YAML file, see ``tools/study/study.yaml``.

    Returns:
        The study.

    Raises:
        ValueError: for a file that cannot be read, missing keys or names used twice or nowhere.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        methods = tuple(_method(entry) for entry in content["methods"])
        names = [m.name for m in methods]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"{path}: methods named twice: {', '.join(twice)}. Rename one.")
        sweep = content.get("alpha") or {"of": content["ours"], "key": "", "values": []}
        config = StudyConfig(
            ours=content["ours"],
            methods=methods,
            alpha={v: _with_alpha(methods, sweep, v) for v in sweep["values"]},
            cycle=tuple(content.get("cycle", ())),
            cycle_studies=int(content.get("cycle_studies", 6)),
            selection=content.get("selection", {}),
            virtual_section=content.get("virtual_section", "test"),
            virtual_studies=content.get("virtual_studies"),
            seed=int(content.get("seed", 0)),
        )
    except (OSError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: no study configuration ({error!r}).") from error
    unknown = [n for n in (config.ours, *config.cycle) if n not in names]
    if unknown:
        raise ValueError(f"{path}: {', '.join(unknown)} is not among the methods: {names}.")
    return config


def _method(entry: Mapping[str, Any]) -> Method:
    settings = dict(entry.get("settings") or {})
    for key in WEIGHT_KEYS:
        if settings.get(key):
            settings[key] = str(ROOT / settings[key])
    return Method(
        name=entry["name"],
        label=entry.get("label", entry["name"]),
        method=entry["method"],
        settings=settings,
        peer=bool(entry.get("peer", False)),
        sweep=entry.get("sweep") or {},
    )


def _with_alpha(methods: tuple[Method, ...], sweep: Mapping[str, Any], value: float) -> Method:
    base = {m.name: m for m in methods}[sweep["of"]]
    return Method(
        name=f"{base.name}-alpha-{value:g}",
        label=f"{base.label}, alpha {value:g}",
        method=base.method,
        settings={**base.settings, sweep["key"]: value},
    )
