"""Saving, resuming and ending a training well."""

from __future__ import annotations

import io
import logging
import operator
import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.data.utils import set_rnd
from monai.engines import Evaluator
from torch import nn

from myomotion.errors import (
    InputError,
    OutputError,
    SettingError,
    end_program,
    root_input_error,
)
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import Inputs, claim, refuse_unsafe
from myomotion.files.paths import file_sha256, given_path

LOG = logging.getLogger(__name__)
MODEL_FILE, RESUME_FILE = "model.pt", "resume.pt"


def check_training(
    output_dir: str | Path,
    *,
    resume: bool = True,
    overwrite: bool = False,
    inputs: Iterable[object] = (),
) -> None:
    """Look at what a training will write, before anything is computed.

    Args:
        output_dir: folder of the training.
        resume: whether it goes on from a checkpoint that is there.
        overwrite: whether the weights of a finished training may be replaced.
        inputs: weights that are read.

    Raises:
        OutputError: if weights of a finished training are there, or files that this program has not
            written, or if nothing can be written there.
    """
    folder, read = given_path(output_dir), Inputs(inputs)
    for name in (MODEL_FILE, RESUME_FILE):
        refuse_unsafe(folder / name, read)
    goes_on = resume and (folder / RESUME_FILE).is_file()
    if (folder / MODEL_FILE).exists() and not goes_on and not overwrite:
        raise OutputError(
            f"{folder / MODEL_FILE}: weights of an earlier training, which would be replaced. Set "
            "another output_dir, or --overwrite true to train anew in their place."
        )


class ResumableCheckpoints:
    """Handler that writes ``resume.pt`` every few epochs and goes on from it.

    The file holds the states of ``save_dict``, the epoch, the random number generators and what
    shapes the training: one of other settings does not go on from it. It is written whole or not at
    all, by the first process only, and deleted when the training completes, after its last epoch or
    earlier where nothing gets better, so that it counts as finished. Place it last among the
    handlers: what comes after it in an epoch would be missing from the file.

    Args:
        save_dir: folder of the checkpoint.
        save_dict: objects with ``state_dict`` and ``load_state_dict``.
        resume: go on from the checkpoint; False starts afresh.
        interval: epochs between checkpoints.
        settings: what shapes the training, plain values by their keys.
        places: files and folders that shape it, by their keys: a file is known by what it holds, a
            folder by where it lies.
    """

    def __init__(
        self,
        save_dir: str | Path,
        save_dict: Mapping[str, Any],
        resume: bool = True,
        interval: int = 1,
        settings: Mapping[str, Any] | None = None,
        places: Mapping[str, object] | None = None,
    ) -> None:
        self.path = given_path(save_dir) / RESUME_FILE
        self.save_dict = dict(save_dict)
        self.resume = resume
        self.interval = interval
        known = {key: _known_as(place) for key, place in (places or {}).items()}
        self.settings = {**(settings or {}), **known}

    def attach(self, engine: Engine) -> None:
        """Listen to the trainer."""
        engine.add_event_handler(Events.STARTED, self._load)
        engine.add_event_handler(Events.EPOCH_STARTED, _reseed_transforms)
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self._save)
        engine.add_event_handler(Events.COMPLETED, self._clear)

    def _load(self, engine: Engine) -> None:
        if not self.resume or not self.path.is_file():
            return
        fix = "Delete it or set resume to False to start afresh."
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise InputError(f"{self.path}: not a readable checkpoint. {fix}") from error
        self._refuse_other_settings(content)
        try:
            for name, item in self.save_dict.items():
                item.load_state_dict(content["states"][name])
        except Exception as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"{self.path}: cannot go on from this checkpoint ({reason}). {fix}"
            ) from error
        engine.state.epoch = content["epoch"]
        engine.state.iteration = content["iteration"]
        if is_first_process():  # the others keep theirs, or all would draw the same
            self._restore_random(content["random"])
        LOG.info("%s: going on after epoch %d", self.path, engine.state.epoch)

    def _refuse_other_settings(self, content: Mapping[str, Any]) -> None:
        """Refuse to go on with settings that the states would override, or that mix trainings."""
        if "settings" not in content:  # of an older version
            LOG.warning("%s: does not say of which settings it is; goes on with these", self.path)
            return
        before = content["settings"]
        other = [
            f"{key} {before[key]} -> {value}"
            for key, value in self.settings.items()
            if key in before and before[key] != value
        ]
        if other:
            raise SettingError(
                f"{self.path}: of a training with other settings: {', '.join(other)}. Go on with "
                "the same, or set resume to False to start afresh."
            )

    @staticmethod
    def _restore_random(state: Mapping[str, Any]) -> None:
        torch.set_rng_state(state["torch"])
        if state["cuda"] is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(state["cuda"])
        version, internal, spare = state["python"]
        random.setstate((version, tuple(internal), spare))
        keys = torch.as_tensor(state["numpy"]).numpy().astype(np.uint32)
        np.random.set_state(("MT19937", keys, *state["numpy_position"]))  # noqa: NPY002

    def _save(self, engine: Engine) -> None:
        if not is_first_process():
            return
        _, keys, *position = np.random.get_state()  # noqa: NPY002
        version, internal, spare = random.getstate()
        content = {
            "states": {name: item.state_dict() for name, item in self.save_dict.items()},
            "settings": self.settings,
            "epoch": engine.state.epoch,
            "iteration": engine.state.iteration,
            "random": {
                "torch": torch.get_rng_state(),
                "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
                "python": [version, list(internal), spare],
                "numpy": torch.from_numpy(np.asarray(keys, dtype=np.int64)),
                "numpy_position": [int(position[0]), int(position[1]), float(position[2])],
            },
        }
        save_atomically(content, self.path)

    def _clear(self, engine: Engine) -> None:
        if not is_first_process():
            return
        self.path.unlink(missing_ok=True)
        LOG.info("results: %s", self.path.parent)


