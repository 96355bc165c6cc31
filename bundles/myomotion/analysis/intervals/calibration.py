"""The table that turns the spread of repeats into an interval, and what it was made for.

Half of an interval is ``factor hypot(floor, spread)``, with the standard deviation of the repeats
as spread. Floor and factor of every kind of number were chosen on virtual hearts: the factor is the
quantile of ``|error| / hypot(floor, spread)`` that covers the level (split conformal prediction:
Lei et al., J Am Stat Assoc 2018; 113:1094), the floor that with the narrowest intervals.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from myomotion.errors import InputError
from myomotion.files.paths import given_path
from myomotion.files.tables import json_text

GLOBAL, SLICE, SEGMENT = KINDS = ("global", "slice", "segment")
GIVEN, DRAWN = CONTOURS = ("given", "drawn")
#: What motion depends on; the others of a run's parameters change no strain of the same contours.
ALWAYS = (
    *("weights_sha256", "field", "spacing", "size"),
    *("tissues", "guide", "segmentation_weights_sha256"),
)
REFINING = ("vae_weights_sha256",)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How far a kind of number is off.

    Attributes:
        floor: error that repeats do not show, in the unit of the number.
        factor: of the error that both say.
    """

    floor: float
    factor: float

    def half_width(self, spread: float) -> float:
        """Half of the interval of a number with this spread over repeats."""
        return self.factor * float(np.hypot(self.floor, spread))


Scales = Mapping[tuple[str, str], Scale]  # by kind and key


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Scales of numbers, for the ways of tracking that they were measured with.

    Attributes:
        level: share of numbers that are to lie within their interval.
        repeats: of the tracking of each heart.
        made_of: what the hearts were.
        methods: name, the parameters of the run, and scales by contours, kind and key.
    """

    level: float
    repeats: int
    made_of: str
    methods: tuple[tuple[str, Mapping[str, Any], Mapping[str, Scales]], ...]

    def scales(self, parameters: Mapping[str, Any], contours: str) -> Scales | None:
        """Scales of a run.

        Args:
            parameters: from :func:`~myomotion.analysis.provenance.run_parameters`.
            contours: one of :data:`CONTOURS`.

        Returns:
            By kind and key; None where the run was tracked with other weights or settings.
        """
        wanted = tracking_parameters(parameters)
        for _, own, scales in self.methods:
            if own == wanted:
                return scales.get(contours)
        return None

    def repeats_for(self, parameters: Mapping[str, Any]) -> int:
        """How often a run is to be repeated: not at all where it is not calibrated.

        Args:
            parameters: as for :meth:`scales`.
        """
        wanted = tracking_parameters(parameters)
        return self.repeats * any(own == wanted for _, own, _ in self.methods)


def tracking_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a run's parameters that its motion depends on.

    Args:
        parameters: from :func:`~myomotion.analysis.provenance.run_parameters`.

    Returns:
        A part of them; without a refinement its settings do not count.
    """
    keys = [key for key in ALWAYS if key in parameters]
    if parameters.get("refine_steps"):
        keys += [key for key in parameters if key in REFINING or key.startswith("refine_")]
    # As they come back from JSON.
    found: dict[str, Any] = json.loads(json_text({key: parameters[key] for key in sorted(keys)}))
    return found


def load_calibration(path: str | Path | None) -> Calibration | None:
    """Read a table.

    Args:
        path: JSON that ``python -m tools.training.intervals`` has written; None for none.

    Returns:
        The calibration; None without a path.

    Raises:
        InputError: if the file cannot be read or is no such table.
    """
    if path is None:
        return None
    file = given_path(path)
    fix = "Write it with python -m tools.training.intervals, or set intervals to false."
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
        methods = tuple(
            (str(method["name"]), method["parameters"], _scales(method["numbers"]))
            for method in table["methods"]
        )
        return Calibration(
            level=float(table["level"]),
            repeats=int(table["repeats"]),
            made_of=str(table["made_of"]),
            methods=methods,
        )
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}). {fix}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file}: no table of intervals ({error!r}). {fix}") from error


def _scales(numbers: Mapping[str, Any]) -> dict[str, Scales]:
    return {
        contours: {
            (kind, key): Scale(floor=float(own["floor"]), factor=float(own["factor"]))
            for kind, keys in kinds.items()
            for key, own in keys.items()
        }
        for contours, kinds in numbers.items()
    }
