"""Many studies in one run: they are independent, finished ones are not done again."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import Evaluator, IterationEvents, SupervisedEvaluator
from monai.transforms import Transform
from monai.utils.enums import CommonKeys as Keys

from myomotion.analysis.intervals.repeats import HALF_WIDTH, NUMBERS
from myomotion.analysis.intervals.study import EF_KEYS
from myomotion.analysis.measures.registry import cohort_measures
from myomotion.analysis.provenance import input_hashes, refuse_other_cine, study_parameters
from myomotion.analysis.provenance import read_summary as read_summary
from myomotion.analysis.tables.wide import wide_columns, wide_row
from myomotion.core.frames_together import workers
from myomotion.errors import OutputError, exit_on_input_error, root_input_error
from myomotion.files.atomic import remove_leftovers
from myomotion.files.outputs import Inputs, claim, edit_in, refuse_unsafe
from myomotion.files.paths import given_path
from myomotion.files.tables import json_text, write_table
from myomotion.inferers.found import (
    COHORT,
    FAILED,
    failures_in,
    first_page,
    found_lines,
    list_failures,
    results_in,
)
from myomotion.io.cine import STUDY_FILES
from myomotion.transforms.save_motion import STUDY_RESULT

LOG = logging.getLogger(__name__)


def track_study(engine: SupervisedEvaluator, item: Mapping[str, Any]) -> dict[str, Any]:
    """Iteration of an evaluator whose batch is one study, as it is (``iteration_update``).

    Items are not collated: they hold the study itself, which is no tensor.

    Args:
        engine: with ``network`` and ``inferer``.
        item: from :class:`~myomotion.transforms.load_cine.LoadCine`.

    Returns:
        ``pred``, the network's output ``(Z, T, 2, size, size)``.
    """
    image = item["image"][None].to(engine.state.device)
    with torch.no_grad(), engine.mode(engine.network):
        engine.state.output = {Keys.PRED: engine.inferer(image, engine.network)[0]}
    engine.fire_event(IterationEvents.FORWARD_COMPLETED)
    engine.fire_event(IterationEvents.MODEL_COMPLETED)
    return engine.state.output


class StudyRuns:
    """Run an evaluator study by study.

    A study that fails does not stop the others; it is listed in ``failed.json``, and the command
    still ends with exit status 0 unless not a single study could be tracked. A study whose folder
    was written from the same files with the same parameters is skipped. Where there are several
    results in the end, ``cohort.csv`` has a row of each, those of other runs too, and
    ``failed.json`` keeps what other runs have listed.

    Args:
        evaluator: tracks what its data loader gives; its post-processing writes the results.
        studies: from :func:`~myomotion.io.cine.find_studies`.
        preprocessing: reads a study.
        output_dir: holds a folder for each study.
        parameters: from :func:`~myomotion.analysis.provenance.run_parameters`, as noted in the
            summaries.
        overwrite: do finished studies again.
        inputs: what else is read, such as weights; None among them counts for nothing.
        lacking: further names for ``failed.json`` with the reason, such as folders without a cine.
        kind: of the folders of results.
        cohort: whether to write ``cohort.csv``.
        verbose: let the evaluator say when it starts and ends, too.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        studies: Sequence[Mapping[str, object]],
        preprocessing: Transform,
        output_dir: str | Path,
        parameters: Mapping[str, Any],
        overwrite: bool = False,
        inputs: Sequence[object] = (),
        lacking: Mapping[str, str] | None = None,
        kind: str = STUDY_RESULT,
        cohort: bool = True,
        verbose: bool = False,
    ) -> None:
        self.kind = kind
        self.cohort = cohort
        self.evaluator = evaluator
        self.verbose = verbose
        self.studies = [
            {k: str(given_path(v)) if v and k in STUDY_FILES else v for k, v in study.items()}
            | {"name": str(study["name"])}
            for study in studies
        ]
        self.preprocessing = preprocessing
        self.output_dir = given_path(output_dir)
        self.parameters = json.loads(json_text(parameters))
        self.overwrite = overwrite
        self.lacking = dict(lacking or {})
        read = (study.get(key) for study in self.studies for key in STUDY_FILES)
        self.inputs = Inputs([*inputs, *read])

    def run(self) -> None:
        """Make sure of all places, track the studies and conclude.

        Raises:
            SystemExit: with one line, if a result would cost somebody files or cannot be written,
                or if not a single study could be tracked.
        """
        exit_on_input_error(self.check)
        self.conclude(self.track())

    def check(self) -> None:
        """Look at every place that will be written to, before anything is computed.

        Raises:
            OutputError: if a result would take the place of an input, of another study's result, of
                something that this program has not written or of an edited label, or if nothing can
                be written there.
        """
        seen: dict[str, str] = {}
        for study in self.studies:
            name, image = str(study["name"]), str(study["image"])
            # File systems other than Linux's take names for equal that differ in case.
            other = seen.setdefault(name if sys.platform == "linux" else name.casefold(), image)
            target = self.output_dir / name
            if other != image:
                raise OutputError(
                    f"{target}: would hold the results of {other} and of {image}. Give one of them "
                    "another name, or track them into different folders."
                )
            if edit_in(target, self.inputs) is None or not self._is_skipped(study):
                refuse_unsafe(target, self.inputs, self.kind)
            refuse_other_cine(target, image)
        for table in (FAILED, COHORT):
            refuse_unsafe(self.output_dir / table, self.inputs)

    def track(self) -> dict[str, str]:
        """Track the studies that are not finished.

        Returns:
            Name of a study to the reason why it could not be tracked.
        """
        if self.output_dir.is_dir():
            remove_leftovers(self.output_dir)
        # By itself the engine says a line or three for every study that say nothing of it.
        self.evaluator.logger.setLevel(logging.NOTSET if self.verbose else logging.WARNING)
        failures: dict[str, str] = {}
        for index, study in enumerate(self.studies):
            name = str(study["name"])
            place = f"study {index + 1} of {len(self.studies)}: {name}"
            if self._is_skipped(study):
                LOG.info("%s is finished already", place)
                if (edit := edit_in(self.output_dir / name, self.inputs)) is not None:
                    LOG.warning("%s: %s", self.output_dir / name, edit)
                continue
            LOG.info("%s", place)
            with workers():  # one set of threads for all that is done to a study
                error = self._track(study)
            if error is None:
                continue
            found = root_input_error(error)
            failures[name] = str(found or first_cause(error))
            if found is None:  # a fault of the program: its traceback helps to mend it
                LOG.error("%s failed", place, exc_info=error)
            elif len(self.studies) > 1:
                LOG.error("%s failed: %s", place, failures[name])
        return failures

    def conclude(self, failures: Mapping[str, str]) -> None:
        """Write ``failed.json`` and ``cohort.csv``, wherever the studies were tracked.

        Args:
            failures: name of a study to the reason why it could not be tracked.

        Raises:
            SystemExit: see :meth:`run`.
        """
        exit_on_input_error(lambda: self._list_failures(self.lacking | dict(failures)))
        if self.cohort:
            exit_on_input_error(self._write_cohort)
        done = [str(s["name"]) for s in self.studies if s["name"] not in failures]
        if done:
            for line in found_lines(self.output_dir, done):
                LOG.info("%s", line)
            LOG.info("results: %s", self.output_dir / first_page(self.output_dir, done))
        if failures and len(failures) == len(self.studies):
            first = next(iter(failures.values()))
            more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
            raise SystemExit(f"error: {first}{more}")

    def results(self) -> dict[str, dict[str, Any]]:
        """Summaries of what is in the folder, by name, but for studies that ``failed.json`` has."""
        failed = failures_in(self.output_dir)
        found = results_in(self.output_dir, self.kind)
        return {name: summary for name, summary in found.items() if name not in failed}

    def _track(self, study: Mapping[str, object]) -> BaseException | None:
        errors: list[BaseException] = []

        def keep(engine: Engine, error: BaseException) -> None:
            if not isinstance(error, Exception):
                raise error
            errors.append(error)

        try:
            self.evaluator.data_loader = [self.preprocessing(dict(study))]
        except Exception as error:  # the study's own; the others go on
            return error
        self.evaluator.state.epoch_length = 1
        # An engine that has raised does not start again; one whose handler keeps the error does.
        with self.evaluator.add_event_handler(Events.EXCEPTION_RAISED, keep):
            self.evaluator.run()
        return errors[0] if errors else None

    def _is_skipped(self, study: Mapping[str, object]) -> bool:
        """A study that is finished with the same files and parameters."""
        summary = read_summary(self.output_dir / str(study["name"]))
        return (
            not self.overwrite
            and summary is not None
            and summary.get("parameters") == study_parameters(self.parameters, study)
            and summary.get("input_sha256") == input_hashes(study)
        )

    def _list_failures(self, failures: Mapping[str, str]) -> None:
        names = {str(study["name"]) for study in self.studies}
        others = {n: why for n, why in failures_in(self.output_dir).items() if n not in names}
        list_failures(self.output_dir, {**others, **failures}, self.inputs)
        if failures:
            number = len(self.studies) + len(self.lacking)
            LOG.error(
                "%d of %d studies failed: %s", len(failures), number, self.output_dir / FAILED
            )

    def _write_cohort(self) -> None:
        path = self.output_dir / COHORT
        rows = [cohort_row(summary) for summary in self.results().values()]
        if rows and (max(len(rows), len(self.studies)) > 1 or path.exists()):
            claim(path, self.inputs)
            write_table(path, cohort_columns(), rows)


def first_cause(error: BaseException) -> str:
    """What an exception that transforms have wrapped began with.

    Args:
        error: the outermost exception.

    Returns:
        Type and message of the innermost.
    """
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"


def cohort_columns() -> list[str]:
    """Columns of ``cohort.csv``."""
    about = ["name", "light", "slices", "slices_passed", "reference_frame", "es_frame"]
    measured = [measure.key for measure in cohort_measures()]
    measured += [key + HALF_WIDTH for key in measured if key in (*NUMBERS, *EF_KEYS)]
    return [*about, *measured, "warnings", *wide_columns()]


def cohort_row(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The row of one study in ``cohort.csv``.

    Args:
        summary: from :func:`~myomotion.analysis.summary.study_summary`.

    Returns:
        :func:`cohort_columns`; strain is the mean of the slices that passed quality control, at
        end-systole, and empty without labels.
    """
    means = summary.get("mean_of_slices_at_end_systole") or {}
    slices = summary.get("slices", [])
    return {
        **{name: means.get(name, summary.get(name)) for name in cohort_columns()},
        **wide_row(summary),
        "slices": len(slices),
        "slices_passed": sum(s["light"] != "red" for s in slices if s.get("measured", True)),
        "warnings": len(summary.get("warnings", [])),
    }
