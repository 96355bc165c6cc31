"""Single virtual slices of any level and phase, with labels: what a segmenter learns from."""
