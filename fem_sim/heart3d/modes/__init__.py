"""How simulated ventricles move: the modes that the lift of slices into space rests on."""
