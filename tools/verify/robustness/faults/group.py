"""Claims: every row of the list of faults gives the right value, is refused clearly, or said."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fem_sim.claims import Claim, Groups, at_most, not_run
from myomotion.io.cine import read_cine
from myomotion.io.labels import MYOCARDIUM
from myomotion.tracker import Tracker
from tools.verify.robustness.faults.changes import cine_of, copy_study, label_of, save, save_label
from tools.verify.robustness.faults.cycles import CYCLES
from tools.verify.robustness.faults.drawn import draw_study
from tools.verify.robustness.faults.labels import LABELS
from tools.verify.robustness.faults.pictures import PICTURES
from tools.verify.robustness.faults.places import place_faults
from tools.verify.robustness.faults.row import Outcome, Row, look
from tools.verify.robustness.faults.storage import STORED
from tools.verify.robustness.faults.words import COMMANDS, INFO_ROWS
from tools.verify.robustness.given import Given, Study

LONG_CYCLE = 20  # of the real and the virtual cine whose cycle is changed
OFF_CENTRE = (14, -9)
KINDS: dict[str, Iterable[Row]] = {
    "K2": LABELS,
    "K3": PICTURES,
    "K4": CYCLES,
    "K5": STORED,
    "K6": INFO_ROWS,
}


def fault_groups(given: Given) -> Groups:
    """One group a kind of fault, K1 to K6.

    Args:
        given: the first real and the first virtual cine that are long enough are changed as well.

    Returns:
        Names and measurements.
    """
    bench = Bench(given)

    def tracked(kind: str) -> Callable[[], Iterator[Claim]]:
        return lambda: (bench.claim(kind, row) for row in KINDS[kind])

    def words() -> Iterator[Claim]:
        yield from tracked("K6")()
        yield from bench.command_claims()

    return {
        "K1": bench.place_claims,
        **{kind: tracked(kind) for kind in KINDS if kind != "K6"},
        "K6": words,
    }


class Bench:
    """Sound studies, what comes of them, and trackers; each made once.

    Args:
        given: see :func:`fault_groups`.
    """

    def __init__(self, given: Given) -> None:
        self.given = given
        self.folder = given.work / "faults"
        self.sound = cache(self._sound)
        self.clean = cache(self._clean)
        self.number = 0

    def claim(self, kind: str, row: Row) -> Claim:
        """Do what a row says, and judge what comes out.

        Args:
            kind: of fault.
            row: of the list.
        """
        name = f"{kind}: {row.name}" + (f", {row.of} cine" if row.of != "drawn" else "")
        sound = self.sound(row.of)
        if sound is None:
            return not_run(name, "<= 0", f"no {row.of} cine was given (--real)")
        self.number += 1
        copy = self.folder / f"{self.number:03d}" / "study"
        shutil.copytree(sound, copy)
        try:
            place = row.change(copy)
            found = look(place if isinstance(place, Path) else copy, tracker(**row.settings))
            fault = row.right(found, self.clean(row.of))
            note = f"{found} [sound: {self.clean(row.of)}]"
        except Exception as error:  # anything but a refusal is a traceback at a user's desk
            fault, note = f"{type(error).__name__}: {error}", ""
        return at_most(name, float(fault is not None), 0, "", f"{fault}; {note}" if fault else note)

    def place_claims(self) -> Iterator[Claim]:
        """Kind K1."""
        self.folder.mkdir(exist_ok=True)
        for row, found in place_faults(self.folder / "K1"):
            yield at_most(f"K1: {row}", len(found), 0, "", "; ".join(found))

    def command_claims(self) -> Iterator[Claim]:
        """Command lines of kind K6."""
        for number, command in enumerate(COMMANDS):
            world = self.folder / f"K6_{number:02d}"
            for name in ("study", "studies/a", "studies/b"):
                draw_study(world / name, frames=4, slices=1)
            line, fault = command.fault(world)
            note = f"{fault}; {line}" if fault else line
            yield at_most(f"K6: {command.name}", float(fault is not None), 0, "", note)

    def _sound(self, of: str) -> Path | None:
        folder = self.folder / "sound" / of.replace(" ", "_")
        if of == "drawn":
            draw_study(folder)
        elif of == "long":
            draw_study(folder, frames=20)
        elif of == "deep":
            draw_study(folder, slices=4, frames=12)
        elif of == "tapering":
            draw_study(folder, slices=6)
        elif of == "drawn off centre":
            draw_study(folder, size=96)
            save(folder, np.roll(cine_of(folder)[0], OFF_CENTRE, (0, 1)))
            save_label(folder, np.roll(label_of(folder), OFF_CENTRE, (0, 1)))
        else:
            studies = self.given.real_studies if of == "real" else self.given.virtual_studies
            study = next(filter(_is_long, studies), None)
            if study is None:
                return None
            copy_study(study, folder)
        return folder

    def _clean(self, of: str) -> Outcome:
        sound = self.sound(of)
        assert sound is not None
        return look(sound, tracker())


@cache
def _tracker(settings: tuple[tuple[str, Any], ...]) -> Tracker:
    return Tracker(**dict(settings))


def tracker(**settings: Any) -> Tracker:
    """The tracker of these settings, made once."""
    return _tracker(tuple(sorted(settings.items())))


def _is_long(study: Study) -> bool:
    if not str(study["image"]).endswith(".nii.gz") or "label_ed" not in study:
        return False
    cine = read_cine(study)
    assert cine.label_ed is not None
    return cine.image.shape[3] >= LONG_CYCLE and bool((cine.label_ed == MYOCARDIUM).any())
