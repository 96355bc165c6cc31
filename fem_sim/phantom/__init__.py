"""Virtual cines: anatomy, pictures and motion."""
