"""Mathematics of grids, motion and tissue: pure functions of tensors."""
