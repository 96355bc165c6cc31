"""What a study must show: ours leads, at equal volume preservation, without labels, and is fast."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fem_sim.claims import Claim, at_least, at_most, not_run
from tools.study.config import StudyConfig
from tools.study.equal import CONTOUR_MEASURES, VOLUME, parts_of
from tools.study.statistics import HIGHER_IS_BETTER, holm
from tools.study.tables import Results, comparisons, groups_of, in_group, mean_of
from tools.study.timing import Times

TIME_GROUP = "time"
LOST_AT_MOST = {  # without a label: heading, limit and unit
    "dice": ("Dice", 0.01, ""),
    "mcd_mm": ("MCD", 0.1, "mm"),
    "cavity_dice": ("Dice of the moved cavity", 0.01, ""),
}


def lead_group(data: str) -> str:
    """Name of the group of :func:`lead_claims` on a data set."""
    return f"{data} cines"


def lead_claims(
    data: str,
    config: StudyConfig,
    results: Results,
    matched: Mapping[str, list[dict[str, Any]] | None],
) -> Iterator[Claim]:
    """At the peer's abs(abs(J) - 1), ours is not behind in MCD and Dice at a level or in a group.

    Args:
        data: name of the data set.
        config: the study.
        results: rows by method.
        matched: from :func:`tools.study.equal.matched_pairs`.

    Yields:
        Two claims a level or group and peer.
    """
    for name, ours in matched.items():
        label = config.method(name).label
        volume = mean_of(results[name], VOLUME)
        if ours is None:
            reason = f"no weight of R_VAE tried encloses abs(abs(J) - 1) = {volume:.3f}"
            yield not_run(f"{data}: ours against {label}", ">= 0", reason)
            continue
        for part, pick in parts_of(results).items():
            both = [pick(rows) for rows in (results[name], ours)]
            if not all(both):
                continue
            for measure in CONTOUR_MEASURES:
                theirs, own = (mean_of(rows, measure) for rows in both)
                gain = own - theirs if measure == "dice" else theirs - own
                note = f"{own:.4f} against {theirs:.4f} at abs(abs(J) - 1) = {volume:.3f}"
                kind = "Dice" if measure == "dice" else "MCD"
                unit = "" if measure == "dice" else "mm"
                yield at_least(f"{data}, {part}: {kind}, lead over {label}", gain, 0, unit, note)


def best_peer_claims(data: str, config: StudyConfig, results: Results) -> Iterator[Claim]:
    """Ours against the peer with the smallest contour distance: is the difference chance?

    Args:
        data: name of the data set.
        config: the study.
        results: rows by method.

    Yields:
        One claim: p of the Wilcoxon test over subjects after Holm's correction over all peers.
    """
    pairs = comparisons(config, results, ("mcd_mm",))
    if not pairs:
        return
    corrected = dict(zip((c.peer for c in pairs), holm([c.p for c in pairs]), strict=True))
    best = min(pairs, key=lambda c: mean_of(results[c.peer], "mcd_mm"))
    name = f"{data}: MCD against the best peer, {config.method(best.peer).label}: p"
    note = f"ours - peer {best.difference:+.3f} mm over {best.n} subjects, Holm over all peers"
    worse = "ours is behind; " if best.difference >= 0 else ""
    yield at_most(name, 1.0 if worse else corrected[best.peer], 0.05, "", worse + note)


def first_claims(
    data: str, config: StudyConfig, results: Results, name: str, measures: Sequence[str]
) -> Iterator[Claim]:
    """A method of ours is not behind any peer in each group of hearts.

    Args:
        data: name of the data set.
        config: the study.
        results: rows by method.
        name: of the method.
        measures: in which ones.

    Yields:
        One claim a measure: the smallest lead over the best peer of a group; the groups are noted.
    """
    peers = [p.name for p in config.peers() if p.name in results and p.name != name]
    for measure in measures if peers and name in results else ():
        sign = 1 if measure in HIGHER_IS_BETTER else -1
        leads = {}
        for group in groups_of(results):
            own = sign * mean_of(in_group(results[name], group), measure)
            best = max(sign * mean_of(in_group(results[p], group), measure) for p in peers)
            leads[group] = own - best
        if leads:
            label = config.method(name).label
            note = ", ".join(f"{group} {lead:+.3f}" for group, lead in leads.items())
            claim = f"{data}: {measure}, {label}: least lead over the best peer of a group"
            yield at_least(claim, min(leads.values()), 0, "", note)


def unlabelled_claims(data: str, config: StudyConfig, results: Results) -> Iterator[Claim]:
    """Without a label ours is about as good as with one.

    Args:
        data: name of the data set.
        config: names the pairs of methods.
        results: rows by method.

    Yields:
        A claim for each measure that is known: what is lost in it.
    """
    for labelled, free in config.unlabelled.items():
        if labelled not in results or free not in results:
            continue
        name = f"{data}, {config.method(free).label}: lost against labelled contours"
        for measure, (heading, limit, unit) in LOST_AT_MOST.items():
            pair = [mean_of(results[n], measure) for n in (labelled, free)]
            if not math.isfinite(pair[0]):
                continue
            lost = pair[0] - pair[1] if measure in HIGHER_IS_BETTER else pair[1] - pair[0]
            note = f"{pair[1]:.4f} for {pair[0]:.4f}"
            yield at_most(f"{name}, {heading}", lost, limit, unit, note)


def time_claims(config: StudyConfig, times: Times) -> Iterator[Claim]:
    """A fast method tracks a whole stack so many times as fast as a slow one.

    Args:
        config: the study; its ``time`` names the methods and the ratios.
        times: from :func:`tools.study.timing.stack_time`, by method.

    Yields:
        One claim for each pair of methods.
    """
    for asked in config.time:
        fast, slow = asked["fast"], asked["slow"]
        claim = f"a whole stack: {config.method(slow).label} / {config.method(fast).label}, times"
        if fast not in times or slow not in times:
            yield not_run(claim, f">= {asked['ratio']:g}", "one of them did not run")
            continue
        ratio = times[slow]["stack"] / times[fast]["stack"]
        note = f"{times[slow]['stack']:.2f} and {times[fast]['stack']:.3f} s, one core"
        yield at_least(claim, ratio, float(asked["ratio"]), "", note)
