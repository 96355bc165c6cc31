"""Files: what may be written, how it is written, and paths as users give them."""