def _known_as(place: object) -> str | None:
    """By what a file or folder is the same again; a copy of a file is."""
    if place is None:
        return None
    path = given_path(place)
    return f"{path.name} ({file_sha256(path)[:12]})" if path.is_file() else str(path.resolve())


def _reseed_transforms(engine: Engine) -> None:
    """Seed MONAI's random transforms from torch's generator, whose state a checkpoint holds."""
    dataset = getattr(engine.state.dataloader, "dataset", None)
    set_rnd(dataset, int(torch.randint(2**31, ())))


class FinalValidation:
    """Handler that validates after the last epoch where the regular validation does not.

    So that the last weights are judged, and a training shorter than the interval leaves some.

    Args:
        validator: evaluator, whose handlers keep the best weights.
        interval: of the regular validation, in epochs.
    """

    def __init__(self, validator: Evaluator, interval: int) -> None:
        self.validator = validator
        self.interval = interval

    def attach(self, engine: Engine) -> None:
        """Listen to the trainer."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Validate if this epoch is the last."""
        epoch = engine.state.epoch
        if epoch == engine.state.max_epochs and epoch % self.interval:
            self.validator.run(epoch)


class BestWeights:
    """Handler of a validator that keeps the weights of the best validation so far.

    Its own state is the best value: put it into :class:`ResumableCheckpoints`, so that a resumed
    training does not overwrite better weights.

    Args:
        network: whose weights are saved as a plain state dict.
        path: file to write, :data:`MODEL_FILE` in the folder of the training.
        metric: name of the validation figure.
        lower_is_better: for errors.
    """

    def __init__(
        self, network: nn.Module, path: str | Path, metric: str, lower_is_better: bool = False
    ) -> None:
        self.network = network
        self.path = given_path(path)
        self.metric = metric
        self.better: Callable[[float, float], bool] = (
            operator.lt if lower_is_better else operator.gt
        )
        self.best: float | None = None

    def attach(self, engine: Engine) -> None:
        """Listen to the validator."""
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Save if this validation beats all before."""
        value = float(engine.state.metrics[self.metric])
        if self.best is not None and not self.better(value, self.best):
            return
        self.best = value
        if is_first_process():
            save_atomically(on_cpu(self.network.state_dict()), self.path)
            LOG.info("%s: %s %.4f", self.path, self.metric, value)

    def state_dict(self) -> dict[str, float | None]:
        """The best value so far."""
        return {"best": self.best}

    def load_state_dict(self, state: Mapping[str, float | None]) -> None:
        """Take over the best value of an earlier run."""
        self.best = state["best"]


class ExitOnInputError:
    """Handler that ends the program with the message of an input error instead of a traceback.

    For command lines only; place it first among the handlers.
    """

    def attach(self, engine: Engine) -> None:
        """Listen to exceptions of ``engine``."""
        engine.add_event_handler(Events.EXCEPTION_RAISED, self)

    def __call__(self, engine: Engine, error: BaseException) -> None:
        """End the program with the message, or raise the error again."""
        found = root_input_error(error)
        if found is None:
            raise error
        end_program(found)


def save_atomically(content: Any, path: Path) -> None:
    """``torch.save`` whole or not at all.

    Args:
        content: tensors and plain containers.
        path: file to write; its folder is made.

    Raises:
        OutputError: see :func:`~myomotion.files.outputs.claim`.
    """
    claim(path)
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_bytes(path, buffer.getvalue())


def on_cpu(state: Mapping[str, Any]) -> dict[str, Any]:
    """Weights that load on a machine without the GPU that they were trained on."""
    return {k: v.cpu() if isinstance(v, torch.Tensor) else v for k, v in state.items()}


def is_first_process() -> bool:
    """True in a run of one process and in the process of rank 0."""
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return True
    return distributed.get_rank() == 0
