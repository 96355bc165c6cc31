"""Contours over the cycle as DICOM segmentations, one instance a frame of the cine."""

from __future__ import annotations

from typing import Any

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from myomotion import __version__
from myomotion.analysis.drawing.over_time import contour_labels
from myomotion.analysis.segmentation import DRAWN
from myomotion.analysis.study import Study
from myomotion.files.outputs import PROGRAM
from myomotion.io.dicom.header import DicomFrame
from myomotion.report.dicom.codes import COLOURS, LEFT_VENTRICLE, STRUCTURES
from myomotion.report.dicom.sources import Sources, in_one_series

SERIES_NUMBER = 9001


def segmentations(study: Study, sources: Sources) -> list[hd.seg.Segmentation]:
    """Contours of every frame, as a series of segmentations.

    Every instance is of one frame of the cine and refers to the pictures of that frame; the
    standard's segmentation knows places but no times.

    Args:
        study: with an end-diastolic label.
        sources: its pictures.

    Returns:
        One a frame, in the order of the cine; frames of them are pairs of slice and structure.
    """
    slices = range(len(sources.levels))
    maps = [study.motion.on_window(z) for z in slices]
    labels = contour_labels(study.cine, maps, study.contours)
    stored = study.cine.storage.to_file(labels)  # columns, rows, slices, frames
    present = [code for code in STRUCTURES if (labels == code).any()]
    numbers = np.zeros(max(STRUCTURES) + 1, np.uint8)
    for number, code in enumerate(present, 1):
        numbers[code] = number
    descriptions = [_description(n, code, study) for n, code in enumerate(present, 1)]
    series = hd.UID()
    return [
        _one(study, sources, numbers[stored[..., t]].transpose(2, 1, 0), t, descriptions, series)
        for t in range(stored.shape[3])
    ]


def _one(
    study: Study,
    sources: Sources,
    pixels: np.ndarray,
    t: int,
    descriptions: list[hd.seg.SegmentDescription],
    series: str,
) -> hd.seg.Segmentation:
    frames = [level[t] for level in sources.levels]
    headers, first = sources.of_frame(t), frames[0]
    distance = abs(frames[-1].depth - first.depth) / max(len(frames) - 1, 1)
    thickness = first.thickness or distance or 1.0
    phases = {study.motion.es_frame: "end-systole", study.cine.ed_frame: "end-diastole"}
    found = hd.seg.Segmentation(
        source_images=in_one_series(headers),
        pixel_array=pixels,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=descriptions,
        series_instance_uid=series,
        series_number=SERIES_NUMBER,
        sop_instance_uid=hd.UID(),
        instance_number=t + 1,
        manufacturer=PROGRAM,
        manufacturer_model_name=PROGRAM,
        software_versions=__version__,
        device_serial_number="0",
        content_label="TRACKED",
        content_description=f"frame {t} {phases.get(t, '')}".strip(),
        series_description="Contours over the cycle (research use only)",
        pixel_measures=hd.PixelMeasuresSequence(
            [float(v) for v in first.spacing], thickness, distance or None
        ),
        plane_orientation=hd.PlaneOrientationSequence(
            hd.CoordinateSystemNames.PATIENT, [float(v) for v in first.orientation.ravel()]
        ),
        plane_positions=[
            hd.PlanePositionSequence(
                hd.CoordinateSystemNames.PATIENT, [float(v) for v in frame.position]
            )
            for frame in frames
        ],
    )
    found.ReferencedSeriesSequence = _references(headers)
    _refer_to(found, frames)
    return found


def _refer_to(found: hd.seg.Segmentation, frames: list[DicomFrame]) -> None:
    """Leave of the pictures of multi-frame files that lie there those of one time."""
    shown = {(frame.sop_uid, frame.index + 1) for frame in frames}
    for group in found.PerFrameFunctionalGroupsSequence:
        for derivation in group.get("DerivationImageSequence", []):
            derivation.SourceImageSequence = [
                item
                for item in derivation.SourceImageSequence
                if "ReferencedFrameNumber" not in item
                or (item.ReferencedSOPInstanceUID, int(item.ReferencedFrameNumber)) in shown
            ]


def _references(headers: list[Any]) -> list[Dataset]:
    """ReferencedSeriesSequence: the true series of every picture."""
    by_series: dict[str, list[Dataset]] = {}
    for header in headers:
        item = Dataset()
        item.ReferencedSOPClassUID = header.SOPClassUID
        item.ReferencedSOPInstanceUID = header.SOPInstanceUID
        by_series.setdefault(str(header.SeriesInstanceUID), []).append(item)
    found = []
    for uid, instances in by_series.items():
        series = Dataset()
        series.SeriesInstanceUID = uid
        series.ReferencedInstanceSequence = instances
        found.append(series)
    return found


def _description(number: int, code: int, study: Study) -> hd.seg.SegmentDescription:
    label, kind = STRUCTURES[code]
    # What is given is moved along by a program; what is drawn was seen by nobody.
    automatic = study.cine.label_found == DRAWN
    values = hd.seg.SegmentAlgorithmTypeValues
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=codes.SCT.AnatomicalStructure,
        segmented_property_type=kind,
        algorithm_type=values.AUTOMATIC if automatic else values.SEMIAUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=PROGRAM, family=codes.DCM.ArtificialIntelligence, version=__version__
        ),
        tracking_uid=hd.UID(),
        tracking_id=label,
        anatomic_regions=None if kind == LEFT_VENTRICLE else [LEFT_VENTRICLE],
        display_color=hd.color.CIELabColor.from_rgb(*COLOURS[code]),
    )
