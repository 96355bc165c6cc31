"""Where each thing lives: rooms, floors, no circle, no import upwards, no big file or folder."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.project.house import circles, floors, room, room_graph
from tests.support.paths import BUNDLES, ROOT
from tools.package.imports import Import, imports, modules

# Rooms of myomotion from the ground up; imports go down. Those in one row may know each other.
FLOORS = (
    ("errors",),
    ("files",),
    ("core",),
    ("io",),
    ("networks",),
    ("losses",),
    ("refinement",),
    ("analysis",),
    ("report",),
    ("transforms",),
    ("training", "inferers"),
    ("parts", "tracker"),
)
LEVEL = {f"myomotion.{name}": level for level, row in enumerate(FLOORS) for name in row}
PACKAGES = {"myomotion": BUNDLES, "fem_sim": ROOT, "tools": ROOT}
FORBIDDEN = {"myomotion": {"fem_sim", "tools", "tests"}, "fem_sim": {"tools", "tests"}}
MOST_ROOMS = {"myomotion": 14, "fem_sim": 18, "tools": 18}
MOST_FLOORS = 8
MOST_LINES = 350
MOST_FILES = 16  # Python files of a folder, __init__ not counted
LARGER_FOLDERS = {
    "tools/study": "one step of the study a file, each read on its own",
}
NO_JSON_FILE = {  # where json.dumps is called beside myomotion.files.tables, and what for
    "bundles/myomotion/files/outputs.py": "names alone; tables rests on it",
    "bundles/myomotion/networks/described.py": "bytes within weights",
    "tools/monai_label/serve.py": "knows no myomotion, of which each bundle brings its own",
    "tools/package/__main__.py": "configurations as they are",
    "tools/peers/__init__.py": "an argument of a process",
    "tools/study/cache.py": "text of which the sum is taken",
    "tools/study/prepared.py": "text of which the sum is taken",
}
NAMESAKES = {"tools/monai_label/serve.py": {"refuse_unsafe"}}  # it knows no myomotion
DAMAGING = "tools/verify/robustness/"  # writes what nobody should
HEAVY = {"torch", "monai", "matplotlib", "scipy", "nibabel", "ignite", "pyvista", "sfepy"}


def sources() -> list[Path]:
    """Python files of the project."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip(f"git does not list the files of the project: {listed.stderr.strip()}")
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]


@cache
def imports_of(package: str) -> list[Import]:
    """Every import of a package, read once for all tests."""
    return imports(modules(PACKAGES[package], package))


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_are_few_and_low_and_form_no_circle(package: str) -> None:
    files = modules(PACKAGES[package], package)
    graph = room_graph(imports_of(package), package)
    assert circles(graph) == []
    graph.pop(package, None)  # what hands out the rooms is none
    assert floors(graph) <= MOST_FLOORS
    rooms = {room(module) for module in files} - {package, f"{package}.__main__"}
    assert len(rooms) <= MOST_ROOMS[package], sorted(rooms)


def test_myomotion_has_the_rooms_of_the_plan_and_nothing_else() -> None:
    rooms = {room(module) for module in modules(BUNDLES, "myomotion")} - {"myomotion"}
    assert rooms == set(LEVEL)


def test_no_import_of_myomotion_leads_upwards() -> None:
    upwards = [
        f"{item.line}: {item.importer} imports {item.imported}"
        for item in imports_of("myomotion")
        if (here := LEVEL.get(room(item.importer))) is not None
        and (there := LEVEL.get(room(item.imported))) is not None
        and there > here
    ]
    assert upwards == []


