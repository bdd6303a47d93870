"""Geometry of a space: intrinsic dimension, isotropy and hubness. Works on plain arrays."""
