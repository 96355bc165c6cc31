"""Intensities, series and geometry that are not what they usually are (kind K3)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from fem_sim.__main__ import main as fem_sim
from myomotion.transforms.save_motion import image_of
from tools.verify.robustness.faults import dicom
from tools.verify.robustness.faults.changes import (
    Change,
    cine_of,
    header,
    label_of,
    made_square,
    save,
)
from tools.verify.robustness.faults.drawn import along_the_scanner, oblique, rounded, skewed
from tools.verify.robustness.faults.files import FILES
from tools.verify.robustness.faults.row import (
    Outcome,
    Right,
    Row,
    both,
    doubted,
    refused,
    said,
    same,
)
from tools.verify.robustness.world import heard, status_of

PATCH_VOXELS, PATCH_FROM_MM = 12, 60.0
NOTHING_MOVES = "nothing moves"
TIMES = '{"frame_times_ms": [0, 40, 80, 120, 160, 200, 240, 280, 320, 360]}'


def hot_patch(times: float) -> Change:
    """A bright square away from the heart: fat beside a coil, an annotation, a wrapped arm.

    Args:
        times: of the 99.5th percentile.
    """

    def change(folder: Path) -> None:
        image, affine = cine_of(folder)
        label = label_of(folder)
        center = np.argwhere(label.any(2)).mean(0)
        step = PATCH_FROM_MM / np.sqrt(2) / np.linalg.norm(affine[:3, :2], axis=0)
        corner = np.maximum(center - step - PATCH_VOXELS / 2, 0).astype(int)
        image = image.astype(np.float32)
        place = tuple(slice(c, c + PATCH_VOXELS) for c in corner)
        image[place] = times * np.percentile(image, 99.5)
        save(folder, image, affine)

    return change


def bright_ring(folder: Path) -> None:
    """A constant bright border outside a round field of view."""
    image, affine = cine_of(folder)
    place = np.indices(image.shape[:2]) - np.array(image.shape[:2])[:, None, None] / 2
    image[np.hypot(*place) > min(image.shape[:2]) / 2 + 1] = 30000
    save(folder, image, affine)


def hot_corner(folder: Path) -> None:
    """A few voxels at the end of the range of the file's numbers."""
    image, affine = cine_of(folder)
    image[3:9, 3:9] = 32000
    save(folder, image, affine)


def plus(constant: float) -> Change:
    """A constant on all intensities."""

    def change(folder: Path) -> None:
        save(folder, cine_of(folder)[0].astype(np.float32) + constant)

    return change


def copies(noise: float, labelled: bool = True) -> Change:
    """One frame, copied; noise as a share of the bright end."""

    def change(folder: Path) -> None:
        image, affine = cine_of(folder)
        first = np.repeat(image[..., :1].astype(np.float32), 30, 3)
        first += np.random.default_rng(0).normal(0, 1, first.shape) * noise * first.max()
        save(folder, first, affine)
        (folder / "info.json").unlink(missing_ok=True)
        if not labelled:
            (folder / "label_sa_ED.nii.gz").unlink()

    return change


def noise_alone(folder: Path) -> None:
    """No heart at all."""
    shape = cine_of(folder)[0].shape
    save(folder, np.abs(np.random.default_rng(0).normal(0, 100, shape)))


