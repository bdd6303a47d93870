"""Vectors in fewer bytes: float16, 8-bit integers, bits, product quantisation. Knows no ids, files or models."""
