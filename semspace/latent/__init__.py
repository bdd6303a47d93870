"""Dimension reduction and reconstruction of spaces. Doesn't depend on reports."""

from semspace.latent.pca import PCA, PCAModel

__all__ = ["PCA", "PCAModel"]
