"""The verification of robustness judges rightly, and every fault of its list is mended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from myomotion.errors import InputError
from myomotion.io.cine import Cine, find_studies, read_cine
from tests.support.cines.ring import beat, ring_cine
from tests.support.studies import write_study
from tools.verify.robustness.command import GROUPS
from tools.verify.robustness.faults.group import KINDS, Bench
from tools.verify.robustness.faults.row import (
    Outcome,
    Row,
    both,
    doubted,
    either,
    refused,
    said,
    same,
)
from tools.verify.robustness.given import Given, studies_below
from tools.verify.robustness.inputs import WRONG
from tools.verify.robustness.lights import (
    STORAGES_PER_STUDY,
    Judged,
    labelled_cine,
    overlap,
    right_inputs,
    share_claims,
    wrong_inputs,
)

DRAWN = [(kind, row) for kind, rows in KINDS.items() for row in rows]
SOUND = Outcome(ecc=-16.0, err=40.0, ejected=0.5, light="green")
GREEN_NUMBERS = replace(SOUND, ecc=-16.2)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Sound drawn studies; no real or virtual ones."""
    given = Given(work=tmp_path_factory.mktemp("faults"))
    given.virtual_studies = []
    return Bench(given)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "row"), DRAWN, ids=lambda v: v.name if isinstance(v, Row) else v)
def test_no_fault_of_the_list_is_silent(bench: Bench, kind: str, row: Row) -> None:
    claim = bench.claim(kind, row)
    if row.of in ("real", "virtual"):
        assert claim.passed is None and row.of in claim.note
    else:
        assert claim.passed, claim.note


def test_rows_are_told_apart() -> None:
    names = [(kind, row.name, row.of) for kind, row in DRAWN]
    assert len(set(names)) == len(names) >= 70


@pytest.mark.parametrize(
    ("right", "found", "passes"),
    [
        (same(), GREEN_NUMBERS, True),
        (same(), replace(SOUND, ecc=-12.0), False),
        (same(), replace(SOUND, ecc=None), False),
        (same(), replace(SOUND, light="amber"), False),
        (same(), Outcome(refused="sa.nii.gz: no"), False),
        (refused("no"), Outcome(refused="sa.nii.gz: no"), True),
        (refused("no"), Outcome(refused="sa.nii.gz: no\nTraceback"), False),
        (refused("no"), SOUND, False),
        (doubted("label"), replace(SOUND, light="amber", said=("the label is off",)), True),
        (doubted("label"), replace(SOUND, light="amber", said=("folds",)), False),
        (doubted("label"), replace(SOUND, said=("the label is off",)), False),
        (doubted("label"), Outcome(refused="the label is off"), True),
        (both(same(), said("x")), SOUND, False),
        (either(said("x"), same()), SOUND, True),
        (either(said("x"), same()), replace(SOUND, err=0.0), False),
    ],
)
def test_outcomes_are_judged(right, found: Outcome, passes: bool) -> None:  # type: ignore[no-untyped-def]
    assert (right(found, SOUND) is None) == passes


def test_a_claim_fails_where_a_change_ends_in_a_traceback(bench: Bench) -> None:
    def broken(folder: Path) -> None:
        raise ZeroDivisionError("of the product")

    claim = bench.claim("K6", Row(name="broken", change=broken, right=same()))
    assert claim.passed is False and "ZeroDivisionError" in claim.note


def test_studies_lie_in_folders_of_studies_and_in_folders_of_data_sets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_study(tmp_path / "first" / "anna")
    write_study(tmp_path / "second" / "bert")
    (tmp_path / "notes").mkdir()
    assert [s["name"] for s in studies_below(tmp_path / "first")] == ["anna"]
    assert [s["name"] for s in studies_below(tmp_path)] == ["anna", "bert"]
    assert "notes: left out" in caplog.text
    with pytest.raises(InputError, match="no study folder"):
        studies_below(tmp_path / "notes")


def test_all_groups_are_measured_where_none_is_named() -> None:
    import argparse

    from tools.verify.robustness.command import add_arguments

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert parser.parse_args([]).group == list(GROUPS)


def test_right_inputs_are_the_same_heart_in_several_storages(tmp_path: Path) -> None:
    write_study(tmp_path / "in" / "anna")
    studies = find_studies(tmp_path / "in")
    inputs = list(right_inputs(studies, tmp_path / "out"))
    assert len({kind for kind, _ in inputs}) == len(inputs) == 1 + STORAGES_PER_STUDY
    first = inputs[0][1]
    assert first.label_ed is not None
    for _, cine in inputs[1:]:
        assert cine.image.shape == first.image.shape
        assert np.allclose(cine.image, first.image) and np.allclose(cine.affine, first.affine)
        assert cine.label_ed is not None and np.array_equal(cine.label_ed, first.label_ed)


def test_wrong_inputs_take_every_kind_in_turn_and_are_wrong() -> None:
    cines = [replace(_off_centre(), name=str(k)) for k in range(10)]
    made = list(wrong_inputs(cines, 0))
    kinds = {kind for kind, _ in made}
    assert len(made) >= 18 and len(kinds & WRONG.keys()) >= 14
    for kind, cine in made:
        if kind.startswith("label"):
            assert overlap(cines[0], cine) < 0.85


def test_a_label_that_still_lies_on_the_heart_is_not_called_wrong() -> None:
    centred = ring_cine(beat())  # mirrored it is the same
    kinds = [kind for kind, _ in wrong_inputs([centred] * 6, 0)]
    assert not any("mirrored" in kind or "transposed" in kind for kind in kinds)


def test_wrong_frames_are_those_of_another_phase_and_of_a_broken_off_systole() -> None:
    cine = replace(ring_cine(beat()), ed_frame=2)
    rng = np.random.default_rng(0)
    late = WRONG["slice at another phase"](cine, rng)
    assert np.array_equal(late.image[..., 2:], cine.image[..., :-2])
    short = WRONG["broken off in systole"](cine, rng)
    assert short.ed_frame == 0 and np.array_equal(short.image, cine.image[..., 2:7])


def _off_centre() -> Cine:
    cine = ring_cine(beat())
    assert cine.label_ed is not None
    image = np.roll(cine.image, (13, -7), (0, 1))
    label = np.roll(cine.label_ed, (13, -7), (0, 1))
    return cine.with_arrays(image=image, label_ed=label)


@pytest.mark.parametrize(
    ("bad", "share"), [({"red", "refused"}, 50.0), ({"green"}, 75.0), ({"amber"}, 75.0)]
)
def test_share_of_inputs_without_a_bad_light(bad: set[str], share: float) -> None:
    lights = ("green", "red", "refused", "amber")
    judged = [Judged("kind", light, light, ["because"]) for light in lights]
    (claim,) = share_claims("inputs", judged, bad)
    assert claim.value == share and claim.passed is False
    assert all(light in claim.note for light in bad)


def test_label_at_end_systole_is_left_out(tmp_path: Path) -> None:
    write_study(tmp_path / "anna")
    label = tmp_path / "anna" / "label_sa_ED.nii.gz"
    label.with_name("label_sa_ES.nii.gz").write_bytes(label.read_bytes())
    (study,) = find_studies(tmp_path / "anna")
    assert read_cine(study).label_es is not None
    cine = labelled_cine(study)
    assert cine is not None and cine.label_es is None
    label.unlink()
    assert labelled_cine(find_studies(tmp_path / "anna")[0]) is None
