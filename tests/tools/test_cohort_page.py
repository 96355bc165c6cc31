"""The page of a cohort: every study, what is far from the others, nothing from elsewhere."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from tools.track_cohort.page import HEADINGS, NUMBERS, cohort_page, histogram, modified_z


def summary(light: str = "green", ef: float | None = 55.0, **more: Any) -> dict[str, Any]:
    return {
        "light": light,
        "lv_ef_percent": ef,
        "mean_of_slices_at_end_systole": {"ecc_percent": -15.0, "slices": 2},
        "slices": [{"light": "green"}, {"light": "red"}],
        "warnings": ["one"],
        **more,
    }


def rows(page: str) -> dict[str, str]:
    found = re.findall(r'<tr data-name="([^"]*)".*?</tr>', page, re.S)
    parts = re.findall(r'<tr data-name="[^"]*".*?</tr>', page, re.S)
    return dict(zip(found, parts, strict=True))


def test_page_has_a_row_a_study_and_says_who_failed() -> None:
    page = cohort_page(
        "hearts",
        {"anna": summary(), "bert": summary("red", None, seen_lv_ef_percent=31.4)},
        {"<carl>": "no cine in it"},
        {"anna": "anna/report.html"},
    )
    found = rows(page)
    assert list(found) == ["anna", "bert"]
    assert '<a href="anna/report.html">anna</a>' in found["anna"]
    assert '<td data-value="55.0">55</td>' in found["anna"]
    assert '<td data-value="31.4">31*</td>' in found["bert"] and "<a " not in found["bert"]
    assert '<td data-value="1">1 of 2</td>' in found["anna"]
    assert found["anna"].count("<td") == len(HEADINGS)
    assert '&lt;carl&gt;</td><td class="reason">no cine in it' in page
    assert re.search(r'light failed">failed</span> 1', page)
    assert not re.search(r'(?:src|href)="(?:https?:|//)', page)


def test_page_of_nobody_is_a_page() -> None:
    page = cohort_page("none", {}, {"a": "why"}, {})
    assert rows(page) == {} and "<p>None.</p>" in page


def test_far_is_measured_by_medians_so_that_one_heart_does_not_hide_itself() -> None:
    values = [50.0, 52, 54, 55, 56, 58, 60, 5]
    scores = modified_z(values)
    # median 54.5, distances 4.5, 2.5, 0.5, 0.5, 1.5, 3.5, 5.5, 49.5, their median 3
    assert scores[-1] == pytest.approx(0.6745 * (5 - 54.5) / 3)
    assert max(abs(s) for s in scores[:-1] if s is not None) < 2
    assert modified_z([1.0] * 5 + [None] + [1.0] * 5) == [None] * 11
    assert modified_z([1.0, 2, 3, 100]) == [None] * 4
    studies = {f"s{i}": summary(ef=value) for i, value in enumerate(values)}
    page = cohort_page("c", studies, {}, {"s7": "s7/report.html"})
    assert '<li><a href="s7/report.html">s7</a>: EF 5</li>' in page
    assert page.count('data-far="yes"') == 1
    assert 'class="far" title="modified z-score -11.1">5<' in rows(page)["s7"]


def test_bars_of_a_histogram_count_every_study() -> None:
    values = np.random.default_rng(0).normal(50, 8, 60).tolist()
    drawn = histogram(NUMBERS[0], values)
    counts = [int(bar["title"].rsplit(": ", 1)[1]) for bar in drawn["bars"]]
    assert sum(counts) == 60 and 4 <= len(counts) <= 12
    tallest = max(drawn["bars"], key=lambda bar: bar["height"])
    assert int(tallest["title"].rsplit(": ", 1)[1]) == max(counts)
    assert drawn["title"] == "EF, % (n = 60)" and drawn["median"] == f"{np.median(values):.0f}"
