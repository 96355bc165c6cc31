"""The command line of a bundle: unknown keys and paths that are read as something else."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from monai.bundle import ConfigParser

from myomotion.parts.command_line import PLACES, check_command_line
from tests.support.bundle_runs import config
from tests.support.paths import BUNDLES

Run = Callable[..., "subprocess.CompletedProcess[str]"]
INFERENCE = config("cardiac_motion_reg", "inference")
OVERLAY = str(BUNDLES / "myomotion" / "configs" / "multi_gpu_train.yaml")


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The line that refuses a command line."""
    with pytest.raises(SystemExit) as stop:
        check_command_line(["run", "--config_file", INFERENCE, *words])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("--refine_step", "--refine_steps"),
        ("--Output_dir", "--output_dir"),
        ("--overwite=True", "--overwrite"),
        ("--spacing", "configuration file"),
        ("--config_fil", "--config_file"),
        ("-refine_step", "--refine_steps"),
        ("-x", "configuration file"),
        ("--grid::spacng", "--grid::spacing"),
        ("--grid#spacng", "--grid#spacng is not a key"),
        ("--analyse::volum", "--analyse::volume"),
        ("--postprocessing::transforms::4::reprt", "--postprocessing::transforms::4::report"),
        ("--postprocessing::transforms::9::report", "configuration file"),
        ("--evaluator::ampp", "--evaluator::amp?"),
        ("--device::type", "configuration file"),
    ],
)
def test_unknown_key_is_refused_with_the_nearest_known_one(
    key: str, nearest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert nearest in refused(capsys, key, "1")


def test_known_keys_ids_and_overlays_pass() -> None:
    train = config("cardiac_motion_reg", "train")
    check_command_line(["run", f"--config_file={INFERENCE}", "--refine-steps", "3"])
    check_command_line(["run", "training", "--config_file", f"['{train}','{OVERLAY}']"])
    check_command_line(
        [
            *("run", "--config_file", f"['{train}','{OVERLAY}']", "--timeout", "3"),
            *("--train::trainer::max_epochs", "-1", "--tracking", "mlflow"),
        ]
    )
    for key in (
        *("--analyse::volume", "--postprocessing::transforms::4::report", "-refine_steps"),
        "--evaluator::amp",  # not in the configuration, and an argument all the same
        "--evaluator::_disabled_",
        "--parameters::files::more",  # in a dictionary that something takes
    ):
        check_command_line(["run", "--config_file", INFERENCE, key, "1"])
    # What a key is in may be something else altogether.
    check_command_line(
        [
            *("run", "--config_file", INFERENCE, "--network_def::_target_", "mine.Net"),
            *("--network_def::width", "3", "--grid", "{}", "--grid::other", "1"),
        ]
    )
    check_command_line(["pytest", "--anything"])  # no bundle's command line
    check_command_line([])  # a script that was started without options


@pytest.mark.slow
def test_misspelt_key_ends_a_run_before_anything_is_computed(
    run_bundle: Run, small_study: Path, tmp_path: Path
) -> None:
    done = run_bundle(
        *("run", "--config_file", INFERENCE, "--dataset_dir", small_study),
        *("--output_dir", tmp_path / "out", "--refine_step", 3),
    )
    assert done.returncode == 2
    assert "error: --refine_step is not a key of the configuration" in done.stderr
    assert not (tmp_path / "out").exists()


def test_misspelt_key_of_a_file_of_arguments_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "arguments.json"
    file.write_text(json.dumps({"config_file": INFERENCE, "refine_steps": 3}))
    check_command_line(["run", "--args_file", str(file)])
    file.write_text(json.dumps({"config_file": [INFERENCE], "refine_step": 3}))
    with pytest.raises(SystemExit) as stop:
        check_command_line(["run", "--args_file", str(file)])
    assert stop.value.code == 2
    assert "Did you mean --refine_steps?" in capsys.readouterr().err
    file.write_text(json.dumps({"dataset_dir": 1.10}))
    assert "dataset_dir is 1.1, no path" in refused(capsys, "--args_file", str(file))
    check_command_line(
        [
            *("run", "--config_file", INFERENCE, "--args_file", str(file)),
            *("--dataset_dir", "./1.10"),
        ]
    )


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("1.10", "1.1"),
        ("2024_11_15", "20241115"),
        ("0x10", "16"),
        ("Smith,John", "('Smith', 'John')"),
        ("(a)", "'a'"),
        ("a#b", "'a'"),
        ("[a]", "['a']"),
        ("True", "True"),
    ],
)
@pytest.mark.parametrize("key", ["--dataset_dir", "--output_dir", "-weights"])
def test_path_that_is_read_as_something_else_is_refused(
    key: str, path: str, read: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = f"error: --{key.lstrip('-')} {path} is read as {read}, not as a path. Write ./{path}\n"
    assert refused(capsys, key, path) == said
    assert refused(capsys, f"{key}={path}") == said
    check_command_line(["run", "--config_file", INFERENCE, key, f"./{path}"])


@pytest.mark.parametrize("words", [["--output_dir"], ["--output_dir", "--report", "False"]])
def test_key_of_a_path_without_one_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, *words) == "error: --output_dir: no path follows. Give one.\n"


@pytest.mark.parametrize(
    "path", ["2024", "-5", "/my/study #1", "1.10/x", "None", "a b", "'1.10'", '"Smith,John"']
)
def test_path_that_is_read_as_it_is_typed_passes(path: str) -> None:
    check_command_line(["run", "--config_file", INFERENCE, "--dataset_dir", path])


def test_every_key_of_a_path_is_known_as_one() -> None:
    """By the defaults: a path that MONAI puts together, or a name that ends as one."""
    for file in BUNDLES.glob("*/configs/*.yaml"):
        for key, value in ConfigParser.load_config_file(str(file)).items():
            made = isinstance(value, str) and re.search(r"\bPath[(,]", value)
            if (made or key.endswith("_dir")) and key != "code_path":
                assert key in PLACES, (file, key)
