"""A zip holds the modules of the shared package that its bundle can reach, and no other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import BUNDLES
from tools.package.__main__ import NAMES, bundle_files
from tools.package.checks import targets
from tools.package.imports import modules
from tools.package.reach import named, reached_files, reached_modules

NEEDLESS = ("dicom", "report", "measures", "refinement", "analysis", "tracker")
LATER = "myomotion.report.dicom"  # its modules are imported when DICOM is asked for
HOUSE = {
    "__init__": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
    "    from house.garden import walk\n    from house.garden import sit as sit\n",
    "garden": "",
    "cellar/__init__": "import house.cellar.lamp\n",
    "cellar/lamp": "x = 1\n",
    "cellar/wine": "def open():\n    from . import cork\n",
    "cellar/cork": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import house.roof\n",
    "roof": "from house import sit\n",
}


@pytest.fixture(params=NAMES)
def unpacked(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Folder of a bundle with what its zip holds."""
    for name, content in bundle_files(BUNDLES, request.param).items():
        path = tmp_path / request.param / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / request.param


def loaded_alone(code: str, *folders: Path) -> set[str]:
    """Modules of the package that a process has after ``code``, with nothing else on its path."""
    script = (
        f"import importlib, pydoc, sys; sys.path[:0] = {[str(f) for f in folders]}\n{code}\n"
        "print(*(name for name in sys.modules if name.split('.')[0] == 'myomotion'))\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folders[0],
        env={**environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return set(done.stdout.split())


def documented(bundle: Path) -> list[str]:
    """Imports, and the one call, that the documentation of an unpacked bundle shows."""
    text = "\n".join(path.read_text() for path in sorted((bundle / "docs").glob("*.md")))
    found = re.findall(r"^(?:from|import) myomotion.*$", text, re.M)
    assert found
    call = "import myomotion; myomotion.track"
    assert (f"`{call}(" in text) == (bundle.name == "cardiac_motion_reg")
    return [*found, call] if f"`{call}(" in text else found


def parts_of(bundle: Path) -> Iterator[str]:
    """Parts of the package that the configurations of an unpacked bundle name."""
    for path in sorted((bundle / "configs").glob("*.json")):
        yield from (t for t in targets(json.loads(path.read_text())) if t.startswith("myomotion."))


# The running interpreter is the judge here; that it agrees shows that the source was read well.
@pytest.mark.slow
def test_zip_holds_what_configurations_and_documentation_load_and_no_other(unpacked: Path) -> None:
    parts = sorted(set(parts_of(unpacked)))
    assert len(parts) > 10
    locate = f"for part in {parts}: assert pydoc.locate(part) is not None, part"
    code = "\n".join([locate, *documented(unpacked)])
    held, loaded = set(modules(unpacked, "myomotion")), loaded_alone(code, unpacked)
    assert loaded <= held
    assert {name.rpartition(".")[0] for name in held - loaded} <= {LATER}


@pytest.mark.slow
def test_every_module_of_a_zip_can_be_imported_where_nothing_else_is(unpacked: Path) -> None:
    held = sorted(modules(unpacked, "myomotion"))
    loaded = loaded_alone(f"for name in {held}: importlib.import_module(name)", unpacked)
    assert loaded == set(held)


@pytest.mark.slow
@pytest.mark.parametrize("order", [NAMES, NAMES[::-1]], ids=" first, ".join)
def test_bundles_in_one_process_find_what_the_first_does_not_hold(
    order: tuple[str, ...], tmp_path: Path
) -> None:
    held: set[str] = set()
    lines = ["assert 'myomotion' not in sys.modules"]
    for name in order:
        for file, content in bundle_files(BUNDLES, name).items():
            if file.endswith(".py"):
                path = tmp_path / name / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        own = set(modules(tmp_path / name, "myomotion"))
        assert own - held and (not held or held - own)
        held |= own
        lines += [f"sys.path.insert(0, {str(tmp_path / name)!r})"]
        lines += [f"for name in {sorted(own)}: importlib.import_module(name)"]
    assert loaded_alone("\n".join(lines), tmp_path) == held


@pytest.mark.slow
def test_autoencoder_needs_no_cine_and_no_report() -> None:
    files = [name for name in bundle_files(BUNDLES, "vae_regulariser") if "myomotion" in name]
    assert "myomotion/networks/gradient_vae.py" in files
    assert [f for f in files if any(room in f for room in NEEDLESS)] == []
    other = {Path(name).suffix for name in bundle_files(BUNDLES, "cardiac_motion_reg")}
    assert other >= {".py", ".j2", ".css", ".js"}  # the report's templates go with its modules


def test_what_is_named_brings_what_it_imports_but_not_what_type_checks_do(tmp_path: Path) -> None:
    for name, text in HOUSE.items():
        path = tmp_path / "house" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (tmp_path / "house" / "cellar" / "label.txt").write_text("red")
    files = modules(tmp_path, "house")
    cellar = {"house", "house.cellar", "house.cellar.lamp"}
    for name, expected in {
        "house": {"house"},
        "house.garden.walk": {"house", "house.garden"},
        "house.sit": {"house", "house.garden"},
        "house.roof": {"house", "house.roof", "house.garden"},
        "house.cellar.lamp.x": cellar,
        "house.cellar.wine": cellar | {"house.cellar.wine", "house.cellar.cork"},
        "house.attic": {"house"},
        "shed.roof": set(),
    }.items():
        assert reached_modules(files, [name]) == expected, name
    found = reached_files(tmp_path, "house", ["see `house.garden`", "{_target_: house.roof.Tile}"])
    assert [p.name for p in found] == ["__init__.py", "garden.py", "roof.py"]
    found = reached_files(tmp_path, "house", ["house.cellar.lamp"])
    assert [p.name for p in found] == ["__init__.py", "__init__.py", "label.txt", "lamp.py"]


def test_names_are_found_in_configurations_and_examples() -> None:
    text = """
    net: {_target_: house.cellar.Lamp}   # of the house
    $import house.roof
    from house import garden, attic as high
    from house.cellar import (
        wine,
        cork,
    )
    house.sit("x"); lighthouse.lamp; house
    """
    assert sorted(named(text, "house")) == [
        "house.attic",
        *("house.cellar", "house.cellar.Lamp", "house.cellar.cork", "house.cellar.wine"),
        *("house.garden", "house.roof", "house.sit"),
    ]
