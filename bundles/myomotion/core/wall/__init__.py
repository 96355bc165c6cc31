"""Wall of a slice: contours, mesh, motion of its nodes, strain and rotation."""
