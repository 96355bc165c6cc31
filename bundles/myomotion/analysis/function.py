"""Ventricular function: volumes over the cycle, ejection fraction, mass, rates and output.

Everything follows from areas of cavity and wall in every frame and slice, wherever they come from:
the contours of every frame (:mod:`myomotion.analysis.areas`), or somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from myomotion.analysis.areas import MOVED_LABEL, Areas, label_areas
from myomotion.analysis.timing import cycle_ms
from myomotion.core.coverage import why_partial, without_systole
from myomotion.core.rates import FEWEST_SMOOTHED, harmonics_of, steepest_rates
from myomotion.core.stack_order import StackOrder, stack_order
from myomotion.io.cine import Cine
from myomotion.io.labels import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE
from myomotion.io.pictures.padding import blank_slices
from myomotion.io.pictures.repeats import repeats_among, repeats_named

MYOCARDIUM_G_PER_ML = 1.05
SEEN = "seen_"  # begins keys of what is no whole ventricle
CONTOURS = "papillary muscles and trabeculae are cavity or wall as the end-diastolic label has them"
MOVED_ALONE = "; they move with it, and are not judged anew in other frames"
PER_AREA = {  # what is also given for a square metre of body surface
    "lv_edv_ml": "lv_edv_ml_per_m2",
    "lv_esv_ml": "lv_esv_ml_per_m2",
    "lv_sv_ml": "lv_sv_ml_per_m2",
    "lv_mass_g": "lv_mass_g_per_m2",
    "cardiac_output_l_per_min": "cardiac_index_l_per_min_per_m2",
    "rv_edv_labelled_ml": "rv_edv_labelled_ml_per_m2",
    "rv_esv_labelled_ml": "rv_esv_labelled_ml_per_m2",
}

Numbers = dict[str, float | None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Function:
    """Function of the ventricles.

    Attributes:
        areas: what it rests on.
        volume_ml: cavity ``(T,)``; None where the distance of the slices is nominal.
        wall_volume_ml: the same of the wall; None where it is not known either.
        volume_ratio: cavity relative to end-diastole, ``(T,)``.
        partial: why this is not the whole left ventricle but that of the slices seen; None where
            it is whole.
        numbers: by key with unit, None where unknown; keys of a ventricle that is not seen whole
            begin with :data:`SEEN`.
        about: what they rest on, for ``summary.json``.
        warnings: what a reader is told of numbers that are left out.
    """

    areas: Areas
    volume_ml: np.ndarray | None
    wall_volume_ml: np.ndarray | None
    volume_ratio: np.ndarray
    partial: str | None
    numbers: Numbers
    about: dict[str, Any]
    warnings: list[str]

    def number(self, key: str) -> float | None:
        """A number of the ventricle, or, where that is not known, of the slices seen."""
        whole = self.numbers.get(key)
        return self.numbers.get(SEEN + key) if whole is None else whole


def ventricular_function(
    areas: Areas,
    cine: Cine,
    es_frame: int,
    whole_cycle: bool = True,
    order: StackOrder | None = None,
) -> Function:
    """Function from areas.

    Volumes are sums over the slices of area times :class:`~myomotion.io.slabs.Slabs`. End-diastole
    and end-systole are the frames that the study has. The mass is that of the wall at end-diastole.

    Args:
        areas: of every frame and slice.
        cine: the study: slabs, labels, frame times, patient.
        es_frame: end-systolic frame.
        whole_cycle: the last frame is followed by the first, so that rates and heart rate follow
            from frame times.
        order: where base and apex are; by the areas if None.

    Returns:
        The numbers.

    Raises:
        ValueError: if the areas are not those of the cine's frames and slices, or there is no
            cavity at end-diastole.
    """
    shape = (cine.image.shape[3], cine.image.shape[2])
    parts = [areas.cavity_mm2] if areas.wall_mm2 is None else [areas.cavity_mm2, areas.wall_mm2]
    if any(part.shape != shape for part in parts):
        raise ValueError(f"areas of shape {parts[0].shape} for {shape} frames and slices")
    ed, slabs = cine.ed_frame, cine.slabs
    volume = areas.cavity_mm2 @ slabs.thickness_mm / 1000
    if not volume[ed] > 0:
        raise ValueError(f"no cavity at end-diastole, frame {ed}")
    wall = None if areas.wall_mm2 is None else areas.wall_mm2 @ slabs.thickness_mm / 1000
    known = slabs.doubt is None
    cavity, whole = areas.cavity_mm2[ed], np.sum(parts, 0)[ed]
    order = stack_order(cine.levels, whole.tolist(), cine.affine) if order is None else order
    first = order.base_first
    partial = _why_partial(cine, cavity, whole, first)
    rate, rate_from = _heart_rate(cine, whole_cycle)
    left = _volumes("lv_", volume[ed], volume[es_frame])
    left["lv_mass_g"] = None if wall is None else float(wall[ed]) * MYOCARDIUM_G_PER_ML
    rates = _rates(volume, cine, ed, whole_cycle)
    left |= rates
    left["cardiac_output_l_per_min"] = None if rate is None else left["lv_sv_ml"] * rate / 1000
    left |= _labelled(cine, CAVITY, "lv_", first, with_ed=False)
    surface = body_surface_m2(cine.subject.height_cm, cine.subject.weight_kg)
    numbers = _scoped(left, known, surface, partial)
    right = _labelled(cine, RIGHT_VENTRICLE, "rv_", first)
    if right:
        assert cine.label_ed is not None
        shown = label_areas(cine.label_ed, RIGHT_VENTRICLE, cine.spacing)
        right_partial = _why_partial(cine, shown, shown, first)
        numbers |= _scoped(right, known, surface, right_partial)
    return Function(
        areas=areas,
        volume_ml=volume if known else None,
        wall_volume_ml=wall if known else None,
        volume_ratio=volume / volume[ed],
        partial=partial,
        numbers={**numbers, "heart_rate_bpm": rate, "body_surface_m2": surface},
        about={
            "of": "whole left ventricle" if partial is None else f"slices seen: {partial}",
            "slices": int((areas.cavity_mm2[ed] > 0).sum()),
            "areas_from": areas.found,
            "contours": CONTOURS + (MOVED_ALONE if areas.found == MOVED_LABEL else ""),
            "slice_distance_mm": slabs.mean_mm,
            "slice_distance_from": slabs.found,
            "slice_distance_known": known,
            "no_ml_because": slabs.doubt,
            "heart_rate_from": rate_from,
            "rates_from": (
                f"volume curve, smoothed by {harmonics_of(len(volume))} harmonics of the cycle"
                if rates
                else None
            ),
        },
        warnings=_label_warnings(cine, first),
    )


def body_surface_m2(height_cm: float | None, weight_kg: float | None) -> float | None:
    """Body surface area, ``sqrt(height weight / 3600)`` (Mosteller, N Engl J Med 1987; 317:1098).

    Args:
        height_cm: or None.
        weight_kg: or None.

    Returns:
        Square metres; None unless both are known.
    """
    if height_cm is None or weight_kg is None:
        return None
    return float(np.sqrt(height_cm * weight_kg / 3600))


def _why_partial(cine: Cine, cavity: np.ndarray, whole: np.ndarray, base_first: bool) -> str | None:
    """Why slices are not a whole ventricle, see :func:`~myomotion.core.coverage.why_partial`."""
    if repeated := repeats_among(cine.repeated, np.flatnonzero(whole).tolist()):
        return repeats_named(repeated)
    pictures = np.setdiff1d(np.arange(len(whole)), blank_slices(cine.image)).tolist()
    return why_partial(cavity, whole, pictures, cine.slabs.neighbours, base_first)


def _volumes(prefix: str, ed: float, es: float | None, about: str = "") -> dict[str, Any]:
    """End-diastolic, end-systolic and stroke volume and ejection fraction."""
    stroke = None if es is None else float(ed - es)
    return {
        f"{prefix}edv{about}_ml": float(ed),
        f"{prefix}esv{about}_ml": None if es is None else float(es),
        f"{prefix}sv{about}_ml": stroke,
        f"{prefix}ef{about}_percent": None if stroke is None else 100 * stroke / float(ed),
    }


def _labelled(
    cine: Cine, code: int, prefix: str, base_first: bool, with_ed: bool = True
) -> dict[str, Any]:
    """Volumes by the user's labels alone; nothing without the part at end-diastole."""
    if cine.label_ed is None or cine.label_drawn or not (cine.label_ed == code).any():
        return {}
    labels = [cine.label_ed]
    if (
        cine.label_es is not None
        and (cine.label_es == code).any()
        and not _unmatched_slices(cine, code, base_first)
        and not _exchanged(cine, code)
    ):
        labels.append(cine.label_es)
    slabs = cine.slabs.thickness_mm
    found = [float(label_areas(label, code, cine.spacing) @ slabs) / 1000 for label in labels]
    numbers = _volumes(prefix, found[0], found[1] if len(found) > 1 else None, "_labelled")
    return numbers if with_ed else {k: v for k, v in numbers.items() if "edv" not in k}


