"""Reading short-axis cines and their labels, and checking them before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from myomotion.errors import InputError
from myomotion.io.forms import Forms, forms_of, tilt_warnings
from myomotion.io.frame_times import mean_step
from myomotion.io.info import StudyInfo, Subject, read_info, slice_name
from myomotion.io.labels import MYOCARDIUM, Label, read_label
from myomotion.io.pictures.checks import check_dimensions, check_frames, check_order
from myomotion.io.pictures.end_diastole import EndDiastole, find_end_diastole
from myomotion.io.pictures.padding import blank_slices, without_gaps, without_padding
from myomotion.io.pictures.repeats import repeated_slices, repeats_named
from myomotion.io.slabs import Slabs, slabs_of
from myomotion.io.source import image_title, read_cine_image
from myomotion.io.storage import Storage, storage_of
from myomotion.io.studies import find_studies as find_studies

GIVEN = "given"
STUDY_FILES = ("image", "label_ed", "label_es", "info")


@dataclass(kw_only=True)
class Cine:
    """A short-axis cine with what is known about it.

    Arrays have the slices last and in-plane axes that follow from where they point in the patient
    (:func:`~myomotion.io.storage.storage_of`), so that results do not depend on how a file stores
    its axes; ``storage`` is the way back to the file.

    Attributes:
        name: name of the study.
        image: float32 ``(X, Y, Z, T)``.
        affine: ``(4, 4)``, voxel index to RAS millimetres.
        ed_frame: index of the end-diastolic (reference) frame.
        es_frame: index of the end-systolic frame, or None when unknown.
        label_ed: uint8 ``(X, Y, Z)`` in the internal coding, or None.
        label_es: the same at end-systole, or None.
        levels: name of each slice (basal, mid, apical, or slice00 ...).
        frame_times_ms: time of each frame in milliseconds, the first at 0, or None when unknown.
        files: where each part came from.
        ed_found: how ``ed_frame`` came to be known.
        label_found: where ``label_ed`` comes from; None without one that anybody looked for.
        label_unsure: how unsure of it a network was that drew it, for each slice, see
            :class:`~myomotion.analysis.ventricles.Drawn`; None for a label that was given.
        source: what the frames were read from, see :class:`~myomotion.io.image.CineImage`.
        warnings: what the user should know about the input.
        storage: how the file's axes lie to those of the arrays; as they are if None.
        forms: what files of results say of their place, for the file's axes; from its affine if
            None.
        slabs: what each slice stands for in a volume; from the affine if None.
        subject: the patient.
        septum_points: ``(2, 3)`` voxels of ``image`` at the anterior and the inferior insertion of
            the right ventricle, in one slice; None where they were not given.
    """

    name: str
    image: np.ndarray
    affine: np.ndarray
    ed_frame: int
    es_frame: int | None = None
    label_ed: np.ndarray | None = None
    label_es: np.ndarray | None = None
    levels: list[str] = field(default_factory=list)
    frame_times_ms: np.ndarray | None = None
    files: dict[str, str] = field(default_factory=dict)
    ed_found: str = "given"
    label_found: str | None = None
    label_unsure: np.ndarray | None = None
    source: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    storage: Storage = None  # type: ignore[assignment]
    forms: Forms = None  # type: ignore[assignment]
    slabs: Slabs = None  # type: ignore[assignment]
    subject: Subject = field(default_factory=Subject)
    septum_points: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Take the arrays for those of the file where nothing else is said."""
        if self.storage is None:
            shape = (self.image.shape[0], self.image.shape[1], self.image.shape[2])
            self.storage = Storage(
                order=(0, 1, 2), flipped=(False,) * 3, shape=shape, affine=self.affine
            )
        if self.forms is None:
            step = mean_step(self.frame_times_ms)
            self.forms = forms_of(self.storage.affine, self.storage.order[2], step)
        if self.slabs is None:
            self.slabs = slabs_of(self.affine, self.image.shape[2])

    @property
    def spacing(self) -> tuple[float, float]:
        """In-plane voxel size in millimetres."""
        norms = np.linalg.norm(self.affine[:3, :2], axis=0)
        return float(norms[0]), float(norms[1])

    @cached_property
    def repeated(self) -> dict[int, int]:
        """By slice the first one with its pictures, see :func:`repeated_slices`."""
        return repeated_slices(self.image)

    @property
    def label_drawn(self) -> bool:
        """A network has drawn ``label_ed``."""
        return self.label_ed is not None and self.label_found not in (None, GIVEN)

    @property
    def itk_affine(self) -> np.ndarray:
        """``(4, 4)``: voxel index in memory to RAS millimetres, as ITK places the cine."""
        return replace(self.storage, affine=self.forms.itk).memory_affine

    def with_arrays(self, **changes: Any) -> Cine:
        """The study with other arrays; storage, forms and slabs follow from them anew."""
        anew: dict[str, Any] = {"storage": None, "forms": None, "slabs": None}
        return replace(self, **(anew | changes))

    def from_ed(self, frames: np.ndarray, axis: int) -> np.ndarray:
        """Frames in the order in which networks see them: end-diastole first.

        Args:
            frames: one entry a frame along ``axis``, in the order of the file.
            axis: that of time.

        Returns:
            The same entries, cyclic, so that what came before end-diastole follows the last.
        """
        return np.roll(frames, -self.ed_frame, axis)

    def to_file(self, frames: np.ndarray, axis: int) -> np.ndarray:
        """Frames in the order of the file; undoes :meth:`from_ed`.

        Args:
            frames: one entry a frame along ``axis``, end-diastole first.
            axis: that of time.

        Returns:
            The same entries.
        """
        return np.roll(frames, self.ed_frame, axis)


