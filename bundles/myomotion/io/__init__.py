"""Reading cines, labels and lists of studies."""
