"""Every claim about the bundles, measured: ``python -m tools.verify NAME --output FILE.json``."""
