"""Parts of a cine on threads: every frame once, in order, whatever the number of threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from myomotion.core.frames_together import MOST_THREADS, TOGETHER, at_once, parts_of, workers
from myomotion.core.integrator import FieldIntegrator
from myomotion.errors import InputError
from myomotion.inferers.sequence import SequenceInferer
from myomotion.networks.recurrent import RecurrentMotionNet
from myomotion.refinement.field import Refinement
from myomotion.transforms.displacement import OutputToDisplacement


@pytest.fixture(autouse=True)
def _as_many_threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def on_threads(count: int) -> None:
    torch.set_num_threads(count)


@pytest.mark.parametrize("slices", [1, 3, 7])
@pytest.mark.parametrize("frames", [1, 3, 8, 9, 29, 50])
def test_parts_hold_every_frame_once_and_keep_slices_apart(slices: int, frames: int) -> None:
    parts = parts_of(slices, frames, TOGETHER)
    assert [i for part in parts for i in range(part.start, part.stop)] == [*range(slices * frames)]
    assert all(part.stop - part.start <= TOGETHER for part in parts)
    for part in parts:
        first, last = part.start // frames, (part.stop - 1) // frames
        whole = part.start % frames == 0 and part.stop % frames == 0
        assert first == last or whole


def test_a_cine_of_one_frame_has_no_parts() -> None:
    assert parts_of(3, 0, TOGETHER) == []
    assert at_once(torch.zeros(40, 2)) == TOGETHER


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_have_the_order_of_the_items_and_each_thread_computes_by_itself(count: int) -> None:
    on_threads(count)
    first = threading.Event()

    def slow_at_first(item: int) -> tuple[int, int, bool]:
        if count > 1 and item == 0:  # is done last
            assert first.wait(10)
        elif item == 1:
            first.set()
        return item, torch.get_num_threads(), torch.is_grad_enabled()

    with torch.no_grad(), workers() as run:
        assert run(slow_at_first, range(5)) == [(i, 1, False) for i in range(5)]
    assert torch.get_num_threads() == count


def test_workers_within_workers_are_the_same_and_those_within_a_part_stay_on_its_thread() -> None:
    on_threads(2)

    def names(_: int) -> set[str]:
        with workers() as inner:
            return set(inner(lambda _: threading.current_thread().name, range(3)))

    with workers() as outer:
        assert all(len(found) == 1 for found in outer(names, range(4)))
        with workers() as again:
            assert again is outer


def test_an_error_is_raised_when_nothing_else_runs_any_more() -> None:
    on_threads(2)
    begun, done, failed = threading.Event(), [], threading.Event()

    def part(item: int) -> None:
        if item == 0:
            assert begun.wait(10)
            failed.set()
            raise InputError("frames: bad")
        begun.set()
        assert failed.wait(10)
        time.sleep(0.05)  # is at work while the other has failed
        done.append(item)

    with workers() as run:
        with pytest.raises(InputError, match="frames: bad"):
            run(part, range(40))
        ended = list(done)
        assert 1 in ended and len(ended) < 39  # what had begun has ended, the rest never begins
        time.sleep(0.1)
        assert done == ended


def test_the_error_of_a_part_is_raised_and_threads_are_as_before() -> None:
    on_threads(2)

    def second_fails(item: int) -> int:
        if item == 1:
            raise InputError("slice 1 is empty")
        return item

    with pytest.raises(InputError, match="slice 1 is empty"), workers() as run:
        run(second_fails, range(4))
    assert torch.get_num_threads() == 2


def test_a_large_machine_starts_no_more_threads_than_its_memory_allows() -> None:
    on_threads(MOST_THREADS + 4)
    together = threading.Barrier(MOST_THREADS)
    with workers() as run:
        found = run(
            lambda _: (together.wait(10), threading.current_thread().name), range(2 * MOST_THREADS)
        )
    assert len({name for _, name in found}) == MOST_THREADS
    assert torch.get_num_threads() == MOST_THREADS + 4


def test_threads_that_others_start_have_the_number_of_the_caller() -> None:
    on_threads(2)
    found: list[int] = []
    with workers():
        other = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        other.start()
        other.join()
    assert found == [2]


def test_motion_is_bit_for_bit_the_same_on_one_thread_and_on_more() -> None:
    torch.manual_seed(0)
    network = RecurrentMotionNet((8, 16), 8, passes=(1, 2)).eval()
    cine = torch.rand(1, 2, 11, 32, 32)
    wall = torch.zeros(2, 1, 32, 32)
    wall[:, :, 10:22, 10:22] = 1
    integrator = FieldIntegrator()
    refine = Refinement(integrator=integrator, steps=2, bending=0.1)
    motions = []
    for count in (1, 2, 3):
        on_threads(count)
        with torch.no_grad():
            output = SequenceInferer()(cine, network)[0] * 1e3
        refined = refine(cine[0], output, wall)
        motions.append(OutputToDisplacement(integrator)({"pred": refined}))
    for other in motions[1:]:
        assert torch.equal(other["displacement"], motions[0]["displacement"])
        assert torch.equal(other["inverse"], motions[0]["inverse"])
