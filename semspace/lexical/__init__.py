"""Texts → the texts that contain the words of a query (BM25). Knows nothing of vectors."""

from semspace.lexical.bm25 import BM25
from semspace.lexical.postings import Postings
from semspace.lexical.search_words import query_words

__all__ = ["BM25", "Postings", "query_words"]
