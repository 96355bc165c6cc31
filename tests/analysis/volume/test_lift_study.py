"""Tracked studies that are lifted into space, and those that are not, with the reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from myomotion.analysis.measures.measure import GREEN
from myomotion.analysis.volume.study import why_no_stack
from myomotion.io.labels import MYOCARDIUM
from myomotion.report.page import report_page
from myomotion.transforms.save_motion import write_study
from myomotion.transforms.save_volume import wall_displacement
from tests.support.volume.cup import SIZE, cup, lying, tracked


@pytest.mark.slow
def test_a_stack_is_lifted_and_written(tmp_path: Path) -> None:
    study = tracked(cup(tmp_path / "cup"))
    assert study.volume is not None
    assert study.volume.slices == [0, 1, 2, 3, 4]
    found = study.summary["volume"]
    assert found["ef_percent"] > 10
    assert found["gls_uncertainty"] > 0
    assert len(found["through_plane_mm"]) == 5
    assert study.volume.function.gls[0] == pytest.approx(0, abs=1e-6)
    page = report_page(study)
    assert "The ventricle in space" in page
    write_study(tmp_path / "out", study)
    folder = tmp_path / "out" / "volume"
    assert (folder / "wall_001.vts").is_file()
    field = nib.load(folder / "displacement" / "frame_001.nii.gz")
    assert field.shape == (SIZE, SIZE, 5, 1, 3)
    assert np.abs(field.get_fdata()[..., 2]).max() > 0


@pytest.mark.slow
def test_a_stack_that_is_stored_from_base_to_apex_gives_the_same(tmp_path: Path) -> None:
    up = tracked(cup(tmp_path / "up"))
    down_folder = cup(tmp_path / "down")
    for name in ("sa", "label_sa_ED"):
        image = nib.load(down_folder / f"{name}.nii.gz")
        turned = np.ascontiguousarray(np.asarray(image.dataobj)[:, :, ::-1])
        nib.save(nib.Nifti1Image(turned, image.affine), down_folder / f"{name}.nii.gz")
    down = tracked(down_folder)
    assert down.volume is not None
    assert down.volume.slices == [4, 3, 2, 1, 0]
    for key in ("gls_percent", "ef_percent"):
        assert down.summary["volume"][key] == pytest.approx(up.summary["volume"][key], abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("said_by", ["header", "names"])
def test_a_stack_that_ends_early_has_its_apex_where_header_or_names_say(
    tmp_path: Path, said_by: str
) -> None:
    folder = cup(
        tmp_path / "cup",
        radii=(22.0, 21.5, 21.0, 20.5, 20.0),  # the base is narrower
        affine=lying() if said_by == "header" else None,
    )
    if said_by == "names":
        info = json.loads((folder / "info.json").read_text())
        info["slices"] = [{"level": x} for x in ("apical", "apical", "mid", "basal", "basal")]
        (folder / "info.json").write_text(json.dumps(info))
    study = tracked(folder)
    assert study.volume is not None
    assert study.volume.slices == [0, 1, 2, 3, 4]
    assert [region.level for region in study.regions][::4] == ["apical", "basal"]
    assert not any("is taken for basal" in warning for warning in study.summary["warnings"])


@pytest.mark.slow
def test_slices_that_lie_sideways_are_lifted_where_they_lie(tmp_path: Path) -> None:
    step = 4  # voxels, from one slice to the next
    straight = tracked(cup(tmp_path / "straight", affine=lying()))
    affine = lying()
    affine[:3, 2] += step * affine[:3, 0]
    affine[:3, 3] -= 2 * step * affine[:3, 0]
    folder = cup(tmp_path / "moved", affine=affine)
    for name in ("sa", "label_sa_ED"):
        image = nib.load(folder / f"{name}.nii.gz")
        values = np.asarray(image.dataobj)
        moved = [np.roll(values[:, :, z], -step * (z - 2), axis=0) for z in range(5)]
        nib.save(nib.Nifti1Image(np.stack(moved, axis=2), affine), folder / f"{name}.nii.gz")
    study = tracked(folder)
    assert any("sideways" in warning for warning in study.summary["warnings"])
    assert study.volume is not None and straight.volume is not None
    ours, theirs = (
        part.volume.axes.to_ras(part.volume.lifted.positions)  # type: ignore[union-attr]
        for part in (study, straight)
    )
    assert np.abs(ours - theirs).max() < 0.05
    for key in ("gls_percent", "torsion_degrees_per_cm", "edv_ml", "ef_percent"):
        assert study.summary["volume"][key] == pytest.approx(straight.summary["volume"][key], 1e-3)
    # On voxels it lies where the picture of each slice lies.
    field = wall_displacement(study.volume, study.cine)[1].any(-1)
    label = study.cine.label_ed == MYOCARDIUM
    assert (field & label).sum() > 0.9 * label.sum()
    assert (field & ~label).sum() < 0.1 * label.sum()


@pytest.mark.slow
def test_apex_and_base_are_doubted_where_nothing_but_the_size_tells_them(tmp_path: Path) -> None:
    study = tracked(cup(tmp_path / "cup", radii=(20.0, 20.5, 21.0, 21.5, 22.0)))
    assert study.volume is not None
    assert study.volume.slices == [0, 1, 2, 3, 4]
    (doubt,) = (text for text in study.summary["warnings"] if "is taken for basal" in text)
    assert "Slice 4 is taken for basal and slice 0 for apical" in doubt


@pytest.mark.slow
def test_slices_that_were_shifted_are_said(tmp_path: Path) -> None:
    study = tracked(cup(tmp_path / "cup", shifted=2))
    assert any("beside the axis" in warning for warning in study.summary["warnings"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("radii", "sentence"),
    [
        ((20.0, 21.0, 22.0, 22.0, 21.0), "does not reach the apex"),
        ((6.0, 10.0, 14.0, 18.0, 22.0), "may not reach the base"),
        ((13.0, 20.0, 16.0, 22.0, 22.0), "The size of slices [2] does not follow"),
    ],
)
def test_what_is_missing_or_out_of_order_is_said_and_planes_stay_as_they_are(
    tmp_path: Path, radii: Sequence[float], sentence: str
) -> None:
    folder = cup(tmp_path / "cup", radii=radii)
    study, plain = tracked(folder), tracked(folder, volume=False)
    assert study.volume is not None
    assert any(sentence in warning for warning in study.summary["warnings"])
    assert sentence in report_page(study)
    assert not any(sentence in warning for warning in plain.summary["warnings"])
    assert study.rows == plain.rows


@pytest.mark.parametrize(
    ("slices", "steps", "reason"),
    [
        ([0, 1, 2], [10, 10], None),
        ([6, 5, 4, 2, 0], [10, 10, 20, 20], None),  # single slices without a wall
        ([3, 4, 5, 6], [8, 10, 12], None),  # uneven ones, with all their slices
        ([0, 2, 4, 6], [20, 20, 20], "closed wall, 0, 2, 4, 6, fewer than 3 in a row"),
        ([4, 3, 1, 0], [10, 20, 10], "closed wall, 0, 1, 3, 4, fewer than 3 in a row"),
        ([0, 1, 2, 3], [10, 30, 10], "closed wall, 0, 1, 2, 3, fewer than 3 in a row"),
        ([0, 1, 2, 5], [10, 10, 30], "slices 2 and 5 lie 30 mm apart"),
    ],
)
def test_three_slices_in_a_row_have_a_wall_and_no_two_in_a_row_lack_one(
    slices: list[int], steps: list[float], reason: str | None
) -> None:
    found = why_no_stack(slices, np.cumsum([0, *steps]), 10.0)
    assert found is None if reason is None else found is not None and reason in found


@pytest.mark.slow
def test_a_slice_without_a_wall_is_said_and_the_base_is_half_a_slice_above_the_highest(
    tmp_path: Path,
) -> None:
    radii = (10.0, 14.0, 17.0, 20.0, 21.0, 22.0, 22.0)
    study = tracked(cup(tmp_path / "cup", slices=7, radii=radii, unlabelled=(3, 5)))
    assert study.volume is not None
    assert study.volume.slices == [0, 1, 2, 4, 6]
    assert study.volume.lifted.shape.positions[..., 2].max() == pytest.approx(60 + 5)
    assert any(
        "Slices [3, 5] have no closed wall" in warning for warning in study.summary["warnings"]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"slices": 2}, "fewer than 3"),
        ({"distance": 25.0}, "distance of the slices is not known"),
        ({"unlabelled": (1, 3)}, "fewer than 3 in a row"),
    ],
)
def test_what_cannot_be_lifted_says_why_and_is_as_before(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    folder = cup(tmp_path / "cup", **change)  # type: ignore[arg-type]
    study, plain = tracked(folder), tracked(folder, volume=False)
    assert study.volume is None
    assert reason in study.summary["volume"]["not_computed_because"]
    assert any(reason in warning for warning in study.summary["warnings"])
    assert "volume" not in plain.summary
    assert study.rows == plain.rows
    assert "The ventricle in space" not in report_page(study)


@pytest.mark.slow
def test_a_slice_that_is_there_twice_is_named_not_lifted_and_not_green(tmp_path: Path) -> None:
    folder = cup(tmp_path / "cup")
    for name in ("sa", "label_sa_ED"):
        image = nib.load(folder / f"{name}.nii.gz")
        twice = np.asarray(image.dataobj)[:, :, [0, 1, 2, 2, 3, 4]]
        nib.save(nib.Nifti1Image(twice, image.affine), folder / f"{name}.nii.gz")
    study = tracked(folder)
    named = "slice 3 holds the pictures of slice 2"
    assert study.volume is None
    assert study.summary["volume"]["not_computed_because"] == named
    assert study.summary["repeated_slices"] == 1
    assert any(reason.startswith(f"amber: {named}") for reason in study.quality.reasons)
    assert study.quality.light != GREEN
    assert any("Remove it from the cine" in warning for warning in study.summary["warnings"])
