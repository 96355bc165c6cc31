"""DICOM folders that are not one clean series, made of a study in NIfTI."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import SecondaryCaptureImageStorage, generate_uid
from scipy.spatial.transform import Rotation

from myomotion.io.dicom.files import TIME_KEYS as TIME_KEYS
from tools.convert.dicom import write_cine

Edit = Callable[[pydicom.Dataset], object]
SIDEWAYS_MM = 1.5  # as a patient moves between two breath-holds


def as_dicom(study: Path, **options: bool) -> tuple[Path, list[Path]]:
    """The same study with its cine in DICOM beside it, and its files in their order.

    Args:
        study: folder with ``sa.nii.gz``, labels and, for frame times, ``info.json``.
        options: of :func:`~tools.convert.dicom.write_cine`.
    """
    target = study.with_name(f"{study.name}_dicom")
    target.mkdir()
    write_cine(study / "sa.nii.gz", target / "scan", **options)  # type: ignore[arg-type]
    for label in study.glob("label_sa_*.nii.gz"):
        shutil.copy(label, target)
    return target, sorted((target / "scan").glob("*.dcm"))


def edit(path: Path, change: Edit) -> None:
    """Change a file's elements."""
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


def add_copy(path: Path, change: Edit, blank: bool = True) -> None:
    """Put another picture beside a file, changed and, where ``blank``, without its content."""
    dataset = pydicom.dcmread(path)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    if blank:
        dataset.PixelData = bytes(len(dataset.PixelData))
    change(dataset)
    dataset.save_as(path.with_name(f"a_{path.name}"))


def frames_of(study: Path) -> int:
    """Frames a slice of a study, by the headers of its files' slice positions."""
    files = sorted((study / "scan").glob("*.dcm"))
    places = {
        tuple(pydicom.dcmread(f, stop_before_pixels=True).ImagePositionPatient) for f in files
    }
    return len(files) // len(places)


def magnitude_and_phase(study: Path) -> Path:
    """One enhanced file whose pictures are magnitude and phase in turn."""
    target, (path,) = as_dicom(study, multi_frame=True)
    dataset = pydicom.dcmread(path)
    groups, pictures = [], []
    for k, picture in enumerate(dataset.pixel_array):
        for part, kind in (("MAGNITUDE", "M"), ("PHASE", "P")):
            group = pydicom.dcmread(path).PerFrameFunctionalGroupsSequence[k]
            frame_type = pydicom.Dataset()
            frame_type.FrameType = ["ORIGINAL", "PRIMARY", "CARDIAC", kind]
            frame_type.ComplexImageComponent = part
            group.MRImageFrameTypeSequence = [frame_type]
            groups.append(group)
            pictures.append(picture if kind == "M" else picture[::-1])
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset.NumberOfFrames, dataset.PixelData = len(groups), np.stack(pictures).tobytes()
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "CARDIAC", "NONE"]
    dataset.save_as(path)
    return target


def second_acquisition(dataset: pydicom.Dataset) -> None:
    """Taken again in another breath-hold."""
    dataset.AcquisitionNumber, dataset.InstanceNumber = 2, int(dataset.InstanceNumber) + 1000


def second_echo(dataset: pydicom.Dataset) -> None:
    """A later echo."""
    dataset.EchoTime = 9.0


def every_slice_twice(again: Edit) -> Callable[[Path], Path]:
    """Every slice is there twice in a series; the second pictures are blank."""

    def change(study: Path) -> Path:
        target, files = as_dicom(study)
        for path in files:
            edit(path, lambda dataset: setattr(dataset, "EchoTime", 1.5))
            add_copy(path, again)
        return target

    return change


def lost_spacing(study: Path) -> Path:
    """The last slice lost its PixelSpacing."""
    target, files = as_dicom(study)
    for path in files[-frames_of(target) :]:
        edit(path, lambda dataset: delattr(dataset, "PixelSpacing"))
    return target


def slice_planned_sideways(study: Path) -> Path:
    """A series a slice, the last one planned a little to the side."""
    target, files = as_dicom(study, series_per_slice=True)

    def move(dataset: pydicom.Dataset) -> None:
        along = np.array(dataset.ImageOrientationPatient[:3], float)
        moved = np.array(dataset.ImagePositionPatient, float) + SIDEWAYS_MM * along
        dataset.ImagePositionPatient = [f"{v:.4f}" for v in moved]

    for path in files[-frames_of(target) :]:
        edit(path, move)
    return target


def series_per_phase(study: Path) -> Path:
    """Every phase of the cycle was sent as a series of its own."""
    target, files = as_dicom(study)
    count = frames_of(target)
    uids = [generate_uid() for _ in range(count)]
    for k, path in enumerate(files):

        def own_series(dataset: pydicom.Dataset, k: int = k) -> None:
            dataset.SeriesInstanceUID, dataset.SeriesNumber = uids[k % count], 100 + k % count
            dataset.InstanceNumber = k // count + 1

        edit(path, own_series)
    return target


