"""Track and score every case of a study with every method, keeping what is done."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from fem_sim.parallel import ended_jobs
from myomotion.transforms.load_cine import LoadCine
from tools.evaluate.methods import Tracker, make_tracker
from tools.evaluate.scores import score_study
from tools.study.cache import cached, result_key
from tools.study.config import Method
from tools.study.cycle import jacobian_curves, true_curves
from tools.study.film import moved_contours
from tools.study.moving import film, middle, middle_slice, wall
from tools.study.regions import regional_errors
from tools.study.timing import QUIET_LOAD, stack_time

LOG = logging.getLogger(__name__)
SIZE, SPACING = 96, 1.5


class Runner:
    """Runs methods on studies.

    Args:
        folder: receives the cached results, one JSON file for each method, setting and study.
        progress: show a progress bar.
        workers: processes that track, with one thread each.

    Attributes:
        failed: what did not run, as sentences.
    """

    def __init__(self, folder: Path, progress: bool = True, workers: int = 1) -> None:
        self.folder = folder
        self.progress = progress
        self.workers = workers
        self.failed: list[str] = []
        self._trackers: dict[str, Tracker] = {}

    def rows(
        self, data: str, methods: Sequence[Method], studies: Sequence[Mapping[str, Any]]
    ) -> dict[str, list[dict[str, Any]]]:
        """Scores of every slice.

        Args:
            data: name of the data set.
            methods: what to run.
            studies: from :func:`~myomotion.io.built_in.cines.studies_of`.

        Returns:
            Rows of :func:`tools.evaluate.scores.score_study` with the regions of
            :mod:`tools.study.regions`, by method; a method that failed on a case is left out.
        """
        self._precompute(data, methods, studies)
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

    def _precompute(
        self, data: str, methods: Sequence[Method], studies: Sequence[Mapping[str, Any]]
    ) -> None:
        """Compute in several processes what no earlier run has left; errors come up again later."""
        if self.workers < 2:
            return
        missing = {
            i: [m for m in methods if not self._file("scores", m, s, result_key(m, s)).is_file()]
            for i, s in enumerate(studies)
        }
        missing = {i: wanted for i, wanted in missing.items() if wanted}
        if not missing:
            return
        jobs = [(self.folder, wanted, dict(studies[i])) for i, wanted in missing.items()]
        with (
            tqdm(total=len(jobs), desc=f"{data}, new", disable=not self.progress) as bar,
            closing(ended_jobs(_precompute_study, jobs, workers=self.workers)) as ended,
        ):
            for _, _, error in ended:
                if error is not None:
                    raise error
                bar.update()

    def times(self, methods: Sequence[Method], study: Mapping[str, Any]) -> dict[str, Any]:
        """Times of a whole stack, one method after the other; busy ones are taken again.

        Args:
            methods: what to run.
            study: the stack.

        Returns:
            From :func:`tools.study.timing.stack_time`, by method.
        """
        found: dict[str, Any] = {}
        item = _Item(study)
        for method in tqdm(methods, desc="times", disable=not self.progress):
            if method.method == "identity":
                continue

            def measure(method: Method = method) -> dict[str, float]:
                tracker = self._tracker(method)
                return stack_time(tracker, item(tracker))

            key = result_key(method, study)
            path = self._file("times", method, study, key)
            try:
                time = cached(path, key, measure)
                if time["load"] > QUIET_LOAD >= os.getloadavg()[0]:
                    path.unlink()
                    time = cached(path, key, measure)
            except (ValueError, RuntimeError, OSError) as error:
                self._fail(f"time of {method.label}: {error}")
                continue
            found[method.name] = time
        return found

    def film(self, methods: Sequence[Method], study: Mapping[str, Any]) -> bytes:
        """The moving comparison on the middle slice of a study.

        Args:
            methods: what to run.
            study: the case.

        Returns:
            GIF, with the true contours where the motion is known.
        """
        item = cache(lambda: middle_slice(LoadCine(SIZE, SPACING, with_truth=True)(study)))
        contours: dict[str, Any] = {}
        for method in tqdm(methods, desc="film", disable=not self.progress):

            def follow(method: Method = method) -> Any:
                tracker = self._tracker(method)
                if tracker.load is None:
                    field = tracker.cycle(item())[0][0]
                else:
                    field = tracker.cycle(tracker.load(dict(study)))[0][middle(item())]
                return moved_contours(field.cpu(), wall(item()), SPACING)

            key = result_key(method, study)
            path = self._file("contours", method, study, key)
            contours[method.name] = cached(path, key, follow)
        truth = item()["truth"][0].float()
        if bool(torch.isfinite(truth).all()):
            contours["truth"] = moved_contours(truth, wall(item()), SPACING)
        return film(item(), contours, {m.name: m.label for m in methods})

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
        result = cached(path, key, lambda: self._score(method, item))
        return result["rows"], result["curves"]

    def _curves(
        self, method: Method, study: Mapping[str, Any], item: _Item
    ) -> list[dict[str, Any]]:
        curves = self._scored(method, study, item)[1]
        if curves:
            return curves
        key = result_key(method, study)

        def follow() -> list[dict[str, Any]]:
            tracker = self._tracker(method)
            return jacobian_curves(tracker.cycle(item(tracker))[0], item(), SPACING)

        found: list[dict[str, Any]] = cached(self._file("cycles", method, study, key), key, follow)
        return found

    def _score(self, method: Method, item: _Item) -> dict[str, list[dict[str, Any]]]:
        tracker = self._tracker(method)
        curves: list[dict[str, Any]] = []
        if not tracker.sequences:
            displacement, seconds = tracker(item(tracker))
        else:
            field, seconds = tracker.cycle(item(tracker))
            curves = jacobian_curves(field.cpu(), item(), SPACING)
            displacement = field[:, int(item()["es_index"])]
        rows = score_study(item(), displacement.cpu(), seconds, SPACING)
        slices = [row["slice"] for row in rows]
        regions = regional_errors(item(), displacement.cpu(), slices)
        return {"rows": [{**r, **e} for r, e in zip(rows, regions, strict=True)], "curves": curves}

    def _tracker(self, method: Method) -> Tracker:
        if method.name not in self._trackers:
            self._trackers[method.name] = make_tracker(method.method, **method.settings)
        return self._trackers[method.name]

    def _file(self, kind: str, method: Method, study: Mapping[str, Any], key: str) -> Path:
        return self.folder / kind / method.method / f"{study['name']}-{key[:12]}.json"

    def _fail(self, sentence: str) -> None:
        LOG.warning("%s", sentence)
        self.failed.append(sentence)


def _precompute_study(job: tuple[Path, Sequence[Method], dict[str, Any]]) -> None:
    """The work of one process: score a study with several methods, into a folder."""
    folder, methods, study = job
    runner, item = Runner(folder, progress=False), _Item(study)
    for method in methods:
        try:
            runner._scored(method, study, item)
        except (ValueError, RuntimeError, OSError) as error:
            LOG.debug("%s, %s: %s", method.label, study["name"], error)


class _Item:
    """A study, loaded when it is first needed: plain, or with what a tracker sees beside it."""

    def __init__(self, study: Mapping[str, Any]) -> None:
        self.study = study
        self._loaded = cache(lambda load: load(dict(study)))
        self._plain = LoadCine(SIZE, SPACING)

    def __call__(self, tracker: Tracker | None = None) -> dict[Any, Any]:
        own = None if tracker is None else tracker.load
        item: dict[Any, Any] = self._loaded(own or self._plain)
        return item


def runnable(methods: Sequence[Method]) -> tuple[list[Method], list[str]]:
    """Methods that can run here, and why others cannot.

    Args:
        methods: of the study.

    Returns:
        Methods and sentences.
    """
    reasons = {m.name: m.reason_to_skip() for m in methods}
    skipped = [f"{m.label}: {reasons[m.name]}" for m in methods if reasons[m.name]]
    return [m for m in methods if reasons[m.name] is None], skipped
