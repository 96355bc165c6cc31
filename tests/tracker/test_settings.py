"""Keywords of a tracker: refused where they are none of theirs, as the bundle refuses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import myomotion
from myomotion.errors import InputError, SettingError
from myomotion.tracker import ELSEWHERE, Tracker, inference_parts


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"volume": "False"}, r"volume: 'False' is not understood\. Give True or False\."),
        ({"tissues": "no"}, r"tissues: 'no' is not understood"),
        ({"intervals": "no"}, r"intervals: 'no' is not understood"),
        ({"report": "no"}, r"report: 'no' is not understood"),
        ({"dicom_output": "no"}, r"dicom_output: 'no' is not understood"),
        ({"use_network": "no"}, r"use_network: 'no' is not understood"),
        ({"batch_size": 0}, r"batch_size: 0 is no whole number of at least 1"),
        ({"device": "nowhere"}, r"device is nowhere: this machine cannot compute there"),
    ],
)
def test_value_that_is_none_of_its_key_is_refused(
    small_study: Path, net_weights: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        Tracker(weights=net_weights, **settings)
    with pytest.raises(SettingError, match=message):
        myomotion.track(small_study, weights=net_weights, **settings)


@pytest.mark.parametrize("key", ELSEWHERE)
def test_key_without_a_meaning_for_one_cine_is_refused_with_what_to_use(key: str) -> None:
    with pytest.raises(SettingError, match=rf"^{key}: no setting of a tracker\. [A-Z]"):
        Tracker(**{key: "x"})


def test_every_key_of_the_top_is_taken_with_the_value_that_it_has(net_weights: Path) -> None:
    text = (Path(inference_parts()["bundle_root"]) / "configs" / "inference.yaml").read_text()
    top = text.split("# ---- where things are")[0].splitlines()
    keys = {line.split(":")[0] for line in top if line[:1].isalpha()} - {"imports"}
    asked = inference_parts(weights=str(net_weights))
    taken = {key: asked.get_parsed_content(key) for key in keys}
    assert len(taken) > 20 and set(ELSEWHERE) & keys == {
        *("dataset_dir", "output_dir", "overwrite", "verbose"),
        *("preset", "built_in_slices", "cache_dir"),
    }
    Tracker(**taken)


@pytest.mark.parametrize("cine", [np.zeros((20, 20, 2, 4)), ["sa.nii.gz"], None, b"sa.nii.gz"])
def test_what_is_no_path_is_refused_by_its_type(cine: Any) -> None:
    with pytest.raises(InputError, match=rf"cine: a {type(cine).__name__} is no path\. Give"):
        myomotion.track(cine)
