"""Scores of drawn contours against labels, on contours whose scores are known."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from myomotion.analysis.ventricles import Drawn
from myomotion.io.cine import Cine
from myomotion.io.codes import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE
from tests.support.paths import ROOT, VENTRICLES
from tests.support.seen_hearts import ring_label
from tools.evaluate.__main__ import main
from tools.evaluate.contours import FOUND_WITHIN_MM, means, slice_rows, study_row
from tools.verify.whereabouts import CHANGES, STRIP_MM

SHAPE, CENTER, SPACING = (100, 90), (50.0, 40.0), (1.5, 2.0)


def stack(inner: float, shift: int = 0) -> np.ndarray:
    """Three slices of a left and a right ventricle."""
    place = CENTER[0] + shift, CENTER[1]
    one = ring_label(SHAPE, place, inner, 28, right=True, spacing=SPACING)
    return np.stack([one] * 3, axis=-1)


def labelled() -> Cine:
    return Cine(
        name="labelled",
        image=np.zeros((*SHAPE, 3, 2), np.float32),
        affine=np.diag([*SPACING, 8.0, 1.0]),
        ed_frame=0,
        es_frame=1,
        label_ed=stack(20),
        label_es=stack(14),
        levels=["basal", "mid", "apical"],
    )


def drawn(label: np.ndarray) -> Drawn:
    middle = np.argwhere(np.isin(label, (CAVITY, MYOCARDIUM)).any(2)).mean(0)
    return Drawn(label=label, center=(middle[0], middle[1]), unsure=np.zeros(label.shape[2]))


def test_contours_that_are_the_labels_are_perfect() -> None:
    cine = labelled()
    same = {"ed": drawn(stack(20)), "es": drawn(stack(14))}
    rows = slice_rows(cine, {"ed": stack(20), "es": stack(14)})
    assert [row["level"] for row in rows] == ["basal", "mid", "apical"]
    for row in rows:
        assert {v for k, v in row.items() if k.startswith("dice_")} == {1.0}
        assert {v for k, v in row.items() if k.startswith("hd95_")} == {0.0}
    study = study_row(cine, same)
    assert (study["apart_mm"], study["found"]) == (0.0, 1.0)
    assert study["ef_error_points"] == study["mass_error_percent"] == 0.0
    assert study["ef_labels_percent"] == pytest.approx(100 * (1 - 14**2 / 20**2), abs=2)


def test_contours_moved_by_two_voxels_are_three_millimetres_off() -> None:
    moved = {"ed": drawn(stack(20, 2)), "es": drawn(stack(14, 2))}
    row = slice_rows(labelled(), {"ed": stack(20, 2), "es": stack(14, 2)})[0]
    for name in ("myocardium", "cavity", "rv"):
        assert 1.5 < row[f"hd95_mm_{name}_ed"] <= 3.0
        assert 0.7 < row[f"dice_{name}_ed"] < 1
    study = study_row(labelled(), moved)
    assert study["apart_mm"] == pytest.approx(3.0)
    assert study["found"] == 1.0 and study["ef_error_points"] == 0.0
    far = {"ed": drawn(stack(20, int(FOUND_WITHIN_MM)))}
    assert study_row(labelled(), far)["found"] == 0.0


def test_heart_not_found_has_a_dice_of_0_and_what_was_never_labelled_does_not_count() -> None:
    cine = labelled()
    assert cine.label_ed is not None
    without = np.where(cine.label_ed == RIGHT_VENTRICLE, 0, cine.label_ed)
    cine = replace(cine, label_ed=without, label_es=None)
    rows = slice_rows(cine, {"ed": None})
    assert rows[0]["dice_myocardium_ed"] == rows[0]["dice_cavity_ed"] == 0.0
    assert math.isnan(rows[0]["dice_rv_ed"]) and "dice_cavity_es" not in rows[0]
    study = study_row(cine, {"ed": None})
    assert (study["found"], study["apart_mm"]) == (0.0, math.inf)
    assert "dice_rv_ed" not in means(rows) and means(rows)["dice_cavity_ed"] == 0.0


@pytest.mark.parametrize("name", CHANGES)
def test_change_of_the_pictures_moves_the_heart_with_them(name: str) -> None:
    heart = np.isin(stack(20), (CAVITY, MYOCARDIUM))
    volume, moved = CHANGES[name](heart.astype(np.float32), heart, SPACING)
    assert volume.shape == moved.shape and moved.sum() == heart.sum()
    seen = volume > 0
    if "strip" in name:
        width = round(STRIP_MM / SPACING[0])
        assert volume[:width].min() == 2 and not moved[:width].any()
        seen[:width] = False
    np.testing.assert_array_equal(seen, moved)
    assert name == "as it is" or volume.shape != heart.shape or not np.array_equal(moved, heart)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--method identity --only cine cin", "--only cin: not in .*cine. Did you mean cine?"),
        ("--method segmentation --only x", "--only x: not in .*cine."),
        ("--method identity --set foo=1", "identity has no setting 'foo'; it has: size, spacing."),
        ("--method segmentation --set foo=1", "segmentation has no setting 'foo'"),
        ("--method network --set refine_steps=9", "network has refine_steps 0, not 9."),
        ("--method latent --set refine_mode=field", "latent has refine_mode 'latent', not 'field'"),
        ("--method segmentation --thirds", "--thirds: does nothing with the method segmentation."),
    ],
)
def test_word_that_would_do_nothing_is_refused_in_a_line(
    words: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, output = ROOT / "tests" / "golden" / "cine", tmp_path / "out.json"
    assert main(["--data", str(folder), "--output", str(output), *words.split()]) in (1, 2)
    error = capsys.readouterr().err
    assert re.match(f"error: {said}", error) and error.count("\n") == 1
    assert not output.exists()


def test_report_of_a_cine_without_its_truth_is_json_that_every_program_reads(
    tmp_path: Path,
) -> None:
    folder, output = ROOT / "tests" / "golden" / "cine", tmp_path / "out.json"
    command = ["--data", str(folder), "--method", "identity", "--output", str(output)]
    assert main(command) == 0
    result = json.loads(output.read_text(), parse_constant=pytest.fail)
    assert result["slices"][0]["epe_mm"] is None and result["slices"][0]["dice"] > 0
    assert "epe_mm" not in result["mean"]


@pytest.mark.slow
@pytest.mark.skipif(not VENTRICLES.is_file(), reason="no weights are shipped")
def test_command_writes_what_it_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, output = ROOT / "tests" / "golden" / "cine", tmp_path / "out.json"
    command = ["--data", str(folder), "--method", "segmentation", "--output", str(output)]
    assert main(command) == 0
    result = json.loads(output.read_text())
    assert result["n"] == 2 and result["skipped"] == []
    assert result["function"]["found"] == 1.0
    assert result["mean"]["dice_cavity_ed"] > 0.9
    assert f"cavity_ed {result['mean']['dice_cavity_ed']:.3f}" in capsys.readouterr().out
