"""Who imports whom: modules and rooms of a package, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """One import of one module by another.

    Attributes:
        importer: dotted name of the module.
        imported: dotted name of a module that it names.
        line: ``file:line`` of the statement.
        at_once: run when the importer is imported, not within a function or for type checks.
    """

    importer: str
    imported: str
    line: str
    at_once: bool


def modules(root: Path, package: str) -> dict[str, Path]:
    """Files of a package by dotted name; a package's own name stands for its ``__init__``."""
    names = {}
    for path in sorted((root / package).rglob("*.py")):
        dotted = ".".join(path.relative_to(root).with_suffix("").parts)
        names[dotted.removesuffix(".__init__")] = path
    return names


def imports(files: dict[str, Path]) -> list[Import]:
    """Every import in some files, of whatever package, wherever it stands.

    Args:
        files: from :func:`modules`; ``from package import module`` counts as the module.

    Returns:
        The imports in the order of the files.
    """
    found = []
    for name, path in files.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        later = set(_nodes_of(_run_later(tree)))
        for node in ast.walk(tree):
            for target in _targets(node, name, path, files):
                if target != name:
                    line = f"{path}:{getattr(node, 'lineno', 0)}"
                    found.append(Import(name, target, line, node not in later))
    return found


def room(module: str) -> str:
    """``package.room`` of a module; the package itself for its ``__init__``."""
    return ".".join(module.split(".")[:2])


def room_graph(found: Iterable[Import], package: str) -> dict[str, set[str]]:
    """For each room the rooms that it imports, whenever it does."""
    graph: dict[str, set[str]] = {}
    for item in found:
        here, there = room(item.importer), room(item.imported)
        if {here.split(".")[0], there.split(".")[0]} == {package}:
            graph.setdefault(there, set())
            graph.setdefault(here, set())
            if here != there and there != package:
                graph[here].add(there)
    return graph


def circles(graph: dict[str, set[str]]) -> list[str]:
    """Rooms that import each other, each circle as ``a -> b -> a``; empty where there is none."""
    found: list[str] = []
    done: set[str] = set()

    def visit(node: str, trail: list[str]) -> None:
        if node in trail:
            found.append(" -> ".join([*trail[trail.index(node) :], node]))
        elif node not in done:
            for other in sorted(graph[node]):
                visit(other, [*trail, node])
            done.add(node)

    for start in sorted(graph):
        visit(start, [])
    return found


def floors(graph: dict[str, set[str]]) -> int:
    """Length of the longest chain of imports of a graph without circles."""
    height: dict[str, int] = {}

    def of(node: str) -> int:
        if node not in height:
            height[node] = 1 + max((of(other) for other in graph[node]), default=0)
        return height[node]

    return max(map(of, graph), default=0)


def _run_later(tree: ast.Module) -> list[ast.AST]:
    """Functions, and what stands under ``if TYPE_CHECKING``."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    ]


def _nodes_of(parents: Iterable[ast.AST]) -> Iterable[ast.AST]:
    for parent in parents:
        yield from ast.walk(parent)


def _targets(node: ast.AST, name: str, path: Path, files: dict[str, Path]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    module = node.module or ""
    if node.level:
        base = name.split(".")[: None if path.name == "__init__.py" else -1]
        base = base[: len(base) - node.level + 1]
        module = ".".join([*base, *filter(None, [module])])
    named = (f"{module}.{alias.name}" for alias in node.names)
    return [full if full in files else module for full in named]
