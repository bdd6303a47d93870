"""Sparse vectors of texts, of which each dimension is a token of the vocabulary, and the search in them."""
