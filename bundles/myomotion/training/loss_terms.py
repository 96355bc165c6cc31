"""Means of the parts of a loss, for the log of a training."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ignite.engine import Engine, Events


class LossTerms:
    """Handler that puts the parts of the loss into the trainer's metrics once an epoch.

    Sums stay on the device, so that a GPU is not waited for at every step. A part that only some
    batches have is the mean over these, and is left out where none has it.

    Args:
        loss: keeps the parts of its last value in a dictionary ``terms``.
    """

    def __init__(self, loss: Any) -> None:
        self.loss = loss
        self.sums: dict[str, Any] = {}
        self.counts: Counter[str] = Counter()

    def attach(self, engine: Engine) -> None:
        """Listen to ``engine``."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._finish)

    def _start(self, engine: Engine) -> None:
        for name in self.sums:
            engine.state.metrics.pop(name, None)
        self.sums, self.counts = {}, Counter()

    def _add(self, engine: Engine) -> None:
        for name, value in self.loss.terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] += 1

    def _finish(self, engine: Engine) -> None:
        for name, value in self.sums.items():
            engine.state.metrics[name] = float(value) / self.counts[name]
