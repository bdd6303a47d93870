"""Compiled code and what it stands on: compilation, SIMD instructions, where compiled code is kept."""
