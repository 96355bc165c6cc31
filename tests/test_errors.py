"""Errors of the user's end a command line in a line, faults of the program do not pass for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ignite.engine import Engine

from myomotion.errors import InputError, SettingError, exit_on_input_error, root_input_error
from myomotion.inferers.studies import StudyRuns

SAID = "a.nii.gz: no label. Give one."


def refuse(_: object = None) -> None:
    raise InputError(SAID)


def look_up_after_a_refusal(_: object = None) -> None:
    try:
        refuse()
    except InputError:
        {}["missing key"]


def hide_a_refusal(_: object = None) -> None:
    try:
        refuse()
    except InputError:
        raise RuntimeError("fault of the program") from None


def wrap_a_refusal(_: object = None) -> None:
    try:
        refuse()
    except InputError as error:
        raise RuntimeError("applying transform") from error


@pytest.mark.parametrize("action", [refuse, wrap_a_refusal])
def test_refusal_ends_the_program_with_its_line_however_it_is_wrapped(
    action: Callable[..., None],
) -> None:
    with pytest.raises(SystemExit, match=f"^error: {SAID}$") as stop:
        exit_on_input_error(action)
    assert str(root_input_error(stop.value)) == SAID


def test_end_of_the_program_by_a_setting_has_its_status_and_still_says_why() -> None:
    def action() -> None:
        raise SettingError("volume: 'no' is not understood. Give True or False.")

    with pytest.raises(SystemExit) as stop:
        exit_on_input_error(action)
    assert stop.value.code == 2
    assert str(root_input_error(stop.value)).startswith("volume: 'no'")


@pytest.mark.parametrize(
    ("action", "fault"), [(look_up_after_a_refusal, KeyError), (hide_a_refusal, RuntimeError)]
)
def test_fault_of_the_program_after_a_refusal_is_told_as_a_fault(
    action: Callable[..., None], fault: type[Exception]
) -> None:
    with pytest.raises(fault) as raised:
        exit_on_input_error(action)
    assert root_input_error(raised.value) is None


@pytest.mark.parametrize(
    ("action", "listed"),
    [
        (look_up_after_a_refusal, "KeyError: 'missing key'"),
        (hide_a_refusal, "RuntimeError: fault of the program"),
        (wrap_a_refusal, SAID),
    ],
)
def test_list_of_failures_has_the_fault_itself(
    action: Callable[..., None], listed: str, tmp_path: Path
) -> None:
    runs = StudyRuns(Engine(lambda *_: None), [{"name": "anna"}], action, tmp_path, {})
    assert runs.track() == {"anna": listed}
