"""Claims about animated studies: unloading a ring, true motion of a real frame, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from fem_sim.mechanics.cycle import simulate_cycle
from fem_sim.mechanics.parameters import SimulationParameters
from fem_sim.mechanics.unload import unload
from fem_sim.phantom.animate import animate, animate_study
from fem_sim.phantom.slice import background_noise
from fem_sim.phantom.study import Study, read_study, septal_angle
from myomotion.core.wall.contours import Contours, RejectedSliceError, polygon_centroid
from myomotion.errors import InputError
from myomotion.io.cine import find_studies
from tests.support.studies import write_study

pytestmark = pytest.mark.slow  # simulated rings

RATIO = 1.7


def _ellipse() -> Contours:
    angle = 2 * np.pi * np.arange(180) / 180
    cosine, sine = np.cos(angle), np.sin(angle)
    return Contours(
        endo=np.stack([22 * cosine + 40, 19 * sine + 45], axis=1),
        epi=np.stack([34 * cosine + 41, 32 * sine + 45], axis=1),
    )


def _distance(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Distance of points (N, 2) from the segments of a closed polygon."""
    start, along = polygon[None], (np.roll(polygon, -1, axis=0) - polygon)[None]
    offset = points[:, None] - start
    share = np.clip((offset * along).sum(-1) / (along**2).sum(-1), 0, 1)
    return np.linalg.norm(offset - share[..., None] * along, axis=-1).min(axis=1)


@pytest.mark.parametrize("support", [0.0, 2.0])
def test_unloading_then_inflating_gives_the_ring_back(support: float) -> None:
    parameters = SimulationParameters(
        area_ratio=RATIO, lambda_z=1.15, support=support, levels=4, n_rad=2
    )
    wanted = _ellipse()
    unloaded = unload(wanted, parameters, tolerance_mm=0.03)
    assert wanted.cavity_area() / unloaded.cavity_area() == pytest.approx(RATIO, rel=0.005)
    cycle = simulate_cycle(unloaded, parameters, size=72)
    shift = polygon_centroid(wanted.endo) - polygon_centroid(cycle.endo[0])
    for got, ring in ((cycle.endo[0], wanted.endo), (cycle.epi[0], wanted.epi)):
        assert _distance(got + shift, ring).max() < 0.1
    assert cycle.area_ratio[0] == pytest.approx(RATIO, rel=1e-6)


def test_a_ring_that_cannot_be_unloaded_is_refused() -> None:
    parameters = SimulationParameters(area_ratio=RATIO, n_circ=24, n_rad=2)
    with pytest.raises(RejectedSliceError, match="solver: no end-systolic ring found"):
        unload(_ellipse(), parameters, max_steps=1)
    angle = 2 * np.pi * np.arange(60) / 60
    radius = 20 * (1 - 0.9 * np.cos(angle) ** 8)
    bean = np.stack([radius * np.cos(angle + np.sin(3 * angle)), radius * np.sin(angle)], axis=1)
    with pytest.raises(RejectedSliceError, match="not_star_shaped"):
        unload(Contours(endo=bean, epi=1.6 * bean), parameters)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one slice; the picture is smoothed, as a scanner's is."""
    folder = tmp_path_factory.mktemp("studies") / "ring"
    write_study(folder, slices=1)
    image = nib.load(folder / "sa.nii.gz")
    spectrum = np.fft.fft2(np.asarray(image.dataobj), axes=(0, 1))
    window = [np.exp(-0.5 * (np.fft.fftfreq(n) / 0.13) ** 2) for n in image.shape[:2]]
    smooth = np.fft.ifft2(spectrum * np.outer(*window)[:, :, None, None], axes=(0, 1)).real
    nib.save(nib.Nifti1Image(np.rint(smooth).astype(np.int16), image.affine), folder / "sa.nii.gz")
    return folder


