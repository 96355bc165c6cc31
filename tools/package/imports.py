"""Who imports whom: the modules of a package and their imports, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """One import of one module by another.

    Attributes:
        importer: dotted name of the module.
        imported: dotted name of a module that it names.
        name: what it takes from that module; empty where it takes the module itself.
        line: ``file:line`` of the statement.
        at_once: run when the importer is imported, not within a function or for type checks.
        for_types: never run, as it stands under ``if TYPE_CHECKING``.
    """

    importer: str
    imported: str
    name: str
    line: str
    at_once: bool
    for_types: bool


def modules(root: Path, package: str) -> dict[str, Path]:
    """Files of a package by dotted name; a package's own name stands for its ``__init__``."""
    names = {}
    for path in sorted((root / package).rglob("*.py")):
        dotted = ".".join(path.relative_to(root).with_suffix("").parts)
        names[dotted.removesuffix(".__init__")] = path
    return names


def imports(files: Mapping[str, Path]) -> list[Import]:
    """Every import in some files, of whatever package, wherever it stands.

    Args:
        files: from :func:`modules`; ``from package import module`` counts as the module.

    Returns:
        The imports in the order of the files.
    """
    found = []
    for importer, path in files.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node, at_once, for_types in _import_statements(tree):
            for imported, name in _targets(node, importer, path, files):
                if imported != importer:
                    line = f"{path}:{node.lineno}"
                    found.append(Import(importer, imported, name, line, at_once, for_types))
    return found


def _import_statements(
    block: ast.AST, at_once: bool = True, for_types: bool = False
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool, bool]]:
    """Imports in a block and the blocks in it; expressions, which hold none, are left out."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        for node in getattr(block, field, ()):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield node, at_once, for_types
                continue
            types = for_types or _is_for_types(node)
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from _import_statements(node, at_once and not function and not types, types)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def _targets(
    node: ast.Import | ast.ImportFrom, importer: str, path: Path, files: Mapping[str, Path]
) -> Iterator[tuple[str, str]]:
    """Modules that a statement names, each with what it takes from it."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
        return
    module = node.module or ""
    if node.level:
        base = importer.split(".")[: None if path.name == "__init__.py" else -1]
        base = base[: len(base) - node.level + 1]
        module = ".".join([*base, *filter(None, [module])])
    for alias in node.names:
        full = f"{module}.{alias.name}"
        yield (full, "") if full in files else (module, alias.name)
