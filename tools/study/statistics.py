"""Paired comparison of two methods over subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

Rows = Sequence[Mapping[str, Any]]  # one dictionary a slice
RESAMPLES = 10_000
# Measures where more is better; of all others less is.
HIGHER_IS_BETTER = ("dice", "cavity_dice")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Ours minus a peer's, paired by subject.

    Attributes:
        measure: which one of :data:`tools.evaluate.scores.MEASURES`.
        peer: the other method's name.
        n: subjects.
        difference: mean over subjects of ours minus the peer's.
        low: lower end of the 95 % bootstrap confidence interval of the mean.
        high: its upper end.
        p: two-sided Wilcoxon signed-rank test; 1 where all differences vanish.
        p_holm: the same after Holm's correction over all comparisons of a table; NaN before it.
    """

    measure: str
    peer: str
    n: int
    difference: float
    low: float
    high: float
    p: float
    p_holm: float = float("nan")

    @property
    def verdict(self) -> str:
        """``ours`` or ``peer`` where the interval excludes zero, else ``undecided``."""
        if self.low <= 0 <= self.high:
            return "undecided"
        better = self.difference > 0 if self.measure in HIGHER_IS_BETTER else self.difference < 0
        return "ours" if better else "peer"


def subject_means(rows: Rows, measure: str) -> dict[str, float]:
    """Mean of a measure over the slices of each subject that has a finite value.

    Args:
        rows: from :func:`tools.evaluate.scores.score_study`.
        measure: its name.

    Returns:
        Subject to mean.
    """
    values: dict[str, list[float]] = {}
    for row in rows:
        value = row.get(measure)
        if value is not None and np.isfinite(value):
            values.setdefault(str(row["study"]), []).append(float(value))
    return {subject: float(np.mean(v)) for subject, v in values.items()}


def compare(
    ours: Mapping[str, float], theirs: Mapping[str, float], measure: str, peer: str, seed: int = 0
) -> Comparison | None:
    """Compare two methods on the subjects that both have.

    Args:
        ours: from :func:`subject_means`.
        theirs: the same of the peer.
        measure: its name.
        peer: name of the peer.
        seed: of the bootstrap.

    Returns:
        The comparison; None with fewer than two subjects in common.
    """
    common = sorted(set(ours) & set(theirs))
    if len(common) < 2:
        return None
    differences = np.array([ours[s] - theirs[s] for s in common])
    if np.ptp(differences) == 0:  # no spread to resample
        low = high = float(differences[0])
    else:
        interval = stats.bootstrap(
            (differences,),
            np.mean,
            n_resamples=RESAMPLES,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
        low, high = float(interval.low), float(interval.high)
    p = float(stats.wilcoxon(differences).pvalue) if np.any(differences) else 1.0
    return Comparison(
        measure=measure,
        peer=peer,
        n=len(common),
        difference=float(differences.mean()),
        low=low,
        high=high,
        p=p,
    )


def compare_rows(
    ours: Rows, theirs: Rows, measures: Sequence[str], peer: str, seed: int
) -> list[Comparison]:
    """Compare the rows of two methods by subject, measure by measure.

    Args:
        ours: from :func:`tools.evaluate.scores.score_study`.
        theirs: the same of the peer.
        measures: their names.
        peer: name of the peer.
        seed: of the bootstrap.

    Returns:
        One comparison for each measure that at least two subjects have with both.
    """
    found = (
        compare(subject_means(ours, name), subject_means(theirs, name), name, peer, seed)
        for name in measures
    )
    return [one for one in found if one is not None]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (Scand J Stat 1979).

    Args:
        p_values: of a family of tests.

    Returns:
        Adjusted values in the same order, at most 1.
    """
    order = np.argsort(p_values)
    adjusted = np.empty(len(p_values))
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, (len(p_values) - rank) * p_values[index])
        adjusted[index] = min(1.0, running)
    return [float(p) for p in adjusted]
