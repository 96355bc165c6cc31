"""How contours are drawn: what the network sees of a stack, and what of its answer counts."""
