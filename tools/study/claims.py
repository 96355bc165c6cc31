"""What a study must show: ours leads at equal volume preservation, and is fast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from myomotion.claims import Claim, at_least, not_run
from myomotion.core.segments import LEVELS
from tools.study.config import StudyConfig
from tools.study.equal import MATCHED, VOLUME
from tools.study.tables import Results, at_level, mean_of
from tools.study.timing import Times


def lead_claims(
    data: str,
    config: StudyConfig,
    results: Results,
    matched: Mapping[str, list[dict[str, Any]] | None],
) -> Iterator[Claim]:
    """At the peer's abs(abs(J) - 1), ours is not behind in MCD and Dice at any level.

    Args:
        data: name of the data set.
        config: the study.
        results: rows by method.
        matched: from :func:`tools.study.equal.matched_pairs`.

    Yields:
        Two claims a level and peer.
    """
    for name, ours in matched.items():
        label = config.method(name).label
        volume = mean_of(results[name], VOLUME)
        if ours is None:
            reason = f"no weight of R_VAE tried encloses abs(abs(J) - 1) = {volume:.3f}"
            yield not_run(f"{data}: ours against {label}", ">= 0", reason)
            continue
        for level in LEVELS:
            both = [at_level(rows, level) for rows in (results[name], ours)]
            if not all(both):
                continue
            for figure in MATCHED:
                theirs, own = (mean_of(rows, figure) for rows in both)
                gain = own - theirs if figure == "dice" else theirs - own
                note = f"{own:.4f} against {theirs:.4f} at abs(abs(J) - 1) = {volume:.3f}"
                kind = "Dice" if figure == "dice" else "MCD"
                unit = "" if figure == "dice" else "mm"
                yield at_least(f"{data}, {level}: {kind}, lead over {label}", gain, 0, unit, note)


def time_claims(config: StudyConfig, times: Times) -> Iterator[Claim]:
    """The fast method tracks a whole stack so many times as fast as the slow one.

    Args:
        config: the study; its ``time`` names the methods and the ratio.
        times: from :func:`tools.study.timing.stack_time`, by method.

    Yields:
        One claim, none where the configuration has none.
    """
    if not config.time:
        return
    fast, slow = config.time["fast"], config.time["slow"]
    claim = f"a whole stack: {config.method(slow).label} / {config.method(fast).label}, times"
    if fast not in times or slow not in times:
        yield not_run(claim, f">= {config.time['ratio']:g}", "one of them did not run")
        return
    ratio = times[slow]["stack"] / times[fast]["stack"]
    note = f"{times[slow]['stack']:.2f} and {times[fast]['stack']:.3f} s, one core"
    yield at_least(claim, ratio, float(config.time["ratio"]), "", note)
