"""The report opens anywhere, says what it shows, and studies of a batch are independent."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import shutil
import socket
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from matplotlib.image import imread
from monai.bundle import ConfigParser

from myomotion.analysis.study import Study, analyse
from myomotion.core.integrator import FieldIntegrator
from myomotion.core.segments import NAMES
from myomotion.files.outputs import MARKER
from myomotion.io.cine import find_studies
from myomotion.report.bullseye import bullseye
from myomotion.report.page import report_page
from myomotion.report.player import png_url
from myomotion.transforms.displacement import OutputToDisplacement
from myomotion.transforms.load_cine import LoadCine
from myomotion.transforms.save_motion import AnalyseMotion, SaveMotion
from tests.support.bundle_runs import config, track
from tests.support.paths import BUNDLES, ROOT
from tests.support.studies import write_study

INFERENCE = Path(config("cardiac_motion_reg", "inference"))


def results(study: Path, output: Path) -> Path:
    """Folder of results of a study whose heart contracts a little."""
    item = LoadCine()(find_studies(study)[0])
    frames = item["image"].shape[1]
    axis = torch.arange(96.0) - 47.5
    field = -0.08 * torch.stack(torch.meshgrid(axis, axis, indexing="ij"))
    share = torch.sin(torch.pi * torch.arange(frames) / frames)[:, None, None, None]
    item["pred"] = (share * field)[None].expand(len(item["image"]), -1, -1, -1, -1)
    item = OutputToDisplacement(FieldIntegrator())(item)
    item = AnalyseMotion(parameters={"weights_sha256": "0123"})(item)
    saved = SaveMotion(output)(item)
    return Path(saved["output_folder"])


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def run(studies: Path, weights: Path, output: Path, **options: object) -> None:
    """Track without what these claims do not look at."""
    track(studies, weights, output, **{"report": False, "vae_weights": "none.pt", **options})


@pytest.mark.slow
def test_report_refers_to_nothing_outside_itself(small_study: Path, tmp_path: Path) -> None:
    page = (results(small_study, tmp_path / "out") / "report.html").read_text()
    assert not re.search(r"https?://|//[a-z]+\.", page)
    assert not re.search(r"<(link|iframe|object|embed)\b|@import|url\(|fetch\(|XMLHttp", page)
    assert re.findall(r"""src=["'](?!data:)""", page) == []
    assert "Research use only" in page
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert len(data["slices"]) == 2 and data["frames"] == 4
    for part in data["slices"]:
        assert len(part["frames"]) == len(part["paths"]) == 4
        assert all(url.startswith("data:image/png;base64,") for url in part["frames"])
        # Endocardium and epicardium, each in every frame, and they contract.
        assert [len(contour) for contour in part["contours"]] == [4, 4]
        widths = [np.ptp(contour[::2]) for contour in part["contours"][0]]
        assert widths[2] < 0.95 * widths[0]


@pytest.mark.slow
def test_report_of_three_levels_and_thirty_frames_is_small(tmp_path: Path) -> None:
    write_study(tmp_path / "s", frames=30, slices=3)
    folder = results(tmp_path / "s", tmp_path / "out")
    assert (folder / "report.html").stat().st_size < 5e6


def test_beside_the_picture_it_is_black(small_study: Path, tmp_path: Path) -> None:
    """A picture that is cut close to the heart is not continued by streaks."""
    names = ("sa.nii.gz", "label_sa_ED.nii.gz")
    wall = np.argwhere(nib.load(small_study / names[1]).get_fdata().any(2))
    near = tuple(map(slice, wall.min(0) - 2, wall.max(0) + 3))
    for name in names:
        image = nib.load(small_study / name)
        part = np.array(image.dataobj)[near]
        nib.save(nib.Nifti1Image(part, image.affine), small_study / name)
    page = (results(small_study, tmp_path / "out") / "report.html").read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    for url in (url for part in data["slices"] for url in part["frames"]):
        shown = imread(io.BytesIO(base64.b64decode(url.split(",")[1])), format="png")
        edge = np.concatenate([shown[0], shown[-1], shown[:, 0], shown[:, -1]])
        assert edge.max() == 0 < shown.max()


def test_results_without_a_label_say_why_there_is_no_strain(
    small_study: Path, tmp_path: Path
) -> None:
    (small_study / "label_sa_ED.nii.gz").unlink()
    folder = results(small_study, tmp_path / "out")
    page = (folder / "report.html").read_text()
    assert "no end-diastolic myocardium label was given" in page
    assert "Ecc at end-systole" not in page and "Displacement, mean of the disc" in page
    assert not (folder / "strain.csv").exists() and not (folder / "labels.nii.gz").exists()
    assert len(table(folder / "quality.csv")) == 8