@pytest.mark.parametrize("package", FORBIDDEN)
def test_package_does_not_know_who_uses_it(package: str) -> None:
    wrong = [
        f"{item.line}: {item.importer} imports {item.imported}"
        for item in imports_of(package)
        if item.imported.split(".")[0] in FORBIDDEN[package]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_init_imports_what_takes_long_to_load(package: str) -> None:
    files = modules(PACKAGES[package], package)
    inits = {name: path for name, path in files.items() if path.name == "__init__.py"}
    heavy = [
        f"{item.line} imports {item.imported}"
        for item in imports(inits)
        if item.at_once and item.imported.split(".")[0] in HEAVY
    ]
    assert heavy == []


def test_importing_a_room_loads_no_library() -> None:
    """What the statements say is true of the running interpreter."""
    rooms = sorted(
        name
        for package, root in PACKAGES.items()
        for name, path in modules(root, package).items()
        if path.name == "__init__.py" and name == room(name)
    )
    assert {"myomotion", "myomotion.core", "myomotion.report", "fem_sim"} <= set(rooms)
    script = (
        f"import importlib, sys; sys.path[:0] = {[str(ROOT), str(BUNDLES)]}\n"
        f"for name in {rooms}: importlib.import_module(name)\n"
        f"print(*sorted({HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_no_test_file_imports_another() -> None:
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in sources()
        if path.is_relative_to(ROOT / "tests")
    }
    wrong = [
        f"{item.line} imports {item.imported}"
        for item in imports(files)
        if item.imported.split(".")[-1].startswith("test_") and "tests" in item.imported
    ]
    assert wrong == []


def test_no_file_is_long() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources()
    }
    assert len(lengths) > 200
    assert {path: n for path, n in lengths.items() if n > MOST_LINES} == {}


def test_json_is_written_in_one_way_that_knows_no_nan() -> None:
    calling = {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        if not path.is_relative_to(ROOT / "tests")
        and re.search(r"\bjson\.dumps?\b", path.read_text(encoding="utf-8"))
    }
    others = {path for path in calling if not path.startswith(DAMAGING)}
    assert others == {"bundles/myomotion/files/tables.py", *NO_JSON_FILE}


def test_what_reads_and_writes_files_shares_its_name_with_nothing_else() -> None:
    public = {
        path.relative_to(ROOT).as_posix(): set(
            re.findall(r"(?m)^def ([a-z]\w*)", path.read_text(encoding="utf-8"))
        )
        for path in sources()
        if not path.is_relative_to(ROOT / "tests")
    }
    room = {path for path in public if path.startswith("bundles/myomotion/files/")}
    names = Counter(name for path in room for name in public[path])
    assert {"read_report", "write_table"} <= set(names) and max(names.values()) == 1
    shared = {path: public[path] & set(names) for path in public if path not in room}
    assert {path: found for path, found in shared.items() if found} == NAMESAKES


def test_no_folder_is_crowded() -> None:
    files = (path for path in sources() if path.name not in ("__init__.py", "__main__.py"))
    count = Counter(path.parent.relative_to(ROOT).as_posix() for path in files)
    crowded = {folder: n for folder, n in count.items() if n > MOST_FILES}
    assert set(crowded) == set(LARGER_FOLDERS), crowded


def test_a_circle_and_an_import_upwards_would_be_seen(tmp_path: Path) -> None:
    for name, text in {
        "__init__": "",
        "low": "def later():\n    from house import high\n",
        "high/__init__": "",
        "high/attic": "import torch\nfrom house.low import later\nfrom .cellar import x\n",
        "high/cellar": "x = 1\n",
    }.items():
        path = tmp_path / "house" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    found = imports(modules(tmp_path, "house"))
    assert [(i.importer, i.imported, i.at_once) for i in found] == [
        ("house.high.attic", "torch", True),
        ("house.high.attic", "house.low", True),
        ("house.high.attic", "house.high.cellar", True),
        ("house.low", "house.high", False),
    ]
    graph = room_graph(found, "house")
    assert graph == {"house.low": {"house.high"}, "house.high": {"house.low"}}
    assert circles(graph) == ["house.high -> house.low -> house.high"]
    assert floors({"a": {"b"}, "b": {"c"}, "c": set()}) == 3
