"""Left ventricles in three dimensions: meshes, material, equilibrium, a beat."""
