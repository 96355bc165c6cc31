"""Cines stored as DICOM."""
