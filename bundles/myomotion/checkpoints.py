"""Saving, resuming and ending a training well."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.handlers import CheckpointLoader, CheckpointSaver

from .errors import root_input_error

LOG = logging.getLogger(__name__)


class ResumableCheckpoints:
    """Handler that writes a checkpoint every epoch and goes on from the newest one.

    The checkpoints are deleted when the training completes, so that the next run starts afresh.

    Args:
        save_dir: folder of the checkpoints.
        save_dict: what to save, besides the trainer's own state.
        resume: go on from the newest checkpoint; False starts afresh.
        interval: epochs between checkpoints.
    """

    def __init__(
        self,
        save_dir: str | Path,
        save_dict: Mapping[str, Any],
        resume: bool = True,
        interval: int = 1,
    ) -> None:
        self.save_dir = Path(save_dir)
        self.save_dict = dict(save_dict)
        self.resume = resume
        self.interval = interval

    def attach(self, engine: Engine) -> None:
        """Attach MONAI's saver and, where there is a checkpoint, its loader."""
        everything = {**self.save_dict, "trainer": engine}
        newest = max(
            self.save_dir.glob("resume_*.pt"), key=lambda p: p.stat().st_mtime, default=None
        )
        if newest is not None and self.resume:
            LOG.info("resuming from %s", newest)
            CheckpointLoader(load_path=str(newest), load_dict=everything).attach(engine)
        CheckpointSaver(
            save_dir=str(self.save_dir),
            save_dict=everything,
            file_prefix="resume",
            save_interval=self.interval,
            n_saved=1,
        ).attach(engine)
        engine.add_event_handler(Events.COMPLETED, self._clear)

    def _clear(self, engine: Engine) -> None:
        if engine.state.epoch >= (engine.state.max_epochs or 0):
            for path in self.save_dir.glob("resume_*.pt"):
                path.unlink()


class ExitOnInputError:
    """Handler that ends the program with the message of an input error instead of a traceback.

    For command lines only; place it first among the handlers.
    """

    def attach(self, engine: Engine) -> None:
        """Listen to exceptions of ``engine``."""
        engine.add_event_handler(Events.EXCEPTION_RAISED, self)

    def __call__(self, engine: Engine, error: BaseException) -> None:
        """Exit with status 1 and the message, or raise the error again."""
        found = root_input_error(error)
        if found is None:
            raise error
        raise SystemExit(f"error: {found}")
