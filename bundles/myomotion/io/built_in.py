"""Data that needs nothing from the user: simulated cycles and virtual cines, made on first use."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path
from types import ModuleType

from myomotion.errors import InputError
from myomotion.files.paths import given_path
from myomotion.io.cine import find_studies
from myomotion.io.datalist import read_datalist

LOG = logging.getLogger(__name__)
LEVELS_OF_CYCLE = 25  # pressures of a built-in cycle
VALIDATION_EVERY = 5  # of a user's own studies, every fifth is for validation


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
        section: ``training``, ``validation`` or ``test`` (split by subject).
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
    folder = _cycles_folder(cache, preset, slices, seed) if made else given_path(dataset_dir)
    return read_datalist(folder, section, "cycle")


def virtual_cines(
    cache: str | Path, section: str, *, preset: str, slices: int, seed: int = 0
) -> list[dict[str, object]]:
    """Virtual cines moved by simulated cycles, made now if they are not there yet.

    Args:
        cache: folder for built-in data.
        section: ``training``, ``validation`` or ``test`` (split by subject).
        preset: ``paper`` or ``physiological``.
        slices: how many slices, three a cine.
        seed: seed of population and pictures.

    Returns:
        Studies as :func:`~myomotion.io.cine.find_studies` lists them.

    Raises:
        InputError: if the simulator is not at hand.
    """
    folder = Path(cache) / f"cines_{preset}_{slices}_seed{seed}"
    if not (folder / "datalist.json").is_file():
        cycles = _cycles_folder(cache, preset, slices, seed)
        LOG.info("making virtual cines in %s (once)", folder)
        _simulator("phantom.dataset").make_cines(
            folder, cycles=cycles, seed=seed, workers=_workers()
        )
    return _studies_in_section(folder, section)


def studies(
    dataset_dir: str | Path | None,
    *,
    cache: str | Path,
    preset: str,
    slices: int,
    seed: int = 0,
) -> list[dict[str, object]]:
    """Studies to track: the user's own, or the test section of the virtual cines.

    Args:
        dataset_dir: see :func:`~myomotion.io.cine.find_studies`; None for the built-in ones.
        cache: see :func:`virtual_cines`.
        preset: see :func:`virtual_cines`.
        slices: see :func:`virtual_cines`.
        seed: see :func:`virtual_cines`.

    Returns:
        Studies.

    Raises:
        InputError: if nothing usable is there.
    """
    if dataset_dir is None:
        return virtual_cines(cache, "test", preset=preset, slices=slices, seed=seed)
    return find_studies(dataset_dir)


def cines(
    dataset_dir: str | Path | None,
    section: str,
    *,
    cache: str | Path,
    preset: str,
    slices: int,
    seed: int = 0,
) -> list[dict[str, object]]:
    """Studies for training: the user's own, or virtual cines where none are named.

    Args:
        dataset_dir: folder of studies, or None for the built-in virtual cines. With a
            ``datalist.json`` its sections count; otherwise every fifth study, and the last of fewer
            than five, is for validation.
        section: ``training`` or ``validation``.
        cache: see :func:`virtual_cines`.
        preset: see :func:`virtual_cines`.
        slices: see :func:`virtual_cines`.
        seed: see :func:`virtual_cines`.

    Returns:
        Studies.

    Raises:
        InputError: if nothing usable is there.
    """
    if dataset_dir is None:
        return virtual_cines(cache, section, preset=preset, slices=slices, seed=seed)
    folder = given_path(dataset_dir)
    if (folder / "datalist.json").is_file():
        return _studies_in_section(folder, section)
    found = find_studies(folder)
    if len(found) < 2:
        raise InputError(f"{folder}: {len(found)} study. Training needs at least two.")
    last = min(len(found), VALIDATION_EVERY)
    return [s for i, s in enumerate(found) if (i % last == last - 1) == (section != "training")]


def studies_of(folder: str | Path, section: str | None = None) -> list[dict[str, object]]:
    """Studies of a folder, all of them or one section of its ``datalist.json``.

    Args:
        folder: see :func:`~myomotion.io.cine.find_studies`.
        section: name of the section, or None for all studies.

    Returns:
        Studies.

    Raises:
        InputError: if nothing usable is there.
    """
    return find_studies(folder) if section is None else _studies_in_section(Path(folder), section)


def _studies_in_section(folder: Path, section: str) -> list[dict[str, object]]:
    entries = read_datalist(folder, section, "cine")
    return [study for entry in entries for study in find_studies(entry["cine"])]


def _cycles_folder(cache: str | Path, preset: str, slices: int, seed: int) -> Path:
    folder = Path(cache) / f"cycles_{preset}_{slices}_seed{seed}"
    if not (folder / "datalist.json").is_file():
        simulator = _simulator("dataset")
        LOG.info("simulating %d slices into %s (once)", slices, folder)
        simulator.simulate_dataset(
            folder,
            count=slices,
            preset=preset,
            seed=seed,
            levels=LEVELS_OF_CYCLE,
            workers=_workers(),
        )
    return folder


def _simulator(module: str) -> ModuleType:
    root = Path(__file__).resolve().parents[2]
    if (root / "fem_sim").is_dir() and str(root) not in sys.path:
        sys.path.append(str(root))
    try:
        return importlib.import_module(f"fem_sim.{module}")
    except ImportError as error:
        raise InputError(
            f"the built-in data need the simulator, which cannot be imported ({error}). Work in a "
            "clone of the project with its requirements installed, or set dataset_dir to your own."
        ) from error


def _workers() -> int:
    return _simulator("command_line").usable_cores()
