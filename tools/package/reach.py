"""Which modules of the shared package a bundle can reach: those that its zip holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tools.package.imports import imports, modules

DOTTED = r"\b{}(?:\.\w+)+"  # of parts that configurations name, and in code of the documentation
FROM = r"\bfrom ({}[\w.]*) import (?:\(([\w,\s]+)\)|([\w, ]+))"


def reached_files(bundles: Path, package: str, texts: Iterable[str]) -> list[Path]:
    """Files of a package that are needed for all that some texts name.

    Args:
        bundles: folder that holds the package.
        package: its name.
        texts: configurations and documentation, see :func:`named`.

    Returns:
        Modules with all that they import, wherever in their code, the ``__init__`` of the folders
        that they lie in, and what is no module in the same folders (templates).
    """
    files = modules(bundles, package)
    reached = reached_modules(files, (name for text in texts for name in named(text, package)))
    folders = {files[name].parent for name in reached if files[name].name != "__init__.py"}
    others = (path for folder in folders for path in folder.iterdir() if path.suffix != ".py")
    return sorted([*(files[name] for name in reached), *filter(Path.is_file, others)])


def named(text: str, package: str) -> Iterator[str]:
    """Dotted names of a package, and of what it holds, that a text uses or imports.

    Args:
        text: a configuration, or documentation with examples in Python.
        package: name of the package.
    """
    yield from re.findall(DOTTED.format(package), text)
    for module, *names in re.findall(FROM.format(package), text):
        words = (part.split() for part in "".join(names).split(","))
        yield from (f"{module}.{first}" for first, *_ in filter(None, words))


def reached_modules(files: Mapping[str, Path], names: Iterable[str]) -> set[str]:
    """Modules that are imported, at once or later, where some names are used.

    Args:
        files: see :func:`tools.package.imports.modules`.
        names: dotted names of modules, or of what they hold. What an ``__init__`` hands out on
            demand is told by its imports for type checks.

    Returns:
        Dotted names of the modules.
    """
    handed_out: dict[str, str] = {}
    needed_by: dict[str, list[str]] = {}
    for item in imports(files):
        if not item.for_types:
            full = f"{item.imported}.{item.name}" if item.name else item.imported
            needed_by.setdefault(item.importer, []).append(full)
        elif files[item.importer].name == "__init__.py":
            handed_out[f"{item.importer}.{item.name}"] = item.imported
    reached: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name in handed_out:
            left.append(handed_out[name])
        for part in _with_folders(name):
            if part in files and part not in reached:
                reached.add(part)
                left += needed_by.get(part, [])
    return reached


def _with_folders(name: str) -> Iterator[str]:
    """A dotted name and those of what it lies in: a class, its module and that one's packages."""
    while name:
        yield name
        name = name.rpartition(".")[0]
