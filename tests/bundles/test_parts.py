"""What configurations call beside the library: settings that mean nothing are refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from ignite import distributed as idist
from monai.bundle import ConfigParser

from myomotion.errors import SettingError
from myomotion.networks.pair import check_grid
from myomotion.parts.command_line import PLACES
from myomotion.parts.shared import check_device, check_settings
from myomotion.transforms.refine_motion import load_refinement
from tests.support.bundle_runs import config
from tests.support.seen_hearts import write_slices


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cpu:x"])
def test_device_that_is_not_there_ends_with_one_line(
    device: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        check_device(device)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.startswith(f"error: device is {device}: ")
    assert said.count("\n") == 1 and "Set device to cpu" in said
    check_device("cpu")


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ((100, 1.5), "size is 100: .* Set size to 96"),
        ((16, 1.5), "Set size to 32"),
        ((96.0, 1.5), "size is 96.0"),
        ((96, 0), "spacing is 0: "),
        ((96, "1,5"), "spacing is 1,5: "),
    ],
)
def test_grid_that_networks_cannot_work_on_is_refused(
    grid: tuple[object, object], said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        check_grid(*grid)


@pytest.mark.parametrize("steps", [2.5, "ten", True, float("nan")])
def test_refinement_takes_a_whole_number_of_steps(steps: object) -> None:
    with pytest.raises(SettingError, match="refine_steps"):
        load_refinement(steps=steps, alpha=0, temporal=0, vae_weights=None, integrator=None)  # type: ignore[arg-type]


SETTINGS: dict[str, Any] = {
    "counts": {"batch_size": 32},
    "truths": {"overwrite": False},
    "choices": {"preset": ("paper", ("paper", "physiological"))},
    "whole": {"seed": 0},
    "amounts": {"alpha": 0},
    "sizes": {"spacing": 1.5},
    "ranges": {"orientations": (8, 1, 8)},
}


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("counts", "batch_size", 0),
        ("counts", "batch_size", 2.5),
        ("counts", "batch_size", True),
        ("truths", "overwrite", "no"),
        ("choices", "preset", ("papr", ("paper", "physiological"))),
        ("whole", "seed", -1),
        ("whole", "seed", None),
        ("amounts", "alpha", -0.1),
        ("amounts", "alpha", float("nan")),
        ("amounts", "alpha", "half"),
        ("sizes", "spacing", 0),
        ("sizes", "spacing", float("inf")),
        ("ranges", "orientations", (9, 1, 8)),
        ("ranges", "orientations", (0, 1, 8)),
        ("ranges", "orientations", (2.0, 1, 8)),
    ],
)
def test_settings_that_mean_nothing_end_the_command_with_status_2(
    kind: str, key: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    check_settings(**SETTINGS)
    with pytest.raises(SystemExit) as stop:
        check_settings(**{**SETTINGS, kind: {key: value}})
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {key}: ")


def test_kind_of_settings_that_there_is_not_is_no_check_that_passes() -> None:
    with pytest.raises(KeyError, match="count"):
        check_settings(count={"batch_size": 32})


#: What a run resolves before anything is read; some check what others do not.
CHECKS = (
    *("device_there", "keep_on_there", "settings_there", "grid_fits", "network_fits"),
    *("drawn_share", "refinement"),
)


#: Of a configuration beside its top, what the checks rest on; the network's grid in its place.
BENEATH = ("imports", "bundle_root", "code_path", "bfloat16_units", "network_def", *CHECKS)
IN_PLACE = {"integrator": None, "grid": {"spacing": 1.5, "size": 96}}
CONFIGURATIONS = [
    (bundle, name)
    for bundle in ("cardiac_motion_reg", "vae_regulariser", "ventricle_segmentation")
    for name in ("train", "inference")
]


def top_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a user may change."""
    return {k: content[k] for k in takewhile(lambda k: k != "bundle_root", content)}


def check(content: Mapping[str, Any], **given: object) -> None:
    """Resolve the checks of a configuration with other values for some keys."""
    beneath = {key: content[key] for key in BENEATH if key in content}
    parser = ConfigParser({**IN_PLACE, **beneath, **top_of(content), **given})
    for name in CHECKS:
        if name in parser:
            parser.get_parsed_content(name)


@pytest.mark.parametrize(("bundle", "name"), CONFIGURATIONS)
def test_every_check_of_a_configuration_is_run_and_passes_as_it_is(bundle: str, name: str) -> None:
    content = ConfigParser.load_config_file(config(bundle, name))
    check(content)
    ends = ("_there", "_fits")
    runs = [*content["run"], *content.get("training", [])]
    assert {f"$@{c}" for c in CHECKS if c in content and c.endswith(ends)} <= set(runs)


@pytest.mark.parametrize("bundle", sorted({bundle for bundle, _ in CONFIGURATIONS}))
def test_every_evaluation_asks_for_its_device_before_it_runs(bundle: str) -> None:
    content = ConfigParser.load_config_file(config(bundle, "evaluate"))
    assert content["evaluating"][:2] == ["$@known_keys", "$@device_there"]


