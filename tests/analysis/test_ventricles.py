"""From a cine to contours by a network that knows brightness: grids, frames, tissues, choices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from myomotion.analysis.grids import working_slices
from myomotion.analysis.segmentation import DRAWN, NONE_SEEN, Contours
from myomotion.analysis.ventricles import (
    TissueShares,
    VentricleSegmenter,
    drawn_on,
    whole_pictures,
)
from myomotion.core.contours import dice
from myomotion.errors import InputError
from myomotion.io.cine import Cine
from myomotion.io.codes import CAVITY, MYOCARDIUM
from myomotion.io.pictures.end_diastole import FIRST, NOT_GIVEN
from myomotion.tracker import Tracker, inference_parts
from tests.support.seen_hearts import (
    bright,
    by_brightness,
    read_at_the_edge,
    ring_label,
    untrained_ventricles,
)

SPACING = (1.25, 2.0)
CENTER = (60.0, 31.0)
RADII = np.array([20.0, 18.5, 15.0, 13.0, 16.0, 19.5])  # mm, of the cavity in each frame
WALL_MM = 9.0


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    read_at_the_edge(monkeypatch)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return untrained_ventricles(tmp_path / "ventricles.pt")


@pytest.fixture
def segmenter(weights: Path) -> VentricleSegmenter:
    """One whose network makes no mistakes."""
    made = VentricleSegmenter(weights)
    made.network = by_brightness()  # type: ignore[assignment]
    return made


def beating(first: int = 0) -> tuple[Cine, np.ndarray]:
    """A cine of two slices on voxels that are no squares, and its labels ``(X, Y, Z, T)``."""
    labels = np.stack(
        [
            np.stack(
                [
                    ring_label((120, 70), CENTER, r - z, r - z + WALL_MM, spacing=SPACING)
                    for z in range(2)
                ],
                axis=-1,
            )
            for r in np.roll(RADII, first)
        ],
        axis=-1,
    )
    cine = Cine(
        name="rings",
        image=bright(labels),
        affine=np.diag([*SPACING, 8.0, 1.0]),
        ed_frame=first,
        levels=["basal", "mid"],
    )
    return cine, labels


def test_whole_slices_are_shown_in_millimetres_about_their_middle() -> None:
    x, y = np.indices((40, 30), dtype=np.float32)
    volume = np.stack([x * 2.0, y * 1.2], axis=-1)  # mm from the first voxel
    grid, pictures = whole_pictures(volume, (2.0, 1.2), 1.5)
    assert grid.size == 54 and pictures.shape == (2, 54, 54)  # 80 mm
    steps = (np.arange(54) - 26.5) * 1.5
    expected = np.clip(39.0 + steps, 0, 78)[:, None], np.clip(17.4 + steps, 0, 34.8)[None]
    for picture, values in zip(pictures.numpy(), expected, strict=True):
        np.testing.assert_allclose(picture, np.broadcast_to(values, (54, 54)), atol=1e-3)


def test_contours_lie_on_the_voxels_of_the_picture_whatever_their_shape(
    segmenter: VentricleSegmenter,
) -> None:
    cine, labels = beating()
    drawn = segmenter(cine.image[..., 0], cine.spacing)
    assert drawn is not None and drawn.label.dtype == np.uint8
    assert drawn.label.shape == labels.shape[:3]
    for code in (CAVITY, MYOCARDIUM):
        assert dice(drawn.label == code, labels[..., 0] == code) > 0.95
    assert drawn.center == pytest.approx(CENTER, abs=0.5)
    assert (drawn.unsure < 0.02).all()


def test_nothing_is_drawn_where_no_heart_is(segmenter: VentricleSegmenter) -> None:
    volume = np.zeros((60, 50, 2), np.float32)
    assert segmenter(volume, (1.5, 1.5)) is None
    volume[20:30, 20:30] = 900  # blood without a wall
    assert segmenter(volume, (1.5, 1.5)) is None
    grid, pictures = whole_pictures(volume, (1.5, 1.5), 1.5)
    background = segmenter._look(rings=True, orientations=1)(pictures[None], segmenter.network)[0]
    assert drawn_on(grid, background) is None


def test_cavity_is_followed_over_the_cycle_in_square_millimetres(
    segmenter: VentricleSegmenter,
) -> None:
    cine, _ = beating()
    drawn = segmenter(cine.image[..., 0], cine.spacing)
    assert drawn is not None
    curve = segmenter.cavity_curve(cine.image, drawn, cine.spacing)
    area = np.pi * (RADII**2 + (RADII - 1) ** 2)
    np.testing.assert_allclose(curve, area, rtol=0.04)
    often = np.tile(cine.image, 3)  # enough frames to be smoothed: what the beat has, and no more
    smooth = segmenter.cavity_curve(often, drawn, cine.spacing)
    series = np.abs(np.fft.rfft(smooth))
    assert series[4:].max() < 1e-3 * series[3]


def test_first_frame_is_end_diastole_where_its_cavity_is_nearly_the_largest() -> None:
    curve = np.array([95.0, 60.0, 40.0, 100.0])
    assert VentricleSegmenter.end_diastole(curve) == 0
    assert VentricleSegmenter.end_diastole(np.array([94.0, 60.0, 40.0, 100.0])) == 3


@pytest.mark.parametrize("first", [0, 2])
def test_tissues_are_shares_on_the_working_grids_end_diastole_first(
    segmenter: VentricleSegmenter, first: int
) -> None:
    cine, labels = beating(first)
    cine.label_ed = labels[..., first]
    slices = working_slices(cine, 96, 1.5)
    tissues = TissueShares(segmenter)
    shares = tissues(slices)
    assert shares is not None
    assert shares.shape == (2, 6, 3, 96, 96)
    assert float(shares.min()) >= 0 and float(shares.sum(2).max()) <= 1 + 1e-5
    for channel, code in enumerate((CAVITY, MYOCARDIUM)):
        seen = shares[:, 0, channel].numpy() > 0.5
        assert dice(seen, slices.covered(code)) > 0.95
    areas = shares[0, :, 0].sum((1, 2)).numpy() * 1.5**2
    np.testing.assert_allclose(areas, np.pi * RADII**2, rtol=0.04)


def test_working_grid_of_another_voxel_size_gets_the_same_tissues(
    segmenter: VentricleSegmenter,
) -> None:
    cine, labels = beating()
    cine.label_ed = labels[..., 0]
    tissues = TissueShares(segmenter)
    slices = working_slices(cine, 64, 2.0)
    shares = tissues(slices)
    assert shares is not None and shares.shape == (2, 6, 3, 64, 64)
    assert dice(shares[:, 0, 0].numpy() > 0.5, slices.covered(CAVITY)) > 0.95


def test_no_tissues_are_seen_without_weights() -> None:
    cine, _ = beating()
    assert TissueShares(None)(working_slices(cine, 96, 1.5)) is None


# ---- where the label comes from ------------------------------------------------------------------


def test_tissues_and_contours_share_a_network(weights: Path) -> None:
    parts = inference_parts(segmentation_weights=str(weights), device="cpu")
    contours, tissues = (parts.get_parsed_content(k) for k in ("contours", "tissue_shares"))
    assert isinstance(tissues.segmenter, VentricleSegmenter)
    assert contours.segmenter is tissues.segmenter


def test_auto_draws_a_label_where_the_study_has_none_and_says_so(
    segmenter: VentricleSegmenter,
) -> None:
    cine, labels = beating()
    found = Contours("auto", segmenter)(cine)
    assert cine.label_ed is None  # the study itself is as it was
    assert found.label_ed is not None and found.label_found == DRAWN
    assert dice(found.label_ed == MYOCARDIUM, labels[..., 0] == MYOCARDIUM) > 0.95
    assert found.label_unsure is not None and found.label_unsure.shape == (2,)
    assert found.ed_frame == 0
    assert len(found.warnings) == 1 and "drawn by a network" in found.warnings[0]


def test_own_label_wins_over_the_network_and_none_over_both(segmenter: VentricleSegmenter) -> None:
    cine, labels = beating()
    cine.label_ed, cine.label_found = labels[..., 0], "given"
    assert Contours("auto", segmenter)(cine) is cine
    assert Contours("file", segmenter)(cine) is cine
    without = Contours("none", segmenter)(cine)
    assert without.label_ed is None and without.label_found is None
    assert np.array_equal(without.image, cine.image)


def test_file_draws_nothing(segmenter: VentricleSegmenter) -> None:
    cine, _ = beating()
    assert Contours("file", segmenter)(cine) is cine
    assert Contours()(cine) is cine


def test_nothing_is_drawn_without_weights_and_one_line_says_so() -> None:
    cine, labels = beating()
    found = Contours("auto")(cine)
    assert found.label_ed is None and found.label_found is None
    (note,) = found.warnings
    assert note.startswith("No label, and none was drawn") and "segmentation_weights" in note
    cine.label_ed = labels[..., 0]
    assert Contours("auto")(cine) is cine


def test_weights_that_are_not_there_are_refused_where_they_are_needed(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pt"
    with pytest.raises(InputError, match=f"segmentation_weights is {missing}: no such file. Give"):
        Tracker(segmentation_weights=missing)
    parts = inference_parts(segmentation_weights=missing, label_ed="file", tissues=False)
    assert parts.get_parsed_content("segmenter") is None


@pytest.mark.parametrize("choice", ["auto", "file", "none"])
def test_bundle_without_weights_of_the_segmentation_tracks(choice: str) -> None:
    parts = inference_parts(segmentation_weights=None, label_ed=choice)
    contours, tissues = (parts.get_parsed_content(k) for k in ("contours", "tissue_shares"))
    assert contours.segmenter is None and tissues.segmenter is None
    cine, labels = beating()
    cine.label_ed = labels[..., 0]
    assert (contours(cine).label_ed is None) == (choice == "none")


def test_unknown_choice_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"label_ed: 'yes' is unknown\. Use one of auto, file, none"
    ):
        Contours("yes")


def test_frame_of_the_largest_cavity_is_taken_unless_end_diastole_was_given(
    segmenter: VentricleSegmenter,
) -> None:
    cine, labels = beating()
    late = np.roll(labels, 3, axis=-1)  # recorded from systole on
    for found, frame in (("first frame (assumed)", 3), ("given", 0)):
        study = Cine(
            name="late",
            image=bright(late),
            affine=cine.affine,
            ed_frame=0,
            ed_found=found,
            levels=cine.levels,
        )
        drawn = Contours("auto", segmenter)(study)
        assert drawn.ed_frame == frame
        assert drawn.label_ed is not None
        assert dice(drawn.label_ed == CAVITY, late[..., frame] == CAVITY) > 0.95
        assert any(f"frame {frame} was taken" in note for note in drawn.warnings) == (frame == 3)


def test_cavity_goes_before_the_brightness_of_the_heart(segmenter: VentricleSegmenter) -> None:
    """What the pictures' brightness took for end-diastole is given up, and its warning with it."""
    cine, labels = beating()
    study = replace(
        cine,
        ed_frame=2,
        ed_found="frame of the brightest, fullest heart",
        warnings=[f"{NOT_GIVEN}."],
    )
    drawn = Contours("auto", segmenter)(study)
    assert (drawn.ed_frame, drawn.ed_found) == (0, FIRST)
    assert drawn.label_ed is not None
    assert dice(drawn.label_ed == CAVITY, labels[..., 0] == CAVITY) > 0.95
    assert not any(note.startswith(NOT_GIVEN) for note in drawn.warnings)


def test_slice_without_a_ring_is_named_and_left_out(segmenter: VentricleSegmenter) -> None:
    cine, _ = beating()
    cine.image[..., 1, :] = 10
    found = Contours("auto", segmenter)(cine)
    assert found.label_ed is not None
    assert not found.label_ed[..., 1].any() and found.label_ed[..., 0].any()
    (said,) = (note for note in found.warnings if "left out" in note)
    assert said == (
        "No cavity with muscle along 70 % of its border was seen in mid: left out. Slices that are "
        "open by less are drawn, and count for volumes, not for strain."
    )


def test_study_without_a_heart_gets_no_label_and_a_warning(segmenter: VentricleSegmenter) -> None:
    cine, _ = beating()
    cine.image[:] = 10
    found = Contours("auto", segmenter)(cine)
    assert found.label_ed is None and found.label_found == NONE_SEEN
    assert "found no left ventricle in any slice" in found.warnings[0]


def test_weights_of_another_network_are_refused(net_weights: Path) -> None:
    with pytest.raises(InputError, match="expected a segmentation network"):
        Tracker(segmentation_weights=net_weights)
