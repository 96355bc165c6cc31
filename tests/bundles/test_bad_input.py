"""Input that cannot be tracked ends the command with one clear line and is listed."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from myomotion.errors import InputError
from myomotion.files.outputs import MARKER
from myomotion.io.cine import find_studies
from myomotion.transforms.load_cine import LoadCine
from tests.support.bad_images import BAD_INPUT, image_with
from tests.support.bundle_runs import config, track
from tests.support.studies import write_study

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.slow
@pytest.mark.parametrize("change", BAD_INPUT)
def test_inference_stops_with_one_line_and_lists_the_study(
    small_study: Path, net_weights: Path, tmp_path: Path, change: str
) -> None:
    image_with(small_study, change)
    coding = "internal" if change in ("no myocardium", "unknown code") else "auto"
    with pytest.raises(SystemExit) as stop:
        track(small_study, net_weights, tmp_path / "motion", label_coding=coding)
    message = str(stop.value.code)
    assert re.search(BAD_INPUT[change], message)
    assert message.startswith("error: ")
    assert "\n" not in message
    if change == "missing":  # there is no study that could be listed
        assert not (tmp_path / "motion").exists()
        return
    written = sorted(p.name for p in (tmp_path / "motion").iterdir())
    assert written == [MARKER, "failed.json"]
    failed = json.loads((tmp_path / "motion" / "failed.json").read_text())
    assert failed == {"small": message.removeprefix("error: ")}


def test_wrong_options_stop_inference_with_one_line(
    small_study: Path, net_weights: Path, vae_weights: Path, tmp_path: Path
) -> None:
    output = tmp_path / "motion"
    (tmp_path / "notes.txt").write_text("no weights")
    for weights, options, expected in (
        (tmp_path / "none.pt", {}, "none.pt: no such weights file"),
        (vae_weights, {}, "model.pt: weights of a GradientVAE, expected a registration network"),
        (tmp_path / "notes.txt", {}, "notes.txt: not a plain state dict"),
        (net_weights, {"label_coding": "acdcc"}, "'acdcc' is unknown. Use one of internal"),
    ):
        with pytest.raises(SystemExit, match=f"^error: .*{expected}") as stop:
            track(small_study, weights, output, **options)
        assert "\n" not in str(stop.value.code)
        if "label_coding" not in options:
            assert not output.exists()
    assert sorted(p.name for p in output.iterdir()) == [MARKER, "failed.json"]


def test_training_without_a_label_says_what_is_missing(small_study: Path) -> None:
    (small_study / "label_sa_ED.nii.gz").unlink()
    study = find_studies(small_study)[0]
    assert not LoadCine()(study)["mask"].any()
    with pytest.raises(InputError, match=r"sa.nii.gz: no label_sa_ED.nii.gz beside it"):
        LoadCine(need_mask=True)(study)


def test_training_with_the_cavity_alone_says_that_the_wall_is_missing(small_study: Path) -> None:
    path = small_study / "label_sa_ED.nii.gz"
    label = nib.load(path)
    cavity = (np.asarray(label.dataobj) == 1).astype(np.uint8)
    nib.save(nib.Nifti1Image(cavity, label.affine), path)
    study = find_studies(small_study)[0]
    assert not LoadCine()(study)["mask"].any()
    with pytest.raises(InputError, match=r"label_sa_ED.nii.gz: no myocardium in it"):
        LoadCine(need_mask=True)(study)


def test_slice_that_is_empty_around_the_heart_is_named(small_study: Path) -> None:
    cine = nib.load(small_study / "sa.nii.gz")
    image = np.asarray(cine.dataobj).copy()
    image[:, :, 1] = 0
    nib.save(nib.Nifti1Image(image, cine.affine), small_study / "sa.nii.gz")
    with pytest.raises(InputError, match=r"sa.nii.gz: slice 1 is empty .* Remove the slice"):
        LoadCine()(find_studies(small_study)[0])


def test_image_without_contrast_or_with_nan_never_reaches_a_network(small_study: Path) -> None:
    item = LoadCine()(find_studies(small_study)[0])
    assert torch.isfinite(item["image"]).all()
    image_with(small_study, "nan")
    with pytest.raises(InputError, match=r"1 voxels are NaN or infinite\. Replace"):
        LoadCine()(find_studies(small_study)[0])


@pytest.mark.slow
def test_command_line_exits_with_status_1_and_one_line_and_no_traceback(
    net_weights: Path, run_bundle: Run, tmp_path: Path
) -> None:
    cines, output = tmp_path / "cines", tmp_path / "motion"
    done = run_bundle(
        *(
            "run",
            "--config_file",
            config("cardiac_motion_reg", "inference"),
            "--dataset_dir",
            cines,
        ),
        *("--weights", net_weights, "--output_dir", output),
    )
    assert done.returncode == 1
    errors = done.stderr.strip().splitlines()
    assert errors[-1].startswith(f"error: {cines}: no such file or folder. Point dataset_dir at ")
    assert sum(line.startswith("error: ") for line in errors) == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert not output.exists()


@pytest.mark.slow
def test_one_bad_study_among_good_ones_is_listed_and_the_others_are_tracked(
    net_weights: Path, run_bundle: Run, tmp_path: Path
) -> None:
    cines, output = tmp_path / "cines", tmp_path / "motion"
    for name in ("a", "b", "c"):
        write_study(cines / name)
    image_with(cines / "b", "nan")
    done = run_bundle(
        *(
            "run",
            "--config_file",
            config("cardiac_motion_reg", "inference"),
            "--dataset_dir",
            cines,
        ),
        *("--weights", net_weights, "--output_dir", output),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stdout + done.stderr
    failed = json.loads((output / "failed.json").read_text())
    assert list(failed) == ["b"]
    assert failed["b"].startswith(f"{cines / 'b' / 'sa.nii.gz'}: 1 voxels are NaN or infinite.")
    # What is there is whole: no folder of the bad study, no partial folder, a summary in each.
    assert sorted(p.name for p in output.iterdir()) == [
        MARKER,
        "a",
        "c",
        "cohort.csv",
        "failed.json",
    ]
    assert all((output / name / "summary.json").is_file() for name in ("a", "c"))