def test_a_slice_without_a_wall_is_not_shown_as_good(small_study: Path, tmp_path: Path) -> None:
    """Of two slices one is labelled: the other, an atrium perhaps, has no light."""
    path = small_study / "label_sa_ED.nii.gz"
    label = nib.load(path)
    codes = np.asarray(label.dataobj).copy()
    codes[..., 0] = 0
    nib.save(nib.Nifti1Image(codes, label.affine), path)
    page = (results(small_study, tmp_path / "out") / "report.html").read_text()
    captions = re.findall(r"<figcaption>.*?</figcaption>", page)
    assert len(captions) == 2
    assert "(no label)" in captions[0] and "not measured" in captions[0]
    assert not re.search(r"\b(green|amber|red)\b", captions[0])
    assert re.search('class="light (green|amber|red)"', captions[1])
    cells = re.findall(r"<g><title>[^<]*</title><rect", page)
    assert len(cells) == 4  # frames of the other


@pytest.mark.slow
def test_files_hold_what_their_names_say(small_study: Path, tmp_path: Path) -> None:
    info = {"frame_times_ms": [0, 200, 400, 600], "slices": [{"level": "basal"}, {"level": "mid"}]}
    (small_study / "info.json").write_text(json.dumps(info))
    folder = results(small_study, tmp_path / "out")
    rows = table(folder / "strain.csv")
    assert len(rows) == 4 * (7 + 7)
    assert [r["segment"] for r in rows[:7]] == ["0", "1", "2", "3", "4", "5", "6"]
    assert [r["time_ms"] for r in rows if r["segment"] == "0"][:4] == [
        "0.0",
        "200.0",
        "400.0",
        "600.0",
    ]
    whole = next(r for r in rows if r["segment"] == "0" and r["frame"] == "2")
    # Uniform contraction by exp(-0.08): Ecc = Err = (exp(-0.16) - 1) / 2.
    expected = 50 * (np.exp(-0.16) - 1)
    assert float(whole["ecc_percent"]) == pytest.approx(expected, abs=0.1)
    assert float(whole["area_ratio"]) == pytest.approx(np.exp(-0.16), abs=0.002)
    summary = json.loads((folder / "summary.json").read_text())
    first = summary["slices"][0]
    assert first["ejection_area_fraction"] == pytest.approx(1 - np.exp(-0.16), abs=0.002)
    assert first["time_to_peak_ecc_percent_ms"] is None  # four frames are no curve
    assert set(summary["input_sha256"]) == {"image", "label_ed", "info"}
    assert summary["parameters"] == {"weights_sha256": "0123"}
    assert {"torch", "monai", "python", "myomotion"} <= set(summary["versions"])
    labels = nib.load(folder / "labels.nii.gz")
    assert labels.shape == (80, 72, 2, 4) and labels.get_data_dtype() == np.uint8
    forward = np.asarray(nib.load(folder / "displacement" / "frame_002.nii.gz").dataobj)
    inverse = np.asarray(nib.load(folder / "inverse" / "frame_002.nii.gz").dataobj)
    assert forward.shape == inverse.shape == (80, 72, 2, 1, 3)
    # At the same place the inverse of a contraction points outwards, a little more strongly.
    at = (50, 40, 0, 0)
    assert inverse[at] == pytest.approx(-forward[at] * np.exp(0.08), abs=0.02)


def test_names_with_markup_are_shown_as_they_are(small_study: Path, tmp_path: Path) -> None:
    name, level = "<b>a & b</b>", "\"><script>alert('level')</script>"
    study = small_study.rename(small_study.with_name("a & b"))
    item = {**find_studies(study)[0], "name": name}
    loaded = LoadCine()(item)
    cine = loaded["slices"].cine
    cine.levels = [level, "mid"]
    field = torch.zeros(2, cine.image.shape[3], 2, 96, 96)
    page = report_page(analyse(loaded["slices"], field, parameters={level: name}))
    assert page.count("<script") == 2 and "<b>" not in page
    parser = VisibleText()
    parser.feed(page)
    assert f"Myocardial motion: {name}" in parser.text
    assert any(text.startswith(f"{level}, frame 0: ") for text in parser.text)  # a tooltip
    assert {level, name} <= set(parser.text)  # parameters
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert data["slices"][0]["level"] == level


