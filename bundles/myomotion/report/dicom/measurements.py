"""Numbers as a DICOM measurement report (template TID 1500)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import highdicom as hd
import numpy as np
from highdicom import sr
from pydicom.sr.codedict import codes

from myomotion import __version__
from myomotion.analysis.study import Study
from myomotion.core.segments import NAMES
from myomotion.files.outputs import PROGRAM
from myomotion.report.dicom.codes import (
    FUNCTION,
    LEFT_VENTRICLE,
    LIGHT,
    LIGHTS,
    PERCENT,
    STRAINS,
    segment_site,
)
from myomotion.report.dicom.sources import Sources

SERIES_NUMBER = 9002
DIGITS = 3  # of numbers behind the point


def measurement_report(
    study: Study, sources: Sources, segmentations: Sequence[hd.seg.Segmentation]
) -> sr.ComprehensiveSR:
    """Function, strain of the wall and of its 16 segments at end-systole, and the light.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.
        sources: its pictures, which the report refers to.
        segmentations: of every frame; none without a label.

    Returns:
        The report; numbers that are not known are left out.
    """
    rows = _at_end_systole(study)
    groups = [_ventricle(study)]
    wall = _wall_group(study, segmentations, _mean(rows, 0))
    groups += [wall] if wall is not None else []
    for number in NAMES:
        strains = _strains(_mean(rows, number))
        if strains:
            site = sr.FindingSite(anatomic_location=segment_site(number))
            groups.append(_group(NAMES[number], strains, finding_sites=[site]))
    context = sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=codes.DCM.Device,
            observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
                uid=hd.UID(), name=PROGRAM, manufacturer_name=PROGRAM, model_name=__version__
            ),
        )
    )
    content = sr.MeasurementReport(
        observation_context=context,
        procedure_reported=sr.CodedConcept(
            "241620005", "SCT", "Magnetic resonance imaging of heart"
        ),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    evidence = [*sources.all(), *segmentations]
    return sr.ComprehensiveSR(
        evidence=evidence,
        content=content[0],
        series_instance_uid=hd.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=PROGRAM,
        is_complete=True,
        is_verified=False,
        series_description="Motion and strain (research use only)",
    )


def _ventricle(study: Study) -> Any:
    """Function of the whole ventricle and the light of the study."""
    summary = study.summary
    numbers = [
        sr.Measurement(name=concept, value=round(float(summary[key]), DIGITS), unit=unit)
        for key, (concept, unit) in FUNCTION.items()
        if summary.get(key) is not None
    ]
    light = sr.QualitativeEvaluation(name=LIGHT, value=LIGHTS[summary["light"]])
    site = sr.FindingSite(anatomic_location=LEFT_VENTRICLE)
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking("left ventricle"),
        finding_type=LEFT_VENTRICLE,
        finding_sites=[site],
        measurements=numbers or None,
        qualitative_evaluations=[light],
    )


def _wall_group(
    study: Study, segmentations: Sequence[hd.seg.Segmentation], wall: Mapping[str, float]
) -> Any | None:
    """Strain of the whole wall, tied to its segment at end-diastole."""
    strains = _strains(wall)
    if not strains or not segmentations:
        return None
    segmentation = segmentations[study.cine.ed_frame]
    number = next(
        int(item.SegmentNumber)
        for item in segmentation.SegmentSequence
        if item.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Myocardium"
    )
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking("left ventricular wall"),
        referenced_segment=sr.ReferencedSegment.from_segmentation(segmentation, number),
        finding_type=sr.CodedConcept("74281007", "SCT", "Myocardium"),
        finding_sites=[sr.FindingSite(anatomic_location=LEFT_VENTRICLE)],
        measurements=strains,
    )


def _group(name: str, strains: list[sr.Measurement], **more: Any) -> Any:
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(name),
        finding_type=sr.CodedConcept("74281007", "SCT", "Myocardium"),
        measurements=strains,
        **more,
    )


def _tracking(name: str) -> sr.TrackingIdentifier:
    return sr.TrackingIdentifier(uid=hd.UID(), identifier=name)


def _strains(numbers: Mapping[str, float]) -> list[sr.Measurement]:
    return [
        sr.Measurement(name=STRAINS[key], value=round(value, DIGITS), unit=PERCENT)
        for key, value in numbers.items()
    ]


def _at_end_systole(study: Study) -> list[Mapping[str, Any]]:
    passed = set(study.quality.passed)
    return [
        row
        for row in study.rows
        if row["frame"] == study.motion.es_frame and row["slice"] in passed
    ]


def _mean(rows: Sequence[Mapping[str, Any]], segment: int) -> dict[str, float]:
    """Mean strains of a segment (0: the whole wall) over the slices that passed."""
    found = {}
    for key in STRAINS:
        values = [r[key] for r in rows if r["segment"] == segment and r.get(key) is not None]
        if values:
            found[key] = float(np.mean(values))
    return found
