"""Texts → the texts that contain the words of a query (BM25). Knows nothing of vectors."""

from semspace.lexical.bm25 import BM25
from semspace.lexical.postings import Postings
from semspace.lexical.search_words import query_words
from semspace.lexical.stored_postings import read_postings, write_postings

__all__ = ["BM25", "Postings", "query_words", "read_postings", "write_postings"]
