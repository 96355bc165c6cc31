"""Motion of the whole wall in space from the tracked slices of a short-axis stack."""
