"""Compiled code: compilation by numba, SIMD instructions, hashing, and the cache of compiled code."""