class VisibleText(HTMLParser):
    """Pieces of text that a browser shows."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())


def test_script_of_the_player_is_javascript(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the player's script cannot be checked")
    script = BUNDLES / "myomotion" / "report" / "player.js"
    done = subprocess.run([node, "--check", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    broken = tmp_path / "broken.js"
    broken.write_text(script.read_text() + "}")
    assert subprocess.run([node, "--check", broken], capture_output=True, timeout=60).returncode


def test_frames_in_the_page_are_the_pictures() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7)).astype(np.uint8)
    kind, content = png_url(picture).split(",")
    assert kind == "data:image/png;base64"
    shown = imread(io.BytesIO(base64.b64decode(content)), format="png")
    assert np.array_equal(np.round(shown * 255), picture)


def test_bullseye_shows_every_segment_and_marks_missing_ones() -> None:
    drawing = bullseye("Ecc, %", {n: -float(n) for n in NAMES if n != 4}, (-25, 5), "RdYlBu_r")
    assert drawing.count("<path") == 16
    assert "12 mid anterolateral: -12.0<" in drawing  # the title has the unit
    assert "4 basal inferior: not measured" in drawing


@pytest.mark.slow
def test_finished_studies_are_skipped_until_something_changes(
    studies: Path, net_weights: Path, tmp_path: Path
) -> None:
    output = tmp_path / "motion"
    run(studies, net_weights, output)

    def written() -> dict[str, int]:
        return {n: (output / n / "summary.json").stat().st_mtime_ns for n in ("one", "two")}

    before = written()
    host = re.sub(r"[^A-Za-z0-9_-]", "_", socket.gethostname())
    (output / f".two.{host}-999999-0123abcd.partial").mkdir()  # of a process that is gone
    run(studies, net_weights, output)
    assert written() == before
    (output / "two" / "summary.json").write_text("{")  # as if it had never been finished
    run(studies, net_weights, output)
    after = written()
    assert after["one"] == before["one"] and after["two"] != before["two"]
    assert sorted(p.name for p in output.iterdir()) == [MARKER, "cohort.csv", "one", "two"]
    run(studies, net_weights, output, refine_temporal=0.5)
    assert written()["one"] != before["one"]
    again = written()
    run(studies, net_weights, output, refine_temporal=0.5, overwrite=True)
    assert written()["one"] != again["one"]


@pytest.mark.slow
def test_failing_study_is_isolated_and_listed(
    net_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from myomotion.transforms import save_motion as motion_writer

    for name in ("a", "b", "c", "d"):
        write_study(tmp_path / "cines" / name)
    (tmp_path / "cines" / "b" / "sa.nii.gz").write_bytes(b"no image")
    original = motion_writer.write_images

    def fails_for_c(folder: Path, study: Study, *others: Any) -> None:
        if study.cine.name == "c":
            raise OSError("disk full")
        original(folder, study, *others)

    monkeypatch.setattr(motion_writer, "write_images", fails_for_c)
    output = tmp_path / "motion"
    run(tmp_path / "cines", net_weights, output)
    failed = json.loads((output / "failed.json").read_text())
    assert set(failed) == {"b", "c"}
    assert "not a readable NIfTI" in failed["b"] and "disk full" in failed["c"]
    assert sorted(p.name for p in output.iterdir()) == [
        MARKER,
        "a",
        "cohort.csv",
        "d",
        "failed.json",
    ]
    assert [row["name"] for row in table(output / "cohort.csv")] == ["a", "d"]
    monkeypatch.undo()
    monkeypatch.chdir(ROOT)
    write_study(tmp_path / "new" / "b")
    (tmp_path / "new" / "b" / "sa.nii.gz").replace(tmp_path / "cines" / "b" / "sa.nii.gz")
    run(tmp_path / "cines", net_weights, output)
    assert not (output / "failed.json").exists()
    assert [row["name"] for row in table(output / "cohort.csv")] == ["a", "b", "c", "d"]


def test_run_ends_with_an_error_only_if_every_study_failed(
    net_weights: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        write_study(tmp_path / "cines" / name)
        (tmp_path / "cines" / name / "sa.nii.gz").write_bytes(b"no image")
    with pytest.raises(SystemExit, match=r"^error: .*sa.nii.gz: not a readable.*\(and 1 more\)$"):
        run(tmp_path / "cines", net_weights, tmp_path / "motion")
    assert set(json.loads((tmp_path / "motion" / "failed.json").read_text())) == {"a", "b"}


def test_every_option_that_changes_a_result_makes_finished_studies_stale() -> None:
    text = INFERENCE.read_text().split("# ---- where things are")[0]
    options = set(re.findall(r"^([a-z_]+):", text, re.MULTILINE)) - {"imports"}
    parser = ConfigParser()
    parser.read_config(str(INFERENCE))
    noted = set(parser["parameters"]) | set(parser["parameters"]["files"])
    where_and_how = {"dataset_dir", "output_dir", "cache_dir", "device", "batch_size"}
    where_and_how |= {"overwrite", "verbose"}
    built_in = {"preset", "built_in_slices"}
    assert options - noted == where_and_how | built_in
