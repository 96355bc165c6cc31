"""The segmentation from a cine on disk to a folder of contours, with the shipped weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import torch

from myomotion.analysis.segmentation import DRAWN, Contours
from myomotion.analysis.ventricles import VentricleSegmenter
from myomotion.core.contours import dice
from myomotion.io.cine import find_studies, read_cine
from myomotion.io.codes import MYOCARDIUM
from myomotion.tracker import inference_parts
from tests.project.commands import BLOCK
from tests.support.bundle_runs import run
from tests.support.paths import BUNDLES, ROOT, VENTRICLES
from tests.support.pictures import is_drawn
from tests.support.studies import write_study

BUNDLE = "ventricle_segmentation"
GOLDEN = ROOT / "tests" / "golden" / "cine"
pytestmark = pytest.mark.skipif(not VENTRICLES.is_file(), reason="no weights are shipped")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn study on an oblique grid, with a label."""
    folder = tmp_path_factory.mktemp("contours") / "drawn"
    write_study(folder)
    return folder


def draw(dataset: Path, output: Path, **options: object) -> None:
    options = {"orientations": 1, **options}
    run("inference", BUNDLE, dataset_dir=str(dataset), output_dir=str(output), **options)


def summary_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


@pytest.mark.slow
def test_folder_of_contours_is_a_studys_own_label_and_is_not_drawn_twice(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "studies" / "cine")
    draw(tmp_path / "studies", tmp_path / "out")
    folder = tmp_path / "out" / "cine"
    given = read_cine(find_studies(GOLDEN)[0])
    assert given.label_ed is not None and given.label_es is not None
    summary = summary_of(folder)
    assert set(summary["contours"]) == {"ED", "ES"}
    assert summary["contours"]["ED"]["frame"] == given.ed_frame
    assert summary["contours"]["ES"]["frame"] == summary["es_frame"] == given.es_frame
    assert all("label" not in path for path in summary["files"].values())  # none was looked at
    assert is_drawn(folder / "contours.png", width=300)

    # The labels given back beside the cine are read as what was drawn.
    back = tmp_path / "back" / "cine"
    back.mkdir(parents=True)
    for name in ("sa.nii.gz", "info.json"):
        shutil.copyfile(GOLDEN / name, back / name)
    for name in ("label_sa_ED.nii.gz", "label_sa_ES.nii.gz"):
        shutil.copyfile(folder / name, back / name)
    cine = read_cine(find_studies(back)[0])
    assert cine.label_ed is not None and cine.label_es is not None
    for code in (1, 2, 3):
        assert dice(cine.label_ed == code, given.label_ed == code) > 0.85
    for code in (1, 2):
        assert dice(cine.label_es == code, given.label_es == code) > 0.8

    before = (folder / "summary.json").stat().st_mtime_ns
    draw(tmp_path / "studies", tmp_path / "out")
    assert (folder / "summary.json").stat().st_mtime_ns == before
    draw(tmp_path / "studies", tmp_path / "out", overwrite=True)
    assert (folder / "summary.json").stat().st_mtime_ns > before


