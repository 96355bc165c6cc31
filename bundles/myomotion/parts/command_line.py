"""The command line of a bundle, looked at before anything is computed.

MONAI takes any ``--key value`` into the configuration, so that a misspelt one does nothing, and
python-fire reads values as Python, so that the folder ``1.10`` becomes the number 1.1.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from pydoc import locate
from typing import Any

from fire.parser import DefaultParseValue
from monai.bundle import ConfigComponent, ConfigParser

from myomotion.errors import HINTED, SettingError, nearest
from myomotion.parts.shared import exits

RUN_KEYS = {  # of ``python -m monai.bundle run`` itself
    *("run_id", "init_id", "final_id", "meta_file", "config_file", "logging_file", "tracking"),
    *("args_file", "workflow_name", "workflow_type", "properties_path"),
}
PLACES = (  # keys of paths
    *("dataset_dir", "output_dir", "cache_dir", "bundle_root", "start_from", "weights"),
    *("vae_weights", "segmentation_weights", "segmentation_bundle"),
    *("plausibility_table", "interval_table"),
)


@exits
def check_command_line(arguments: Sequence[str] | None = None) -> None:
    """Refuse keys that the configuration lacks, and paths that are read as something else.

    Args:
        arguments: the command line, that of this process if None; another program's passes.

    Raises:
        SettingError: naming the key and the nearest known one, or how to write the path; here an
            exit status and one line.
    """
    typed = _options(sys.argv[1:] if arguments is None else arguments)
    file = typed.get("args_file")
    noted: dict[str, Any] = ConfigParser.load_config_file(file) if file else {}
    config_file = typed.get("config_file") or noted.get("config_file")
    if not config_file:
        return  # not a bundle's command line
    content = ConfigParser.load_config_files(_files(config_file))
    given = {re.sub("#", "::", str(key)): str(key) for key in [*noted, *typed]}
    for key, written in given.items():
        if key not in RUN_KEYS and not _is_replaced(key, given):
            _refuse_unknown(key, written, content)
    for key in PLACES:
        if key in typed:
            _refuse_misread(key, typed[key])
        elif isinstance(value := noted.get(key), bool) or not isinstance(value, str | int | None):
            raise SettingError(f"{file}: {key} is {value!r}, no path. Write it in quotes.")


def _options(arguments: Sequence[str]) -> dict[str, str]:
    """Options as python-fire reads them, ``--key value`` or ``--key=value``; "" without a value."""
    options = {}
    for word, after in zip(arguments, [*arguments, ""][1:], strict=True):
        if _is_option(word):
            key, equals, value = word.lstrip("-").partition("=")
            options[key.replace("-", "_")] = value if equals else "" if _is_option(after) else after
    return options


def _is_option(word: str) -> bool:
    """One or more hyphens and a letter; a negative number is none."""
    return re.match(r"--.|-[a-zA-Z]", word) is not None


def _files(config_file: str | Sequence[str]) -> list[str]:
    """The configuration files that a command line or ``args_file`` names."""
    if not isinstance(config_file, str):
        return list(config_file)
    return [file.strip(" '\"") for file in config_file.strip("[]").split(",")]


def _is_replaced(key: str, given: Mapping[str, str]) -> bool:
    """What the key is in is given anew, or is to be something else: anything may be in it."""
    parts = key.split("::")
    above = ["::".join(parts[:depth]) for depth in range(1, len(parts))]
    return any(whole in given or f"{whole}::_target_" in given for whole in above)


def _refuse_unknown(key: str, written: str, content: Mapping[str, Any]) -> None:
    """Refuse a key that leads to nothing in the configuration."""
    parts = key.split("::")
    node: Any = content
    argument = False  # in what a component takes, where a dictionary may hold anything
    for depth, part in enumerate(parts):
        if isinstance(node, list) and part in map(str, range(len(node))):
            node = node[int(part)]
            continue
        if isinstance(node, dict) and part in node:
            argument = argument or "_target_" in node
            node = node[part]
            continue
        known = _may_hold(node, argument)
        if known is None or part in known:
            return
        near = nearest(part, sorted(known | RUN_KEYS if depth == 0 else known), HINTED)
        meant = "::".join([*parts[:depth], str(near), *parts[depth + 1 :]])
        hint = f"Did you mean --{meant}?" if near else "See the top of the configuration file."
        raise SettingError(f"--{written} is not a key of the configuration. {hint}")


def _may_hold(node: object, argument: bool) -> set[str] | None:
    """Keys that a part of a configuration may have; None where any will do."""
    if not isinstance(node, dict):
        return set()
    if "_target_" not in node:
        return None if argument else {*map(str, node)}
    target = ConfigComponent(node).resolve_module_name()
    found = locate(target) if isinstance(target, str) else None
    if not callable(found):
        return None
    parameters = inspect.signature(found).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return None
    return {*node, *parameters, *ConfigComponent.non_arg_keys}


def _refuse_misread(key: str, text: str) -> None:
    """Refuse a path that python-fire makes something else of; of whole numbers it does not."""
    if not text:
        raise SettingError(f"--{key}: no path follows. Give one.")
    value = DefaultParseValue(text)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value is None or (whole and str(value) == text):
        return
    if not isinstance(value, str) or value not in (text, text.strip("'\"")):
        raise SettingError(f"--{key} {text} is read as {value!r}, not as a path. Write ./{text}")
