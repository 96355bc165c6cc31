"""Commands that documentation shows: found in its blocks, and asked whether they still parse."""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.util
import inspect
import io
import itertools
import re
import runpy
import shlex
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import monai.bundle
from torch.distributed.run import get_args_parser

from myomotion.parts.command_line import check_command_line
from tests.support.paths import BUNDLES, ROOT

PYTHON = re.compile(r"(.*/)?python3?")
# Of a shell or another program: nothing of ours that could change under them.
FOREIGN = ("cd", "curl", "dask", "export", "git", "pip", "python3", "source", "unzip", "wget")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`((?:python|make|torchrun)\s[^`]+)`(?!`)")


@dataclass(frozen=True)
class Command:
    """A command line of a document.

    Attributes:
        text: on one line, without comment.
        place: ``file:line`` of where it begins.
        inline: it stands in running text, where a name without its options is enough.
    """

    text: str
    place: str
    inline: bool = False

    @property
    def words(self) -> list[str]:
        """The line as a shell splits it, without what is set before the program."""
        words = shlex.split(self.text)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words = words[1:]
        return words

    @property
    def program(self) -> str:
        """What is run: ``make demo``, ``python -m fem_sim simulate``, ``python tools/x.py``."""
        words = self.words
        depth = 2
        if PYTHON.fullmatch(words[0]) and words[1:2] == ["-m"]:
            depth = 4 if words[3:4] and re.fullmatch(r"[a-z_][a-z_0-9]*", words[3]) else 3
        elif words[0] == "torchrun":
            depth = 1
        return " ".join(words[:depth])


class WrongCommand(Exception):
    """What is wrong with a command."""


class _Parsed(BaseException):
    """A command line was understood; nothing of the program has run yet."""


def commands(document: Path, inline: bool = False) -> list[Command]:
    """Commands in the blocks of a document.

    Blocks in another language than a shell's, and those whose first line begins with no known
    program (tables of files, output), hold none.

    Args:
        document: Markdown.
        inline: those in running text as well.
    """
    text = document.read_text(encoding="utf-8")
    found = []
    for block in BLOCK.finditer(text):
        if block[1] not in ("", "sh", "bash", "shell", "console"):
            continue
        first = text[: block.start(2)].count("\n") + 1
        lines = _joined(block[2], first)
        if lines and _begins_a_command(lines[0][1]):
            found += [Command(line, f"{document.name}:{at}") for at, line in lines]
    if inline:
        for match in INLINE.finditer(BLOCK.sub(lambda m: "\n" * m[0].count("\n"), text)):
            at = text[: text.index(match[0])].count("\n") + 1
            found.append(Command(" ".join(match[1].split()), f"{document.name}:{at}", True))
    return found


def check_command(command: Command, folders: tuple[Path, ...] = (ROOT, BUNDLES)) -> None:
    """Parse a command as its program would, and run nothing.

    Args:
        command: from :func:`commands`.
        folders: where it may be run: its files are looked for in them.

    Raises:
        WrongCommand: for an unknown program, module, file, target, option or key.
    """
    words = command.words
    if command.inline and not any(word.startswith("-") for word in words[3:]):
        words = [*words, "--help"]
    if words[0] == "make":
        _check_targets([word for word in words[1:] if word != "--help"])
    elif words[0] == "torchrun":
        options = get_args_parser().parse_args(words[1:])
        _check_module(options.training_script, options.training_script_args, folders)
    elif PYTHON.fullmatch(words[0]) and words[1:2] == ["-m"] and words[2] != "venv":
        _check_module(words[2], words[3:], folders)
    elif PYTHON.fullmatch(words[0]) and words[1].endswith(".py"):
        _check_script(words[1], words[2:], own="/" not in words[0])
    elif Path(words[0]).name not in FOREIGN:
        raise WrongCommand(f"{words[0]}: no program that is known here")
    else:
        for before, after in itertools.pairwise(words):
            if before == "-r":
                _existing(after, folders)