def long_axis_beside(study: Path) -> Path:
    """A long-axis cine of one slice lies beside the stack."""
    target, files = as_dicom(study)
    uid = generate_uid()
    for path in files[: frames_of(target)]:

        def upright(dataset: pydicom.Dataset) -> None:
            old = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
            turned = Rotation.from_rotvec(90 * old[0], degrees=True).apply(old)
            dataset.ImageOrientationPatient = [f"{v:.9f}" for v in turned.ravel()]
            dataset.SeriesInstanceUID, dataset.SeriesNumber = uid, 7
            dataset.SeriesDescription = "4CH"

        add_copy(path, upright, blank=False)
    return target


def slice_with_other_rows(study: Path) -> Path:
    """The last slice was taken with two rows less; the label does not know of it."""
    target, files = as_dicom(study)

    def shorter(dataset: pydicom.Dataset) -> None:
        dataset.PixelData = dataset.pixel_array[:-2].tobytes()
        dataset.Rows -= 2

    for path in files[-frames_of(target) :]:
        edit(path, shorter)
    return target


def edited(change: Edit) -> Callable[[Path], Path]:
    """Every file has other elements."""

    def done(study: Path) -> Path:
        target, files = as_dicom(study)
        for path in files:
            edit(path, change)
        return target

    return done


def without(*keywords: str) -> Edit:
    """Elements that are not there."""

    def change(dataset: pydicom.Dataset) -> None:
        for keyword in keywords:
            if keyword in dataset:
                delattr(dataset, keyword)

    return change


def negative(dataset: pydicom.Dataset) -> None:
    """Low values are bright."""
    values = dataset.pixel_array
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.PixelData = (4095 - values).astype(values.dtype).tobytes()


def of_modality(modality: str) -> Edit:
    """Not from an MR scanner, or changed by another program."""
    return lambda dataset: setattr(dataset, "Modality", modality)


def with_spacing(*spacing: float) -> Edit:
    """Another PixelSpacing."""
    return lambda dataset: setattr(dataset, "PixelSpacing", [str(value) for value in spacing])


def multi_frame_without_times(study: Path) -> Path:
    """One enhanced file that says of no picture when it was taken."""
    target, (path,) = as_dicom(study, multi_frame=True)

    def change(dataset: pydicom.Dataset) -> None:
        for group in dataset.PerFrameFunctionalGroupsSequence:
            for keyword in ("CardiacSynchronizationSequence", "FrameContentSequence"):
                if keyword in group:
                    delattr(group, keyword)

    edit(path, change)
    return target


def slice_turned(study: Path) -> Path:
    """The last slice is stored upside down, and says so."""
    target, files = as_dicom(study)

    def turn(dataset: pydicom.Dataset) -> None:
        axes = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
        size = np.array([dataset.Columns - 1, dataset.Rows - 1]) * dataset.PixelSpacing[::-1]
        corner = np.array(dataset.ImagePositionPatient, float) + size.astype(float) @ axes
        dataset.ImagePositionPatient = [f"{v:.4f}" for v in corner]
        dataset.ImageOrientationPatient = [f"{v:.6f}" for v in -axes.ravel()]
        dataset.PixelData = dataset.pixel_array[::-1, ::-1].tobytes()

    for path in files[-frames_of(target) :]:
        edit(path, turn)
    return target


def strays_beside(study: Path) -> Path:
    """Pictures of screens lie among the cine's files, and what file managers leave."""
    target, files = as_dicom(study)
    folder = target / "scan"
    screen = pydicom.dcmread(files[0])
    screen.SOPClassUID = screen.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    screen.SOPInstanceUID = screen.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    screen.SamplesPerPixel, screen.PlanarConfiguration = 3, 0
    screen.PhotometricInterpretation = "RGB"
    screen.BitsAllocated, screen.BitsStored, screen.HighBit = 8, 8, 7
    screen.PixelData = bytes(3 * screen.Rows * screen.Columns)
    without("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")(screen)
    screen.save_as(folder / "screen.dcm")
    for name in ("._IM001_00001.dcm", ".DS_Store", "Thumbs.db", "readme.txt"):
        (folder / name).write_bytes(b"\0\5\26\7" * 50)
    (folder / "loop").symlink_to(target)
    (folder / "dead.dcm").symlink_to("nowhere")
    (folder / "itself.dcm").symlink_to("itself.dcm")
    return target


def padded(study: Path) -> Path:
    """PixelPaddingValue outside a round field of view."""
    target, files = as_dicom(study)
    for path in files:

        def ring(dataset: pydicom.Dataset) -> None:
            values = dataset.pixel_array.copy()
            place = np.indices(values.shape) - np.array(values.shape)[:, None, None] / 2
            values[np.hypot(*place) > min(values.shape) / 2 + 1] = 32767
            dataset.PixelPaddingValue = 32767
            dataset["PixelPaddingValue"].VR = "US"
            dataset.PixelData = values.tobytes()

        edit(path, ring)
    return target
