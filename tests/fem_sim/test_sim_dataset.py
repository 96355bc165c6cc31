"""Claims about simulated data sets: determinism, resume, refusals, rejections, splits, CLI."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from fem_sim.__main__ import main
from fem_sim.dataset import simulate_dataset
from fem_sim.files import claim_folder, split_of
from fem_sim.mechanics.cycle import Cycle
from fem_sim.phantom.dataset import make_cines
from myomotion.errors import InputError, OutputError
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import MARKER
from myomotion.files.processes import host_name
from tests.support.processes import dead_process

pytestmark = pytest.mark.slow  # a simulated data set

CHOSEN: dict[str, Any] = {"preset": "physiological", "seed": 5, "levels": 6}
SAME_MM = 1e-5  # numerical libraries may round differently in another process


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One physiological subject."""
    output = tmp_path_factory.mktemp("data") / "cycles"
    simulate_dataset(output, count=3, progress=False, **CHOSEN)
    return output


def _listing(folder: Path) -> dict:
    return json.loads((folder / "datalist.json").read_text())


def _save_labels(path: Path, labels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(labels.astype(np.uint8), np.diag([1.5, 1.5, 10.0, 1.0])), path)
    return path


def _ring(inner: float = 16.0, outer: float = 27.0) -> np.ndarray:
    radius = np.hypot(*(np.indices((96, 96)) * 1.5 - 71.25))
    return (radius <= outer) * 2 - (radius <= inner) * 1


def test_a_data_set_holds_one_readable_cycle_a_slice(folder: Path) -> None:
    content = _listing(folder)
    assert [e["cycle"] for e in content["training"]] == [
        "s00000_basal.npz",
        "s00000_mid.npz",
        "s00000_apical.npz",
    ]
    assert content["validation"] == content["test"] == content["rejected"] == []
    for entry in content["training"]:
        cycle = Cycle.load(folder / entry["cycle"])
        assert cycle.displacement.shape == (6, 2, 96, 96)
        assert cycle.provenance["preset"] == "physiological"
        assert cycle.provenance["seed"] == 5
        assert cycle.provenance["subject"] == "s00000"
        assert cycle.provenance["level"] == entry["level"]
        assert 100 < cycle.provenance["shape"]["septal_angle"] < 220


@pytest.mark.slow
def test_result_does_not_depend_on_the_number_of_workers(folder: Path, tmp_path: Path) -> None:
    simulate_dataset(tmp_path, count=2, workers=2, progress=False, **CHOSEN)
    for name in ("s00000_basal.npz", "s00000_mid.npz"):
        first, again = Cycle.load(folder / name), Cycle.load(tmp_path / name)
        np.testing.assert_allclose(first.displacement, again.displacement, atol=SAME_MM)
        np.testing.assert_array_equal(first.labels, again.labels)


