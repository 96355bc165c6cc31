"""Data that needs nothing from the user, made on first use by the simulator."""
