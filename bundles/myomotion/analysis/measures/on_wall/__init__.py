"""Measures that are taken on the mesh of the wall."""