def test_resume_keeps_finished_slices_and_redoes_damaged_ones(folder: Path, tmp_path: Path) -> None:
    names = ("s00000_basal.npz", "s00000_mid.npz", "s00000_apical.npz")
    for name in (*names, "settings.json", MARKER):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    whole = (tmp_path / names[1]).read_bytes()
    (tmp_path / names[1]).write_bytes(whole[: len(whole) // 2])
    left = tmp_path / f".s00000_apical.npz.{host_name()}-{dead_process()}-0123abcd.partial"
    left.write_bytes(b"left by a kill")
    before = {n: (tmp_path / n).stat().st_mtime_ns for n in names}
    simulate_dataset(tmp_path, count=3, progress=False, **CHOSEN)
    after = {n: (tmp_path / n).stat().st_mtime_ns for n in names}
    assert [before[n] == after[n] for n in names] == [True, False, True]
    np.testing.assert_allclose(
        Cycle.load(tmp_path / names[1]).displacement,
        Cycle.load(folder / names[1]).displacement,
        atol=SAME_MM,
    )
    assert not left.exists()


def test_folder_of_other_settings_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"seed was 5, now 6") as caught:
        simulate_dataset(folder, count=3, progress=False, **{**CHOSEN, "seed": 6})
    assert str(folder) in str(caught.value)


def test_a_part_that_is_kept_must_be_of_the_same_input_and_a_folder_may_grow(
    tmp_path: Path,
) -> None:
    claim_folder(tmp_path, {"seed": 0}, made_of={"a": "1", "b": "1"})
    claim_folder(tmp_path, {"seed": 0}, made_of={"a": "1", "b": "2", "c": "3"}, kept=["a"])
    assert json.loads((tmp_path / "settings.json").read_text()) == {
        "seed": 0,
        "made_of": {"a": "1", "b": "2", "c": "3"},
    }
    with pytest.raises(ValueError, match=r"was made with other settings \(a, b: made of other inp"):
        claim_folder(tmp_path, {"seed": 0}, made_of={"a": "2", "b": "1"}, kept=["a", "b"])
    claim_folder(tmp_path, {"seed": 0}, made_of={"a": None}, kept=["a"])  # not there any more
    with pytest.raises(ValueError, match="seed was 0, now 1"):
        claim_folder(tmp_path, {"seed": 1}, made_of={"a": "1"}, kept=["a"])


def test_what_was_made_before_inputs_were_noted_goes_on(tmp_path: Path) -> None:
    claim_folder(tmp_path, {"seed": 0})
    before = (tmp_path / "settings.json").read_bytes()
    claim_folder(tmp_path, {"seed": 0}, made_of={"a": "1"}, kept=["a"])
    claim_folder(tmp_path, {"seed": 0}, made_of={"a": "2"}, kept=["a"])
    assert (tmp_path / "settings.json").read_bytes() == before


def test_edited_label_is_refused_and_the_same_one_goes_on(tmp_path: Path) -> None:
    path = _save_labels(tmp_path / "a.nii.gz", _ring())
    chosen: dict[str, Any] = {"sources": [path], "coding": "internal", "ratio": 1.5, "levels": 3}
    simulate_dataset(tmp_path / "out", **chosen, progress=False)
    simulate_dataset(tmp_path / "out", **chosen, progress=False)
    _save_labels(path, _ring(inner=17.0))
    with pytest.raises(ValueError, match=r"other settings \(a_z00: made of other input\)"):
        simulate_dataset(tmp_path / "out", **chosen, progress=False)


def test_cines_of_other_cycles_under_the_same_name_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    chosen: dict[str, Any] = {"frames": 5, "matrix": 96, "progress": False}
    make_cines(tmp_path / "cines", cycles=folder, **chosen)
    others = tmp_path / "cycles"
    simulate_dataset(others, count=3, progress=False, **{**CHOSEN, "seed": 6})
    with pytest.raises(ValueError, match=r"other settings \(s00000: made of other input\)"):
        make_cines(tmp_path / "cines", cycles=others, **chosen)
    for entry in _listing(folder)["training"]:  # once more, at another time
        Cycle.load(folder / entry["cycle"]).save(others / entry["cycle"])
    make_cines(tmp_path / "cines", cycles=others, **chosen)


def test_rejected_maps_are_listed_with_their_reason(tmp_path: Path) -> None:
    good = _ring()
    open_ring = good.copy()
    open_ring[48:, 44:52] = 0
    disc = np.where(good > 0, 2, 0)
    for name, labels in (("a_good", good), ("b_open", open_ring), ("c_disc", disc)):
        _save_labels(tmp_path / "maps" / f"{name}_gt.nii.gz", labels)
    bad = np.full((96, 96), 9)
    _save_labels(tmp_path / "maps" / "d_codes_gt.nii.gz", bad)
    output = tmp_path / "out"
    simulate_dataset(
        output,
        sources=[tmp_path / "maps"],
        coding="internal",
        ratio=1.5,
        levels=3,
        progress=False,
    )
    content = _listing(output)
    reasons = {entry["name"]: entry["reason"] for entry in content["rejected"]}
    assert [e["subject"] for e in content["training"]] == ["a_good"]
    assert "cavity" in reasons["b_open_z00"]
    assert "cavity" in reasons["c_disc_z00"]
    assert "label values [9]" in reasons["d_codes"]


def test_only_rejections_is_an_error(tmp_path: Path) -> None:
    _save_labels(tmp_path / "disc.nii.gz", np.where(_ring() > 0, 2, 0))
    with pytest.raises(RuntimeError, match="no slice could be simulated"):
        simulate_dataset(
            tmp_path / "out",
            sources=[tmp_path / "disc.nii.gz"],
            coding="internal",
            progress=False,
        )
    assert _listing(tmp_path / "out")["rejected"][0]["name"] == "disc_z00"


def test_ed_labels_with_a_ratio_end_with_the_asked_cavity(tmp_path: Path) -> None:
    labels = _ring(inner=24.0, outer=33.0)
    path = _save_labels(tmp_path / "ed.nii.gz", labels)
    simulate_dataset(
        tmp_path / "out",
        sources=[path],
        coding="internal",
        phase="ED",
        ratio=1.8,
        levels=3,
        progress=False,
    )
    cycle = Cycle.load(tmp_path / "out" / "ed_z00.npz")
    assert cycle.area_ratio[0] == pytest.approx(1.8, rel=1e-3)
    assert (cycle.labels == 1).sum() == pytest.approx((labels == 1).sum(), rel=0.03)
    assert (cycle.labels == 2).sum() == pytest.approx((labels == 2).sum(), rel=0.03)


def test_splits_are_by_subject_near_70_15_15_and_never_empty_from_three_on() -> None:
    splits = [split_of(i) for i in range(200)]
    shares = [splits.count(s) / 200 for s in ("training", "validation", "test")]
    assert shares == [0.7, 0.15, 0.15]
    assert {split_of(i) for i in range(3)} == {"training", "validation", "test"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "other"}, "preset 'other'"),
        ({"material": "rubber"}, "material 'rubber' is unknown; use one of: "),
        ({"levels": 1}, "levels is 1"),
        ({"grid": "mid"}, "grid 'mid'"),
        ({"count": 0}, "count is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"sources": ["x.nii.gz"]}, "need a coding"),
        ({"sources": ["x.nii.gz"], "coding": "other"}, "'other' is unknown"),
        ({"ratio": 2.0}, "ratio applies to label sources"),
        ({"sources": ["x"], "coding": "acdc", "ratio": 0.5}, "ratio is 0.5"),
        ({"sources": ["x"], "coding": "acdc", "phase": "mid"}, "phase 'mid'"),
    ],
)
def test_bad_arguments_are_named(tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate_dataset(tmp_path / "out", progress=False, **options)
    assert not (tmp_path / "out").exists()


def test_missing_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        simulate_dataset(tmp_path, sources=[tmp_path / "none"], coding="acdc", progress=False)


def test_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be used as output folder"):
        claim_folder(tmp_path / "file", {})


def test_failed_write_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(part: Path, content: bytes) -> None:
        part.write_text("half")
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OutputError, match=r"a\.txt: cannot be written \(No space left"):
        write_bytes(path, b"new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_cines_have_the_layout_of_real_ones_and_resume(folder: Path, tmp_path: Path) -> None:
    listing = make_cines(tmp_path, cycles=folder, frames=6, matrix=96, seed=1, progress=False)
    (entry,) = json.loads(listing.read_text())["training"]
    cine = tmp_path / entry["cine"]
    image = nib.load(cine / "sa.nii.gz")
    info = json.loads((cine / "info.json").read_text())
    assert image.shape == (96, 96, 3, 6)
    assert image.get_data_dtype() == np.int16
    assert image.header.get_zooms()[0] == pytest.approx(info["in_plane_spacing_mm"])
    assert [s["level"] for s in info["slices"]] == ["basal", "mid", "apical"]
    assert info["labels"] == "internal"
    with np.load(cine / "truth.npz") as truth:
        field, labels = truth["displacement"], truth["labels"]
    assert field.shape == (6, 3, 2, 96, 96)
    assert field.dtype == np.float32
    for phase, frame in (("ED", info["ed_frame"]), ("ES", info["es_frame"])):
        saved = np.asarray(nib.load(cine / f"label_sa_{phase}.nii.gz").dataobj)
        np.testing.assert_array_equal(np.moveaxis(saved, -1, 0), labels[frame])
    cavity = (labels == 1).sum(axis=(1, 2, 3))
    assert cavity.argmax() == 0
    assert cavity.argmin() == info["es_frame"]
    stamp = (cine / "info.json").stat().st_mtime_ns
    make_cines(tmp_path, cycles=folder, frames=6, matrix=96, seed=1, progress=False)
    assert (cine / "info.json").stat().st_mtime_ns == stamp
    with pytest.raises(ValueError, match="seed was 1, now 2"):
        make_cines(tmp_path, cycles=folder, frames=6, matrix=96, seed=2, progress=False)


def test_command_line_reports_errors_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["phantom", "--output", str(tmp_path / "o"), "--cycles", str(tmp_path)])
    error = capsys.readouterr().err
    assert status == 1
    assert error.startswith("error: ")
    assert "datalist.json: not found" in error
    assert error.count("\n") == 1


def test_command_line_help_names_units(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["phantom", "--help"])
    assert caught.value.code == 0
    assert {"mm", "degrees"} <= set(capsys.readouterr().out.replace(",", " ").split())
