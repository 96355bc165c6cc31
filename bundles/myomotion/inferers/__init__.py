"""Running networks on sequences and on many studies."""
