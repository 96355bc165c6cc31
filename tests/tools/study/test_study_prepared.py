"""What is cut of cines: the labelled frames, three levels, and the truth with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from myomotion.io.cine import find_studies, read_cine
from tests.support.paths import VENTRICLES
from tools.evaluate.methods import make_tracker
from tools.study.config import Method
from tools.study.lift import lift_table, lifted
from tools.study.prepared import level_slices, prepared
from tools.study.sources import real_set, virtual_set

FRAMES, SLICES, ED, ES = 6, 8, 1, 4
BOTH = {"frames": "pair", "levels": True}


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """Eight slices, six with a ring that shrinks towards the last; brightness says which."""
    folder = tmp_path / "data" / "stack"
    folder.mkdir(parents=True)
    x, y = np.meshgrid(np.arange(40) - 20.0, np.arange(40) - 20.0, indexing="ij")
    radius = np.hypot(x, y)
    label = np.zeros((40, 40, SLICES), np.uint8)
    for z in range(1, SLICES - 1):
        label[radius < 15 - z, z] = 2
        label[radius < 10 - z, z] = 1
    image = np.full((40, 40, SLICES, FRAMES), 100, np.int16)
    image += (label > 0)[..., None] * 50
    image += 5 * np.arange(SLICES, dtype=np.int16)[:, None] + np.arange(FRAMES, dtype=np.int16)
    for name, values in (("sa", image), ("label_sa_ED", label), ("label_sa_ES", label)):
        nifti = nib.Nifti1Image(values, np.diag([1.5, 1.5, 8, 1]))
        nib.save(nifti, folder / f"{name}.nii.gz")
    about = {"ed_frame": ED, "es_frame": ES, "group": "HCM", "slice_spacing_mm": 8.0}
    about["cycles"] = [{"parameters": {"number": z}} for z in range(SLICES)]
    (folder / "info.json").write_text(json.dumps(about))
    motion = np.arange(FRAMES * SLICES, dtype=np.float32).reshape(FRAMES, SLICES, 1, 1, 1)
    np.savez(folder / "truth.npz", displacement=np.broadcast_to(motion, (6, 8, 2, 40, 40)))
    return folder.parent


def test_pair_at_three_levels_is_what_the_cine_has_there(stack: Path, tmp_path: Path) -> None:
    studies = find_studies(stack)
    (made,) = prepared(studies, BOTH, tmp_path / "cut")
    whole, cut = read_cine(studies[0]), read_cine(made)
    chosen = [2, 4, 5]  # 25, 50 and 75 % of the labelled slices 1 to 6
    assert cut.levels == ["basal", "mid", "apical"]
    assert (cut.ed_frame, cut.es_frame) == (0, 1)
    assert np.array_equal(cut.image, whole.image[:, :, chosen][..., [ED, ES]])
    assert cut.label_ed is not None and whole.label_ed is not None
    assert np.array_equal(cut.label_ed, whole.label_ed[..., chosen])
    about = json.loads(Path(str(made["info"])).read_text())
    assert about["group"] == "HCM" and "slice_spacing_mm" not in about
    assert [c["parameters"]["number"] for c in about["cycles"]] == chosen
    with np.load(Path(str(made["image"])).with_name("truth.npz")) as archive:
        truth = archive["displacement"]
    assert truth[:, :, 0, 0, 0].tolist() == [[SLICES * t + z for z in chosen] for t in (ED, ES)]


def test_apex_may_come_first(stack: Path) -> None:
    cine = read_cine(find_studies(stack)[0])
    assert cine.label_ed is not None
    cine.label_ed = cine.label_ed[..., ::-1]
    assert level_slices(cine) == {2: "apical", 4: "mid", 5: "basal"}


def test_stack_keeps_its_slices_where_levels_are_not_asked_for(stack: Path, tmp_path: Path) -> None:
    (made,) = prepared(find_studies(stack), {"frames": "pair"}, tmp_path / "cut")
    assert read_cine(made).image.shape == (40, 40, SLICES, 2)
    assert json.loads(Path(str(made["info"])).read_text())["slice_spacing_mm"] == 8.0
    whole = find_studies(stack)
    assert prepared(whole, {}, tmp_path / "other") == whole
    assert not (tmp_path / "other").exists()


def test_what_is_cut_is_cut_once_until_the_cine_changes(stack: Path, tmp_path: Path) -> None:
    def written() -> int:
        (made,) = prepared(find_studies(stack), BOTH, tmp_path / "cut")
        return Path(str(made["image"])).stat().st_mtime_ns

    first = written()
    assert written() == first
    about = json.loads((stack / "stack" / "info.json").read_text())
    (stack / "stack" / "info.json").write_text(json.dumps({**about, "es_frame": 3}))
    assert written() != first
    with pytest.raises(ValueError, match=r"frames is 'some'\. Use pair or all"):
        prepared(find_studies(stack), {"frames": "some"}, tmp_path / "cut")


def test_folders_of_one_name_are_one_data_set(stack: Path, studies: Path, tmp_path: Path) -> None:
    data = real_set("acdc", [stack, studies], [], tmp_path / "made", BOTH)
    assert [s["name"] for s in data.studies] == ["stack", "one", "two"]
    assert [s["name"] for s in data.given] == ["stack", "one", "two"]
    assert data.given[0]["image"] != data.studies[0]["image"]
    with pytest.raises(ValueError, match="one, two is there twice"):
        real_set("acdc", [studies, studies], [], tmp_path / "made", BOTH)


def test_first_hearts_of_every_kind_are_taken(stack: Path, tmp_path: Path) -> None:
    entries = []
    for number, kind in enumerate(("normal", "small", "normal", "small", "athlete")):
        name = f"h{number}"
        shutil.copytree(stack / "stack", stack / name)
        about = json.loads((stack / name / "info.json").read_text())
        (stack / name / "info.json").write_text(json.dumps({**about, "group": kind}))
        entries.append({"cine": name, "subject": name})
    (stack / "datalist.json").write_text(json.dumps({"test": entries}))
    taken = virtual_set({"each_kind": 1}, stack, {}, tmp_path).studies
    assert [s["name"] for s in taken] == ["h4", "h0", "h1"]
    assert len(virtual_set({"each_kind": 2, "studies": 4}, stack).studies) == 4


@pytest.mark.slow
@pytest.mark.skipif(not VENTRICLES.is_file(), reason="no weights of the segmentation are shipped")
def test_hidden_labels_are_not_seen_and_motion_lies_on_the_labelled_grid(
    real_cines: Path, tmp_path: Path
) -> None:
    studies = [s for s in find_studies(real_cines) if s["name"] == "patient002"]
    (study,) = prepared(studies, BOTH, tmp_path)
    free = make_tracker("network", label_ed="drawn")
    assert free.load is not None
    item = free.load(dict(study))
    assert "label_ed" in item and "label_ed" not in item["hidden"]
    assert item["hidden"]["slices"].cine.label_found == "drawn by ventricle_segmentation"
    field, _ = free(item)
    seen = make_tracker("network")
    assert seen.load is not None
    labelled, _ = seen(seen.load(dict(study)))
    wall = (item["mask"][:, 0] > 0.5)[:, None].expand_as(field)
    assert field.shape == labelled.shape
    # The same heart on two grids that lie apart by a few mm: motion differs by less than it is.
    assert (field - labelled)[wall].abs().mean() < 0.35 * labelled[wall].abs().mean()


@pytest.mark.slow
def test_real_stack_is_lifted_and_two_slices_are_not(
    acdc_groups: Path, studies: Path, tmp_path: Path
) -> None:
    stacks = [s for s in find_studies(acdc_groups) if s["name"] == "patient066"]
    method = Method(name="network", label="ours (network)", method="network")
    whole = prepared(stacks, {"frames": "pair"}, tmp_path / "whole")
    found, refused = lifted(method, whole, tmp_path)
    assert refused == [] and list(found) == ["patient066"]
    numbers = found["patient066"]
    assert -25 < numbers["gls_percent"] < 0 < numbers["gls_uncertainty"]
    assert 55 < numbers["ef_labels"] < 75  # of its labels: 0.49 to 0.69 of the cavity's area
    assert lift_table("t", method, found).rows[0][:2] == ("patient066", "NOR")
    none, refused = lifted(method, find_studies(studies)[:1], tmp_path)
    assert none == {} and refused[0].startswith("lift of one: ")
