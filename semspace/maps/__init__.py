"""Maps of points in two dimensions."""
