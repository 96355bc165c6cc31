"""Studies to train on and to track: the user's own, or virtual cines, made on first use."""

from __future__ import annotations

import logging
from pathlib import Path

from myomotion.errors import InputError
from myomotion.files.paths import given_path
from myomotion.io.built_in.cycles import cycles_folder, simulator, workers
from myomotion.io.cine import find_studies
from myomotion.io.datalist import read_datalist

LOG = logging.getLogger(__name__)
VALIDATION_EVERY = 5  # of a user's own studies, every fifth is for validation


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
        cycles = cycles_folder(cache, preset, slices, seed)
        LOG.info("making virtual cines in %s (once)", folder)
        simulator("phantom.dataset").make_cines(folder, cycles=cycles, seed=seed, workers=workers())
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
