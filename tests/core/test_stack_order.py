"""Base and apex of a stack: by names, by sizes that differ clearly, by the header, by the rest."""

from __future__ import annotations

import numpy as np
import pytest

from myomotion.core.stack_order import TOWARDS_APEX, larger_half_first, stack_order

UNNAMED = ["slice00", "slice01", "slice02", "slice03"]
TAPERS = [3000, 2800, 1700, 900]  # base first
DIFFERS = [3000, 2900, 2500, 2200]
HARDLY_DIFFERS = [3000, 3400, 3500, 3300]  # the base of a stack that ends early, base first
PLACEHOLDER = np.diag([1.5, 1.5, 10.0, 1.0])


def header(direction: np.ndarray, sideways: float = 0.0) -> np.ndarray:
    """Slices 10 mm apart along a direction, and each sideways of the one before."""
    normal = direction / np.linalg.norm(direction)
    first = np.cross(normal, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = 1.5 * first, 1.5 * np.cross(normal, first)
    affine[:3, 2] = 10 * normal + sideways * first
    return affine


def test_names_of_levels_are_believed_before_sizes_and_header() -> None:
    for names in (["apical", "apical", "mid", "basal"], ["apical", "slice01", "", "mid"]):
        found = stack_order(names, TAPERS, header(TOWARDS_APEX))
        assert not found.base_first and found.doubt is None
    for names, base_first in ((["basal", "", "", ""], True), (["", "", "", "basal"], False)):
        assert stack_order(names, TAPERS[::-1], PLACEHOLDER).base_first == base_first
    middle = stack_order(["mid"] * 4, [5, 5, 5, 5], PLACEHOLDER)
    assert middle.base_first and middle.doubt is None  # named, as far as names can say
    contradicting = ["basal", "apical", "apical", "basal"]
    assert stack_order(contradicting, TAPERS, PLACEHOLDER).base_first


@pytest.mark.parametrize("sideways", [0.0, 8.0])
def test_header_decides_where_sizes_hardly_differ(sideways: float) -> None:
    there, back = header(TOWARDS_APEX, sideways), header(-TOWARDS_APEX, sideways)
    for areas in (HARDLY_DIFFERS, DIFFERS, DIFFERS[::-1], [5, 5, 5, 5]):
        found = stack_order(UNNAMED, areas, there)
        assert found.base_first and found.doubt is None
        assert not stack_order(UNNAMED, areas, back).base_first
        left_handed = there * np.array([1, -1, 1, 1])  # rows and columns exchanged in the file
        assert stack_order(UNNAMED, areas, left_handed).base_first


def test_sizes_that_differ_clearly_are_believed_and_a_header_against_them_is_said() -> None:
    for turn in (1, -1):
        fits = stack_order(UNNAMED, TAPERS[::turn], header(turn * TOWARDS_APEX))
        assert fits.base_first == (turn == 1) and fits.doubt is None
        against = stack_order(UNNAMED, TAPERS[::turn], header(-turn * TOWARDS_APEX))
        assert against.base_first == (turn == 1)
        basal, apical = (0, 3) if turn == 1 else (3, 0)
        assert against.doubt is not None
        assert f"By the header of the file slice {apical} is basal" in against.doubt
        assert f"by the size of the ventricle slice {basal}, which is believed" in against.doubt
        assert stack_order(UNNAMED, TAPERS[::turn], PLACEHOLDER).doubt is None


@pytest.mark.parametrize(
    "affine", [PLACEHOLDER, header(np.cross(TOWARDS_APEX, [0.3, 0.1, 1.0]))], ids=["none", "across"]
)
def test_without_a_header_that_says_so_sizes_that_hardly_differ_leave_a_doubt(
    affine: np.ndarray,
) -> None:
    found = stack_order([*UNNAMED, "", ""], [0, *HARDLY_DIFFERS[::-1], 0], affine)
    assert found.base_first
    assert found.doubt is not None
    assert "Slice 1 is taken for basal and slice 4 for apical" in found.doubt
    assert "Name the slices" in found.doubt
    assert not stack_order(UNNAMED, HARDLY_DIFFERS, affine).base_first
    narrower = stack_order(UNNAMED, DIFFERS, affine)
    assert narrower.base_first and narrower.doubt is None


def test_the_larger_half_decides_and_not_the_outermost_slice() -> None:
    # It shows a part of the ventricle only, where it opens to the aorta.
    assert larger_half_first([3, 9, 7, 4])
    assert not larger_half_first([4, 7, 9, 3])


def test_nothing_is_doubted_of_a_single_slice() -> None:
    for areas in ([0, 900, 0, 0], [0, 0, 0, 0]):
        assert stack_order(UNNAMED, areas, PLACEHOLDER).doubt is None
