"""Every claim about the autoencoder, measured on subjects it was never trained on."""