def read_cine(
    study: Mapping[str, object],
    label_coding: str | Mapping[object, object] = "auto",
    *,
    still: bool = False,
) -> Cine:
    """Read one study and check it.

    Args:
        study: ``image`` and optionally ``name``, ``label_ed``, ``label_es``, ``info``,
            ``ed_frame``, ``es_frame`` (the frames given here win over those in ``info``).
        label_coding: a key of :data:`~myomotion.io.labels.LABEL_CODINGS`, codes with what they mean
            (``{1: myocardium, 2: cavity}``), or ``"auto"``: what ``info.json`` says, else what the
            shapes say (:func:`~myomotion.io.label_geometry.meanings`).
        still: take a single frame ``(x, y, z)`` too, which then is end-diastole.

    Returns:
        The checked cine.

    Raises:
        InputError: for a missing or unreadable file, wrong dimensions, fewer than two frames, NaN
            or constant intensities, a frame index out of range, labels of another shape, unknown
            codes or no myocardium.

    Examples:
        >>> cine = read_cine({"image": "patient001/sa.nii.gz", "ed_frame": 0})
        >>> cine.image.shape, cine.ed_frame, cine.ed_found
        ((216, 256, 10, 30), 0, 'given')
        >>> cines = [read_cine(study) for study in find_studies("my_cines")]
    """
    path = Path(str(study["image"]))
    info = read_info(str(study["info"]) if study.get("info") is not None else None)
    source = read_cine_image(path, info)
    values = source.values
    if still and values.ndim == 3:
        # What info.json says of frames and times is about the cine that this one was taken from.
        values = values[..., None]
        info = replace(
            info, ed_frame=None, es_frame=None, frame_times_ms=None, frame_interval_ms=None
        )
    check_dimensions(path, values)
    storage = storage_of(values.shape, source.affine)
    if storage.order[2] == 2:  # else the voxels' size has told the slices apart
        check_order(path, values)
    image = storage.to_memory(values)
    image, gaps = without_gaps(image)
    check_frames(path, image, fewest=1 if still else 2)
    image, padded = without_padding(image)
    frames = image.shape[3]
    es_value = study.get("es_frame", info.es_frame)
    es_frame = None if es_value is None else _frame_index(es_value, frames, "es_frame", path)
    coding = info.labels if label_coding == "auto" else label_coding
    read: dict[str, Label] = {}
    for key in ("label_ed", "label_es"):
        if study.get(key):
            placed = storage.affine if source.placed else None
            itk = None if source.forms is None else source.forms.itk
            file, first = str(study[key]), read.get("label_ed")
            read[key] = read_label(file, storage.shape, coding, placed, frames, first, itk)
    labels = {key: storage.to_memory(label.map) for key, label in read.items()}
    ed_value = study.get("ed_frame", info.ed_frame)
    if ed_value is None:
        ed = find_end_diastole(image, storage.memory_affine, labels.get("label_ed"))
    else:
        ed = EndDiastole(_frame_index(ed_value, frames, "ed_frame", path), "given")
    warnings = [*source.warnings, *(w for w in (gaps, padded, ed.warning) if w)]
    warnings += [note for label in read.values() for note in label.notes]
    warnings += [str(note) for note in study.get("not_read") or []]  # type: ignore[attr-defined]
    levels = list(info.levels)
    if len(levels) != image.shape[2]:
        levels = [slice_name(z) for z in range(image.shape[2])]
    given_times = info.frame_times(frames)
    cine = Cine(
        name=str(study.get("name", image_title(path))),
        image=image,
        affine=storage.memory_affine,
        ed_frame=ed.frame,
        es_frame=es_frame,
        label_ed=labels.get("label_ed"),
        label_es=labels.get("label_es"),
        levels=levels,
        frame_times_ms=source.frame_times_ms if given_times is None else given_times,
        files={k: str(study[k]) for k in STUDY_FILES if k in study},
        ed_found=ed.found,
        label_found=GIVEN if "label_ed" in labels else None,
        source=source.record,
        warnings=warnings,
        storage=storage,
        forms=source.forms,  # type: ignore[arg-type]
        slabs=slabs_of(
            storage.memory_affine,
            image.shape[2],
            source.places_mm,
            info,
            None if source.sideways_mm is None else storage.offsets_to_memory(source.sideways_mm),
        ),
        subject=info.subject,
        septum_points=_septum_points(info, storage),
    )
    cine.warnings += _doubts(path, cine, info.levels)
    return cine


