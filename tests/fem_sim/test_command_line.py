"""What all commands share: one line for what the user can mend, a traceback for what he cannot."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import pytest

from fem_sim.__main__ import main
from fem_sim.command_line import (
    add_overrides,
    add_workers,
    check_names,
    make_parser,
    parse_override,
    run_command,
    usable_cores,
)
from myomotion.errors import InputError, SettingError

COMMANDS = (
    "fem_sim.__main__",
    *("tools.convert.__main__", "tools.evaluate.__main__", "tools.export_vtk.__main__"),
    *("tools.package.__main__", "tools.package.requirements", "tools.peers.voxelmorph"),
    *("tools.training.plausibility_table", "tools.study.__main__", "tools.study.selection"),
    *("tools.track_cohort.__main__", "tools.training.log", "tools.convert.dicom"),
    "tools.convert.ukbb_dicom",
)


def raising(error: Exception) -> Callable[[], NoReturn]:
    """A command that ends in an error."""

    def action() -> NoReturn:
        raise error

    return action


def wrapped() -> NoReturn:
    """An error of the input as a chain of transforms hands it on."""
    try:
        raise InputError("a.nii.gz: no label. Give one.")
    except InputError as error:
        raise RuntimeError("applying transform") from error


@pytest.mark.parametrize(
    ("action", "line"),
    [
        (raising(InputError("a.nii.gz: no label.")), "error: a.nii.gz: no label."),
        (raising(FileNotFoundError(2, "No such file", "a")), "error: [Errno 2] No such file: 'a'"),
        (wrapped, "error: a.nii.gz: no label. Give one."),
    ],
)
def test_error_of_the_user_is_one_line_and_status_1(
    action: Callable[[], NoReturn], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(action) == 1
    shown = capsys.readouterr()
    assert (shown.err, shown.out) == (f"{line}\n", "")


def test_error_of_the_program_passes_unless_it_is_named() -> None:
    with pytest.raises(ValueError, match="bug"):
        run_command(raising(ValueError("bug")))
    assert run_command(raising(ValueError("bug")), ValueError) == 1


def test_package_that_is_not_installed_is_named_with_what_installs_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    absent = ModuleNotFoundError("No module named 'sfepy.base'", name="sfepy.base")
    assert run_command(raising(absent)) == 1
    line = capsys.readouterr().err
    assert "sfepy is not installed" in line and "tools/requirements.txt" in line
    assert line.count("\n") == 1
    with pytest.raises(ModuleNotFoundError, match="nothing"):  # of ours: a fault of the program
        run_command(raising(ModuleNotFoundError("nothing", name="tools.nothing")))


@pytest.mark.parametrize(("returned", "status"), [(None, 0), (0, 0), (1, 1)])
def test_status_is_what_the_command_returns(returned: int | None, status: int) -> None:
    assert run_command(lambda: returned) == status


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("steps=80", ("steps", 80)),
        ("report=false", ("report", False)),
        ("weights=a=b.pt", ("weights", "a=b.pt")),
        ("blurs=[4, 2]", ("blurs", [4, 2])),
        ("name=", ("name", "")),
        ("volume=False", ("volume", False)),
        ("volume=True", ("volume", True)),
        ("bundle=None", ("bundle", None)),
        ("label_ed=none", ("label_ed", "none")),
    ],
)
def test_override_is_a_key_and_what_json_or_python_reads(text: str, pair: tuple[str, Any]) -> None:
    assert parse_override(text) == pair


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "steps"], "argument --set: 'steps': expected KEY=VALUE."),
        (["--set", "=3"], "argument --set: '=3': expected KEY=VALUE."),
        (["--workers", "0"], "argument --workers: 0; it must be at least 1."),
        (["--workers", "two"], "argument --workers: invalid int value: 'two'"),
    ],
)
def test_wrong_words_end_with_status_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = make_parser("tools.x", "Does x.\n\n    as it is written")
    add_workers(parser)
    add_overrides(parser, "steps=80")
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(words)
    assert message in capsys.readouterr().err
    assert "Does x.\n\n    as it is written" in parser.format_help()
    given = parser.parse_args(["--set", "steps=80", "rate=0.1"])
    assert dict(given.changes) == {"steps": 80, "rate": 0.1}
    assert given.workers == usable_cores() >= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("phantom --cycles c --ratio 2", "--ratio: does nothing with --cycles"),
        ("phantom --cycles c --count 3", "--count: does nothing with --cycles"),
        ("phantom --ratio 2", "--ratio: does nothing without --animate"),
        ("phantom --animate c --spacing 1 2", "--spacing: does nothing with --animate"),
        ("phantom --animate c --matrix 128", "--matrix: does nothing with --animate"),
        ("phantom --animate c --snr 9 9", "--snr: does nothing with --animate"),
        ("phantom --animate c --count 60", "--count: does nothing with --animate"),
        ("phantom --animate c --translation 1", "--translation: does nothing with --animate"),
        ("phantom --animate c --rotation 1", "--rotation: does nothing with --animate"),
        ("simulate l --coding acdc --count 3", "--count: does nothing with label maps"),
        ("simulate --coding acdc", "--coding: does nothing without label maps"),
        ("simulate --phase ED", "--phase: does nothing without label maps"),
    ],
)
def test_option_that_would_do_nothing_is_refused(
    words: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words.split(), "--output", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == f"error: {message}. Leave it out.\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--snr 0 0", r"snr_range is 0\.0-0\.0; use 0 < low <= high"),
        ("--snr -9 -9", r"snr_range is -9\.0--9\.0"),
        ("--snr 45 12", r"snr_range is 45\.0-12\.0"),
        ("--snr inf inf", "snr_range is inf-inf"),
        ("--rotation nan", "rotation_deg is nan; it must be a finite number"),
        ("--translation inf", "translation_mm is inf"),
    ],
)
def test_pictures_that_mean_nothing_are_refused_by_name(
    words: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["phantom", "--cycles", str(tmp_path), "--output", str(tmp_path / "out")]
    assert main([*given, *words.split()]) == 1
    error = capsys.readouterr().err
    assert re.match(f"error: {message}", error) and error.count("\n") == 1


@pytest.mark.parametrize(
    "command", ["simulate", "phantom", "slices", "hearts3d", "stacks3d --hearts h"]
)
def test_negative_seed_is_refused_by_name(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*command.split(), "--output", "out", "--seed", "-1"])
    assert "argument --seed: -1; it must be at least 0." in capsys.readouterr().err


def test_name_that_is_not_there_is_refused_with_the_nearest_one() -> None:
    check_names(["anna"], {"anna", "bert"}, "cines")
    check_names([], (), "cines")
    with pytest.raises(SettingError, match=r"^--only ana: not in cines\. Did you mean anna\?$"):
        check_names(["anna", "ana"], {"anna", "bert"}, "cines")


@pytest.mark.parametrize(
    ("module", "word", "option"),
    [
        ("tools.track_cohort.__main__", "output_dir=x", "--output"),
        ("tools.track_cohort.__main__", "dataset_dir=x", "--data"),
        ("tools.evaluate.__main__", "label_coding=acdc", "--label-coding"),
        ("tools.evaluate.__main__", "output_dir=x", "--output"),
    ],
)
def test_key_that_an_option_stands_for_is_no_override(
    module: str, word: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", str(tmp_path), "--output", str(tmp_path / "out")]
    method = ["--method", "network"] * (module == "tools.evaluate.__main__")
    with pytest.raises(SystemExit, match="2"):
        import_module(module).main([*given, *method, "--set", word])
    said = capsys.readouterr().err
    assert f"argument --set: '{word}': {option} says it. Leave it out of --set." in said


@pytest.mark.parametrize("module", COMMANDS)
def test_every_command_shows_its_own_text(
    module: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    command = import_module(module)
    with pytest.raises(SystemExit, match="0"):
        command.main(["--help"])
    text = capsys.readouterr().out
    assert text.startswith(f"usage: python -m {module.removesuffix('.__main__')} ")
    assert command.__doc__ is not None and command.__doc__.strip() in text


def test_workers_in_a_group_exclude_the_others() -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--scheduler")
    add_workers(group, 1)
    assert parser.parse_args([]).workers == 1
    with pytest.raises(argparse.ArgumentError, match="not allowed with"):
        parser.parse_args(["--scheduler", "a", "--workers", "2"])
