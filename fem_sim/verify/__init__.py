"""Every claim about the simulator, measured."""
