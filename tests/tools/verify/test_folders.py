"""A verification looks at its folders before it measures, and ends with one line."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.studies import write_study
from tools.verify import registration
from tools.verify.__main__ import MODULES, main
from tools.verify.folders import NAMES

WRITTEN = ("output", "pictures", "cache", "work")  # places that a verification fills


@pytest.mark.parametrize("name", MODULES)
def test_every_path_that_a_verification_reads_has_a_kind(name: str) -> None:
    module = import_module(MODULES[name])
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    paths = {action.dest for action in parser._actions if action.type is Path}
    assert paths.difference(WRITTEN) == set(module.FOLDERS)
    assert set(module.FOLDERS.values()) <= set(NAMES)


def test_a_folder_of_folders_of_studies_is_refused_with_what_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registration, "run", lambda options: pytest.fail("was measured"))
    write_study(tmp_path / "hearts" / "one")
    command = ["registration", "--output", str(tmp_path / "report.json"), "--only", "cost"]
    assert main([*command, "--real", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: --real {tmp_path}: ")
    assert line.endswith(f"Give a folder of studies with labels, here {tmp_path / 'hearts'}.")


@pytest.mark.parametrize(
    ("name", "option", "said"),
    [
        ("registration", "--groups", "no such file or folder"),
        ("registration", "--virtual", "no such data list"),
        ("registration", "--other-penalty", "no such file of weights"),
        ("segmentation", "--other-vendor", "no such file or folder"),
        ("inference", "--real", "no such file or folder"),
        ("distribution", "--real", "no such file or folder"),
        ("robustness", "--real", "no such file or folder"),
        ("autoencoder", "--cycles", "no such data list"),
        ("autoencoder", "--reference", "0 files *_disp.npy"),
        ("autoencoder", "--weights", "no such file of weights"),
    ],
)
def test_every_verification_refuses_what_is_not_there_before_it_measures(
    name: str,
    option: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = import_module(MODULES[name])
    monkeypatch.setattr(module, "run", lambda options: pytest.fail("was measured"))
    missing = tmp_path / "nowhere"
    assert main([name, "--output", str(tmp_path / "report.json"), option, str(missing)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {option} {missing}: ") and said in line


def test_what_a_verification_can_read_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study(tmp_path / "hearts" / "one")
    output = ["--output", str(tmp_path / "report.json"), "--real"]
    for name, folder in (
        ("registration", tmp_path / "hearts"),
        ("registration", tmp_path / "hearts" / "one"),
        ("robustness", tmp_path),
        ("robustness", tmp_path / "hearts"),
    ):
        monkeypatch.setattr(import_module(MODULES[name]), "run", lambda options: 0)
        assert main([name, *output, str(folder)]) == 0


def test_studies_without_labels_are_refused_where_labels_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registration, "run", lambda options: pytest.fail("was measured"))
    write_study(tmp_path / "one")
    (tmp_path / "one" / "label_sa_ED.nii.gz").unlink()
    report = str(tmp_path / "report.json")
    assert main(["registration", "--output", report, "--real", str(tmp_path)]) == 2
    assert "no study in it has a label_sa_ED file" in capsys.readouterr().err
