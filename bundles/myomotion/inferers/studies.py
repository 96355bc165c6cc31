"""Many studies in one run: they are independent, finished ones are not done again."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from glob import escape
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import Evaluator, IterationEvents, SupervisedEvaluator
from monai.transforms import Transform
from monai.utils.enums import CommonKeys as Keys

from myomotion.analysis.measures.registry import cohort_measures
from myomotion.analysis.provenance import input_hashes
from myomotion.errors import root_input_error
from myomotion.files import write_bytes, write_table

LOG = logging.getLogger(__name__)


def track_study(engine: SupervisedEvaluator, item: Mapping[str, Any]) -> dict[str, Any]:
    """Iteration of an evaluator whose batch is one study, as it is (``iteration_update``).

    Items are not collated: they hold the study itself, which is no tensor.

    Args:
        engine: with ``network`` and ``inferer``.
        item: from :class:`~myomotion.transforms.load_cine.LoadCined`.

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
    was written from the same files with the same parameters is skipped. ``cohort.csv`` has one row
    for each study that is there in the end. A single study that fails writes nothing.

    Args:
        evaluator: tracks what its data loader gives; its post-processing writes the results.
        studies: from :func:`~myomotion.io.cine.find_studies`.
        preprocessing: reads a study.
        output_dir: holds a folder for each study.
        parameters: from :func:`~myomotion.analysis.provenance.run_parameters`, as noted in the
            summaries.
        overwrite: do finished studies again.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        studies: Sequence[Mapping[str, object]],
        preprocessing: Transform,
        output_dir: str | Path,
        parameters: Mapping[str, Any],
        overwrite: bool = False,
    ) -> None:
        self.evaluator = evaluator
        self.studies = list(studies)
        self.preprocessing = preprocessing
        self.output_dir = Path(output_dir)
        self.parameters = json.loads(json.dumps(dict(parameters)))
        self.overwrite = overwrite

    def run(self) -> None:
        """Track the studies.

        Raises:
            SystemExit: with one line, if not a single study could be tracked.
        """
        failures: dict[str, str] = {}
        for index, study in enumerate(self.studies):
            name = str(study["name"])
            place = f"study {index + 1} of {len(self.studies)}: {name}"
            self._clear_leftovers(name)
            if not self.overwrite and self._finished(study):
                LOG.info("%s is finished already", place)
                continue
            LOG.info("%s", place)
            error = self._track(study)
            if error is None:
                continue
            found = root_input_error(error)
            failures[name] = str(found or first_cause(error))
            if found is None:  # a fault of the program: its traceback helps to mend it
                LOG.error("%s failed", place, exc_info=error)
            elif len(self.studies) > 1:
                LOG.error("%s failed: %s", place, failures[name])
        self.conclude(failures)

    def conclude(self, failures: Mapping[str, str]) -> None:
        """Write ``failed.json`` and ``cohort.csv`` of the studies, wherever they were tracked.

        Args:
            failures: name of a study to the reason why it could not be tracked.

        Raises:
            SystemExit: see :meth:`run`.
        """
        if len(self.studies) > 1:
            self._list_failures(failures)
            self._write_cohort(set(failures))
        if failures and len(failures) == len(self.studies):
            first = next(iter(failures.values()))
            more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
            raise SystemExit(f"error: {first}{more}")

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

    def _finished(self, study: Mapping[str, object]) -> bool:
        summary = read_summary(self.output_dir / str(study["name"]))
        return (
            summary is not None
            and summary.get("parameters") == self.parameters
            and summary.get("input_sha256") == input_hashes(study)
        )

    def _clear_leftovers(self, name: str) -> None:
        """Remove what a run left hidden that was killed while it wrote this study or a table."""
        for suffix in ("partial", "old"):
            for folder in self.output_dir.glob(f".{escape(name)}.????????.{suffix}"):
                shutil.rmtree(folder, ignore_errors=True)
        for table in ("cohort.csv", "failed.json"):
            for file in self.output_dir.glob(f".{table}.????????.partial"):
                file.unlink(missing_ok=True)

    def _list_failures(self, failures: Mapping[str, str]) -> None:
        path = self.output_dir / "failed.json"
        if failures:
            write_bytes(path, (json.dumps(dict(failures), indent=2) + "\n").encode())
            LOG.error("%d of %d studies failed: %s", len(failures), len(self.studies), path)
        else:
            path.unlink(missing_ok=True)

    def _write_cohort(self, failed: set[str]) -> None:
        names = [str(study["name"]) for study in self.studies]
        summaries = {n: read_summary(self.output_dir / n) for n in names if n not in failed}
        rows = [cohort_row(summary) for summary in summaries.values() if summary is not None]
        if not rows:
            return
        write_table(self.output_dir / "cohort.csv", cohort_columns(), rows)


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


def read_summary(folder: Path) -> dict[str, Any] | None:
    """``summary.json`` of a finished study.

    Args:
        folder: of the study.

    Returns:
        Its content; None if there is none that can be read.
    """
    try:
        content = json.loads((folder / "summary.json").read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def cohort_columns() -> list[str]:
    """Columns of ``cohort.csv``."""
    about = ["name", "light", "slices", "slices_passed", "reference_frame", "es_frame"]
    return [*about, *(measure.key for measure in cohort_measures()), "warnings"]


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
    row = {name: means.get(name, summary.get(name)) for name in cohort_columns()}
    return row | {
        "slices": len(slices),
        "slices_passed": sum(s["light"] != "red" for s in slices),
        "warnings": len(summary.get("warnings", [])),
    }
