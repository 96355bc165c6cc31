"""Improving the motion of one slice after the network."""
