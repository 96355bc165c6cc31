"""Logs and weights of trainings."""
