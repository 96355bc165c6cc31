"""Two looks at a stack, by a network that makes no mistakes: what is found, kept and left out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from myomotion.analysis.drawing.looks import SPREAD, TwoLooks, as_read, unsure_share
from myomotion.io.codes import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE
from tests.support.seen_hearts import by_grey, read_at_the_edge, ring_label, striped

SHAPE = (160, 160)
CENTER = (70.0, 90.0)


@pytest.fixture(autouse=True)
def exact(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "readers" not in request.node.name:
        read_at_the_edge(monkeypatch)


def drawn(label: np.ndarray, **settings: int | bool) -> np.ndarray:
    """Codes ``(N, H, W)`` that are drawn into pictures of labels."""
    shares = TwoLooks(**settings)(striped(label)[None], by_grey())[0]  # type: ignore[arg-type]
    assert torch.isfinite(shares).all()
    return shares[:, :SPREAD].argmax(1).numpy()


def stack(*slices: np.ndarray) -> np.ndarray:
    return np.stack(slices)


@pytest.mark.parametrize(
    ("shape", "center"),
    [
        ((160, 160), (80.0, 80.0)),
        ((256, 224), (200.0, 40.0)),
        ((101, 87), (50.0, 43.0)),  # smaller than the second look, and odd
        ((203, 131), (10.0, 120.0)),  # cut off by two edges
        ((40, 250), (20.0, 249.0)),  # half of it
    ],
)
def test_heart_is_found_wherever_it_lies(
    shape: tuple[int, int], center: tuple[float, float]
) -> None:
    label = stack(*(ring_label(shape, center, 15 - z, 22, right=True) for z in range(2)))
    assert set(np.unique(label)) >= {0, 1, 2}
    np.testing.assert_array_equal(drawn(label), label)


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_turned_picture_gives_the_turned_answer(quarters: int, mirrored: bool) -> None:
    label = ring_label((150, 170), CENTER, 12, 19, gap=20, right=True)[None]
    turned = np.rot90(label[..., ::-1] if mirrored else label, quarters, (1, 2)).copy()
    np.testing.assert_array_equal(drawn(turned), turned)


def test_mean_over_the_orientations_turns_with_the_picture_and_the_spread_tells_of_them() -> None:
    exact = by_grey()

    def lopsided(pictures: torch.Tensor) -> torch.Tensor:
        return exact(pictures).roll(3, -1)  # of a network that is right in one orientation alone

    look = TwoLooks()
    pictures = striped(ring_label((96, 96), (40.0, 50.0), 12, 19, right=True)[None])
    mean = look.shares(pictures, lopsided, 8)
    turned = look.shares(pictures.rot90(1, (-2, -1)).flip(-1), lopsided, 8)
    torch.testing.assert_close(turned, mean.rot90(1, (-2, -1)).flip(-1))
    torch.testing.assert_close(mean[:, :SPREAD].sum(1), torch.ones(1, 96, 96))
    assert float(mean[:, SPREAD].max()) > 0.3
    assert float(look.shares(pictures, exact, 8)[:, SPREAD].max()) < 1e-3
    assert float(look.shares(pictures, lopsided, 1)[:, SPREAD].max()) < 1e-3


def test_more_orientations_than_a_square_has_are_those_eight() -> None:
    pictures = striped(ring_label((96, 96), (40.0, 50.0), 12, 19, right=True)[None])
    more, eight = (TwoLooks().shares(pictures, by_grey(), n) for n in (16, 8))
    torch.testing.assert_close(more, eight, rtol=0, atol=0)


@pytest.mark.parametrize("what", ["nothing", "a disc of blood", "a disc of muscle", "a small ring"])
def test_what_is_no_heart_is_background(what: str) -> None:
    label = {
        "nothing": np.zeros(SHAPE, np.uint8),
        "a disc of blood": np.minimum(ring_label(SHAPE, CENTER, 0, 20), 1),
        "a disc of muscle": ring_label(SHAPE, CENTER, 0, 20),
        "a small ring": ring_label(SHAPE, CENTER, 2, 4),  # 110 mm^2
    }[what]
    look = TwoLooks()
    assert look.find(striped(label[None]), by_grey()) is None
    shares = look(striped(label[None])[None], by_grey())[0]
    assert (shares[:, 0] == 1).all() and (shares[:, 1:] == 0).all()
    assert np.isnan(unsure_share(shares)).all()


def test_largest_heart_of_all_slices_is_drawn_and_what_else_looks_like_one_is_not() -> None:
    heart = ring_label(SHAPE, (110.0, 100.0), 14, 22, right=True)
    aorta = ring_label(SHAPE, (45.0, 60.0), 15, 19)  # the largest of its slice
    label = stack(heart, np.where(aorta, aorta, ring_label(SHAPE, (110.0, 100.0), 7, 13)), heart)
    expected = label.copy()
    expected[1][aorta > 0] = 0
    np.testing.assert_array_equal(drawn(label), expected)


@pytest.mark.parametrize(("gap", "kept"), [(60, True), (180, False)])
def test_slice_whose_ring_is_open_is_left_out(gap: float, kept: bool) -> None:
    closed = ring_label(SHAPE, CENTER, 13, 20)
    found = drawn(stack(closed, ring_label(SHAPE, CENTER, 13, 20, gap=gap)))
    np.testing.assert_array_equal(found[0], closed)
    assert (found[1] == 2).any() == kept and (found[1] == 1).any() == kept


@pytest.mark.parametrize("rings", [True, False])
def test_wall_without_a_cavity_is_kept_only_where_cavities_may_have_vanished(rings: bool) -> None:
    label = stack(ring_label(SHAPE, CENTER, 13, 20), ring_label(SHAPE, CENTER, 0, 12))
    found = drawn(label, rings=rings)
    np.testing.assert_array_equal(found[0], label[0])
    np.testing.assert_array_equal(found[1], 0 if rings else label[1])


def test_right_ventricle_is_what_lies_beside_the_left() -> None:
    label = ring_label(SHAPE, CENTER, 13, 20, right=True)
    alone = ring_label(SHAPE, CENTER, 13, 20)
    liver = np.hypot(*(np.indices(SHAPE) - np.array([120, 40])[:, None, None])) < 20
    spot = np.zeros(SHAPE, bool)
    spot[48:50, 88:92] = True  # touches the wall on its other side
    disturbed = np.where((liver | spot) & (label == 0), 3, label).astype(np.uint8)
    np.testing.assert_array_equal(drawn(disturbed[None])[0], label)
    far = np.where(liver, 3, alone).astype(np.uint8)
    np.testing.assert_array_equal(drawn(far[None])[0], alone)


def test_heart_about_a_known_middle_is_drawn_though_another_is_larger() -> None:
    small, large = ring_label(SHAPE, (50.0, 60.0), 8, 13), ring_label(SHAPE, (110.0, 100.0), 14, 22)
    pictures = striped(np.maximum(small, large)[None])
    for center, expected in ((None, large), ((52.0, 59.0), small), ((110.0, 100.0), large)):
        shares = TwoLooks().draw(pictures, by_grey(), center)
        np.testing.assert_array_equal(shares[0, :SPREAD].argmax(0), expected)


@pytest.mark.slow
def test_batches_and_stacks_do_not_matter() -> None:
    many = np.stack([ring_label(SHAPE, CENTER, 14 - z, 22, right=True) for z in range(5)])
    other = many[:, ::-1].copy()
    both = torch.stack([striped(many), striped(other)])
    sizes = []
    exact = by_grey()

    def counting(pictures: torch.Tensor) -> torch.Tensor:
        sizes.append(len(pictures))
        return exact(pictures)

    together = TwoLooks(batch_size=2)(both, counting)
    assert set(sizes) == {1, 2}
    for index in range(2):
        alone = TwoLooks(batch_size=16)(both[index : index + 1], exact)[0]
        assert torch.equal(together[index], alone)


def test_readers_draw_both_contours_nearer_to_the_middle_of_the_wall() -> None:
    label = torch.from_numpy(ring_label(SHAPE, CENTER, 14, 24, right=True).astype(int))
    shares = torch.zeros(1, SPREAD + 1, *SHAPE)
    shares[0, :SPREAD] = torch.nn.functional.one_hot(label, SPREAD).movedim(-1, 0)
    shares[0, SPREAD] = 0.25
    read = as_read(shares)
    torch.testing.assert_close(read[:, :SPREAD].sum(1), torch.ones(1, *SHAPE))
    assert torch.equal(read[:, SPREAD], shares[:, SPREAD])
    codes = read[0, :SPREAD].argmax(0)
    wall = codes == MYOCARDIUM
    assert bool((label[wall] == MYOCARDIUM).all())
    inner, outer = (
        float(((codes == CAVITY) | part).sum() / np.pi) ** 0.5 for part in (codes == CAVITY, wall)
    )
    assert 0.2 < inner - 14 < 1.0
    assert 0.1 < 24 - outer < 1.0
    freed = (label == MYOCARDIUM) & ~wall & (codes != CAVITY)
    beside = (codes == RIGHT_VENTRICLE) & (label != RIGHT_VENTRICLE)
    assert bool(freed.any()) and not bool((beside & ~freed).any())


def test_readers_close_the_ring_of_a_wall_that_an_infarct_has_thinned() -> None:
    label = torch.from_numpy(ring_label(SHAPE, CENTER, 14, 24).astype(int))
    rows, columns = np.indices(SHAPE)
    radius = np.hypot(rows - CENTER[0], columns - CENTER[1])
    scar = (columns > CENTER[1]) & (abs(rows - CENTER[0]) < 8) & (radius < 22.6) & (radius >= 14)
    label[torch.from_numpy(scar)] = CAVITY  # a voxel or two of muscle are left
    shares = torch.zeros(1, SPREAD + 1, *SHAPE)
    shares[0, :SPREAD] = torch.nn.functional.one_hot(label, SPREAD).movedim(-1, 0)
    codes = as_read(shares)[0, :SPREAD].argmax(0).numpy()
    around = ndimage.binary_dilation(codes == CAVITY) & (codes != CAVITY)
    assert (codes[around] == MYOCARDIUM).all()
