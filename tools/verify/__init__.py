"""Claims about the bundles, measured."""
