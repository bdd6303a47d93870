"""A `Space` → fast neighbours: one `Index`, one file per engine. Knows nothing of clustering and reports."""

from semspace.index.index import Index

__all__ = ["Index"]
