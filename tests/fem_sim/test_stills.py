"""Virtual slices of any level and phase: what a reader would draw into them, and their files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fem_sim.__main__ import main
from fem_sim.stills import picture, ring
from fem_sim.stills.dataset import make_stills
from fem_sim.stills.picture import BRIGHTEST, SIZE, SPACING_MM, Still, draw_still
from fem_sim.stills.ring import draw_ring
from myomotion.core.wall.contours import polygon_area
from myomotion.io.datalist import read_datalist

VOXEL_MM2 = SPACING_MM**2


@pytest.fixture
def phase(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Draw the hearts of all seeds in one phase."""

    def fixed(contraction: float) -> None:
        monkeypatch.setattr(ring, "_draw_contraction", lambda rng: contraction)

    return fixed


def area(still: Still, code: int) -> float:
    return float((still.label == code).sum()) * VOXEL_MM2


def test_same_seed_gives_the_same_slice_and_another_seed_another() -> None:
    one, again, other = (draw_still(np.random.default_rng([0, n])) for n in (1, 1, 2))
    assert one.image.dtype == one.label.dtype == np.uint8
    assert one.image.shape == one.label.shape == (SIZE, SIZE)
    assert np.array_equal(one.image, again.image) and np.array_equal(one.label, again.label)
    assert not np.array_equal(one.image, other.image)
    assert one.image.max() == BRIGHTEST or one.image.max() > BRIGHTEST / 2
    for still in (one, other):
        assert set(np.unique(still.label)) <= {0, 1, 2, 3}


def test_labels_have_the_areas_of_the_contours_at_end_diastole(
    phase: Callable[[float], None],
) -> None:
    phase(0.0)
    still = next(
        s for n in range(9) if (s := draw_still(np.random.default_rng([1, n]))).ring.cavity
    )
    assert still.ring.contours is not None and still.ring.left == 1.0
    inside, whole = still.ring.contours.cavity_area(), still.ring.contours.epi
    assert area(still, 1) == pytest.approx(inside, rel=0.05)
    assert area(still, 1) + area(still, 2) == pytest.approx(polygon_area(whole), rel=0.05)


def test_cavity_gets_smaller_by_what_the_ring_says_while_the_wall_keeps_its_volume(
    phase: Callable[[float], None],
) -> None:
    rest, beat = [], []
    for seed in range(40):
        for contraction, found in ((0.0, rest), (1.0, beat)):
            phase(contraction)
            found.append(draw_ring(np.random.default_rng([2, seed])))
    pairs = [(a, b) for a, b in zip(rest, beat, strict=True) if a.contours and a.left > b.left]
    assert len(pairs) > 20
    for before, after in pairs:
        assert after.contours is not None and before.contours is not None
        left = after.contours.cavity_area() / before.contours.cavity_area()
        assert left == pytest.approx(after.left, rel=0.05)
        wall = [
            polygon_area(r.contours.epi) - r.contours.cavity_area()  # type: ignore[union-attr]
            for r in (before, after)
        ]
        assert 1.0 <= wall[1] / wall[0] < 1.5  # shorter along its axis, so larger in the slice


def test_trabeculae_belong_to_the_cavity_until_they_have_closed_up_then_to_the_wall(
    phase: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw_look = picture._draw_look
    stills = {}
    phase(1.0)
    seed = next(
        n
        for n in range(999)
        if (r := draw_ring(np.random.default_rng([3, n]))).cavity and r.left < 0.35
    )
    for contraction in (0.0, 1.0):
        phase(contraction)
        for closing in (0.0, 1.0):
            monkeypatch.setattr(
                picture,
                "_draw_look",
                lambda rng, closing=closing: replace(
                    draw_look(rng), closing=closing, trabeculae_mm=6.0, papillary=0.2
                ),
            )
            stills[contraction, closing] = draw_still(np.random.default_rng([3, seed]))
    assert np.array_equal(stills[0.0, 0.0].label, stills[0.0, 1.0].label)
    loose, closed = stills[1.0, 0.0], stills[1.0, 1.0]
    assert area(closed, 1) < 0.97 * area(loose, 1)
    for code in (0, 3):  # what the cavity has lost is wall, and nothing else has changed
        assert np.array_equal(loose.label == code, closed.label == code)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("heights", "absent"),
    [
        ((-0.12, -0.01), {1, 2}),  # above the base: atria and the outflow tract
        ((1.0, 1.1), {1}),  # muscle below the cavity
        ((1.15, 1.2), {1, 2, 3}),  # below the tip
    ],
)
def test_reader_draws_no_ventricle_where_none_is(
    heights: tuple[float, float], absent: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring, "HEIGHTS", heights)
    for seed in range(2):
        still = draw_still(np.random.default_rng([4, seed]))
        assert not absent & set(np.unique(still.label))
        assert still.image.std() > 1  # there is a picture all the same


@pytest.mark.slow
def test_command_draws_slices_that_depend_on_their_number_alone_and_keeps_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "slices"
    options = ["slices", "--output", str(folder), "--seed", "5", "--workers", "1", "--quiet"]
    assert main([*options, "--count", "3"]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "datalist.json")
    sections = [read_datalist(folder, s, "slice") for s in ("training", "validation", "test")]
    assert [len(section) for section in sections] == [1, 1, 1]
    files = sorted(folder.glob("*.npz"))
    content = [path.read_bytes() for path in files]
    with np.load(files[1], allow_pickle=False) as archive:
        still = draw_still(np.random.default_rng([5, 1]))
        assert np.array_equal(archive["image"], still.image)
        assert np.array_equal(archive["label"], still.label)
        assert float(archive["height"]) == still.ring.height
        assert float(archive["spacing"]) == SPACING_MM

    files[1].unlink()
    files[0].write_bytes(b"kept")
    make_stills(folder, count=4, seed=5, progress=False)
    assert [path.read_bytes() for path in files] == [b"kept", content[1], content[2]]
    assert (folder / "000003.npz").is_file()
    with pytest.raises(ValueError, match="settings"):
        make_stills(folder, count=4, seed=6, progress=False)


@pytest.mark.parametrize("count", [2, 0, -1])
def test_too_few_slices_for_three_sections_are_refused(count: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"count is {count}; training, validation and test"):
        make_stills(tmp_path / "slices", count=count, progress=False)
    assert not (tmp_path / "slices").exists()
