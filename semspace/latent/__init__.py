"""Smaller spaces and back. Knows nothing of HTML."""

from semspace.latent.pca import PCA, PCAModel

__all__ = ["PCA", "PCAModel"]
