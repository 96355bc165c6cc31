"""What is needed to run, for simulator and tools, and to develop: each in the file that says so."""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.paths import BUNDLES, ROOT
from tools.package.imports import imports, modules

RUN, TOOLS, TESTS = (ROOT / folder / "requirements.txt" for folder in ("", "tools", "tests"))
OWN = {"myomotion", "fem_sim", "tools", "tests"}
# Parts of tools that are for developers, and those that run in environments of their own.
DEVELOPERS = ("tools.verify", "tools.package", "tools.figures")
APART = ("tools.peers.", "tools.compare_felupe", "tools.deploy_app.", "tools.monai_label.")
RUN_BY_OTHERS = ("tests.downstream.open_in_paraview",)  # by the Python of another program
COMES_WITH = {"contourpy": "matplotlib", "packaging": "matplotlib"}


def pins(path: Path) -> dict[str, str]:
    """Version of each package that a file and those that it includes pin, by its plain name."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if included := re.fullmatch(r"-r (\S+)", line):
            found |= pins(path.parent / included[1])
        elif line and not line.startswith("#"):
            name, version = line.split("==")
            found[plain(name)] = version
    return found


def plain(name: str) -> str:
    """Name of a package as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def distributions() -> dict[str, set[str]]:
    """Packages that are installed, by what they let one import."""
    return {top: {plain(n) for n in names} for top, names in packages_distributions().items()}


def unpinned(root: Path, package: str, pinned: set[str], without: tuple[str, ...] = ()) -> set[str]:
    """Imports of others' packages in a package of ours that no pin provides."""
    return {
        f"{item.importer} imports {top}"
        for item in imports(modules(root, package))
        if not item.importer.startswith(without)
        and not item.for_types
        and (top := item.imported.split(".")[0]) not in sys.stdlib_module_names | OWN
        and not distributions().get(top, {plain(top)}) & pinned
        and COMES_WITH.get(top) not in pinned
    }


def test_bundles_import_only_what_is_needed_to_run() -> None:
    assert unpinned(BUNDLES, "myomotion", set(pins(RUN))) == set()


@pytest.mark.parametrize("package", ["fem_sim", "tools"])
def test_simulator_and_tools_import_only_what_their_file_names(package: str) -> None:
    assert unpinned(ROOT, package, set(pins(TOOLS)), (*DEVELOPERS, *APART)) == set()


def test_all_else_is_what_tests_need() -> None:
    assert unpinned(ROOT, "tools", set(pins(TESTS)), APART) == set()
    assert unpinned(ROOT, "tests", set(pins(TESTS)), RUN_BY_OTHERS) == set()


def test_nothing_is_pinned_twice_or_needed_only_by_more() -> None:
    lines = [line for path in (RUN, TOOLS, TESTS) for line in path.read_text().splitlines()]
    names = [plain(line.split("==")[0]) for line in lines if "==" in line]
    assert len(names) == len(set(names)) > 25
    assert set(pins(RUN)) < set(pins(TOOLS)) < set(pins(TESTS))


def test_an_import_that_no_file_names_would_be_seen() -> None:
    """What draws meshes is not needed to track: without the file of tools, tools would fail."""
    found = unpinned(ROOT, "tools", set(pins(RUN)), (*DEVELOPERS, *APART))
    assert "tools.move.points imports pyvista" in found
