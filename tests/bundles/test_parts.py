"""What configurations call beside the library: keys that are not known are refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from myomotion.parts.shared import refuse_unknown_keys
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