def test_picture_without_a_heart_is_refused_by_name_and_leaves_no_contours(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(500, 50, (60, 50, 1, 3)).astype(np.float32)
    path = tmp_path / "noise.nii.gz"
    nib.save(nib.Nifti1Image(noise, np.diag([1.5, 1.5, 8, 1])), path)
    with pytest.raises(SystemExit, match=r"noise\.nii\.gz: no left ventricle was found") as stop:
        draw(path, tmp_path / "out")
    assert "\n" not in str(stop.value.code) and "Give ed_frame" in str(stop.value.code)
    assert sorted(p.name for p in (tmp_path / "out").glob("[!.]*")) == ["failed.json"]


@pytest.mark.parametrize("axes", [4, 3])
def test_one_slice_and_a_still_picture_are_enough(study: Path, axes: int, tmp_path: Path) -> None:
    cine = nib.load(study / "sa.nii.gz")
    values = np.asarray(cine.dataobj)[:, :, :1]
    part = values if axes == 4 else values[..., 0]
    nib.save(nib.Nifti1Image(part, cine.affine), tmp_path / "part.nii.gz")
    draw(tmp_path / "part.nii.gz", tmp_path / "out")
    folder = tmp_path / "out" / "part"
    label = nib.load(folder / "label_sa_ED.nii.gz")
    assert label.shape == (80, 72, 1)
    np.testing.assert_allclose(label.affine, cine.affine, atol=1e-5)
    truth = np.asarray(nib.load(study / "label_sa_ED.nii.gz").dataobj)[:, :, :1]
    assert dice(np.asarray(label.dataobj) == 1, truth == 1) > 0.9
    # A single frame has no end-systole.
    assert (folder / "label_sa_ES.nii.gz").is_file() == (axes == 4)


def served(image: Path, output: Path, transforms: str) -> dict:
    """Do what a server does with one request."""
    parts = inference_parts(BUNDLES / BUNDLE, output_dir=str(output), device="cpu", orientations=1)
    network = parts.get_parsed_content("network").eval()
    item: dict[Any, Any] = {"image": str(image), "image_path": str(image), "model": "m"}
    for transform in parts.get_parsed_content("preprocessing").transforms:
        item = transform(item)
    with torch.no_grad():
        item["pred"] = parts.get_parsed_content("inferer")(item["image"][None], network)[0]
    for transform in parts.get_parsed_content(transforms).transforms:
        item = transform(item)
    return item


@pytest.mark.slow
def test_served_label_is_the_written_one_on_the_grid_of_the_image(
    study: Path, tmp_path: Path
) -> None:
    image = study / "sa.nii.gz"
    written = served(image, tmp_path / "written", "postprocessing")
    label = nib.load(Path(written["output_folder"]) / "label_sa_ED.nii.gz")
    answer = served(image, tmp_path / "none", "post_transforms")
    assert not (tmp_path / "none").exists() and "output_folder" not in answer
    assert answer["pred"].shape == (1, 80, 72, 2) and answer["pred"].dtype == torch.uint8
    np.testing.assert_array_equal(np.asarray(answer["pred"])[0], np.asarray(label.dataobj))
    assert set(np.unique(np.asarray(label.dataobj))) >= {0, 1, 2}
    assert answer["result"]["reference_frame"] == 0 and answer["result_dtype"] == "uint8"
    json.dumps(answer["result"])
    given = np.diag([-1.0, -1, 1, 1]) @ answer["pred"].affine.numpy()
    reference = sitk.ReadImage(str(image))[..., 0]
    axes = np.array(reference.GetDirection()).reshape(3, 3) * reference.GetSpacing()
    np.testing.assert_allclose(given[:3, :3], axes, atol=1e-5)
    np.testing.assert_allclose(given[:3, 3], reference.GetOrigin(), atol=1e-5)


@pytest.mark.slow
def test_python_of_the_readme_writes_the_label_on_the_axes_of_the_file(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = np.array([[1, 1], [0, -1], [2, 1]])
    label = nib.load(study / "label_sa_ED.nii.gz").as_reoriented(turned)
    nib.save(nib.load(study / "sa.nii.gz").as_reoriented(turned), tmp_path / "sa.nii.gz")
    (tmp_path / "models").symlink_to(VENTRICLES.parent)
    monkeypatch.chdir(tmp_path)
    page = (BUNDLES / BUNDLE / "docs" / "README.md").read_text(encoding="utf-8")
    (source,) = (text for language, text in BLOCK.findall(page) if language == "python")
    names: dict[str, Any] = {}
    exec(source, names)
    drawn = nib.load(tmp_path / "drawn.nii.gz")
    assert names["drawn"].label.shape != label.shape == drawn.shape
    np.testing.assert_allclose(drawn.affine, label.affine, atol=1e-5)
    assert dice(np.asarray(drawn.dataobj) == 1, np.asarray(label.dataobj) == 1) > 0.9


def test_whole_slices_reach_the_network_without_the_labels_beside_them(study: Path) -> None:
    parts = inference_parts(BUNDLES / BUNDLE, device="cpu")
    (load,) = parts.get_parsed_content("preprocessing").transforms
    (found,) = find_studies(study)
    item = load(found)
    assert item["cine"].label_ed is None and set(item["cine"].files) == {"image"}
    assert item["image"].shape == (2, 96, 96)  # 144 mm at 1.5 mm


@pytest.mark.slow
def test_real_hearts_get_contours_that_agree_with_their_reader(real_cines: Path) -> None:
    contours = Contours("auto", VentricleSegmenter(VENTRICLES))
    for study in find_studies(real_cines)[:2]:
        given = read_cine(study)
        blind = {k: v for k, v in study.items() if k not in ("label_ed", "label_es")}
        drawn = contours(read_cine(blind))
        assert given.label_ed is not None and drawn.label_ed is not None
        assert drawn.label_found == DRAWN
        for z in range(given.label_ed.shape[2]):
            walls = (label[..., z] == MYOCARDIUM for label in (given.label_ed, drawn.label_ed))
            assert dice(*walls) > 0.7, (study["name"], z)
