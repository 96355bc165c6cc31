"""Dice of an evaluation, which may have nothing to measure."""

from __future__ import annotations

import math
from typing import Any

import torch
from monai.handlers import MeanDice


class MeasuredDice(MeanDice):
    """MONAI's ``MeanDice``, NaN where no label counted: there it gives 0, as for the worst overlap.

    Its arguments are those of ``MeanDice``.
    """

    def compute(self) -> Any:
        """The mean over what counted, or NaN."""
        scores = torch.as_tensor(self.metric_fn.get_buffer())  # NaN where there is no label
        measured = bool(torch.isfinite(scores).any())
        mean = super().compute()
        return mean if measured else math.nan
