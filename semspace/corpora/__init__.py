"""Texts that can be loaded by name, and under what licence. Installed as ``semspace.corpora``.

Nothing is downloaded: each comes inside an installed package. Knows nothing of models.
"""

from semspace.corpora.catalogue import Entry, judgements, load, table
from semspace.corpora.packaged import gensim_file

__all__ = ["Entry", "gensim_file", "judgements", "load", "table"]
