"""Inference of the registration bundle study by study, on one process or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fem_sim.parallel import ended_jobs
from myomotion.errors import exit_on_input_error, root_input_error
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import claim, refuse_unsafe
from myomotion.inferers.found import failures_in
from myomotion.inferers.studies import StudyRuns, first_cause
from myomotion.tracker import inference_parts
from tools.track_cohort.page import cohort_page

PAGE = "cohort.html"
STUDIES = "dataset::data"  # of configs/inference.yaml


@dataclass(frozen=True, kw_only=True)
class StudyJob:
    """One study to track, small enough to be sent to another machine.

    Attributes:
        study: an item of :func:`myomotion.io.cine.find_studies`.
        changes: keys of ``configs/inference.yaml`` with other values.
    """

    study: Mapping[str, Any]
    changes: Mapping[str, Any]


def track_cohort(
    data: Path, output: Path, changes: Mapping[str, Any], scheduler: str | None = None
) -> dict[str, str]:
    """Track the studies of a folder; what is written is what the bundle writes.

    Args:
        data: a study or a folder of studies; on a cluster under the same path for all workers.
        output: folder of the results, shared likewise.
        changes: keys of ``configs/inference.yaml`` with other values.
        scheduler: address of a Dask cluster; None tracks in this process.

    Returns:
        Studies that could not be tracked, with the reasons.

    Raises:
        SystemExit: if there is no study, a result would cost somebody files, or not one could be
            tracked.
        RuntimeError, ValueError, OSError: see :func:`fem_sim.parallel.ended_jobs`.
    """
    changes = {**changes, "dataset_dir": str(data.absolute()), "output_dir": str(output.absolute())}
    runs = _study_runs(changes)
    exit_on_input_error(runs.check)
    exit_on_input_error(lambda: refuse_unsafe(runs.output_dir / PAGE, runs.inputs))
    jobs = [StudyJob(study=dict(study), changes=changes) for study in runs.studies]
    failures = dict(_failures(jobs, scheduler))
    names = [str(study["name"]) for study in runs.studies]
    failures = {name: failures[name] for name in names if name in failures}
    runs.conclude(failures)
    exit_on_input_error(lambda: _write_page(runs))
    return failures


def _write_page(runs: StudyRuns) -> None:
    """Write the page of the studies that are there, those of other runs too."""
    summaries = runs.results()
    pages = {name: f"{name}/report.html" for name in summaries}
    links = {name: page for name, page in pages.items() if (runs.output_dir / page).is_file()}
    claim(runs.output_dir / PAGE, runs.inputs)
    page = cohort_page(runs.output_dir.name, summaries, failures_in(runs.output_dir), links)
    write_bytes(runs.output_dir / PAGE, page.encode())


def track_study(job: StudyJob) -> str | None:
    """Track one study, or skip it if it is finished.

    Args:
        job: what to do.

    Returns:
        Why it could not be tracked, None if it was.
    """
    try:
        return _study_runs(job.changes, [dict(job.study)]).track().get(str(job.study["name"]))
    except SystemExit as error:  # how the bundle reports what it cannot use
        return str(root_input_error(error) or error).removeprefix("error: ")


def _failures(jobs: Sequence[StudyJob], scheduler: str | None) -> Iterator[tuple[str, str]]:
    for job, reason, error in ended_jobs(track_study, jobs, scheduler=scheduler):
        if error is not None:
            reason = first_cause(error)
        if reason is not None:
            yield str(job.study["name"]), reason


def _study_runs(
    changes: Mapping[str, Any], studies: list[dict[str, Any]] | None = None
) -> StudyRuns:
    """Runs of the given studies, of those of ``dataset_dir`` where None."""
    parser = inference_parts(**changes)
    if studies is not None:
        # A configuration takes a # in words for a reference, in paths not.
        parser[STUDIES] = [
            {key: Path(value) if isinstance(value, str) else value for key, value in study.items()}
            for study in studies
        ]
    for part in ("settings_there", "device_there", "initialize"):
        parser.get_parsed_content(part)
    return parser.get_parsed_content("study_runs")
