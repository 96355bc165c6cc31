"""Finite-element simulation of short-axis myocardial motion, and virtual cines made of it."""
