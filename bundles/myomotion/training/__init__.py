"""Batches, checkpoints and logs of trainings."""
