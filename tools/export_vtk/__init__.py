"""Tracked myocardium as moving meshes."""
