"""Constitutive materials of the wall, one a file; the registry lists them."""
