"""Text → vectors: encoders, and how a name becomes one. Knows nothing of clustering and reports."""
