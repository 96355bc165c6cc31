"""The finite-element model of a slice and its motion over a cycle."""
