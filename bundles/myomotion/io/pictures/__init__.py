"""What the frames of a cine show: what moves, what is padding, which frame is end-diastole."""