def labelled_share(cine: Cine, code: int) -> float | None:
    """Area of a part at end-systole over that at end-diastole, by the user's labels alone.

    Args:
        cine: the study.
        code: of the part, in the internal coding.

    Returns:
        The share over the slices in which both labels show the part; None where there is none.
    """
    if cine.label_ed is None or cine.label_es is None or cine.label_drawn:
        return None
    end, systole = ((label == code).sum((0, 1)) for label in (cine.label_ed, cine.label_es))
    both = (end > 0) & (systole > 0)
    return float(systole[both].sum() / end[both].sum()) if both.any() else None


def _exchanged(cine: Cine, code: int) -> bool:
    """The labels are the same or exchanged: at end-systole a ventricle is not smaller."""
    share = labelled_share(cine, code)
    return share is not None and share >= 1


def _unmatched_slices(cine: Cine, code: int, base_first: bool) -> list[int]:
    """Slices in which one of the user's labels shows a part and the other must but does not.

    See :func:`~myomotion.core.coverage.without_systole`; a single slice that is labelled at
    end-systole alone, where a contour begins or ends, does not count.
    """
    end, systole = cine.label_ed, cine.label_es
    if end is None or systole is None or cine.label_drawn or not (systole == code).any():
        return []
    parts = (CAVITY, MYOCARDIUM) if code == CAVITY else (code,)
    whole = np.isin(end, parts).sum((0, 1))
    missing = without_systole(
        cavity=(end == code).sum((0, 1)),
        shown=np.isin(systole, parts).sum((0, 1)) > 0,
        looked_at=(systole > 0).sum((0, 1)) > 0,
        distance_mm=cine.slabs.mean_mm,
        base_first=base_first,
    )
    extra = np.flatnonzero((systole == code).any((0, 1)) & (whole == 0)).tolist()
    return sorted(missing + (extra if len(extra) > 1 else []))


