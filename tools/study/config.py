"""What a study compares: the YAML file and its checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from myomotion.errors import InputError
from tools.bundle import ROOT
from tools.evaluate.methods import method_names
from tools.peers import PeerError, peer_packages, require_peer

WEIGHT_KEYS = ("weights", "vae_weights")  # settings that name files, relative to the root


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One command of a training.

    Attributes:
        command: as typed in the root of the project; ``{name}`` stands for a data set's folder.
        makes: weights that it writes, relative to the root.
    """

    command: str
    makes: str


@dataclass(frozen=True, kw_only=True)
class Method:
    """One line of the tables.

    Attributes:
        name: short and unique; names its files.
        label: for readers.
        method: see :func:`tools.evaluate.methods.make_tracker`.
        settings: its keyword arguments.
        peer: somebody else's method, which ours is held against.
        sweep: one setting and the values of which the selection rule chooses.
        on: ``real`` or ``virtual``, the kind of data on which it runs; both where empty.
        trained_on: data set that its network has learned from; empty where it has not learned.
        training: commands that make its weights.
    """

    name: str
    label: str
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    peer: bool = False
    sweep: Mapping[str, list[Any]] = field(default_factory=dict)
    on: str = ""
    trained_on: str = ""
    training: tuple[Stage, ...] = ()

    def reason_to_skip(self) -> str | None:
        """Why the method cannot run here; None if it can."""
        if self.method not in method_names():
            return f"this version of the project has no method '{self.method}'"
        try:
            if self.method in peer_packages():
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
        alpha: ours, or another method of ours, with other weights of R_VAE, by weight.
        transfer: networks that are trained on one data set and tested on all.
        cycle: names of the methods whose J is followed over the cycle.
        cycle_studies: on how many studies of each data set.
        moving: names of the methods whose contours move in the film.
        selection: ``patients``, on whom settings are chosen and networks may be trained, and
            ``target``, the mean abs(abs(J) - 1) that the paper's rule asks for.
        virtual: of :func:`tools.study.sources.virtual_set`.
        time: each ``fast``, ``slow`` and ``ratio``: how much faster one method shall be on a stack;
            nothing is timed where there is none.
        seed: of the bootstrap.
        cines: of :func:`tools.study.prepared.prepared`: what of each cine is compared.
        unlabelled: names of methods of ours that see labels to the names of the same without.
        groups: group to names of subjects of whom their own record does not say it.
        lift: name of the method whose motion of real stacks is lifted into space.
    """

    ours: str
    methods: tuple[Method, ...]
    alpha: Mapping[float, Method]
    transfer: tuple[Method, ...]
    cycle: tuple[str, ...]
    cycle_studies: int
    moving: tuple[str, ...]
    selection: Mapping[str, Any]
    virtual: Mapping[str, Any]
    time: tuple[Mapping[str, Any], ...]
    seed: int
    cines: Mapping[str, Any] = field(default_factory=dict)
    unlabelled: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, list[str]] = field(default_factory=dict)
    lift: str = ""

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
        InputError: for a file that cannot be read, missing keys or names used twice or nowhere.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        methods = tuple(_method(_resolved(entry, path)) for entry in content["methods"])
        transfer = tuple(_method(entry) for entry in content.get("transfer") or ())
        names = [m.name for m in (*methods, *transfer)]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise InputError(f"{path}: methods named twice: {', '.join(twice)}. Rename one.")
        sweep = content.get("alpha") or {"key": "", "values": []}
        swept = next((m for m in methods if m.name == sweep.get("of", content["ours"])), None)
        config = StudyConfig(
            ours=content["ours"],
            methods=methods,
            alpha={v: _with_alpha(swept, sweep["key"], v) for v in sweep["values"] if swept},
            transfer=transfer,
            cycle=tuple(content.get("cycle") or ()),
            cycle_studies=int(content.get("cycle_studies", 6)),
            moving=tuple(content.get("moving") or ()),
            selection=content.get("selection") or {},
            virtual=content.get("virtual") or {},
            time=tuple(content.get("time") or ()),
            seed=int(content.get("seed", 0)),
            cines=content.get("cines") or {},
            unlabelled=content.get("unlabelled") or {},
            groups=content.get("groups") or {},
            lift=content.get("lift") or "",
        )
    except (OSError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: no study configuration ({error!r}).") from error
    compared = [m.name for m in methods]
    used = [asked[k] for asked in config.time for k in ("fast", "slow")]
    used += [
        *config.unlabelled,
        *config.unlabelled.values(),
        *([config.lift] if config.lift else []),
    ]
    used += [sweep["of"]] if "of" in sweep else []
    asked = (config.ours, *config.cycle, *config.moving, *used)
    if unknown := [n for n in asked if n not in compared]:
        raise InputError(f"{path}: {', '.join(unknown)} is not among the methods: {compared}.")
    return config


def _resolved(entry: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """A method's entry; ``{name: N, as_in: FILE}`` stands for that of the name in another study."""
    if "as_in" not in entry:
        return entry
    other = path.with_name(entry["as_in"])
    known = yaml.safe_load(other.read_text(encoding="utf-8"))["methods"]
    found = next((e for e in known if e["name"] == entry["name"]), None)
    if found is None:
        raise InputError(f"{path}: {other.name} has no method '{entry['name']}'. Name one of its.")
    return dict(found)


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
        on=entry.get("on", ""),
        trained_on=entry.get("trained_on", ""),
        training=tuple(Stage(**stage) for stage in entry.get("training") or ()),
    )


def _with_alpha(swept: Method, key: str, value: float) -> Method:
    return Method(
        name=f"{swept.name}-alpha-{value:g}",
        label=f"{swept.label}, alpha {value:g}",
        method=swept.method,
        settings={**swept.settings, key: value},
    )
