"""Public data sets as studies that the bundles read."""
