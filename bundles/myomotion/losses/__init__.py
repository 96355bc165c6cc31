"""Loss terms, R_VAE among them."""
