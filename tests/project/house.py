"""Rooms of a package, who imports whom among them, and how high that makes the house."""

from __future__ import annotations

from collections.abc import Iterable

from tools.package.imports import Import


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
