"""The command that measures the claims about the autoencoder, and its pictures."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from myomotion.files.paths import file_sha256
from myomotion.losses.plausibility import Plausibility
from tools.verify.__main__ import main
from tools.verify.autoencoder import claims
from tools.verify.autoencoder.claims import demons_claims, reference_claims
from tools.verify.autoencoder.measures import FieldSet, scores
from tools.verify.autoencoder.pictures import (
    modes,
    prior,
    reconstructions,
    wrong_fields,
)


def verify(cycles: Path, weights: Path, output: Path, *more: str) -> int:
    """Run the command on the analytic cycles."""
    options = ["--cycles", str(cycles), "--weights", str(weights), "--output", str(output)]
    return main(["autoencoder", *options, *more])


def test_claims_without_the_optional_data_are_not_run(
    regulariser: Plausibility, fields: FieldSet
) -> None:
    for found in (
        demons_claims(regulariser, fields, None),
        reference_claims(regulariser, fields, None),
    ):
        (claim,) = found
        assert claim.passed is None
        assert claim.note


@pytest.mark.slow
def test_a_measurement_that_breaks_fails_and_the_others_go_on(
    cycles: Path, vae_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("no clock")

    monkeypatch.setattr(claims, "measure_cost", explode)
    monkeypatch.setattr(claims, "DESCENT_STEPS", 1)
    monkeypatch.setattr(claims, "ANGLES", (15.0,))
    path = tmp_path / "claims.json"
    assert verify(cycles, vae_weights, path) == 1
    report = json.loads(path.read_text())
    by_name = {claim["claim"]: claim for claim in report["claims"]}
    assert by_name["cost"]["passed"] is False
    assert "no clock" in by_name["cost"]["note"]
    assert by_name["relative change of R_VAE by rotations up to 15 degrees"]["passed"] is True
    # Untrained, it reconstructs nothing: the decoder gives about zero, all of the gradient is left.
    error = by_name["relative reconstruction error of grad u, physiological"]
    assert error["passed"] is False
    assert error["value"] == pytest.approx(1, abs=0.1)
    assert len(report["claims"]) == 14
    assert report["preset"] == "physiological"
    assert report["test_slices"] == 2
    assert report["weights_sha256"] == file_sha256(vae_weights)


def test_options_reach_the_measurements(
    cycles: Path, vae_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "deep" / "claims.json"
    more = ["--only", "reconstruction", "Demons", "--preset", "paper"]
    assert verify(cycles, vae_weights, path, *more, "--seed", "3") == 1
    report = json.loads(path.read_text())
    assert [c["passed"] for c in report["claims"]] == [False, None]
    assert report["claims"][0]["threshold"] == "< 0.08"
    assert report["claims"][1]["note"] == "no folder given (--real)"
    assert report["seed"] == 3
    assert capsys.readouterr().out.splitlines()[-1] == f"0 PASS, 1 FAIL, 1 NOT RUN; {path}"


def test_unusable_options_are_refused(
    cycles: Path, vae_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "claims.json"
    assert verify(cycles, tmp_path / "none.pt", path) == 2
    assert "none.pt: no such file of weights" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        verify(cycles, vae_weights, path, "--preset", "rubber")
    assert not path.exists()


def drawn_panels(figure: Figure) -> int:
    """Number of panels and colour bars, each of which must show more than a plain surface."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[::-1]  # bottom to top, as matplotlib counts
    for axis in figure.axes:
        (left, bottom), (right, top) = axis.get_window_extent().get_points().round().astype(int)
        panel = pixels[bottom + 1 : top - 1, left + 1 : right - 1]
        assert len(np.unique(panel.reshape(-1, 4), axis=0)) > 2, axis.get_title()
    return len(figure.axes)


@pytest.mark.slow
def test_reconstructions_show_six_maps_of_each_field(
    regulariser: Plausibility, fields: FieldSet
) -> None:
    figure = reconstructions(regulariser, fields)
    assert drawn_panels(figure) == len(fields) * 6 + 4
    score = scores(regulariser, fields)
    for row, axis in enumerate(figure.axes[: len(fields) * 6 : 6]):
        assert axis.get_ylabel() == f"R_VAE {score[row]:.3g}"
        area = axis.images[0].get_array().compressed()
        assert np.median(np.abs(area - 1)) < 0.01  # the contraction keeps areas


@pytest.mark.slow
def test_modes_and_prior_show_a_deformed_wall_in_each_panel(
    regulariser: Plausibility, fields: FieldSet, generator: torch.Generator
) -> None:
    assert drawn_panels(modes(regulariser, fields)) == 4 * 5 + 1
    assert drawn_panels(prior(regulariser, fields, generator)) == 6 + 1


@pytest.mark.slow
def test_wrong_fields_are_drawn_with_the_area_change_that_they_have(
    regulariser: Plausibility, fields: FieldSet, generator: torch.Generator
) -> None:
    figure = wrong_fields(regulariser, fields, None, generator)
    assert drawn_panels(figure) == 2 * 6 + 2
    area = {
        axis.get_title().split("\n")[0]: float(axis.collections[0].get_array().mean())
        for axis in figure.axes[:6]
    }
    assert area["simulated"] == pytest.approx(1, abs=0.01)
    assert area["turned by 15 degrees"] == pytest.approx(area["simulated"], abs=1e-3)
    assert area["scaled to J = 0.8"] == pytest.approx(0.8, abs=1e-3)
    assert area["scaled to J = 1.25"] == pytest.approx(1.25, abs=1e-3)
    folds = figure.axes[5].collections[0].get_array()
    assert figure.axes[5].get_title().startswith("folded patch")
    assert float(folds.min()) < -0.5


@pytest.mark.slow
def test_pictures_are_written_in_their_size(
    cycles: Path, vae_weights: Path, tmp_path: Path
) -> None:
    pictures = tmp_path / "pictures"
    more = ["--only", "reference cycle", "--pictures", str(pictures)]
    assert verify(cycles, vae_weights, tmp_path / "claims.json", *more) == 0
    panels = {  # rows, columns, colour bars; two test cycles
        "modes": (4, 5, 1),
        "prior": (1, 6, 1),
        "reconstructions": (2, 6, 4),
        "wrong_fields": (2, 6, 1),
    }
    assert sorted(path.stem for path in pictures.iterdir()) == sorted(panels)
    for name, (rows, columns, bars) in panels.items():
        height, width, _ = matplotlib.image.imread(pictures / f"{name}.png").shape
        assert height == pytest.approx(90 * (2.4 * rows + 0.5), abs=1)
        assert width == pytest.approx(90 * (2.2 * columns + 1.2 * bars), abs=1)
