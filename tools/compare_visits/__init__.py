"""Two visits of one person: what changed, and which of it is beyond the error of a repeat."""
