"""Measurements against what others have published or followed."""
