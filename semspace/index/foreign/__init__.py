"""Graphs that other libraries have built: read, searched as they are, and written."""