def timed(change: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """A change to DICOM of a study whose frame times are known."""

    def with_times(folder: Path) -> Path:
        (folder / "info.json").write_text(TIMES)
        return change(folder)

    return with_times


def time_before_slices(folder: Path) -> None:
    """Stored as (x, y, t, z)."""
    image, affine = cine_of(folder)
    (folder / "label_sa_ED.nii.gz").unlink()
    save(folder, image.transpose(0, 1, 3, 2), affine)


def as_itk(ending: str) -> Change:
    """The cine and its label as ITK writes them."""

    def change(folder: Path) -> None:
        for name in ("sa", "label_sa_ED"):
            path = folder / f"{name}.nii.gz"
            sitk.WriteImage(sitk.ReadImage(str(path)), str(folder / f"{name}{ending}"))
            path.unlink()

    return change


def with_forms(sform: np.ndarray, code: int, qform: np.ndarray) -> Change:
    """Cine and label say their place in both ways."""

    def change(folder: Path) -> None:
        for name in ("sa", "label_sa_ED"):
            path = folder / f"{name}.nii.gz"
            image = nib.Nifti1Image(np.asarray(nib.Nifti1Image.from_filename(path).dataobj), sform)
            image.set_qform(qform, 1, strip_shears=True)
            image.set_sform(sform, code)
            nib.save(image, path)

    return change


def placed_by_itk(found: Outcome, _: Outcome) -> str | None:
    """SimpleITK finds a voxel of the result where it finds that of the cine."""
    if found.study is None:
        return "it was refused"
    cine = found.study.cine
    source = Path(cine.files["image"])
    result = source.with_name("result.nii.gz")
    nib.save(image_of(cine, cine.image), result)
    before, after = (sitk.ReadImage(str(path)) for path in (source, result))
    point = before.TransformIndexToPhysicalPoint((31, 22, 1, 0))
    index = np.array(after.TransformPhysicalPointToContinuousIndex(point))[:3]
    off = float(np.abs(index - (31, 22, 1)).max())
    return None if off < 1e-3 else f"ITK finds the result {off:.2f} voxels away"


def simulated_labels(folder: Path) -> Path:
    """``fem_sim simulate`` on labels of which one cannot be read; the study stays as it is."""
    places = folder.with_name(f"{folder.name}_labels")
    for name in ("broken", "sound"):
        shutil.copytree(folder, places / name)
        (places / name / "label_sa_ED.nii.gz").rename(places / name / "label_sa_ES.nii.gz")
    file = places / "broken" / "label_sa_ES.nii.gz"
    file.write_bytes(file.read_bytes()[:200])
    out = folder.with_name(f"{folder.name}_cycles")
    words = ["simulate", str(places), "--coding", "auto", "--levels", "4", "--output", str(out)]
    with heard() as text:
        status = status_of(lambda: fem_sim(words))
    made = [path.stem for path in out.glob("sound*.npz")] if out.is_dir() else []
    listing = out / "datalist.json"
    said = listing.is_file() and "broken" in listing.read_text(encoding="utf-8")
    if not made or not said or "Traceback" in text.getvalue():
        raise RuntimeError(f"status {status}, made {made}: {text.getvalue()[-300:]}")
    return folder


def dicom_rows() -> Iterator[Row]:
    """Elements of DICOM that are missing, odd, or of pictures that do not belong to the cine."""
    for name, edit, right in (
        (
            "no SliceLocation, SliceThickness, SpacingBetweenSlices",
            dicom.without("SliceLocation", "SliceThickness", "SpacingBetweenSlices"),
            same(),
        ),
        ("no TriggerTime", dicom.without("TriggerTime", "NominalInterval"), same()),
        ("no InstanceNumber", dicom.without("InstanceNumber"), same()),
        (
            "nothing that orders frames",
            dicom.without(*dicom.TIME_KEYS),
            refused("order of the frames is not known"),
        ),
        ("negative (MONOCHROME1)", dicom.negative, same()),
        ("another modality", dicom.of_modality("OT"), refused("modality OT")),
        ("negative PixelSpacing", dicom.with_spacing(-1.8, -1.8), refused("PixelSpacing is")),
        ("PixelSpacing of one number", dicom.with_spacing(1.8), refused("expected 2 numbers")),
    ):
        yield Row(name=f"DICOM: {name}", change=timed(dicom.edited(edit)), right=right)
    yield Row(
        name="DICOM: enhanced, without times of frames",
        change=timed(dicom.multi_frame_without_times),
        right=same(),
    )
    yield Row(
        name="DICOM: a slice turned within its plane",
        change=timed(dicom.slice_turned),
        right=refused("turned or mirrored within the plane"),
    )
    yield Row(
        name="DICOM: secondary captures, links, hidden and other files",
        change=timed(dicom.strays_beside),
        right=both(same(), said("Left out: .*colour picture")),
    )


def _everywhere(name: str, change: Change, right: Right, *others: str) -> tuple[Row, ...]:
    return tuple(Row(name=name, of=of, change=change, right=right) for of in ("drawn", *others))


# A patch hides what lies under it, and the network sees its edge, though nothing about the heart is
# scaled otherwise; Err of a thin wall feels it most: a twentieth of the 60 % of the drawn heart.
PATCHED = same(ecc=0.25, err=3)
PICTURES = (
    Row(name="hot voxels in a corner", change=hot_corner, right=PATCHED),
    *(
        row
        for times in (3, 6, 20)
        for row in _everywhere(
            f"patch {times} times as bright as the brightest",
            hot_patch(times),
            PATCHED,
            "real",
            "virtual",
        )
    ),
    Row(name="bright border", change=bright_ring, right=same(ecc=0.1, err=1.0)),
    *_everywhere("made square by zeros", made_square, same(ecc=0.1, err=1.0), "real", "virtual"),
    Row(name="padding in DICOM", change=timed(dicom.padded), right=same(ecc=0.1, err=1.0)),
    *(
        row
        for constant in (300, 1000, 5000)
        for row in _everywhere(
            f"+ {constant} on all intensities",
            plus(constant),
            same(ecc=0.1, err=0.5),
            "real",
            "virtual",
        )
    ),
    *_everywhere("30 copies of one frame", copies(0), doubted(NOTHING_MOVES), "real"),
    *_everywhere("30 noisy copies", copies(0.03), doubted(NOTHING_MOVES), "real"),
    Row(name="copies, no label", change=copies(0, labelled=False), right=doubted(NOTHING_MOVES)),
    *_everywhere("noise", noise_alone, doubted("moves|label|differ"), "real"),
    Row(
        name="magnitude and phase in one file",
        change=timed(dicom.magnitude_and_phase),
        right=both(same(), said("no magnitude images")),
    ),
    Row(
        name="every slice twice in a series",
        change=timed(dicom.every_slice_twice(dicom.second_acquisition)),
        right=both(same(), said("several acquisitions")),
    ),
    Row(
        name="two echoes",
        change=timed(dicom.every_slice_twice(dicom.second_echo)),
        right=both(same(), said("several echoes")),
    ),
    Row(
        name="a slice that lost its spacing",
        change=timed(dicom.lost_spacing),
        right=both(same(), said("no PixelSpacing")),
    ),
    Row(
        name="slices planned sideways",
        change=timed(dicom.slice_planned_sideways),
        right=both(same(), said("sideways")),
    ),
    Row(name="a series a phase", change=timed(dicom.series_per_phase), right=same()),
    Row(
        name="a long-axis cine beside the stack",
        change=timed(dicom.long_axis_beside),
        right=both(same(), said("Left out")),
    ),
    Row(
        name="a slice with other Rows",
        change=timed(dicom.slice_with_other_rows),
        right=said("Left out beside .* 1 of the series whose Rows"),
    ),
    Row(
        name="stored as (x, y, t, z)",
        of="deep",
        change=time_before_slices,
        right=refused("Exchange the last two axes"),
    ),
    Row(
        name="NaN intercept",
        change=header(scl_slope=1, scl_inter=np.nan),
        right=refused("intercept nan"),
    ),
    Row(name="unknown datatype", change=header(datatype=9999), right=refused("sa.nii.gz: .*9999")),
    Row(name="fem_sim beside a broken label", change=simulated_labels, right=same()),
    *dicom_rows(),
    *FILES,
    Row(name=".nrrd", change=as_itk(".nrrd"), right=same()),
    Row(name=".mha", change=as_itk(".mha"), right=same()),
    Row(
        name="sform and qform differ",
        change=with_forms(oblique(), 2, along_the_scanner()),
        right=both(same(err=3), placed_by_itk),
    ),
    Row(
        name="direction cosines rounded",
        change=with_forms(rounded(), 2, rounded()),
        right=both(same(), placed_by_itk),
    ),
    Row(
        name="slices skewed",
        change=with_forms(skewed(), 2, skewed()),
        right=both(same(), placed_by_itk),
    ),
)
