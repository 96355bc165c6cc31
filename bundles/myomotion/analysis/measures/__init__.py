"""Measures: every number that tells what a heart did and whether its motion can be trusted.

To add one, write it in a file here and enter it in ``MEASURES`` of :mod:`.registry`: the tables,
the lights, the report and the cohort's table then have it.
"""
