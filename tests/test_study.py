"""The comparison with peers: statistics on known numbers, regions, and a study that resumes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from conftest import ROOT, write_study

from tools.study import runs as study_runs
from tools.study.__main__ import main, run_study
from tools.study.config import Method, StudyConfig, read_config
from tools.study.cycle import POINTS, jacobian_curves
from tools.study.regions import inner_half, regional_errors, sector, stored_scars
from tools.study.selection import candidates, closest
from tools.study.statistics import compare, holm, subject_means
from tools.study.tables import accuracy_table, comparisons, places

CONFIG = {
    "ours": "network",
    "cycle": ["network"],
    "alpha": {"of": "network", "key": "refine_alpha", "values": [0.001, 0.01]},
    "methods": [
        {"name": "none", "label": "none", "method": "identity", "peer": True},
        {"name": "network", "label": "ours", "method": "network", "settings": {}},
        {"name": "dl_l2", "label": "L2", "method": "network", "settings": {"weights": None}},
        {"name": "future", "label": "future", "method": "not-yet-there"},
    ],
}


@pytest.fixture
def config_file(tmp_path: Path, net_weights: Path) -> Path:
    """A study of two fast methods, of one without weights and of one that does not exist."""
    content = json.loads(json.dumps(CONFIG))
    content["methods"][1]["settings"] = {"weights": str(net_weights)}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def rows(values: dict[str, list[float]], figure: str) -> list[dict[str, object]]:
    """Rows with one figure: subject to the values of its slices."""
    return [
        {"study": s, "slice": z, "level": "mid", figure: v}
        for s, listed in values.items()
        for z, v in enumerate(listed)
    ]


def test_slices_of_a_subject_count_as_one() -> None:
    listed = rows({"a": [1.0, 3.0], "b": [5.0, math.nan], "c": [math.nan]}, "mcd_mm")
    assert subject_means(listed, "mcd_mm") == {"a": 2.0, "b": 5.0}


def test_six_equal_signs_give_the_smallest_p_of_six() -> None:
    ours = {str(i): 1.0 for i in range(6)}
    theirs = {str(i): 1.1 + 0.1 * i for i in range(6)}
    found = compare(ours, theirs, "mcd_mm", "peer")
    assert found is not None and found.n == 6
    assert found.p == pytest.approx(2 / 2**6)
    assert found.difference == pytest.approx(-0.35)
    assert -0.6 < found.low < -0.35 < found.high < -0.1
    assert found.verdict == "ours"


def test_bootstrap_interval_has_the_width_of_the_standard_error() -> None:
    values = np.random.default_rng(1).normal(0.2, 1.0, 400)
    found = compare(
        {str(i): v for i, v in enumerate(values)}, {str(i): 0.0 for i in range(400)}, "dice", "x"
    )
    assert found is not None
    error = values.std() / 20
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


@pytest.mark.parametrize(
    ("figure", "offset", "verdict"),
    [
        ("dice", 0.1, "ours"),
        ("dice", -0.1, "peer"),
        ("mcd_mm", 0.1, "peer"),
        ("mcd_mm", 0, "undecided"),
    ],
)
def test_more_is_better_for_dice_alone(figure: str, offset: float, verdict: str) -> None:
    subjects = [str(i) for i in range(5)]
    found = compare(
        {s: 0.5 + offset for s in subjects}, dict.fromkeys(subjects, 0.5), figure, "peer"
    )
    assert found is not None and found.verdict == verdict
    assert found.p == (1.0 if offset == 0 else pytest.approx(2 / 2**5))


def test_only_subjects_of_both_are_compared() -> None:
    assert compare({"a": 1.0, "b": 2.0}, {"b": 1.0, "c": 2.0}, "dice", "peer") is None


def test_holm_on_a_known_family() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])


def study_of(*methods: Method, ours: str) -> StudyConfig:
    return StudyConfig(
        ours=ours,
        methods=methods,
        alpha={},
        cycle=(),
        cycle_studies=1,
        selection={},
        virtual_section="test",
        virtual_studies=None,
        seed=0,
    )


def test_none_does_not_compete_and_the_best_is_bold() -> None:
    config = study_of(
        Method(name="none", label="none", method="identity"),
        Method(name="peer", label="theirs", method="demons", peer=True),
        Method(name="own", label="ours", method="network"),
        ours="own",
    )
    results = {
        name: rows({str(s): [value + 0.01 * s] for s in range(3)}, "abs_j_minus_1")
        for name, value in (("none", 0.0), ("peer", 0.1), ("own", 0.2))
    }
    lines = accuracy_table("t", config, results, ("abs_j_minus_1", "mcd_mm")).markdown()
    assert "| none | 0.010 |" in lines and "| theirs | **0.110** |" in lines
    assert "MCD" not in lines  # nobody has it
    assert places(config, results, ("abs_j_minus_1",)) == [
        "abs(abs(J) - 1): ours is place 2 of 2 (0.210); first is theirs (0.110)."
    ]
    (pair,) = comparisons(config, results, ("abs_j_minus_1",))
    assert pair.verdict == "peer" and pair.p_holm == pair.p


def test_halves_of_a_ring_meet_in_its_middle() -> None:
    radius = np.hypot(*(np.indices((96, 96)) - 47.5))
    wall = (radius > 15) & (radius < 25)
    inner = inner_half(wall)
    assert radius[inner].max() < 20.8 and radius[wall & ~inner].min() > 19.2
    assert not inner_half(radius < 20).any()


def test_sector_starts_at_axis_0_and_turns_towards_axis_1() -> None:
    inside = sector((41, 41), (20.0, 20.0), 90.0, 60.0)
    assert inside[20, 35] and not inside[35, 20] and not inside[20, 5]
    assert inside.mean() == pytest.approx(60 / 360, abs=0.03)
    assert sector((41, 41), (20.0, 20.0), 170.0, 60.0)[5, 18]  # across 180 degrees


def test_regional_error_of_a_known_error(tmp_path: Path) -> None:
    from myomotion.cine_transforms import LoadCined

    write_study(tmp_path / "virtual")
    folder = tmp_path / "virtual"
    truth = np.zeros((4, 2, 2, 80, 72), np.float32)
    truth[2, :, 0] = 3.0
    truth[2, :, 1] = 4.0
    np.savez(folder / "truth.npz", displacement=truth)
    scar = {"angle": 40.0, "width": 90.0, "stiffness": 4.0}
    info = {"es_frame": 2, "cycles": [{"parameters": {"scar": scar}}, {"parameters": {}}]}
    (folder / "info.json").write_text(json.dumps(info))
    assert stored_scars(folder / "info.json", 2) == [(40.0, 90.0), None]
    files = {"image": "sa.nii.gz", "label_ed": "label_sa_ED.nii.gz", "info": "info.json"}
    item = LoadCined()({k: str(folder / v) for k, v in files.items()})
    first, second = regional_errors(item, torch.zeros(2, 2, 96, 96), 1.5)
    assert list(first.values()) == pytest.approx([5.0] * 4, rel=1e-4)
    assert math.isnan(second["epe_scar_mm"]) and second["epe_inner_mm"] == pytest.approx(5.0)


def test_area_change_of_a_uniform_growth_over_the_cycle() -> None:
    x = (torch.stack(torch.meshgrid(*[torch.arange(96.0)] * 2, indexing="ij")) - 47.5) * 1.5
    field = torch.stack([k * x for k in (0.0, 0.1, 0.2)])[None]
    item = {"mask": torch.ones(1, 1, 96, 96)}
    (curves,) = jacobian_curves(field, item, 1.5)
    assert len(curves["mean"]) == POINTS
    ends = [curves["mean"][i] for i in (0, POINTS // 2, -1)]
    assert ends == pytest.approx([1.0, 1.21, 1.44], abs=1e-4)
    assert curves["abs_minus_1"][-1] == pytest.approx(0.44, abs=1e-4)
    assert max(curves["std"]) < 1e-4


def test_selection_takes_the_value_closest_to_the_target() -> None:
    method = Method(name="m", label="m", method="demons", sweep={"sigma": [1.0, 2.0]})
    tried = candidates(method)
    assert [tried[v].settings for v in (1.0, 2.0)] == [{"sigma": 1.0}, {"sigma": 2.0}]
    assert closest({1.0: 0.16, 2.0: 0.09, 3.0: 0.02}, 0.1) == 2.0


def test_study_writes_everything_and_says_what_did_not_run(
    studies: Path, config_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    assert (
        main(["--config", str(config_file), "--data", str(studies), "--output", str(output)]) == 0
    )
    text = (output / "results.md").read_text()
    assert "real cines (n = 4 slices)" in text and "ours against each peer" in text
    assert "L2: no weights given" in text and "no method 'not-yet-there'" in text
    page = (output / "index.html").read_text()
    assert page.count('src="data:image/png') == 3 and 'src="http' not in page
    assert (output / "jacobian_cycle.png").read_bytes().startswith(b"\x89PNG")
    assert len((output / "slices.csv").read_text().splitlines()) == 1 + 2 * 4
    provenance = (output / "provenance.json").read_text()
    for written in (text, page, provenance):
        assert str(ROOT) not in written and str(tmp_path) not in written


def test_an_interrupted_study_goes_on_where_it_was(
    studies: Path, config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, output = read_config(config_file), tmp_path / "out"
    run_study(config, studies, None, output, progress=False)
    first = (output / "results.md").read_bytes()
    kept = list((output / "cache" / "scores" / "network").glob("two-*.json"))
    assert len(kept) == 3  # the method and its two values of alpha
    for path in kept:
        path.unlink()
    calls = []
    score = study_runs.Runner._score

    def counted(self: study_runs.Runner, method: Method, item: Any) -> Any:
        calls.append((method.method, item()["name"]))
        return score(self, method, item)

    monkeypatch.setattr(study_runs.Runner, "_score", counted)
    run_study(config, studies, None, output, progress=False)
    assert calls == [("network", "two")] * len(kept)
    assert len((output / "results.md").read_bytes()) == pytest.approx(len(first), abs=40)


def test_other_settings_are_computed_again(
    studies: Path, config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tools.study.cache import result_key

    (study, _), _ = study_runs.usable_studies(studies)
    network = read_config(config_file).method("network")
    other = Method(name="network", label="", method="network", settings={"refine_steps": 1})
    assert result_key(network, study) != result_key(other, study)
    assert result_key(network, study) == result_key(network, dict(study))


def test_a_method_that_fails_is_named_and_the_others_go_on(
    studies: Path, config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = study_runs.make_tracker

    def failing(method: str, **settings: object) -> object:
        if method == "identity":
            raise RuntimeError("out of ideas")
        return make(method, **settings)

    monkeypatch.setattr(study_runs, "make_tracker", failing)
    run_study(read_config(config_file), studies, None, tmp_path / "out", progress=False)
    text = (tmp_path / "out" / "results.md").read_text()
    assert "real, none, one: out of ideas" in text
    assert "| ours |" in text and "| none |" not in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ours": "absent"}, "absent is not among the methods"),
        ({"methods": [CONFIG["methods"][0]] * 2}, "named twice: none"),
        ({"methods": [{"label": "x"}]}, "KeyError"),
        ({"alpha": {"of": "absent", "key": "refine_alpha", "values": [1]}}, "absent"),
    ],
)
def test_wrong_configurations_are_refused(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump({**CONFIG, **change}))
    with pytest.raises(ValueError, match=message):
        read_config(path)


def test_shipped_configuration_can_be_read() -> None:
    config = read_config(ROOT / "tools" / "study" / "study.yaml")
    assert {m.method for m in config.peers()} >= {"demons", "syn", "ffd", "voxelmorph"}
    for method in config.methods:
        for key, values in method.sweep.items():
            assert method.settings[key] in values
