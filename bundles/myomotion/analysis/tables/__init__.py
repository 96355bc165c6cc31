"""Rows of the tables of results."""
