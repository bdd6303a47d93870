"""Kernel two-sample tests of plain arrays, by permutation."""
