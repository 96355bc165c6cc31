"""Claims about jobs in other processes: the same results, whole errors, workers may die."""

from __future__ import annotations

import os
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from fem_sim.parallel import ended_jobs, run_jobs
from tests.support.jobs import die, die_once, square, threads_and_square


@pytest.mark.parametrize("how", [{}, {"workers": 3, "threads": True}, {"workers": 2}])
def test_every_way_gives_every_result_and_every_error(how: dict) -> None:
    ended = {job: (result, error) for job, result, error in ended_jobs(square, [3, 13, 5], **how)}
    assert ended[3] == (9, None)
    assert ended[5] == (25, None)
    assert ended[13][0] is None
    assert str(ended[13][1]) == "13 is no number to square"


def test_processes_get_one_numerical_thread_and_this_one_keeps_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    results = [result for _, result, _ in ended_jobs(threads_and_square, [1, 2], workers=2)]
    assert sorted(results) == [("1", 1), ("1", 4)]
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_the_first_error_stops_a_run() -> None:
    done: list[int] = []

    def note(number: int) -> None:
        done.append(square(number))

    with pytest.raises(ArithmeticError, match="13 is no number"):
        run_jobs(note, [2, 13, 3], workers=1, description="", unit="", progress=False)
    assert done == [4]


def test_a_killed_process_costs_nothing_but_time(tmp_path: Path) -> None:
    jobs = [tmp_path / name for name in ("a.mark", "b", "c", "d")]
    ended = list(ended_jobs(die_once, jobs, workers=2))
    assert sorted(result for _, result, _ in ended if result) == ["a.mark", "b", "c", "d"]
    assert all(error is None for _, _, error in ended)


def test_a_job_that_always_kills_its_process_is_given_up(tmp_path: Path) -> None:
    ended = {job.name: error for job, _, error in ended_jobs(die, [tmp_path / "a.mark"], workers=2)}
    assert isinstance(ended["a.mark"], BrokenProcessPool)


def test_closing_drops_what_waits(tmp_path: Path) -> None:
    ended = ended_jobs(square, list(range(1000)), workers=2, threads=True)
    next(ended)
    ended.close()
    assert list(ended) == []
