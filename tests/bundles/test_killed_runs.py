"""What a killed run leaves behind: nothing a user sees, and nothing after the next run."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from myomotion.files.outputs import MARKER
from myomotion.files.processes import host_name
from tests.support.bundle_runs import track
from tests.support.paths import ROOT
from tests.support.processes import dead_process
from tools.verify.robustness.processes import contents, damage, unreadable


def write_contents(folder: Path, files: dict[str, bytes]) -> None:
    """Write what ``contents`` reads."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)


@pytest.mark.slow
def test_next_run_removes_what_a_killed_one_left_beside_finished_studies(
    studies: Path, net_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    output = tmp_path / "motion"
    track(studies, net_weights, output, report=False)
    finished = contents(output)
    gone = f"{host_name()}-{dead_process()}-0123abcd"
    for folder in (f".one.{gone}.partial", f".one.{gone}.old"):
        (output / folder / "displacement").mkdir(parents=True)
    for file in (f".cohort.csv.{gone}.partial", f".failed.json.{gone}.partial"):
        (output / file).write_text("{")
    (output / ".keep").write_text("not ours")
    track(studies, net_weights, output, report=False)
    assert contents(output) == {**finished, ".keep": b"not ours"}
    assert sorted(p.name for p in output.iterdir()) == [
        ".keep",
        MARKER,
        "cohort.csv",
        "one",
        "two",
    ]


WHOLE = {
    "a/summary.json": b'{"name": "a"}',
    "a/strain.csv": b"frame,slice\r\n0,1\r\n",
    "a/report.html": b"<html></html>\n",
    "a/motion.png": b"\x89PNG....IEND\xaeB`\x82",
    "a/labels.nii.gz": b"voxels" * 100,
    "cohort.csv": b"name\r\na\r\n",
}


def test_whole_results_are_not_called_damaged(tmp_path: Path) -> None:
    write_contents(tmp_path, WHOLE)
    assert contents(tmp_path) == WHOLE
    (tmp_path / ".b.0123abcd.partial").mkdir()
    (tmp_path / ".b.0123abcd.partial" / "summary.json").write_text("{")
    assert damage(tmp_path, WHOLE) == []


@pytest.mark.parametrize("name", WHOLE)
def test_half_a_file_is_found(tmp_path: Path, name: str) -> None:
    write_contents(tmp_path, WHOLE)
    path = tmp_path / name
    packed = path.read_bytes()
    path.write_bytes(packed[: len(packed) - 6])
    assert unreadable(path)
    assert [line.split(":")[0] for line in damage(tmp_path, WHOLE)] == [name]


def test_missing_file_is_found(tmp_path: Path) -> None:
    write_contents(tmp_path, WHOLE)
    (tmp_path / "a" / "labels.nii.gz").unlink()
    assert damage(tmp_path, WHOLE) == ["a lacks 1 files"]
    (tmp_path / "a" / "labels.nii.gz").write_bytes(gzip.compress(b""))
    assert damage(tmp_path, WHOLE) == ["a/labels.nii.gz: empty"]