def _label_warnings(cine: Cine, base_first: bool) -> list[str]:
    """What a reader is told of volumes that are not summed, as the labels do not match."""
    warnings = []
    for code, name in ((CAVITY, "left"), (RIGHT_VENTRICLE, "right")):
        if slices := _unmatched_slices(cine, code, base_first):
            warnings.append(
                "The end-diastolic and the end-systolic label are not of the same slices of the "
                f"{name} ventricle (slice {', '.join(map(str, slices))}): no end-systolic volume "
                "and ejection fraction by the labels. Label the same slices in both."
            )
        if _exchanged(cine, code):
            warnings.append(
                f"The {name} ventricle is not smaller in the end-systolic label than in the "
                "end-diastolic one: no end-systolic volume and ejection fraction by the labels. "
                "Check whether the two files are exchanged or the same."
            )
    return warnings


def _rates(volume: np.ndarray, cine: Cine, ed: int, whole_cycle: bool) -> Numbers:
    """Peak ejection and filling rates in millilitres and end-diastolic volumes a second."""
    times, cycle = cine.frame_times_ms, cycle_ms(cine)
    if times is None or cycle is None or not whole_cycle or len(volume) < FEWEST_SMOOTHED:
        return {}
    rates = steepest_rates(volume, times, cycle)
    assert rates is not None
    names = ("lv_peak_ejection_rate", "lv_peak_filling_rate")
    absolute = {f"{n}_ml_per_s": r for n, r in zip(names, rates, strict=True)}
    relative = {f"{n}_edv_per_s": r / volume[ed] for n, r in zip(names, rates, strict=True)}
    return {key: float(value) for key, value in (absolute | relative).items()}


def _heart_rate(cine: Cine, whole_cycle: bool) -> tuple[float | None, str | None]:
    """Beats in a minute, and where they are from."""
    if cine.subject.heart_rate_bpm is not None:
        return cine.subject.heart_rate_bpm, "info.json"
    cycle = cycle_ms(cine)
    if cycle is None or not whole_cycle:
        return None, None
    return 60000 / cycle, "frame times of a whole cycle"


def _scoped(
    numbers: Mapping[str, Any], known: bool, surface: float | None, partial: str | None
) -> Numbers:
    """Numbers with those for a square metre, under keys that say whether they are the ventricle's.

    What needs millilitres is None where the distance of the slices is nominal.
    """
    indexed = {
        index: numbers[key] / surface
        for key, index in PER_AREA.items()
        if surface and numbers.get(key) is not None
    }
    together = {
        key: value if known or key.endswith(("_percent", "_edv_per_s")) else None
        for key, value in {**numbers, **indexed}.items()
    }
    return {(SEEN if partial else "") + key: value for key, value in together.items()}
