"""Writing results: own ones of the same kind are replaced whole, all else is left as it is."""

from __future__ import annotations

import errno
import json
import math
import multiprocessing
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from myomotion.errors import OutputError
from myomotion.files.atomic import clear_leftovers, hidden_name, write_bytes
from myomotion.files.outputs import MARKER, claim, mark, refuse_unsafe, replaced_folder
from myomotion.files.processes import host_name, is_running
from myomotion.files.tables import read_report, write_report
from tests.support.processes import dead_process, living_process


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_result(target: Path, text: str = "new", kind: str = "motion") -> None:
    with replaced_folder(target, kind) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "a.txt").write_text(text)


def hidden(target: Path, process: int, ending: str) -> Path:
    return target.with_name(f".{target.name}.{host_name()}-{process}-0123abcd.{ending}")


def test_own_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_result(tmp_path / "x", "old")
    write_result(tmp_path / "x")
    assert (tmp_path / "x" / "deep" / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["x"]
    assert names(tmp_path / "x") == [MARKER, "deep"]


def test_folder_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    write_result(tmp_path / "x", "old", "motion")
    with pytest.raises(OutputError, match="x: cannot be replaced: it is there already"):
        write_result(tmp_path / "x", "new", "mesh")
    assert (tmp_path / "x" / "deep" / "a.txt").read_text() == "old"


def test_added_file_keeps_a_result_from_being_replaced_and_is_named(tmp_path: Path) -> None:
    write_result(tmp_path / "x")
    (tmp_path / "x" / "deep" / "note.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"note\.txt was not written"):
        write_result(tmp_path / "x")


def test_what_file_managers_leave_does_not_matter(tmp_path: Path) -> None:
    write_result(tmp_path / "x", "old")
    (tmp_path / "x" / ".DS_Store").write_bytes(b"")
    write_result(tmp_path / "x")
    assert (tmp_path / "x" / "deep" / "a.txt").read_text() == "new"


def test_file_added_while_a_result_is_computed_is_not_lost(tmp_path: Path) -> None:
    write_result(tmp_path / "x", "old")
    with pytest.raises(OutputError), replaced_folder(tmp_path / "x", "motion"):
        (tmp_path / "x" / "note.txt").write_text("mine")
    assert (tmp_path / "x" / "note.txt").read_text() == "mine"
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize("target", ["in", "in/a", "in/a/b.nii", "in/a/b/c"])
def test_target_that_is_holds_or_lies_in_an_input_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "in" / "a" / "b").mkdir(parents=True)
    (tmp_path / "in" / "a" / "b.nii").write_text("")
    inputs = [tmp_path / "in" / "a" / "b", tmp_path / "in" / "a" / "b.nii", None]
    with pytest.raises(OutputError, match=rf"{target}: (is|holds|lies in) the input .*another"):
        refuse_unsafe(tmp_path / target, inputs)


def test_input_behind_a_link_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(OutputError, match="lies in the input"):
        refuse_unsafe(tmp_path / "link" / "out", [tmp_path / "in"])


def test_listed_file_is_replaced_and_an_unlisted_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("mine, about myomotion")
    for name in ("a.csv", "a.csv"):
        claim(tmp_path / name)
        write_bytes(tmp_path / name, b"x")
    with pytest.raises(OutputError, match=r"b\.csv: cannot be replaced"):
        claim(tmp_path / "b.csv")


def test_report_is_known_by_its_signature_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    for value in (1, 2):
        claim(path, signed=True)
        write_report(path, {"value": value})
    assert json.loads(path.read_text()) == {"written_by": "myomotion", "value": 2}
    assert names(tmp_path) == ["report.json"]
    mark(tmp_path, ["list.json"])
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(OutputError):
        claim(tmp_path / "list.json", signed=True)


def test_number_that_is_not_finite_is_null_in_a_report_and_nan_where_it_is_computed_with(
    tmp_path: Path,
) -> None:
    path, unknown = tmp_path / "report.json", [math.nan, math.inf, -math.inf, np.float64("nan")]
    rows = tuple({"a": value, "b": 0.1} for value in unknown)
    write_report(path, {"rows": rows, "n": 4, "name": "NaN"})
    found = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert found["rows"] == [{"a": None, "b": 0.1}] * 4
    assert found["n"] == 4 and found["name"] == "NaN"
    again = read_report(path)
    assert all(math.isnan(row["a"]) and row["b"] == 0.1 for row in again["rows"])


def test_file_in_a_whole_result_is_not_replaced_alone(tmp_path: Path) -> None:
    with replaced_folder(tmp_path / "x", "motion") as folder:
        write_report(folder / "summary.json", {})
    with pytest.raises(OutputError, match="which is a result as a whole"):
        claim(tmp_path / "x" / "summary.json", signed=True)


def test_special_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for target in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(OutputError):
            claim(target)
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize("ending", ["partial", "old"])
def test_leftovers_go_with_dead_processes_only(tmp_path: Path, ending: str) -> None:
    target = tmp_path / "x"
    write_result(target)
    with living_process() as living:
        mine, others = hidden(target, dead_process(), ending), hidden(target, living, ending)
        away = Path(str(mine).replace(host_name(), "elsewhere"))
        similar = tmp_path / ".x.partial"
        for left in (mine, others, away, similar):
            left.mkdir()
        clear_leftovers(target)
        assert names(tmp_path) == sorted(["x", others.name, away.name, similar.name])


def test_leftovers_of_another_target_stay(tmp_path: Path) -> None:
    left = hidden(tmp_path / "y", dead_process(), "partial")
    left.mkdir()
    clear_leftovers(tmp_path / "x")
    assert left.is_dir()


def test_result_that_a_killed_run_moved_aside_is_given_back(tmp_path: Path) -> None:
    target = tmp_path / "x"
    write_result(target, "old")
    target.rename(hidden(target, dead_process(), "old"))
    clear_leftovers(target)
    assert names(tmp_path) == ["x"]
    assert (target / "deep" / "a.txt").read_text() == "old"


def test_process_that_runs_is_known(tmp_path: Path) -> None:
    with living_process() as living:
        assert is_running(living)
    assert not is_running(living)
    assert not is_running(os.getpid())


def test_long_names_fit(tmp_path: Path) -> None:
    target = tmp_path / ("ü" * 120)
    assert len(hidden_name(target).name.encode()) < 255
    write_result(target, "old")
    write_result(target)
    assert names(tmp_path) == [target.name]


def _write_often(target: str, text: str) -> None:
    for _ in range(60):
        write_result(Path(target), text)


@pytest.mark.slow
def test_two_at_once_both_finish_and_what_is_there_is_whole(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_write_often, args=(str(tmp_path / "x"), text)) for text in "ab"
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert names(tmp_path) == ["x"]
    assert (tmp_path / "x" / "deep" / "a.txt").read_text() in "ab"
    assert names(tmp_path / "x") == [MARKER, "deep"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_disk_that_takes_no_more_leaves_the_old_result(tmp_path: Path, code: int) -> None:
    write_result(tmp_path / "x", "old")
    with (
        pytest.raises(OutputError, match=r"x: cannot be written \(.*\)\. Free disk space"),
        replaced_folder(tmp_path / "x", "motion") as folder,
    ):
        (folder / "half").write_text("half")
        raise OSError(code, os.strerror(code))
    assert names(tmp_path) == ["x"]
    assert (tmp_path / "x" / "deep" / "a.txt").read_text() == "old"


def test_error_of_another_file_passes_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replaced_folder(tmp_path / "a" / "x", "motion"):
        (tmp_path / "input.nii").read_bytes()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no mount: {error}")
    if done.returncode:
        pytest.skip(f"cannot mount a small disk here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_full_disk_is_one_clear_line_and_leaves_no_rest(small_disk: Path) -> None:
    write_result(small_disk / "x", "old")
    with (
        pytest.raises(OutputError, match=r"x: cannot be written \(No space left on device\)"),
        replaced_folder(small_disk / "x", "motion") as folder,
    ):
        (folder / "large").write_bytes(bytes(1 << 20))
    assert names(small_disk) == ["x"]
    with pytest.raises(OutputError, match="No space left"):
        write_bytes(small_disk / "y", bytes(1 << 20))
    assert names(small_disk) == ["x"]


def test_place_that_is_read_only_is_one_clear_line(small_disk: Path) -> None:
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    subprocess.run(remount, check=True)
    for target in (small_disk / "x", small_disk / "deep" / "x"):
        with pytest.raises(OutputError, match=r"x: (no permission to write|cannot be written)"):
            write_result(target)
