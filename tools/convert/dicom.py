"""Write a cine in NIfTI as the DICOM series a scanner would send.

python -m tools.convert.dicom IN.nii.gz --output DIR [--multi-frame | --series-per-slice]

DIR receives one file a slice and frame (MR Image Storage) or, with --multi-frame, a single file
(Enhanced MR Image Storage). Frame times come from info.json beside IN.nii.gz or from its header;
where they are unknown, the files say the order of the frames alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import format_number_as_ds

from fem_sim.command_line import make_parser, run_command
from myomotion.core.axes import LPS_FROM_RAS
from myomotion.errors import InputError
from myomotion.files.outputs import refuse_unsafe, replaced_folder
from myomotion.io.cine import Cine, find_studies, read_cine

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4.1"
DICOM = "dicom"  # kind of the folder, see myomotion.files.outputs
STORED_RANGE = 65535


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What all files of a cine share.

    Attributes:
        cine: the study.
        stored: uint16 ``(X, Y, Z, T)``.
        slope: of the modality look-up: value = slope * stored + intercept.
        intercept: see ``slope``.
        directions: ``(3, 3)``, columns are the axes' unit vectors in LPS.
        spacing: voxel size along the three axes in millimetres.
        study_uid: StudyInstanceUID.
        frame_of_reference_uid: FrameOfReferenceUID.
        patient: PatientName and PatientID.
        description: SeriesDescription.
    """

    cine: Cine
    stored: np.ndarray
    slope: float
    intercept: float
    directions: np.ndarray
    spacing: np.ndarray
    study_uid: str
    frame_of_reference_uid: str
    patient: str
    description: str

    def position(self, z: int) -> list[str]:
        """ImagePositionPatient of a slice."""
        affine = self.cine.affine
        return _decimals(LPS_FROM_RAS @ (affine[:3, 3] + z * affine[:3, 2]))


def write_cine(
    path_nii: str | Path,
    folder: str | Path,
    multi_frame: bool = False,
    *,
    series_per_slice: bool = False,
    series_number: int = 1,
    description: str = "cine short axis",
    patient: str = "Anonymous",
    study_uid: str | None = None,
) -> list[Path]:
    """Write a 4-D NIfTI cine as DICOM.

    The first axis of the image becomes DICOM's columns and the second its rows, so that a reader
    that lets the first axis run along the columns finds the same array and affine. Whole numbers
    keep their value; others are stored with 16 bits. A cine whose axes are left-handed comes back
    with its slices in the other order: DICOM knows no order of slices but their position.

    Args:
        path_nii: the cine ``(x, y, z, t)``.
        folder: made; one that this command has made is replaced as a whole.
        multi_frame: one Enhanced MR file instead of one file a slice and frame.
        series_per_slice: every slice level is a series of its own (single frames only).
        series_number: SeriesNumber, of the first series where there are several.
        description: SeriesDescription.
        patient: PatientName and PatientID.
        study_uid: StudyInstanceUID; None for a new one.

    Returns:
        The files, by slice and frame.

    Raises:
        InputError: if the cine cannot be read, its axes are not at right angles, or ``folder``
            holds something else.
    """
    folder = Path(folder)
    refuse_unsafe(folder, [path_nii], DICOM)
    plan = _plan(Path(path_nii), description, patient, study_uid or generate_uid())
    with replaced_folder(folder, DICOM, [path_nii]) as partial:
        if multi_frame:
            files = {"cine.dcm": _enhanced(plan, series_number)}
        else:
            files = _single_frames(plan, series_number, series_per_slice)
        for name, dataset in files.items():
            dataset.save_as(partial / name, enforce_file_format=True)
    return [folder / name for name in files]


def _plan(path: Path, description: str, patient: str, study_uid: str) -> Plan:
    study = find_studies(path)[0]
    info = path.with_name("info.json")
    cine = read_cine({**study, "info": str(info)} if info.is_file() else study)
    axes = LPS_FROM_RAS @ cine.affine[:3, :3]
    spacing = np.linalg.norm(axes, axis=0)
    directions = axes / spacing
    if np.abs(directions.T @ directions - np.eye(3)).max() > 1e-4:
        raise InputError(
            f"{path}: the axes of the affine are not at right angles, and DICOM cannot say so. "
            "Resample the cine."
        )
    low, high = float(cine.image.min()), float(cine.image.max())
    whole = bool((cine.image == np.round(cine.image)).all()) and high - low <= STORED_RANGE
    intercept = 0.0 if whole and low >= 0 and high <= STORED_RANGE else low
    slope = 1.0 if whole else (high - low) / STORED_RANGE
    stored = np.round((cine.image.astype(float) - intercept) / slope).astype(np.uint16)
    return Plan(
        cine=cine,
        stored=stored,
        slope=slope,
        intercept=intercept,
        directions=directions,
        spacing=spacing,
        study_uid=study_uid,
        frame_of_reference_uid=generate_uid(),
        patient=patient,
        description=description,
    )


