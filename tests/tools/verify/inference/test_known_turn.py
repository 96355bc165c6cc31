"""A turn that is put in: trackers that find all, a part or nothing of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import working_slices
from tests.support.cines.ring import beat, contraction, ring_cine
from tools.verify.inference import known_turn
from tools.verify.inference.end_systole import Pair, moved_slices
from tools.verify.inference.known_turn import found_shares, real_turn_claims

ES, SPACING = 4, 1.5
MIDDLE = 47.5  # of the ring, voxels


def item(es_frame: int | None = ES) -> dict[str, Any]:
    """A ring whose end-systolic frames show the coordinates of its pixels."""
    cine = ring_cine(beat())
    cine.es_frame = es_frame
    slices = working_slices(cine)
    place = torch.stack(torch.meshgrid(*[torch.arange(96.0)] * 2, indexing="ij"))
    image, plain = (torch.zeros_like(slices.images) for _ in range(2))
    image[:, ES], plain[:, ES] = place[0], place[1]
    return {"slices": slices, "image": image, "plain": plain, "mask": torch.zeros(1, 1, 96, 96)}


def tracker_that_finds(share: float) -> Any:
    """Follows the contraction, and a share of how the pictures were turned."""

    def track_pair(_: object, pair: Pair) -> torch.Tensor:
        here = np.array([60.0, 52.0]) - MIDDLE  # a pixel in the wall
        shown = np.array([float(m[0, 1, 60, 52]) for m in (pair.image, pair.plain)]) - MIDDLE
        # What was at the place that is shown is here now.
        angle = share * (np.arctan2(here[1], here[0]) - np.arctan2(shown[1], shown[0]))
        start = torch.stack(torch.meshgrid(*[torch.arange(96.0)] * 2, indexing="ij")) - MIDDLE
        moved = start + contraction(beat())[0, ES] / SPACING
        turned = [np.cos(angle) * moved[0] - np.sin(angle) * moved[1]]
        turned.append(np.sin(angle) * moved[0] + np.cos(angle) * moved[1])
        return ((torch.stack(turned) - start) * SPACING)[None].float()

    return track_pair


@pytest.mark.parametrize("share", [1.0, 0.6, 0.0])
def test_share_is_what_a_tracker_finds(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_turn, "track_pair", tracker_that_finds(share))
    tracker: Any = None
    assert found_shares(tracker, item()) == pytest.approx([share], abs=0.01)


def test_study_without_an_end_systole_has_no_share() -> None:
    tracker: Any = None
    assert found_shares(tracker, item(None)) == []


def test_claim_leaves_out_the_studies_that_settings_are_chosen_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Tracker:
        def load(self, study: dict[str, Any]) -> dict[str, Any]:
            return study

    shares = {"patient001": [0.0], "patient024": [0.5, 0.7]}
    monkeypatch.setattr(known_turn, "tracker_of", lambda _: Tracker())
    monkeypatch.setattr(known_turn, "find_studies", lambda _: [{"name": name} for name in shares])
    monkeypatch.setattr(known_turn, "found_shares", lambda _, study: shares[study["name"]])
    (claim,) = real_turn_claims(tmp_path)
    assert claim.value == pytest.approx(0.6) and not claim.passed
    assert "2 slices of 1 hearts" in claim.note


def test_motion_to_end_systole_stands_in_its_frame_alone() -> None:
    (tracked,) = moved_slices(item()["slices"], contraction(beat())[:, ES])
    moves = np.abs(tracked.displacement).max(axis=(1, 2, 3))
    assert tracked.motion.es_frame == ES and moves[ES] > 1
    assert np.delete(moves, ES).max() == 0
