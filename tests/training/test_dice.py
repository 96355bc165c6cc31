"""Dice of an evaluation: MONAI's, and no number where nothing was measured."""

from __future__ import annotations

import math

import pytest
import torch
from ignite.engine import Engine
from monai.handlers import MeanDice

from myomotion.training.dice import MeasuredDice

WALL = torch.zeros(2, 1, 8, 8)
WALL[:, :, 2:6] = 1
NOTHING = torch.zeros_like(WALL)
Batches = list[tuple[torch.Tensor, torch.Tensor]]


def measured(metric: MeanDice, batches: Batches) -> float:
    evaluator = Engine(lambda engine, batch: batch)
    metric.attach(evaluator, "dice")
    return float(evaluator.run(batches).metrics["dice"])


@pytest.mark.parametrize(
    "batches",
    [[(WALL, WALL)], [(WALL.roll(2, 2), WALL), (WALL, NOTHING)], [(NOTHING, WALL)]],
    ids=["all", "half of one batch, the other has no label", "nothing found"],
)
def test_dice_of_labels_is_that_of_monai(batches: Batches) -> None:
    dice = measured(MeasuredDice(save_details=False), batches)
    assert dice == measured(MeanDice(save_details=False), batches)


def test_dice_without_a_label_is_no_number() -> None:
    batches = [(NOTHING, NOTHING), (WALL, NOTHING)]
    assert math.isnan(measured(MeasuredDice(save_details=False), batches))