def check_python(source: str) -> None:
    """Look for every name of ours that a piece of Python imports or takes from a module.

    Raises:
        WrongCommand: for a module or a name that is not there.
    """
    modules = {}
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                _named(node.module, alias.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in modules:
            _named(modules[ast.unparse(node.value)], node.attr)


def _named(module: str, name: str) -> None:
    if importlib.util.find_spec(f"{module}.{name}") if _is_package(module) else False:
        return
    if not hasattr(importlib.import_module(module), name):
        raise WrongCommand(f"{module}: has no {name}")


def _is_package(module: str) -> bool:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None:
        raise WrongCommand(f"{module}: no such module")
    return spec.submodule_search_locations is not None


def _joined(block: str, first: int) -> list[tuple[int, str]]:
    """Lines with their numbers, those that end in a backslash joined, without comments."""
    lines: list[tuple[int, str]] = []
    open_line = False
    for at, line in enumerate(block.splitlines(), first):
        text = re.sub(r"(^|\s)#.*", "", line).strip().removeprefix("$ ")
        if open_line:
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {text.removesuffix(chr(92)).strip()}")
        elif text:
            lines.append((at, text.removesuffix("\\").strip()))
        open_line = text.endswith("\\")
    return lines


def _begins_a_command(line: str) -> bool:
    word = Command(line, "").words[0]
    return bool(PYTHON.fullmatch(word)) or Path(word).name in (*FOREIGN, "make", "torchrun")


def _check_targets(words: list[str]) -> None:
    rules = re.findall(r"^([\w. /$()-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    known = {target for rule in rules for target in rule.split()}
    for word in words:
        if "=" not in word and word not in known:
            raise WrongCommand(f"make {word}: no such target in the Makefile")


def _check_module(module: str, arguments: list[str], folders: tuple[Path, ...]) -> None:
    if module == "monai.bundle":
        _check_bundle(arguments, folders)
    elif module == "pytest":
        return
    else:
        if _is_package(module):
            _is_package(f"{module}.__main__")
        _parse(arguments, lambda: runpy.run_module(module, run_name="__main__"), module)


def _check_script(path: str, arguments: list[str], own: bool) -> None:
    """A script; of one for another environment only that it is there."""
    _existing(path, (ROOT,))
    if own:
        _parse(arguments, lambda: runpy.run_path(str(ROOT / path), run_name="__main__"), path)


def _parse(arguments: list[str], program: object, name: str) -> None:
    original = argparse.ArgumentParser.parse_args

    def parse_args(self: argparse.ArgumentParser, *given: object, **named: object) -> object:
        options = original(self, *given, **named)  # type: ignore[call-overload]
        # What takes the rest of the line hands it to another parser.
        if any(action.nargs == argparse.REMAINDER for action in self._actions):
            return options
        raise _Parsed

    errors = io.StringIO()
    try:
        with (
            mock.patch.object(argparse.ArgumentParser, "parse_args", parse_args),
            mock.patch.object(sys, "argv", [name, *arguments]),
            contextlib.redirect_stderr(errors),
            contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(action="ignore"),
        ):
            program()  # type: ignore[operator]
    except _Parsed:
        return
    except SystemExit as stop:
        if stop.code == 0:  # after --help
            return
        message = errors.getvalue().strip().splitlines()[-1:]
        if any(re.search(r"invalid choice: '[A-Z]+'", line) for line in message):
            return  # a place to fill in, such as NAME
        raise WrongCommand(f"{name}: {' '.join(message)}") from None
    raise WrongCommand(f"{name}: parses no command line")


def _check_bundle(words: list[str], folders: tuple[Path, ...]) -> None:
    function = getattr(monai.bundle, words[0], None) if words else None
    if function is None:
        raise WrongCommand(f"monai.bundle: no command {words[:1]}")
    parameters = inspect.signature(function).parameters
    words = list(words)
    ids = []
    while len(words) > 1 and not words[1].startswith("--"):
        ids.append(words.pop(1))
    options = [word for word in words[1:] if word.startswith("--") and word != "--help"]
    given = [option.removeprefix("--").split("=")[0] for option in options]
    if "config_file" not in given:
        unknown = [key for key in given if key not in parameters]
        if unknown or len(ids) > len(parameters):
            raise WrongCommand(f"monai.bundle {words[0]}: has no --{', --'.join(unknown)}")
        return
    at = words.index("--config_file") + 1
    files = [_existing(name.strip("'\" "), folders) for name in words[at].strip("[]").split(",")]
    words[at] = str([str(file) for file in files])
    known = {line.split(":")[0] for file in files for line in file.read_text().splitlines()}
    if set(ids) - known:
        raise WrongCommand(f"{words[at]}: nothing in it is called {', '.join(ids)}")
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            check_command_line(words)
    except SystemExit:
        raise WrongCommand(errors.getvalue().strip()) from None


def _existing(name: str, folders: tuple[Path, ...]) -> Path:
    found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if found is None:
        raise WrongCommand(f"{name}: no such file")
    return found
