"""Pictures of simulated cycles."""
