"""Sample corpora that can be loaded by name, each with its licence.

Nothing is downloaded: every corpus comes inside gensim's package (``semspace[gensim]``).
"""

from semspace.corpora.catalogue import judgements, load, table
from semspace.corpora.packaged import gensim_file

__all__ = ["gensim_file", "judgements", "load", "table"]
