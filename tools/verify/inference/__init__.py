"""Every claim about inference, measured: files, strain, formats, interrupted runs."""
