"""Tracking many studies at once."""