def _single_frames(plan: Plan, series_number: int, series_per_slice: bool) -> dict[str, Dataset]:
    slices, frames = plan.stored.shape[2:]
    series = [generate_uid() for _ in range(slices if series_per_slice else 1)]
    files = {}
    for z in range(slices):
        for t in range(frames):
            k = z if series_per_slice else 0
            number = (0 if series_per_slice else z * frames) + t + 1
            dataset = _dataset(plan, MR_IMAGE, series[k], series_number + k)
            dataset.InstanceNumber = number
            dataset.ImagePositionPatient = plan.position(z)
            dataset.ImageOrientationPatient = _orientation(plan)
            dataset.PixelSpacing = _decimals(plan.spacing[[1, 0]])
            dataset.SliceThickness = _decimals(plan.spacing[2:])[0]
            dataset.RescaleSlope, dataset.RescaleIntercept = _rescale(plan)
            dataset.RescaleType = "US"
            dataset.TemporalPositionIdentifier = t + 1
            dataset.NumberOfTemporalPositions = frames
            if plan.cine.frame_times_ms is not None:
                dataset.TriggerTime = _decimals(plan.cine.frame_times_ms[t : t + 1])[0]
            dataset.PixelData = plan.stored[:, :, z, t].T.tobytes()
            files[f"IM{k + 1:03d}_{number:05d}.dcm"] = dataset
    return files


def _enhanced(plan: Plan, series_number: int) -> Dataset:
    slices, frames = plan.stored.shape[2:]
    dataset = _dataset(plan, ENHANCED_MR_IMAGE, generate_uid(), series_number)
    dataset.InstanceNumber = 1
    dataset.NumberOfFrames = slices * frames
    slope, intercept = _rescale(plan)
    dataset.SharedFunctionalGroupsSequence = [
        _item(
            PixelMeasuresSequence=[
                _item(
                    PixelSpacing=_decimals(plan.spacing[[1, 0]]),
                    SliceThickness=_decimals(plan.spacing[2:])[0],
                )
            ],
            PlaneOrientationSequence=[_item(ImageOrientationPatient=_orientation(plan))],
            PixelValueTransformationSequence=[
                _item(RescaleSlope=slope, RescaleIntercept=intercept, RescaleType="US")
            ],
        )
    ]
    groups = []
    for z in range(slices):
        for t in range(frames):
            content = _item(
                StackID="1",
                InStackPositionNumber=z + 1,
                TemporalPositionIndex=t + 1,
                DimensionIndexValues=[z + 1, t + 1],
            )
            group = _item(
                FrameContentSequence=[content],
                PlanePositionSequence=[_item(ImagePositionPatient=plan.position(z))],
            )
            if plan.cine.frame_times_ms is not None:
                delay = float(plan.cine.frame_times_ms[t])
                group.CardiacSynchronizationSequence = [_item(NominalCardiacTriggerDelayTime=delay)]
            groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset.PixelData = np.ascontiguousarray(plan.stored.transpose(2, 3, 1, 0)).tobytes()
    return dataset


def _dataset(plan: Plan, sop_class: str, series_uid: str, series_number: int) -> Dataset:
    """Everything but what says where and when a picture was taken, and its pixels."""
    columns, rows = plan.stored.shape[:2]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = _item(
        SOPClassUID=sop_class,
        SOPInstanceUID=meta.MediaStorageSOPInstanceUID,
        StudyInstanceUID=plan.study_uid,
        SeriesInstanceUID=series_uid,
        FrameOfReferenceUID=plan.frame_of_reference_uid,
        Modality="MR",
        ImageType=["ORIGINAL", "PRIMARY", "M"],
        PatientName=plan.patient,
        PatientID=plan.patient,
        SeriesNumber=series_number,
        SeriesDescription=plan.description,
        Rows=rows,
        Columns=columns,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=16,
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=0,
    )
    dataset.file_meta = meta
    return dataset


def _item(**elements: object) -> Dataset:
    dataset = pydicom.Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def _orientation(plan: Plan) -> list[str]:
    """ImageOrientationPatient: along a row (growing column), then along a column."""
    return _decimals(np.concatenate([plan.directions[:, 0], plan.directions[:, 1]]))


def _rescale(plan: Plan) -> list[str]:
    return _decimals(np.array([plan.slope, plan.intercept]))


def _decimals(values: np.ndarray) -> list[str]:
    """Decimal strings of at most 16 characters."""
    return [format_number_as_ds(float(v) + 0.0) for v in values]  # + 0.0: no minus zero


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.convert.dicom", __doc__)
    parser.add_argument("image", type=Path, metavar="IN.nii.gz", help="4-D cine")
    parser.add_argument("--output", type=Path, required=True, help="folder to make")
    layout = parser.add_mutually_exclusive_group()
    layout.add_argument("--multi-frame", action="store_true", help="one Enhanced MR file")
    layout.add_argument(
        "--series-per-slice", action="store_true", help="each slice level as its own series"
    )
    options = parser.parse_args(arguments)
    return run_command(lambda: _write(options))


def _write(options: argparse.Namespace) -> None:
    files = write_cine(
        options.image,
        options.output,
        options.multi_frame,
        series_per_slice=options.series_per_slice,
    )
    print(f"{options.output}  {len(files)} file{'s' * (len(files) > 1)}")


if __name__ == "__main__":
    sys.exit(main())
