"""Damaged files: they are refused or read rightly."""
