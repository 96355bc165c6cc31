"""How far a number may be from the truth: repeats, and a calibration on hearts of known motion."""
