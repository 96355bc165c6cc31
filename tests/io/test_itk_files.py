"""NRRD and MetaImage cines and labels are what their NIfTI twins are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myomotion.errors import InputError
from myomotion.io.cine import find_studies, read_cine
from myomotion.io.itk_files import ENDINGS, SEGMENTATIONS, SEQUENCES
from myomotion.io.source import image_files, image_title
from tests.support.studies import write_study
from tools.verify.robustness.faults.drawn import draw_study
from tools.verify.robustness.faults.files import as_nrrd

sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")


@pytest.mark.parametrize("ending", ENDINGS)
def test_cine_and_label_are_the_same_in_every_format(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / "one"
    write_study(folder)
    expected = read_cine(find_studies(folder)[0])
    for name in ("sa", "label_sa_ED"):
        path = folder / f"{name}.nii.gz"
        image = sitk.ReadImage(str(path))
        if name == "sa":
            image.SetSpacing((*image.GetSpacing()[:3], 40.0))
        path.unlink()
        sitk.WriteImage(image, str(folder / f"{name}{ending}"))
    (study,) = find_studies(folder)
    assert study["image"] == str(folder / f"sa{ending}")
    cine = read_cine(study)
    assert np.array_equal(cine.image, expected.image)
    assert np.allclose(cine.affine, expected.affine, atol=1e-4)
    assert cine.label_ed is not None and np.array_equal(cine.label_ed, expected.label_ed)
    assert cine.frame_times_ms is not None and np.allclose(cine.frame_times_ms[1], 40)
    beside = 2 if ending in (".nhdr", ".mhd") else 1
    assert len(image_files(folder / f"sa{ending}")) == beside


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_components_of_a_vector_image_are_frames(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / "one"
    write_study(folder)
    expected = read_cine(find_studies(folder)[0])
    image = sitk.ReadImage(str(folder / "sa.nii.gz"))
    frames = [image[:, :, :, t] for t in range(image.GetSize()[3])]
    (folder / "sa.nii.gz").unlink()
    sitk.WriteImage(sitk.Compose(frames), str(folder / f"sa{ending}"))
    cine = read_cine(find_studies(folder)[0])
    assert np.array_equal(cine.image, expected.image)
    assert np.allclose(cine.affine, expected.affine, atol=1e-4)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    for name, content in (("sa.nrrd", b"NRRD0004\ntype: short\n"), ("sa.mha", b"hello")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}: not a readable NRRD or MetaImage") as error:
            read_cine({"image": str(tmp_path / name)})
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("ending", [".mha", ".mhd"])
def test_what_itk_knows_in_lower_case_alone_is_named(tmp_path: Path, ending: str) -> None:
    write_study(tmp_path)
    sitk.WriteImage(sitk.ReadImage(str(tmp_path / "sa.nii.gz")), str(tmp_path / f"sa{ending}"))
    upper = (tmp_path / f"sa{ending}").rename(tmp_path / f"SA{ending.upper()}")
    with pytest.raises(InputError, match=r"SA.MH[AD]: .*lower case. Rename it"):
        read_cine({"image": str(upper)})


@pytest.mark.parametrize("frames", [2, 4])
@pytest.mark.parametrize("ending", SEGMENTATIONS)
def test_structures_that_overlap_in_slicer_are_no_frames(
    tmp_path: Path, ending: str, frames: int
) -> None:
    write_study(tmp_path, frames=frames)
    label = sitk.ReadImage(str(tmp_path / "label_sa_ED.nii.gz"))
    (tmp_path / "label_sa_ED.nii.gz").unlink()
    layers = sitk.Compose([sitk.Cast(label > 0, sitk.sitkUInt8), label])[12:70, 9:60, :]
    sitk.WriteImage(layers, str(tmp_path / f"label_sa_ED{ending}"))
    with pytest.raises(InputError, match=r"seg.n.*: holds 2 maps, one a structure"):
        read_cine(find_studies(tmp_path)[0])


def as_sequence(folder: Path, order: str, name: str, values: str, ending: str) -> Path:
    """The cine as a sequence of 3D Slicer, and what it lists of its frames."""
    as_nrrd("left-posterior-superior", order)(folder)
    lines = f'labels: "" "" "" "{name}"\naxis 3 index values:={values}\n\n'.encode()
    header, voxels = (folder / "sa.nrrd").read_bytes().split(b"\n\n", 1)
    (folder / "sa.nrrd").unlink()
    path = folder / f"sa{ending}"
    if ending.endswith(".nhdr"):
        lines = b"data file: sa.raw\n" + lines
        (folder / "sa.raw").write_bytes(voxels)
    path.write_bytes(header + b"\n" + lines + (b"" if ending.endswith(".nhdr") else voxels))
    return path


@pytest.mark.parametrize("order", ["xyzt", "txyz"])
@pytest.mark.parametrize("ending", SEQUENCES)
def test_sequence_of_slicer_is_found_by_its_name(tmp_path: Path, ending: str, order: str) -> None:
    folder = tmp_path / "one"
    draw_study(folder, frames=4)
    expected = read_cine(find_studies(folder)[0])
    path = as_sequence(folder, order, "time", "5 35 67 95", ending)
    cine = read_cine(find_studies(folder)[0])
    assert np.array_equal(cine.image, expected.image)
    assert cine.frame_times_ms is not None and cine.frame_times_ms.tolist() == [0, 30, 62, 90]
    assert cine.name == image_title(path) == "one"
    assert image_title(path.rename(folder / f"anna{ending}")) == "anna"


@pytest.mark.parametrize(
    ("name", "values", "times"),
    [
        ("TriggerTime", "0 0.03 0.062 0.09", [0, 30, 62, 90]),  # seconds
        ("frame", "0 10 20 30", None),
        ("%R-R", "0 10 20 30", None),
        ("time", "0 1 2 3", None),
        ("time", "0 40 80", None),
        ("time", "0 40 80 80", None),
        ("time", "0 a b c", None),
    ],
)
def test_what_a_sequence_lists_is_taken_for_times_where_it_says_so(
    tmp_path: Path, name: str, values: str, times: list[float] | None
) -> None:
    draw_study(tmp_path, frames=4)
    path = as_sequence(tmp_path, "xyzt", name, values, ".seq.nrrd")
    found = read_cine({"image": str(path)}).frame_times_ms
    assert found is None if times is None else np.allclose(found, times)


@pytest.mark.parametrize("order", ["xyzt", "txyz"])
@pytest.mark.parametrize("kind", ["time", "???", None])
def test_nrrd_whose_time_is_no_list_is_told_its_kinds(
    tmp_path: Path, order: str, kind: str | None
) -> None:
    draw_study(tmp_path, frames=4)
    expected = read_cine(find_studies(tmp_path)[0])
    as_nrrd("right-anterior-superior", order)(tmp_path)
    path = tmp_path / "sa.nrrd"
    content = path.read_bytes()
    wanted = next(line for line in content.split(b"\n") if line.startswith(b"kinds"))
    stated = b"" if kind is None else wanted.replace(b"list", kind.encode()) + b"\n"
    path.write_bytes(content.replace(wanted + b"\n", stated, 1))
    with pytest.raises(InputError, match=rf"sa.nrrd: .* Put '{wanted.decode()}' there") as error:
        read_cine({"image": str(path)})
    assert "ITK ERROR" not in str(error.value)
    path.write_bytes(content)
    assert np.array_equal(read_cine({"image": str(path)}).image, expected.image)
