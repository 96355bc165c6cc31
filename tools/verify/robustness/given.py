"""What a verification of robustness has to work with: real studies, virtual ones, a place."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from myomotion.errors import InputError
from myomotion.io.built_in.cines import virtual_cines
from myomotion.io.cine import find_studies
from tools.bundle import BUNDLES

LOG = logging.getLogger(__name__)
BUILT_IN_SLICES = 9

Study = dict[str, object]


@dataclass(kw_only=True)
class Given:
    """Inputs of all groups.

    Attributes:
        work: folder for what a group writes; it goes at the end.
        seed: of noise, shuffling and damage.
        real: folders of studies, or folders of those.
    """

    work: Path
    seed: int = 0
    real: Sequence[Path] = field(default=())

    @cached_property
    def real_studies(self) -> list[Study]:
        """Every study in the folders of real data; raises InputError where one has none."""
        return [study for folder in self.real for study in studies_below(folder)]

    @cached_property
    def virtual_studies(self) -> list[Study]:
        """The built-in virtual cines, made on first use."""
        return [
            study
            for section in ("training", "validation", "test")
            for study in virtual_cines(
                BUNDLES / ".cache", section, preset="physiological", slices=BUILT_IN_SLICES
            )
        ]


def studies_below(folder: Path) -> list[Study]:
    """Studies of a folder of studies, or of a folder of such folders.

    Args:
        folder: of studies, or of data sets. What is no data set is left out and said.

    Returns:
        As :func:`~myomotion.io.cine.find_studies` lists them.

    Raises:
        InputError: if nothing usable is there.
    """
    try:
        return find_studies(folder)
    except InputError as error:
        found = list(_of_data_sets(folder))
        if not found:
            raise error
        return found


def _of_data_sets(folder: Path) -> Iterator[Study]:
    for inside in sorted(p for p in folder.glob("*") if p.is_dir()):
        try:
            yield from find_studies(inside)
        except InputError as error:
            LOG.warning("%s: left out: %s", inside.name, error)
