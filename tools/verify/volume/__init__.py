"""Claims about the lift of slices into space."""