@pytest.mark.slow
@pytest.mark.parametrize("value", ["nonsense", None, -1])
@pytest.mark.parametrize(("bundle", "name"), CONFIGURATIONS)
def test_every_number_and_truth_of_a_configuration_is_checked_before_it_runs(
    bundle: str, name: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    content = ConfigParser.load_config_file(config(bundle, name))
    keys = [k for k, v in top_of(content).items() if isinstance(v, bool | int | float)]
    assert keys
    for key in keys:
        with pytest.raises(SystemExit) as stop:
            check(content, **{key: value})
        assert stop.value.code == 2
        assert re.match(rf"error: {key}( is|:) ", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("bundle", "name", "key", "value"),
    [
        ("cardiac_motion_reg", "train", "keep_on", "gpu"),
        ("cardiac_motion_reg", "train", "field", "speed"),
        ("ventricle_segmentation", "train", "channels", 5),
        ("ventricle_segmentation", "train", "channels", [32, 30]),
        ("ventricle_segmentation", "train", "half_precision", "yes"),
        ("ventricle_segmentation", "inference", "device", "gpu"),
        ("ventricle_segmentation", "inference", "orientations", 9),
        ("vae_regulariser", "inference", "section", "tests"),
    ],
)
def test_other_settings_that_mean_nothing_are_told_by_name(
    bundle: str, name: str, key: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    content = ConfigParser.load_config_file(config(bundle, name))
    with pytest.raises(SystemExit) as stop:
        check(content, **{key: value})
    assert stop.value.code == 2
    assert re.match(rf"error: {key}( is|:) ", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("sections", "options", "scored"),
    [
        (["training"], {}, ["training"]),  # of one subject, as fem_sim splits it
        (["training", "validation", "test"], {}, ["training", "validation", "test"]),
        (["training", "validation", "test"], {"section": "validation"}, ["validation"]),
    ],
)
def test_folder_of_fields_is_scored_as_a_whole_unless_a_section_is_named(
    sections: list[str], options: dict[str, str], scored: list[str], tmp_path: Path
) -> None:
    listed = {name: [{"cycle": f"{name}.npz"}] for name in sections}
    (tmp_path / "datalist.json").write_text(json.dumps({"test": [], **listed}))
    parser = ConfigParser()
    parser.read_config(config("vae_regulariser", "inference"))
    parser.update({"dataset_dir": str(tmp_path), **options})
    parser.get_parsed_content("settings_there")
    cycles = parser.get_parsed_content("dataset::data")
    assert sorted(Path(entry["cycle"]).stem for entry in cycles) == sorted(scored)


def test_built_in_fields_are_scored_in_the_test_section() -> None:
    parser = ConfigParser()
    parser.read_config(config("vae_regulariser", "inference"))
    assert parser.get_parsed_content("section") == "test"


#: What a resumed training may have otherwise: where, how often it is looked at, where to.
FREE = {
    *("device", "keep_on", "workers", "amp", "half_precision", "val_interval", "patience"),
    *("resume", "overwrite", "output_dir", "cache_dir"),
}


@pytest.mark.parametrize("bundle", sorted({bundle for bundle, _ in CONFIGURATIONS}))
def test_every_key_that_shapes_a_training_is_kept_in_its_checkpoint(bundle: str) -> None:
    content = ConfigParser.load_config_file(config(bundle, "train"))
    kept = content["train"]["handlers"][-1]
    shapes = {**kept["settings"], **kept["places"]}
    assert set(top_of(content)) - {"imports"} - FREE == set(shapes)
    assert [key for key, value in shapes.items() if f"@{key}" not in value] == []
    assert set(kept["places"]) == set(shapes) & set(PLACES)


@pytest.mark.parametrize(
    ("bundle", "expected"),
    [
        (
            "cardiac_motion_reg",
            "a registration network. Give a myomotion.networks.pair.",
        ),
        ("vae_regulariser", "an autoencoder of displacement gradients. Give a myomotion."),
    ],
)
def test_network_of_another_kind_is_refused_before_a_training_or_an_evaluation(
    bundle: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content = ConfigParser.load_config_file(config(bundle, "train"))
    with pytest.raises(SystemExit) as stop:
        check(content, network_def={"_target_": "torch.nn.Identity"})
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: network_def is of class Identity, expected {expected}")
    assert said.count("\n") == 1
    assert (
        "$@network_fits" in ConfigParser.load_config_file(config(bundle, "evaluate"))["evaluating"]
    )


@pytest.mark.parametrize(
    ("slices", "batch_size", "processes", "steps"),
    [(3, 16, 1, 1), (3, 2, 1, 1), (3, 3, 1, 1), (3, 1, 1, 3), (3, 2, 2, 2)],
)
def test_fewer_slices_than_a_batch_are_trained_on_and_a_last_smaller_batch_is_not(
    slices: int,
    batch_size: int,
    processes: int,
    steps: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idist, "get_world_size", lambda: processes)
    parser = ConfigParser()
    parser.read_config(config("ventricle_segmentation", "train"))
    folder = write_slices(tmp_path, per_section=slices)
    parser.update({"dataset_dir": str(folder), "batch_size": batch_size})
    assert len(parser.get_parsed_content("train::dataloader")) == steps
