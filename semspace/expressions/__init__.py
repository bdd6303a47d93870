"""Sums of queries, written as text or as Python."""
