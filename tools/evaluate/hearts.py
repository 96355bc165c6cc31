"""Numbers of tracked virtual hearts beside the true ones, one record a heart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fem_sim.parallel import run_jobs
from myomotion.analysis.areas import contour_areas
from myomotion.analysis.drawing.over_time import contours_over_time
from myomotion.analysis.function import SEEN, ventricular_function
from myomotion.analysis.grids import Slices, relabelled
from myomotion.analysis.intervals.calibration import DRAWN as DRAWN_CONTOURS
from myomotion.analysis.intervals.calibration import GIVEN, tracking_parameters
from myomotion.analysis.intervals.repeats import NUMBERS, Place, repeated_numbers
from myomotion.analysis.intervals.study import EF
from myomotion.analysis.measures.on_wall.mesh import Wall, wall_of
from myomotion.analysis.measures.tracked import TrackedSlice, tracked_slices
from myomotion.analysis.motion import Motion, source_motion
from myomotion.analysis.segmentation import DRAWN
from myomotion.errors import InputError
from myomotion.files.tables import read_report, write_report
from myomotion.tracker import Tracker
from myomotion.transforms.repeat_motion import RepeatMotion
from tools.evaluate.methods import REFINE_STEPS

#: Keys of inference.yaml that make a method, as they are calibrated and reported.
METHODS: dict[str, dict[str, Any]] = {
    "network": {"refine_steps": 0},
    "refined": {"refine_steps": REFINE_STEPS},
}
LEAST_SCAR = 0.5  # of a segment's elements, from which on it is a scar

WallNumbers = dict[Place, tuple[dict[str, float], float]]


@dataclass(frozen=True, kw_only=True)
class TrueNumbers:
    """What a virtual heart is known to do.

    Attributes:
        wall: by slice and segment the numbers at end-systole, and the share that is scar.
        ejection: ejection fraction of its slices by the labels, percent; None where unknown.
    """

    wall: WallNumbers
    ejection: float | None


@dataclass(frozen=True, kw_only=True)
class HeartJob:
    """A virtual heart to be tracked.

    Attributes:
        study: from :func:`~myomotion.io.cine.find_studies`, with ``truth.npz`` beside the cine.
        section: of the data list.
        output: JSON file of the record.
        methods: of :data:`METHODS`.
    """

    study: Mapping[str, Any]
    section: str
    output: str
    methods: tuple[str, ...]


def heart_records(jobs: Sequence[HeartJob], workers: int = 1) -> list[dict[str, Any]]:
    """Track hearts that have no record by the weights and settings of now; read all records.

    Args:
        jobs: what is wanted.
        workers: processes.

    Returns:
        Records, see :func:`heart_record`.
    """
    waiting = [job for job in jobs if not is_recorded(job)]
    run_jobs(
        write_record,
        waiting,
        workers=workers,
        description="tracking",
        unit="heart",
        finished=len(jobs) - len(waiting),
    )
    return [read_report(Path(job.output)) for job in jobs]


def write_record(job: HeartJob) -> None:
    """Track one heart and write its record."""
    record = heart_record(job.study, job.section, job.methods)
    write_report(Path(job.output), {**record, "tracked_by": tracked_by(job.methods)})


def is_recorded(job: HeartJob) -> bool:
    """Whether a heart has a record by the weights and settings of now."""
    path = Path(job.output)
    if not path.is_file():
        return False
    record = json.loads(path.read_text(encoding="utf-8"))
    return bool(record.get("tracked_by") == tracked_by(job.methods))


def tracked_by(methods: Sequence[str]) -> dict[str, Any]:
    """What the motion of each method depends on.

    Args:
        methods: of :data:`METHODS`.
    """
    return {
        method: tracking_parameters(tracker_of(method).parts.get_parsed_content("parameters"))
        for method in methods
    }


def heart_record(
    study: Mapping[str, Any], section: str, methods: Iterable[str] = tuple(METHODS)
) -> dict[str, Any]:
    """Track a virtual heart in several ways.

    Args:
        study: with ``truth.npz`` beside the cine.
        section: of the data list.
        methods: of :data:`METHODS`.

    Returns:
        ``name``, ``section``, ``group`` and ``numbers``: dictionaries with ``method``,
        ``contours`` (``given``, or ``drawn`` by the network), ``slice``, ``level``, ``segment`` (0:
        the whole wall), ``key``, ``value`` at end-systole, ``truth``, ``repeats`` and ``scar``, the
        share of the segment's elements that is one. Ejection fraction has slice -1 and no repeats.

    Raises:
        InputError: for a cine without its truth.
    """
    tracker = tracker_of("refined")
    item = tracker.load(dict(study))
    slices: Slices = item["slices"]
    truth = true_motion(slices)
    motion = source_motion(slices, truth)
    true = TrueNumbers(
        wall=_numbers(tracked_slices(motion), _scars(Path(str(study["image"])).parent)),
        ejection=_ejection(motion)[1],
    )
    with torch.no_grad():
        output = tracker.inferer(item["image"][None], tracker.network)[0]
    drawn = tracker.parts.get_parsed_content("segmenter")(
        slices.cine.image[..., slices.cine.ed_frame], slices.cine.spacing
    )
    labelled = {GIVEN: slices}
    if drawn is not None:
        labelled[DRAWN_CONTOURS] = relabelled(slices, drawn.label, DRAWN)
    numbers: list[dict[str, Any]] = []
    for method in methods:
        own = tracker_of(method)
        moved = own.integrate(own.refine({**item, "pred": output}))
        again = RepeatMotion(own.network, own.inferer, own.refine, own.integrate)(moved)
        fields = again["displacement"], again["inverse"], again["repeats"]
        numbers += [
            {"method": method, "contours": contours, **row}
            for contours, own_slices in labelled.items()
            for row in compared(own_slices, fields, true)
        ]
    info = json.loads((Path(str(study["image"])).parent / "info.json").read_text())
    return {
        "name": str(study["name"]),
        "section": section,
        "group": info.get("group", "-"),
        "numbers": numbers,
    }


def compared(
    slices: Slices, fields: tuple[torch.Tensor, torch.Tensor, torch.Tensor], true: TrueNumbers
) -> list[dict[str, Any]]:
    """Numbers of a tracked study beside the true ones.

    Args:
        slices: the study with the contours that it is measured with.
        fields: displacement, inverse and repeats.
        true: by slice and segment the numbers and the share that is scar; ejection fraction.

    Returns:
        Rows as under ``numbers`` in :func:`heart_record`, without method and contours.
    """
    motion = source_motion(slices, fields[0], fields[1])
    tracked = tracked_slices(motion)
    repeats = repeated_numbers(tracked, fields[2])
    rows = []
    for place, (values, _) in _numbers(tracked, {}).items():
        for key in NUMBERS if place in true.wall else ():
            rows.append(
                {
                    "slice": place[0],
                    "level": slices.cine.levels[place[0]],
                    "segment": place[1],
                    "key": key,
                    "value": values[key],
                    "truth": true.wall[place][0][key],
                    "repeats": [round(float(v), 3) for v in repeats[place][key]],
                    "scar": true.wall[place][1],
                }
            )
    value, _ = _ejection(motion)
    if value is not None and true.ejection is not None:
        about = {"slice": -1, "level": "", "segment": 0, "key": EF, "repeats": [], "scar": 0.0}
        rows.append({**about, "value": value, "truth": true.ejection})
    return rows


@cache
def tracker_of(method: str) -> Tracker:
    """Tracks as a method of :data:`METHODS` does; made once in a process."""
    return Tracker(label_ed="file", intervals=False, **METHODS[method])


def true_motion(slices: Slices) -> torch.Tensor:
    """True displacement of a virtual heart on the working grids.

    Args:
        slices: of a cine with ``truth.npz`` beside it.

    Returns:
        ``(Z, T, 2, size, size)`` in mm, end-diastole first.

    Raises:
        InputError: for a cine without its truth.
    """
    cine = slices.cine
    path = Path(cine.files["image"]).with_name("truth.npz")
    if not path.is_file():
        raise InputError(f"{path}: not there. Give a folder of virtual cines.")
    with np.load(path, allow_pickle=False) as archive:
        truth = cine.storage.vectors_to_memory(archive["displacement"])
    field = torch.from_numpy(cine.from_ed(truth, axis=0))
    return torch.stack([grid.to_working(field[:, z]) for z, grid in enumerate(slices.grids)])


def _numbers(
    slices: Sequence[TrackedSlice], scars: Mapping[str, tuple[float, float]]
) -> WallNumbers:
    """Numbers at end-systole by slice and segment, and how much of it is scar."""
    found: WallNumbers = {}
    for tracked in slices:
        wall = wall_of(tracked)
        if wall is None:
            continue
        frame = tracked.motion.es_frame
        scar = _scar_elements(wall, scars.get(tracked.cine.levels[tracked.index]))
        for segment in (0, *(int(n) for n in np.unique(wall.segments))):
            part = wall.segment(segment)
            values = {key: float(number(wall, part)[frame]) for key, number in NUMBERS.items()}
            found[tracked.index, segment] = values, round(float(scar[part].mean()), 3)
    return found


def _scar_elements(wall: Wall, scar: tuple[float, float] | None) -> np.ndarray:
    """Elements in a sector of a centre and a width, degrees; none where there is no scar."""
    if scar is None:
        return np.zeros(wall.segments.shape, bool)
    offset = wall.mesh.middles - wall.mesh.center
    angle = np.rad2deg(np.arctan2(offset[..., 1], offset[..., 0])) - scar[0]
    inside: np.ndarray = np.abs((angle + 180) % 360 - 180) < scar[1] / 2
    return inside


def _scars(folder: Path) -> dict[str, tuple[float, float]]:
    """Angle and width of the scar in each level that has one."""
    info = json.loads((folder / "info.json").read_text(encoding="utf-8"))
    found = {}
    for level, cycle in zip(info["slices"], info.get("cycles", []), strict=True):
        scar = cycle.get("parameters", {}).get("scar")
        if scar:
            found[level["level"]] = float(scar["angle"]), float(scar["width"])
    return found


def _ejection(motion: Motion) -> tuple[float | None, float | None]:
    """Ejection fraction of the slices, as tracked and by the labels."""
    slices = motion.slices
    contours = contours_over_time(motion)
    if contours is None:
        return None, None
    areas = contour_areas(slices.cine, contours)
    numbers = ventricular_function(
        areas, slices.cine, motion.es_frame, slices.closes, slices.order
    ).numbers
    found = (
        next((numbers[k] for k in (key, f"{SEEN}{key}") if numbers.get(k) is not None), None)
        for key in ("lv_ef_percent", "lv_ef_labelled_percent")
    )
    value, labelled = found
    return value, labelled
