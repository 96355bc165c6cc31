"""An interrupted training goes on as if nothing had happened, and good weights are never lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
import torch
from ignite.engine import Engine, Events
from monai.data import DataLoader, Dataset
from monai.engines import Evaluator, SupervisedTrainer
from monai.handlers import LrScheduleHandler, ValidationHandler
from monai.transforms import RandGaussianNoised
from torch import nn

from myomotion.errors import InputError, OutputError, SettingError
from myomotion.files.outputs import MARKER
from myomotion.training.checkpoints import (
    RESUME_FILE,
    BestWeights,
    FinalValidation,
    ResumableCheckpoints,
    check_training,
)
from tests.support.bundle_runs import run

EPOCHS = 4


class Interruption(Exception):
    """Stands for a power cut."""


@dataclass(kw_only=True)
class Training:
    """What a training leaves behind in memory."""

    network: nn.Module
    best: BestWeights
    trainer: SupervisedTrainer


class Validate:
    """Handler that plays a validator: hands out one prepared figure an epoch."""

    def __init__(self, best: BestWeights, figures: Sequence[float]) -> None:
        self.validator = Engine(lambda engine, batch: None)
        best.attach(self.validator)
        self.figures = figures

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        self.validator.state.metrics["figure"] = self.figures[engine.state.epoch - 1]
        self.validator.run([0])
        self.validator.state.epoch = 0


def training(
    folder: Path,
    *,
    seed: int = 0,
    width: int = 5,
    figures: Sequence[float] = (0.1, 0.2, 0.3, 0.4),
    lower_is_better: bool = False,
    fail_at: int | None = None,
    resume: bool = True,
    **shape: Mapping[str, object],
) -> Training:
    """A small training that draws random numbers in every way that ours do."""
    torch.manual_seed(0)
    data = [{"image": torch.randn(3), "label": torch.randn(1)} for _ in range(10)]
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(3, width), nn.Dropout(0.3), nn.Linear(width, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)
    best = BestWeights(network, folder / "model.pt", "figure", lower_is_better)
    states = {"network": network, "optimizer": optimizer, "scheduler": scheduler, "best": best}

    def prepare(batch: dict, *args: object, **kwargs: object) -> tuple[torch.Tensor, torch.Tensor]:
        if fail_at is not None and trainer.state.iteration == fail_at:
            raise Interruption
        return batch["image"] + 0.1 * torch.randn_like(batch["image"]), batch["label"]

    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=EPOCHS,
        train_data_loader=DataLoader(
            Dataset(data, RandGaussianNoised("image", prob=1.0)), batch_size=2, shuffle=True
        ),
        network=network,
        optimizer=optimizer,
        loss_function=nn.MSELoss(),
        prepare_batch=prepare,
        decollate=False,
        train_handlers=[
            LrScheduleHandler(scheduler, print_lr=False),
            Validate(best, figures),
            ResumableCheckpoints(folder, states, resume=resume, **shape),  # type: ignore[arg-type]
        ],
    )
    return Training(network=network, best=best, trainer=trainer)


def interrupted(folder: Path, fail_at: int = 13, **options: object) -> None:
    """Train until an iteration of epoch 3 (five iterations an epoch) and stop there."""
    with pytest.raises(Interruption):
        training(folder, fail_at=fail_at, **options).trainer.run()


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    other = second.state_dict()
    return all(torch.equal(value, other[key]) for key, value in first.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize("fail_at", [11, 13, 15])
def test_interrupted_training_goes_on_to_exactly_the_same_weights(
    tmp_path: Path, fail_at: int
) -> None:
    whole = training(tmp_path / "whole")
    whole.trainer.run()
    interrupted(tmp_path / "parts", fail_at)
    resumed = training(tmp_path / "parts", seed=77)
    assert not same_weights(resumed.network, whole.network)
    resumed.trainer.run()
    assert resumed.trainer.state.iteration == whole.trainer.state.iteration == 20
    assert same_weights(resumed.network, whole.network)


def test_training_without_resuming_starts_afresh(tmp_path: Path) -> None:
    interrupted(tmp_path)
    fresh = training(tmp_path, resume=False)
    epochs: list[int] = []
    fresh.trainer.add_event_handler(Events.EPOCH_STARTED, lambda e: epochs.append(e.state.epoch))
    fresh.trainer.run()
    assert epochs == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("lower_is_better", "before", "after"),
    [(False, (0.5, 0.9, 0, 0), (0, 0, 0.6, 0.89)), (True, (0.5, 0.1, 9, 9), (9, 9, 0.2, 0.11))],
)
def test_worse_validation_after_a_resume_does_not_replace_the_best_weights(
    tmp_path: Path, lower_is_better: bool, before: tuple, after: tuple
) -> None:
    interrupted(tmp_path, figures=before, lower_is_better=lower_is_better)
    kept = (tmp_path / "model.pt").read_bytes()
    resumed = training(tmp_path, seed=77, figures=after, lower_is_better=lower_is_better)
    resumed.trainer.run()
    assert resumed.best.best == before[1]
    assert (tmp_path / "model.pt").read_bytes() == kept


def test_better_validation_after_a_resume_replaces_the_best_weights(tmp_path: Path) -> None:
    interrupted(tmp_path, figures=(0.5, 0.9, 0, 0))
    resumed = training(tmp_path, seed=77, figures=(0, 0, 0.6, 0.91))
    resumed.trainer.run()
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    assert resumed.best.best == 0.91
    assert all(torch.equal(saved[k], v) for k, v in resumed.network.state_dict().items())


@pytest.mark.parametrize("ends_early", [False, True])
def test_checkpoint_goes_when_the_training_is_complete_and_stays_when_it_is_not(
    tmp_path: Path, ends_early: bool
) -> None:
    interrupted(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [MARKER, "model.pt", RESUME_FILE]
    resumed = training(tmp_path)
    if ends_early:  # as EarlyStopHandler does it
        resumed.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=3), Engine.terminate)
    resumed.trainer.run()
    assert resumed.trainer.state.epoch == (3 if ends_early else EPOCHS)
    assert sorted(p.name for p in tmp_path.iterdir()) == [MARKER, "model.pt"]
    with pytest.raises(OutputError, match="weights of an earlier training"):
        check_training(tmp_path)


SETTINGS = {"learning_rate": 0.001, "channels": [4, 8], "dataset_dir": None}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"learning_rate": 1e-05}, "learning_rate 0.001 -> 1e-05"),
        ({"channels": [4]}, r"channels \[4, 8\] -> \[4\]"),
        (
            {"dataset_dir": "x", "learning_rate": 1},
            "learning_rate 0.001 -> 1, dataset_dir None -> ",
        ),
    ],
)
def test_training_does_not_go_on_with_other_settings(
    tmp_path: Path, other: dict[str, object], said: str
) -> None:
    interrupted(tmp_path, settings=SETTINGS)
    kept = (tmp_path / RESUME_FILE).read_bytes()
    with pytest.raises(SettingError, match=rf"{RESUME_FILE}: of .* other settings: {said}.* False"):
        training(tmp_path, settings={**SETTINGS, **other}).trainer.run()
    assert (tmp_path / RESUME_FILE).read_bytes() == kept
    training(tmp_path, settings={**SETTINGS, "new_key": 1}).trainer.run()


def test_file_that_shapes_a_training_is_known_by_what_it_holds(tmp_path: Path) -> None:
    first, copy, other = (tmp_path / name / "start.pt" for name in ("first", "copy", "other"))
    for path in (first, copy, other):
        path.parent.mkdir()
        path.write_text("other" if path is other else "weights")
    interrupted(tmp_path / "out", places={"start_from": first, "vae_weights": None})
    with pytest.raises(SettingError, match=r"start_from start.pt \(\w+\) -> start.pt \(\w+\)\."):
        training(tmp_path / "out", places={"start_from": other}).trainer.run()
    training(tmp_path / "out", places={"start_from": copy, "vae_weights": None}).trainer.run()


def test_folder_that_shapes_a_training_is_known_by_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
    interrupted(tmp_path / "out", places={"dataset_dir": "mine"})
    with pytest.raises(SettingError, match=r"dataset_dir .*mine -> .*other"):
        training(tmp_path / "out", places={"dataset_dir": "other"}).trainer.run()
    training(tmp_path / "out", places={"dataset_dir": str(tmp_path / "mine")}).trainer.run()


def test_checkpoint_of_an_older_version_goes_on_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    interrupted(tmp_path)
    content = torch.load(tmp_path / RESUME_FILE, weights_only=True)
    del content["settings"]
    torch.save(content, tmp_path / RESUME_FILE)
    resumed = training(tmp_path, settings=SETTINGS)
    resumed.trainer.run()
    assert f"{RESUME_FILE}: does not say of which settings it is" in caplog.text
    assert resumed.trainer.state.iteration == 20


def test_checkpoint_of_another_network_is_refused_with_its_name_and_the_fix(
    tmp_path: Path,
) -> None:
    interrupted(tmp_path)
    with pytest.raises(
        InputError, match=rf"{RESUME_FILE}: cannot go on .*size mismatch.*Delete it or set resume"
    ):
        training(tmp_path, width=6).trainer.run()
    assert (tmp_path / RESUME_FILE).is_file()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_broken_checkpoint_is_refused_with_its_name_and_the_fix(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / RESUME_FILE).write_bytes(content)
    with pytest.raises(InputError, match=rf"{RESUME_FILE}: not a readable checkpoint. Delete it"):
        training(tmp_path).trainer.run()


def test_checkpoint_holds_no_code_and_none_is_run(tmp_path: Path) -> None:
    interrupted(tmp_path)
    content = torch.load(tmp_path / RESUME_FILE, weights_only=True)
    assert content["epoch"] == 2
    torch.save({**content, "states": {"network": nn.Linear(3, 5)}}, tmp_path / RESUME_FILE)
    with pytest.raises(InputError, match=rf"{RESUME_FILE}: not a readable checkpoint"):
        training(tmp_path).trainer.run()


@pytest.mark.slow
def test_training_ends_early_when_nothing_gets_better(
    studies: Path, vae_weights: Path, tmp_path: Path
) -> None:
    workflow = run(
        "train",
        run_id="training",
        dataset_dir=str(studies),
        vae_weights=str(vae_weights),
        output_dir=str(tmp_path),
        epochs=9,
        val_interval=1,
        patience=2,
        learning_rate=1e-12,
        pairs_per_cine=1,
        device="cpu",
    )
    assert workflow.parser.get_parsed_content("train::trainer").state.epoch == 3
    assert (tmp_path / "model.pt").is_file()


def short_training(data: Path, vae_weights: Path, output: Path, **options: object) -> None:
    """Train the registration network as its command line does."""
    run(
        "train",
        dataset_dir=str(data),
        vae_weights=str(vae_weights),
        output_dir=str(output),
        pairs_per_cine=1,
        device="cpu",
        **options,
    )


@pytest.mark.slow
def test_training_shorter_than_the_interval_leaves_weights_that_the_next_does_not_replace(
    studies: Path, vae_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "train"
    short_training(studies, vae_weights, output, epochs=1)
    first = (output / "model.pt").read_bytes()
    with pytest.raises(SystemExit) as stop:
        short_training(studies, vae_weights, output, epochs=1, learning_rate=0.5)
    assert stop.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith(f"error: {output / 'model.pt'}: weights of an earlier training")
    assert "--overwrite true" in said
    assert (output / "model.pt").read_bytes() == first
    short_training(studies, vae_weights, output, epochs=1, learning_rate=0.5, overwrite=True)
    assert (output / "model.pt").read_bytes() != first


def test_interrupted_training_may_go_on_in_its_folder(tmp_path: Path) -> None:
    interrupted(tmp_path)
    check_training(tmp_path)
    with pytest.raises(OutputError, match="weights of an earlier training"):
        check_training(tmp_path, resume=False)
    training(tmp_path).trainer.run()
    with pytest.raises(OutputError, match="--overwrite true"):
        check_training(tmp_path)
    check_training(tmp_path, overwrite=True)


@pytest.mark.slow
@pytest.mark.parametrize(("interval", "validated"), [(1, [1, 2, 3, 4]), (3, [3, 4]), (9, [4])])
def test_last_epoch_is_validated_once(tmp_path: Path, interval: int, validated: list[int]) -> None:
    made = training(tmp_path)
    validator = mock.create_autospec(Evaluator, instance=True)
    ValidationHandler(interval=interval, validator=validator).attach(made.trainer)
    FinalValidation(validator, interval).attach(made.trainer)
    made.trainer.run()
    assert [call.args[0] for call in validator.run.call_args_list] == validated
