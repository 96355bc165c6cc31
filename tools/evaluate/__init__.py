"""Scores of registration methods on labelled and virtual cines."""
