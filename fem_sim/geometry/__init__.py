"""Contours, meshes and label maps."""
