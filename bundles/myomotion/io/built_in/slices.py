"""Virtual slices to learn contours from: a folder of them, or those made on first use."""

from __future__ import annotations

import logging
from pathlib import Path

from myomotion.files.paths import given_path
from myomotion.io.built_in.cycles import simulator, workers
from myomotion.io.datalist import read_datalist

LOG = logging.getLogger(__name__)


def slices(
    dataset_dir: str | Path | None, section: str, *, cache: str | Path, count: int, seed: int = 0
) -> list[dict[str, str]]:
    """Virtual slices with labels.

    Args:
        dataset_dir: folder made by ``python -m fem_sim slices``; None draws the built-in ones on
            first use.
        section: ``training``, ``validation`` or ``test``.
        cache: folder for built-in data.
        count: slices to draw.
        seed: of everything drawn.

    Returns:
        Entries with ``slice`` (path).

    Raises:
        InputError: if the simulator is not at hand.
    """
    if dataset_dir is not None:
        return read_datalist(given_path(dataset_dir), section, "slice")
    folder = Path(cache) / f"slices_{count}_seed{seed}"
    if not (folder / "datalist.json").is_file():
        LOG.info("drawing %d slices into %s (once)", count, folder)
        make = simulator("stills.dataset").make_stills
        make(folder, count=count, seed=seed, workers=workers())
    return read_datalist(folder, section, "slice")
