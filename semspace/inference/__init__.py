"""Token ids → vectors: a transformer's forward pass in compiled kernels. Knows nothing of texts."""
