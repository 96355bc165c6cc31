"""The comparison with peers: statistics on known numbers, regions, and a study that resumes."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from myomotion.tracker import inference_parts
from tests.support.paths import ROOT
from tools.evaluate.methods import OUR_METHODS, PairTracker
from tools.study import runs as study_runs
from tools.study.__main__ import main
from tools.study.compare import run_study
from tools.study.config import Method, read_config
from tools.study.selection import candidates, closest
from tools.study.sources import DataSet, usable_studies, virtual_set
from tools.study.timing import stack_time

SPACING = 1.5

CONFIG = {
    "ours": "network",
    "cycle": ["network"],
    "moving": ["none", "network"],
    "alpha": {"key": "refine_alpha", "values": [0.001, 0.01]},
    "time": [{"fast": "network", "slow": "dl_l2", "ratio": 2}],
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


def test_selection_takes_the_value_closest_to_the_target() -> None:
    method = Method(name="m", label="m", method="demons", sweep={"sigma": [1.0, 2.0]})
    tried = candidates(method)
    assert [tried[v].settings for v in (1.0, 2.0)] == [{"sigma": 1.0}, {"sigma": 2.0}]
    assert closest({1.0: 0.16, 2.0: 0.09, 3.0: 0.02}, 0.1) == 2.0


@pytest.fixture
def virtual_folder(studies: Path, tmp_path: Path) -> Path:
    """A virtual cohort: the studies with a truth that is known (no motion) and a data list."""
    folder = tmp_path / "virtual"
    shutil.copytree(studies, folder)
    for name in ("one", "two"):
        motion = np.zeros((4, 2, 2, 80, 72), np.float32)
        np.savez(folder / name / "truth.npz", displacement=motion)
    entries = [{"cine": name, "subject": name} for name in ("one", "two")]
    (folder / "datalist.json").write_text(json.dumps({"test": entries}))
    return folder


def real_data(studies: Path) -> DataSet:
    """The studies as a real data set without selection patients."""
    found, refused = usable_studies(studies)
    return DataSet(name="real", studies=tuple(found), folder=studies, refused=tuple(refused))


def test_wrong_group_of_claims_is_refused_before_anything_is_computed(
    studies: Path, config_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--config", str(config_file), "--data", str(studies)]
    assert main([*command, "--output", str(tmp_path / "out"), "--only", "cines"]) == 1
    error = "error: --only cines: no such group. Use real cines, time."
    assert error in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_study_writes_everything_and_says_what_did_not_run(
    studies: Path, config_file: Path, virtual_folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    command = ["--config", str(config_file), "--data", str(studies), "--workers", "1"]
    assert main([*command, "--virtual", str(virtual_folder), "--output", str(output)]) == 0
    text = (output / "results.md").read_text()
    assert "real cines (n = 4 slices)" in text and "ours against each peer" in text
    assert "virtual cines by area ratio" not in text  # the cavity does not change: no thirds
    assert "virtual cines against their known motion" in text
    assert "time of a whole stack (6 pairs), one core" in text
    assert "L2: no weights given" in text and "no method 'not-yet-there'" in text
    page = (output / "index.html").read_text()
    assert page.count('src="data:image/png') == 4 and page.count('src="data:image/gif') == 2
    assert 'src="http' not in page
    for name in ("jacobian_cycle", "tradeoff_real", "alpha_real", "pareto"):
        assert (output / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        drawing = (output / f"{name}.pdf").read_bytes()
        assert drawing.startswith(b"%PDF") and b"CreationDate" not in drawing
    assert len((output / "slices.csv").read_text().splitlines()) == 1 + 2 * 2 * 4
    report = json.loads((output / "claims.json").read_text())
    assert report["commit"] == json.loads((output / "provenance.json").read_text())["commit"]
    assert report["claims"]
    assert all(claim["claim"] in text for claim in report["claims"])
    provenance = (output / "provenance.json").read_text()
    for written in (text, page, provenance):
        assert str(ROOT) not in written and str(tmp_path) not in written


@pytest.mark.slow
def test_film_shows_every_frame_and_the_truth_where_it_is_known(
    config_file: Path, virtual_folder: Path, tmp_path: Path
) -> None:
    config = read_config(config_file)
    runner = study_runs.Runner(tmp_path / "cache", progress=False)
    moved = np.zeros((4, 2, 2, 80, 72), np.float32)
    moved[1:, :, 0] = 6.0  # millimetres, unlike what is tracked
    np.savez(virtual_folder / "one" / "truth.npz", displacement=moved)
    study = virtual_set({}, virtual_folder).studies[0]
    content = runner.film([config.method("none"), config.method("network")], study)
    with Image.open(io.BytesIO(content)) as film:
        assert film.format == "GIF" and film.n_frames == 4
        film.seek(2)
        colors = np.asarray(film.convert("RGB")).reshape(-1, 3).astype(int)
    for color in ([0x5A, 0xD1, 0xFF], [0xFF, 0xB0, 0x00]):  # true and tracked
        assert (np.abs(colors - color).sum(1) < 30).sum() > 50
    assert len(list((tmp_path / "cache" / "contours").rglob("one-*.json"))) == 2


@pytest.mark.slow
def test_several_processes_give_what_one_gives(
    studies: Path, config_file: Path, tmp_path: Path
) -> None:
    methods = [read_config(config_file).method(n) for n in ("none", "network")]
    data = real_data(studies).studies
    one = study_runs.Runner(tmp_path / "one", progress=False).rows("real", methods, data)
    runner = study_runs.Runner(tmp_path / "two", progress=False, workers=2)
    runner._precompute("real", methods, data)
    assert len(list((tmp_path / "two").rglob("*.json"))) == 4  # without the main process
    for name, rows_of_one in one.items():
        for a, b in zip(rows_of_one, runner.rows("real", methods, data)[name], strict=True):
            assert a["dice"] == pytest.approx(b["dice"], abs=1e-6)
            assert (a["study"], a["slice"]) == (b["study"], b["slice"])


@pytest.mark.slow
def test_an_interrupted_study_goes_on_where_it_was(
    studies: Path, config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, output = read_config(config_file), tmp_path / "out"
    first = run_study(config, [real_data(studies)], output, progress=False)
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
    again = run_study(config, [real_data(studies)], output, progress=False)
    assert calls == [("network", "two")] * len(kept)
    assert again.tables[0] == first.tables[0]


def test_other_settings_are_computed_again(studies: Path, config_file: Path) -> None:
    from tools.study.cache import result_key

    study = real_data(studies).studies[0]
    network = read_config(config_file).method("network")
    other = Method(name="network", label="", method="network", settings={"refine_steps": 1})
    assert result_key(network, study) != result_key(other, study)
    assert result_key(network, study) == result_key(network, dict(study))


@pytest.mark.slow
def test_a_method_that_fails_is_named_and_the_others_go_on(
    studies: Path, config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = study_runs.make_tracker

    def failing(method: str, **settings: object) -> object:
        if method == "identity":
            raise RuntimeError("out of ideas")
        return make(method, **settings)

    monkeypatch.setattr(study_runs, "make_tracker", failing)
    config = read_config(config_file)
    found = run_study(config, [real_data(studies)], tmp_path / "out", progress=False)
    assert "real, none, one: out of ideas" in found.remarks["Not run"]
    labels = [line[0] for line in found.tables[0].rows]
    assert labels == ["ours"]


def test_stack_time_counts_every_pair(studies: Path) -> None:
    from myomotion.transforms.load_cine import LoadCine

    item = LoadCine()(real_data(studies).studies[0])
    seen = []

    def register(moving: np.ndarray, *_: np.ndarray) -> tuple[torch.Tensor, float]:
        seen.append(len(moving))
        return torch.zeros(len(moving), 2, 96, 96), 0.5

    time = stack_time(PairTracker(register, (96, 1.5)), item)
    assert seen == [6] and time["pairs"] == 6
    assert time["stack"] == pytest.approx(3.0) and time["pair"] == pytest.approx(0.5)


def test_pairs_of_a_cycle_come_back_to_their_slices_and_frames(studies: Path) -> None:
    from myomotion.transforms.load_cine import LoadCine

    item = LoadCine()(real_data(studies).studies[0])

    def register(
        moving: np.ndarray, reference: np.ndarray, mask: np.ndarray
    ) -> tuple[torch.Tensor, float]:
        values = [torch.tensor(x.mean((1, 2))) for x in (moving, reference)]
        assert mask.any((1, 2)).all()
        return torch.stack(values, 1)[..., None, None].expand(-1, -1, 96, 96).float(), 0.0

    tracker = PairTracker(register, (96, 1.5))
    field, _ = tracker.cycle(item)
    means = item["image"].mean((2, 3))
    assert field.shape == (2, 4, 2, 96, 96) and not field[:, 0].any()
    torch.testing.assert_close(field[:, 1:, 0, 0, 0], means[:, 1:])
    torch.testing.assert_close(field[:, 1:, 1, 0, 0], means[:, :1].expand(-1, 3))
    torch.testing.assert_close(tracker(item)[0], field[:, item["es_index"]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ours": "absent"}, "absent is not among the methods"),
        ({"methods": [CONFIG["methods"][0]] * 2}, "named twice: none"),
        ({"methods": [{"label": "x"}]}, "KeyError"),
        ({"moving": ["absent"]}, "absent is not among the methods"),
        ({"time": [{"fast": "network", "slow": "absent", "ratio": 2}]}, "absent is not among"),
    ],
)
def test_wrong_configurations_are_refused(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump({**CONFIG, **change}))
    with pytest.raises(ValueError, match=message):
        read_config(path)


def test_another_method_of_ours_may_be_swept(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    sweep = {"of": "dl_l2", "key": "refine_alpha", "values": [0.1]}
    path.write_text(yaml.safe_dump({**CONFIG, "alpha": sweep}))
    (swept,) = read_config(path).alpha.values()
    assert (swept.name, swept.label) == ("dl_l2-alpha-0.1", "L2, alpha 0.1")
    assert swept.settings == {"weights": None, "refine_alpha": 0.1}
    path.write_text(yaml.safe_dump({**CONFIG, "alpha": {**sweep, "of": "absent"}}))
    with pytest.raises(ValueError, match="absent is not among the methods"):
        read_config(path)


def test_methods_of_real_data_alone_are_named_in_a_way_that_yaml_keeps() -> None:
    """An ``on`` without quotation marks is a truth to YAML, and no key."""
    config = read_config(ROOT / "tools" / "study" / "study.yaml")
    assert {m.name for m in config.methods if m.on == "real"} == {"refined-paper-prior", "latent"}


@pytest.mark.parametrize("name", ["study", "pairs", "shipped"])
def test_shipped_configurations_can_be_read(name: str) -> None:
    config = read_config(ROOT / "tools" / "study" / f"{name}.yaml")
    every = {"syn", "ffd", "voxelmorph", "network"}
    wanted = {"study": every, "pairs": every}
    assert {m.method for m in config.peers()} >= {"demons", *wanted.get(name, ())}
    assert config.time
    keys = set(inference_parts().get())
    for method in config.methods:
        if method.method in OUR_METHODS:
            assert set(method.settings) <= keys, method.name
        for key, values in method.sweep.items():
            assert method.settings[key] in values


@pytest.mark.slow
def test_network_is_ahead_of_demons_on_real_cines_and_faster(
    real_cines: Path, tmp_path: Path
) -> None:
    content = yaml.safe_load((ROOT / "tools" / "study" / "shipped.yaml").read_text())
    content |= {"ours": "network", "virtual": None, "cycle": [], "moving": ["network"]}
    content["methods"] = [m for m in content["methods"] if m["name"] != "refined"]
    content["time"][0]["ratio"] = 5  # the machine may be busy; looking for the tissues counts
    config = tmp_path / "study.yaml"
    config.write_text(yaml.safe_dump(content))
    output = tmp_path / "out"
    command = ["--config", str(config), "--data", str(real_cines), "--strict"]
    assert main([*command, "--workers", "1", "--output", str(output)]) == 0
    with (output / "tables" / "real-cines.csv").open() as stream:
        rows = {row["method"]: row for row in csv.DictReader(stream)}
    network, demons = rows["ours (network)"], rows["diffeomorphic Demons (SimpleITK, sigma 2)"]
    assert float(network["Dice"]) > float(demons["Dice"]) > float(rows["none"]["Dice"]) > 0.7
    assert float(network["MCD mm"]) < float(demons["MCD mm"]) < float(rows["none"]["MCD mm"])
    claims = json.loads((output / "claims.json").read_text())["claims"]
    assert all(claim["passed"] for claim in claims)
    (times,) = (c for c in claims if c["claim"].startswith("a whole stack"))
    assert times["value"] >= 5
