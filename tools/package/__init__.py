"""The bundles as zip files."""
