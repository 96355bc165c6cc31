"""Whether the folders that a verification is given hold what it will read, before it begins."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from myomotion.errors import InputError, SettingError
from myomotion.io.built_in.cines import studies_of
from myomotion.io.datalist import read_datalist
from tools.verify.autoencoder.reference_cycle import read_reference_cycle

# What an option holds: looks at one path and raises InputError where it is not that.
Kind = Callable[[Path], object]
NAMED = 4  # folders that a message proposes at most


def labelled_studies(folder: Path) -> None:
    """A folder of studies, one at least with a label at end-diastole."""
    if not any("label_ed" in study for study in studies_of(folder)):
        raise InputError(f"{folder}: no study in it has a label_sa_ED file.")


def data_sets(folder: Path) -> None:
    """A folder of studies, or of folders of studies."""
    try:
        studies_of(folder)
    except InputError:
        if not _fitting(folder, studies_of):
            raise


def virtual_cines(folder: Path) -> None:
    """A folder of virtual cines with test subjects."""
    studies_of(folder, "test")


def cycles(folder: Path) -> None:
    """A folder of simulated cycles with test subjects."""
    read_datalist(folder, "test", "cycle")


def hearts3d(folder: Path) -> None:
    """A folder of ventricles simulated in three dimensions."""
    read_datalist(folder, "training", "motion")


def reference_cycle(folder: Path) -> None:
    """The cycle that the method's authors published."""
    read_reference_cycle(folder)


def weights(file: Path) -> None:
    """A file of weights."""
    if not file.is_file():
        raise InputError(f"{file}: no such file of weights.")


#: What each kind is called where another is given.
NAMES: Mapping[Kind, str] = {
    labelled_studies: "a folder of studies with labels",
    data_sets: "a folder of studies, or of folders of studies",
    virtual_cines: "a folder of virtual cines, made by python -m fem_sim phantom",
    cycles: "a folder of cycles, made by python -m fem_sim simulate",
    hearts3d: "a folder of ventricles, made by python -m fem_sim hearts3d",
    reference_cycle: "the folder of the published cycle",
    weights: "a .pt file",
}


def check_folders(options: argparse.Namespace, kinds: Mapping[str, Kind]) -> None:
    """Look into every place that a verification will read.

    Args:
        options: of the command line.
        kinds: what an option holds, by its name; an option may hold one path, several, or None.

    Raises:
        SettingError: one line with the option, its value, what is wrong and what to give.
    """
    for name, kind in kinds.items():
        value = getattr(options, name)
        for path in value if isinstance(value, list | tuple) else (value,):
            if path is not None:
                _check(f"--{name.replace('_', '-')}", path, kind)


def _check(option: str, path: Path, kind: Kind) -> None:
    try:
        kind(path)
    except (InputError, OSError) as error:
        fix = f"Give {NAMES[kind]}"
        inside = _fitting(path, kind)
        if inside:
            fix += f", here {' or '.join(map(str, inside))}"
        raise SettingError(f"{option} {path}: {' '.join(str(error).split())} {fix}.") from error


def _fitting(path: Path, kind: Kind) -> list[Path]:
    """The first few folders in the path that are what was meant."""
    found: list[Path] = []
    for inside in sorted(p for p in path.glob("*") if p.is_dir()):
        try:
            kind(inside)
        except (InputError, OSError):
            continue
        found.append(inside)
        if len(found) == NAMED:
            break
    return found