@pytest.fixture(scope="module")
def animated(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("cines") / "ring"
    animate_study(_study(source), output, seed=3, ratio=RATIO, frames=6, noise=False)
    return output


def _study(folder: Path) -> dict[str, object]:
    (study,) = find_studies(folder)
    return study


def _read(folder: Path) -> Study:
    return read_study(_study(folder))


def _load(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
    images = np.asarray(nib.load(folder / "sa.nii.gz").dataobj).astype(float)
    with np.load(folder / "truth.npz") as truth:
        field, labels = truth["displacement"], truth["labels"]
    return images, field, labels, json.loads((folder / "info.json").read_text())


def test_the_first_frame_is_the_source_frame(source: Path, animated: Path) -> None:
    images, field, labels, _ = _load(animated)
    np.testing.assert_array_equal(
        images[..., 0], np.asarray(nib.load(source / "sa.nii.gz").dataobj)[..., 0]
    )
    wanted = np.asarray(nib.load(source / "label_sa_ED.nii.gz").dataobj)
    np.testing.assert_array_equal(np.moveaxis(labels[0], 0, -1), wanted)
    assert np.all(field[0] == 0)


def check_truth(folder: Path, tolerance: float) -> None:
    """Every frame warped by its truth is the ED frame in the wall; no fold."""
    images, field, labels, info = _load(folder)
    spacing, es = info["in_plane_spacing_mm"], info["es_frame"]
    for z in range(images.shape[2]):
        wall = labels[0, z] == 2
        place = np.argwhere(wall).T + field[es, z][:, wall] / spacing
        warped = map_coordinates(images[:, :, z, es], place, order=3)
        span = np.ptp(images[:, :, z, 0])
        still = np.abs(images[:, :, z, es] - images[:, :, z, 0])[wall].mean() / span
        moved = np.abs(warped - images[:, :, z, 0][wall]).mean() / span
        assert moved < tolerance
        assert moved < 0.5 * still
        grad = np.gradient(field[:, z] / spacing, axis=(2, 3))
        det = (1 + grad[0][:, 0]) * (1 + grad[1][:, 1]) - grad[0][:, 1] * grad[1][:, 0]
        assert det.min() > 0.05


def test_warping_es_by_the_truth_gives_the_ed_frame(animated: Path) -> None:
    check_truth(animated, 0.015)


def test_cavity_area_falls_by_the_asked_ratio(animated: Path) -> None:
    _, _, labels, info = _load(animated)
    area = [(labels[t, 0] == 1).sum() for t in (0, info["es_frame"])]
    assert area[0] / area[1] == pytest.approx(RATIO, rel=0.05)
    assert info["slices"][0]["ratio_source"] == "given"


def test_anisotropic_pixels_are_resampled_to_the_smaller_size(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "anisotropic"
    folder.mkdir()
    for name in ("sa.nii.gz", "label_sa_ED.nii.gz"):
        image = nib.load(source / name)
        nib.save(
            nib.Nifti1Image(np.asarray(image.dataobj)[:, ::2], np.diag([1.8, 3.6, 8, 1])),
            folder / name,
        )
    fine, coarse = _read(source), _read(folder)
    assert coarse.spacing == pytest.approx(1.8)
    height = coarse.slices[0].image.shape[1]
    both = [s.slices[0] for s in (fine, coarse)]
    inner = (slice(10, 70), slice(10, min(62, height)))
    error = np.abs(both[0].image[inner] - both[1].image[inner])
    assert error.mean() / np.ptp(both[0].image) < 0.02
    assert np.mean(both[0].labels[:, :height] == both[1].labels) > 0.98


def test_septum_is_found_where_the_bright_blood_is(source: Path) -> None:
    study = _read(source)
    part = study.slices[0]
    y = np.indices(part.image.shape)[1]
    part.image[y > 55] += 600
    assert septal_angle(study) == pytest.approx(np.pi / 2, abs=0.35)
    part.labels[10:20, 30:40] = 3
    assert np.cos(septal_angle(study)) < -0.9


def test_background_noise_is_that_of_one_channel() -> None:
    noise = np.random.default_rng(0).normal(0, 7.0, (2, 200, 200))
    image = np.zeros((200, 200))
    image[60:140, 60:140] = 500
    assert background_noise(np.hypot(image + noise[0], noise[1])) == pytest.approx(7.0, rel=0.25)
    assert background_noise(np.zeros((50, 50))) == 0.0


def test_studies_without_label_or_contrast_are_refused(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    with pytest.raises(InputError, match=r"bare: no study folder with sa\.nii\.gz"):
        animate(folder, tmp_path / "out", seed=0)
    image = nib.load(source / "sa.nii.gz")
    nib.save(image, folder / "sa.nii.gz")
    with pytest.raises(InputError, match=r"no label_sa_ED\.nii\.gz"):
        animate_study(_study(folder), tmp_path / "out", seed=0)
    label = np.asarray(nib.load(source / "label_sa_ED.nii.gz").dataobj)
    finer = image.affine @ np.diag([0.5, 0.5, 1, 1])
    nib.save(nib.Nifti1Image(label, finer), folder / "label_sa_ED.nii.gz")
    with pytest.raises(InputError, match="Resample it to the cine"):
        animate_study(_study(folder), tmp_path / "out", seed=0)
    nib.save(nib.Nifti1Image(np.zeros(image.shape, np.int16), image.affine), folder / "sa.nii.gz")
    with pytest.raises(InputError, match="every voxel is 0"):
        _read(folder)
    nib.save(image, folder / "sa.nii.gz")
    blood = (label == 1).astype(np.uint8)
    nib.save(nib.Nifti1Image(blood, image.affine), folder / "label_sa_ED.nii.gz")
    with pytest.raises(InputError, match="no voxel is myocardium"):
        _read(folder)
    with pytest.raises(ValueError, match="ratio is 9"):
        animate_study(_study(source), tmp_path / "out", seed=0, ratio=9)
    assert not (tmp_path / "out").exists()


def test_the_end_diastolic_frame_alone_will_do(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "still"
    folder.mkdir()
    image = nib.load(source / "sa.nii.gz")
    first = np.asarray(image.dataobj)[..., 0]
    nib.save(nib.Nifti1Image(first, image.affine), folder / "sa.nii.gz")
    nib.save(nib.load(source / "label_sa_ED.nii.gz"), folder / "label_sa_ED.nii.gz")
    about_the_cine = {"ed_frame": 7, "es_frame": 12, "frame_times_ms": [0, 30, 60]}
    (folder / "info.json").write_text(json.dumps(about_the_cine))
    alone, whole = _read(folder), _read(source)
    np.testing.assert_array_equal(alone.slices[0].image, whole.slices[0].image)
    np.testing.assert_array_equal(alone.slices[0].labels, whole.slices[0].labels)


def test_an_end_diastolic_frame_without_contrast_is_refused(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dark"
    folder.mkdir()
    image = nib.load(source / "sa.nii.gz")
    values = np.asarray(image.dataobj).copy()
    values[..., 1] = 0
    nib.save(nib.Nifti1Image(values, image.affine), folder / "sa.nii.gz")
    nib.save(nib.load(source / "label_sa_ED.nii.gz"), folder / "label_sa_ED.nii.gz")
    (folder / "info.json").write_text('{"ed_frame": 1}')
    with pytest.raises(InputError, match=r"frame 1, the end-diastolic one, is constant"):
        _read(folder)


def test_a_folder_of_studies_is_animated_and_resumed(source: Path, tmp_path: Path) -> None:
    studies = tmp_path / "studies"
    (studies / "bare").mkdir(parents=True)
    (studies / "ring").symlink_to(source)
    nib.save(nib.load(source / "sa.nii.gz"), studies / "bare" / "sa.nii.gz")
    chosen: dict[str, Any] = {"seed": 1, "ratio": 1.5, "frames": 5, "noise": True, "workers": 1}
    listing = animate(studies, tmp_path / "out", **chosen)
    content = json.loads(listing.read_text())
    assert content["test"] == [{"cine": "ring", "subject": "ring"}]
    assert content["training"] == content["validation"] == []
    assert content["rejected"][0]["name"] == "bare"
    assert "no label_sa_ED.nii.gz" in content["rejected"][0]["reason"]
    stamp = (tmp_path / "out" / "ring" / "info.json").stat().st_mtime_ns
    assert animate(studies, tmp_path / "out", **chosen) == listing
    assert (tmp_path / "out" / "ring" / "info.json").stat().st_mtime_ns == stamp
    with pytest.raises(ValueError, match="seed was 1, now 2"):
        animate(studies, tmp_path / "out", **{**chosen, "seed": 2})
    with pytest.raises(RuntimeError, match="no cine could be made"):
        animate(studies / "bare", tmp_path / "none", **chosen)


def test_a_rejected_study_may_be_mended_and_an_animated_one_not_be_exchanged(
    source: Path, tmp_path: Path
) -> None:
    study = tmp_path / "studies" / "ring"
    study.mkdir(parents=True)
    nib.save(nib.load(source / "sa.nii.gz"), study / "sa.nii.gz")
    chosen: dict[str, Any] = {"seed": 1, "ratio": 1.5, "frames": 5, "progress": False}
    with pytest.raises(RuntimeError, match="no cine could be made"):
        animate(study.parent, tmp_path / "out", **chosen)
    nib.save(nib.load(source / "label_sa_ED.nii.gz"), study / "label_sa_ED.nii.gz")
    animate(study.parent, tmp_path / "out", **chosen)
    image = nib.load(study / "sa.nii.gz")
    brighter = np.asarray(image.dataobj) + 1
    nib.save(nib.Nifti1Image(brighter, image.affine), study / "sa.nii.gz")
    with pytest.raises(ValueError, match=r"other settings \(ring: made of other input\)"):
        animate(study.parent, tmp_path / "out", **chosen)


@pytest.mark.slow
def test_a_real_study_is_animated(real_cines: Path, tmp_path: Path) -> None:
    source = tmp_path / "patient001"
    source.mkdir()
    for name in ("sa", "label_sa_ED"):
        image = nib.load(real_cines / "patient001" / f"{name}.nii.gz")
        middle = np.asarray(image.dataobj)[:, :, 1:2]
        nib.save(nib.Nifti1Image(middle, image.affine), source / f"{name}.nii.gz")
    output = tmp_path / "cine"
    animate_study(_study(source), output, seed=0, ratio=2.0, frames=6, noise=False)
    check_truth(output, 0.015)
    _, _, labels, info = _load(output)
    area = [(labels[t, 0] == 1).sum() for t in (0, info["es_frame"])]
    assert area[0] / area[1] == pytest.approx(2.0, rel=0.05)