def _doubts(path: Path, cine: Cine, named: Sequence[str]) -> list[str]:
    """What the user should know about pictures, label, names of slices and header."""
    found, slices = [], cine.image.shape[2]
    if blank := blank_slices(cine.image):
        which = f"Slice{'s' * (len(blank) > 1)} {', '.join(map(str, blank))}"
        found.append(f"{which}: one value throughout; nothing is measured there.")
    if cine.repeated:
        found.append(
            f"{path.name}: {repeats_named(cine.repeated)} in every frame: it is in the stack "
            "twice. Remove it from the cine and from its labels."
        )
    if cine.label_ed is not None and not (cine.label_ed == MYOCARDIUM).any():
        found.append(
            f"{Path(cine.files['label_ed']).name} labels the cavity alone. Give the myocardium for "
            "what rests on it."
        )
    if named and len(named) != slices:
        found.append(
            f"info.json names {len(named)} slices, the cine has {slices}: the names were not used."
        )
    return found + tilt_warnings(cine.storage.affine, cine.forms)


def _septum_points(info: StudyInfo, storage: Storage) -> np.ndarray | None:
    """Insertions of the right ventricle that ``info.json`` names, in memory."""
    value: Any = info.septum_points
    if value is None:
        return None
    try:
        points = np.array([value[key] for key in ("anterior", "inferior")], float)
    except (TypeError, ValueError, KeyError):
        points = np.empty(0)
    inside = points.shape == (2, 3) and bool((points >= 0).all())
    if not inside or len(value) > 2 or (points > np.array(storage.shape) - 1).any():
        raise InputError(
            f"{info.path}: septum_points is {str(value)[:80]}, expected two of the file's "
            f"{' x '.join(map(str, storage.shape))} voxels, counted from 0: "
            '{"anterior": [a, b, c], "inferior": [a, b, c]}.'
        )
    there = np.stack([storage.point_to_memory(point) for point in points])
    if there[0, 2] != there[1, 2]:
        raise InputError(
            f"{info.path}: septum_points lie in slices {there[0, 2]:g} and {there[1, 2]:g}. Give "
            "both in one slice."
        )
    return there


def _frame_index(value: object, frames: int, name: str, path: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < frames:
        raise InputError(
            f"{path}: {name} is {value!r}, but the cine has frames 0 to {frames - 1}, counted from "
            "0. Correct it."
        )
    return value
