"""Texts compared word by word, by the vectors of their words: word mover's distance, soft cosine."""

from semspace.word_measures.soft_cosine import SoftCosine
from semspace.word_measures.word_movers import WordMovers

__all__ = ["SoftCosine", "WordMovers"]
