"""What configurations call beside the library: keys that are not known are refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from myomotion.errors import SettingError
from myomotion.networks.pair import check_grid
from myomotion.parts.shared import check_device, check_settings, refuse_unknown_keys
from myomotion.transforms.refine_motion import load_refinement
from tests.support.bundle_runs import config
from tests.support.paths import BUNDLES

Run = Callable[..., "subprocess.CompletedProcess[str]"]
INFERENCE = config("cardiac_motion_reg", "inference")
OVERLAY = str(BUNDLES / "myomotion" / "configs" / "multi_gpu_train.yaml")


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("--refine_step", "--refine_steps"),
        ("--Output_dir", "--output_dir"),
        ("--overwite=True", "--overwrite"),
        ("--spacing", "configuration file"),
        ("--config_fil", "--config_file"),
    ],
)
def test_unknown_key_is_refused_with_the_nearest_known_one(
    key: str, nearest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        refuse_unknown_keys(["run", "--config_file", INFERENCE, key, "1"])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert nearest in error and error.count("\n") == 1


def test_known_keys_ids_and_overlays_pass() -> None:
    train = config("cardiac_motion_reg", "train")
    refuse_unknown_keys(["run", f"--config_file={INFERENCE}", "--refine-steps", "3"])
    refuse_unknown_keys(["run", "training", "--config_file", f"['{train}','{OVERLAY}']"])
    refuse_unknown_keys(
        [
            *("run", "--config_file", f"['{train}','{OVERLAY}']", "--timeout", "3"),
            *("--train::trainer::max_epochs", "-1", "--tracking", "mlflow"),
        ]
    )
    refuse_unknown_keys(["pytest", "--anything"])  # no bundle's command line
    refuse_unknown_keys([])  # a script that was started without options


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


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cpu:x"])
def test_device_that_is_not_there_ends_with_one_line(
    device: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        check_device(device)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.startswith(f"error: device is {device}: ")
    assert said.count("\n") == 1 and "Set device to cpu" in said
    check_device("cpu")


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ((100, 1.5), "size is 100: .* Set size to 96"),
        ((16, 1.5), "Set size to 32"),
        ((96.0, 1.5), "size is 96.0"),
        ((96, 0), "spacing is 0: "),
        ((96, "1,5"), "spacing is 1,5: "),
    ],
)
def test_grid_that_networks_cannot_work_on_is_refused(
    grid: tuple[object, object], said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        check_grid(*grid)


@pytest.mark.parametrize("steps", [2.5, "ten", True, float("nan")])
def test_refinement_takes_a_whole_number_of_steps(steps: object) -> None:
    with pytest.raises(SettingError, match="refine_steps"):
        load_refinement(steps=steps, alpha=0, temporal=0, vae_weights=None, integrator=None)  # type: ignore[arg-type]


SETTINGS: dict[str, Any] = {
    "counts": {"batch_size": 32},
    "truths": {"overwrite": False},
    "choices": {"preset": ("paper", ("paper", "physiological"))},
}


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("counts", "batch_size", 0),
        ("counts", "batch_size", 2.5),
        ("counts", "batch_size", True),
        ("truths", "overwrite", "no"),
        ("choices", "preset", ("papr", ("paper", "physiological"))),
    ],
)
def test_settings_that_mean_nothing_end_the_command_with_status_2(
    kind: str, key: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    check_settings(**SETTINGS)
    with pytest.raises(SystemExit) as stop:
        check_settings(**{**SETTINGS, kind: {key: value}})
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {key}: ")
