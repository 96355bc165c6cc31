"""Simulated cycles of motion: a folder of them, or the virtual population, made on first use."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path
from types import ModuleType

import myomotion
from myomotion.errors import InputError
from myomotion.files.paths import given_path
from myomotion.io.datalist import read_datalist

LOG = logging.getLogger(__name__)
LEVELS = 25  # pressures of a built-in cycle


def cycles(
    dataset_dir: str | Path | None,
    section: str,
    *,
    cache: str | Path,
    preset: str,
    slices: int,
    seed: int = 0,
) -> list[dict[str, str]]:
    """Simulated cycles: a folder of them, or the virtual population where none is named.

    Args:
        dataset_dir: folder made by ``python -m fem_sim simulate``; None simulates the built-in
            population on first use.
        section: ``training``, ``validation`` or ``test`` (split by subject), or ``all``.
        cache: folder for built-in data.
        preset: ``paper`` or ``physiological``.
        slices: how many slices to simulate, three a subject.
        seed: seed of the population.

    Returns:
        Entries with ``cycle`` (path) and ``subject``.

    Raises:
        InputError: if the simulator is not at hand.
    """
    made = dataset_dir is None
    folder = cycles_folder(cache, preset, slices, seed) if made else given_path(dataset_dir)
    return read_datalist(folder, None if section == "all" else section, "cycle")


def cycles_folder(cache: str | Path, preset: str, slices: int, seed: int) -> Path:
    """Folder of the virtual population's cycles, simulated now if they are not there yet.

    Args:
        cache: folder for built-in data.
        preset: see :func:`cycles`.
        slices: see :func:`cycles`.
        seed: see :func:`cycles`.

    Returns:
        The folder, with a ``datalist.json``.

    Raises:
        InputError: if the simulator is not at hand.
    """
    folder = Path(cache) / f"cycles_{preset}_{slices}_seed{seed}"
    if not (folder / "datalist.json").is_file():
        simulate = simulator("dataset").simulate_dataset
        LOG.info("simulating %d slices into %s (once)", slices, folder)
        simulate(folder, count=slices, preset=preset, seed=seed, levels=LEVELS, workers=workers())
    return folder


def simulator(module: str) -> ModuleType:
    """A module of ``fem_sim``, which is there in a clone of the project alone.

    Args:
        module: its name within ``fem_sim``.

    Raises:
        InputError: if it cannot be imported.
    """
    root = Path(myomotion.__file__).resolve().parents[2]
    if (root / "fem_sim").is_dir() and str(root) not in sys.path:
        sys.path.append(str(root))
    try:
        return importlib.import_module(f"fem_sim.{module}")
    except ImportError as error:
        raise InputError(
            f"the built-in data need the simulator, which cannot be imported ({error}). Work in a "
            "clone of the project with what tools/requirements.txt names (make tools), or set "
            "dataset_dir to your own."
        ) from error


def workers() -> int:
    """Processes that make built-in data at a time."""
    return int(simulator("command_line").usable_cores())
