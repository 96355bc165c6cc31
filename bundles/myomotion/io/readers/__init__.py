"""Formats of cines, one a file; ``myomotion.io.source.READERS`` lists them."""
