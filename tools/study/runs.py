"""Track and score every case of a study with every method, keeping what is done."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tools.bundle import use_bundle_code
from tools.evaluation import score_study
from tools.methods import Tracker, make_tracker
from tools.study.cache import kept, result_key
from tools.study.config import Method, StudyConfig
from tools.study.cycle import frame_by_frame, jacobian_curves, true_curves
from tools.study.regions import regional_errors

use_bundle_code()

from myomotion.built_in import studies_of  # noqa: E402
from myomotion.cine_transforms import LoadCined  # noqa: E402
from myomotion.errors import InputError  # noqa: E402

LOG = logging.getLogger(__name__)
SIZE, SPACING = 96, 1.5


class Runner:
    """Runs methods on studies.

    Args:
        folder: receives the kept results, one JSON file for each method, setting and study.
        progress: show a progress bar.

    Attributes:
        failed: what did not run, as sentences.
    """

    def __init__(self, folder: Path, progress: bool = True) -> None:
        self.folder = folder
        self.progress = progress
        self.failed: list[str] = []
        self._trackers: dict[str, Tracker] = {}

    def rows(
        self, data: str, methods: Sequence[Method], studies: Sequence[Mapping[str, Any]]
    ) -> dict[str, list[dict[str, Any]]]:
        """Scores of every slice.

        Args:
            data: name of the data set.
            methods: what to run.
            studies: from :func:`~myomotion.built_in.studies_of`.

        Returns:
            Rows of :func:`tools.evaluation.score_study` with the regions of
            :mod:`tools.study.regions`, by method; a method that failed on a case is left out.
        """
        results: dict[str, list[dict[str, Any]]] = {m.name: [] for m in methods}
        lost: set[str] = set()
        with tqdm(total=len(methods) * len(studies), desc=data, disable=not self.progress) as bar:
            for study in studies:
                item = _Item(study)
                for method in methods:
                    bar.set_postfix_str(f"{study['name']} {method.name}")
                    try:
                        if method.name not in lost:
                            results[method.name] += self._scored(method, study, item)[0]
                    except (ValueError, RuntimeError, OSError) as error:
                        lost.add(method.name)
                        self._fail(f"{data}, {method.label}, {study['name']}: {error}")
                    bar.update()
        return {name: rows for name, rows in results.items() if name not in lost}

    def curves(
        self, data: str, methods: Sequence[Method], studies: Sequence[Mapping[str, Any]]
    ) -> dict[str, list[dict[str, Any]]]:
        """J over the cycle by method, and ``truth`` where the motion is known.

        Args:
            data: name of the data set.
            methods: what to run.
            studies: the cases.

        Returns:
            From :func:`tools.study.cycle.jacobian_curves`.
        """
        results: dict[str, list[dict[str, Any]]] = {m.name: [] for m in methods}
        total = len(methods) * len(studies)
        with tqdm(total=total, desc=f"{data}, cycles", disable=not self.progress) as bar:
            for study in studies:
                item = _Item(study)
                for method in methods:
                    results[method.name] += self._curves(method, study, item)
                    bar.update()
        truth = [curve for s in studies for curve in true_curves(s, SIZE, SPACING)]
        return {**results, **({"truth": truth} if truth else {})}

    def _scored(
        self, method: Method, study: Mapping[str, Any], item: _Item
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Rows, and the curves of methods that track the whole cycle anyway."""
        key = result_key(method, study)
        path = self._file("scores", method, study, key)
        result = kept(path, key, lambda: self._score(method, item))
        return result["rows"], result["curves"]

    def _curves(
        self, method: Method, study: Mapping[str, Any], item: _Item
    ) -> list[dict[str, Any]]:
        curves = self._scored(method, study, item)[1]
        if curves:
            return curves
        key = result_key(method, study)

        def follow() -> list[dict[str, Any]]:
            return jacobian_curves(frame_by_frame(self._tracker(method), item()), item(), SPACING)

        found: list[dict[str, Any]] = kept(self._file("cycles", method, study, key), key, follow)
        return found

    def _score(self, method: Method, item: _Item) -> dict[str, list[dict[str, Any]]]:
        load = os.getloadavg()[0]
        tracker = self._tracker(method)
        every = getattr(tracker, "cycle", None)
        curves: list[dict[str, Any]] = []
        if every is None:
            displacement, seconds = tracker(item())
        else:
            field, seconds = every(item())
            curves = jacobian_curves(field.cpu(), item(), SPACING)
            displacement = field[:, int(item()["es_index"])]
        rows = score_study(item(), displacement.cpu(), seconds, SPACING)
        regions = regional_errors(item(), displacement.cpu(), SPACING)
        return {
            "rows": [{**r, **e, "load": load} for r, e in zip(rows, regions, strict=True)],
            "curves": curves,
        }

    def _tracker(self, method: Method) -> Tracker:
        if method.name not in self._trackers:
            self._trackers[method.name] = make_tracker(method.method, **method.settings)
        return self._trackers[method.name]

    def _file(self, kind: str, method: Method, study: Mapping[str, Any], key: str) -> Path:
        return self.folder / kind / method.method / f"{study['name']}-{key[:12]}.json"

    def _fail(self, sentence: str) -> None:
        LOG.warning("%s", sentence)
        self.failed.append(sentence)


class _Item:
    """A study, loaded when it is first needed."""

    def __init__(self, study: Mapping[str, Any]) -> None:
        self.load = cache(lambda: LoadCined(SIZE, SPACING)(study))

    def __call__(self) -> dict[Any, Any]:
        return self.load()


def usable_studies(
    folder: Path, section: str | None = None, only: Sequence[str] = ()
) -> tuple[list[dict[str, Any]], list[str]]:
    """Studies of a folder that can be scored, and why others cannot.

    Args:
        folder: see :func:`~myomotion.built_in.studies_of`.
        section: of its ``datalist.json``; all where None.
        only: names to take; all where empty.

    Returns:
        Studies and sentences.

    Raises:
        InputError: if none can be scored.
    """
    usable, refused = [], []
    for study in studies_of(folder, section):
        if only and study["name"] not in only:
            continue
        missing = [k for k in ("label_ed", "label_es") if k not in study]
        if missing:
            refused.append(f"{study['name']}: no {' and no '.join(missing)}")
        else:
            usable.append(study)
    if not usable:
        raise InputError(f"{folder}: no study with labels at end-diastole and end-systole.")
    return usable, refused


def runnable(config: StudyConfig) -> tuple[list[Method], list[str]]:
    """Methods that can run here, and why others cannot.

    Args:
        config: the study.

    Returns:
        Methods and sentences.
    """
    reasons = {m.name: m.reason_to_skip() for m in config.methods}
    skipped = [f"{m.label}: {reasons[m.name]}" for m in config.methods if reasons[m.name]]
    return [m for m in config.methods if reasons[m.name] is None], skipped
