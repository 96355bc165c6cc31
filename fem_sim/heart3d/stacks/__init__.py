"""Simulated ventricles as a scanner sees them: slices that stay where they are, and true motion."""
