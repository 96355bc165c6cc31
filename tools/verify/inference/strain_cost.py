"""Claims about what strain and its intervals cost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fem_sim.claims import Claim, at_most
from myomotion.analysis.intervals.repeats import repeated_numbers
from myomotion.analysis.measures.tracked import tracked_slices
from myomotion.analysis.motion import source_motion
from myomotion.analysis.tables.strain import strain_rows
from myomotion.transforms.repeat_motion import RepeatMotion
from tools.evaluate.hearts import METHODS, tracker_of
from tools.training.intervals import REPORTED_ON, heart_jobs

WITHOUT_S, WITH_S = 4.0, 15.0


def cost_claims(cines: Path, work: Path) -> Iterator[Claim]:
    """Processor time of strain of one virtual heart, and of its intervals.

    Args:
        cines: folder of virtual cines with a section ``test``.
        work: folder of records.
    """
    study = heart_jobs(cines, work, REPORTED_ON, 1)[0].study
    for method in METHODS:
        tracker = tracker_of(method)
        item: dict[Any, Any] = tracker.motion(tracker.load(dict(study)))
        slices, frames = item["image"].shape[:2]
        motion = source_motion(item["slices"], item["displacement"], item["inverse"])
        start = time.process_time()
        tracked = tracked_slices(motion)
        strain_rows(tracked)
        plain = time.process_time() - start
        again = RepeatMotion(tracker.network, tracker.inferer, tracker.refine, tracker.integrate)
        repeated_numbers(tracked, again(dict(item))["repeats"])
        note = f"{slices} levels x {frames} frames, processor time"
        title = f"strain of a study, {method}"
        yield at_most(f"{title}, without intervals", plain, WITHOUT_S, "s", note)
        whole = time.process_time() - start
        yield at_most(f"{title}, with intervals", whole, WITH_S, "s", note)
