"""The catalogue of sample corpora: name, size, source and licence of each."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from semspace import checks
from semspace.corpora.newsgroups import read_posts
from semspace.corpora.packaged import gensim_file
from semspace.corpora.wikipedia import read_dump
from semspace.text.corpus import Corpus
from semspace.text.read_corpus import read_table
from semspace.types import Doubles1d

_LEE = "Lee, Pincombe & Welsh (2005); news of the Australian Broadcasting Corporation; research use, inside gensim"
_POSTS = "20 Newsgroups, Lang (1995); public Usenet posts of 1993, no licence stated; research use, inside gensim"
_WIKI = "English Wikipedia, CC BY-SA; a slice of a dump, inside gensim"


@dataclass(frozen=True)
class CorpusInfo:
    """A corpus that can be loaded by name, and the function that reads it."""

    name: str
    documents: int
    what: str
    source: str
    read: Callable[[], pl.DataFrame]


def _lines(name: str, prefix: str) -> pl.DataFrame:
    """Read a file with one document per line; ids get a prefix, so that two corpora never share one by accident."""
    table = read_table(gensim_file(name), encoding="latin-1")
    return table.with_columns(pl.concat_str([pl.lit(prefix), "id"]).alias("id"))


_ENTRIES = {
    entry.name: entry
    for entry in (
        CorpusInfo("lee", 50, "short news texts that people have compared", _LEE, lambda: _lines("lee.cor", "lee-")),
        CorpusInfo("lee-background", 300, "short news texts", _LEE, lambda: _lines("lee_background.cor", "")),
        CorpusInfo(
            "newsgroups-sample",
            199,
            "posts to alt.atheism and sci.space, with their dates",
            _POSTS,
            lambda: read_posts(gensim_file("mini_newsgroup")),
        ),
        CorpusInfo(
            "wikipedia-sample",
            106,
            "encyclopedia articles, 0.48M words",
            _WIKI,
            lambda: read_dump(gensim_file("enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2")),
        ),
    )
}


def load(name: str) -> Corpus:
    """Return a corpus by its name; `table` lists the names.

    Examples
    --------
    >>> import semspace as ss
    >>> len(ss.corpora.load("lee"))
    50
    """
    if name not in _ENTRIES:
        raise checks.unknown("corpus", name, _ENTRIES, where=f"the catalogue ({', '.join(_ENTRIES)})")
    entry = _ENTRIES[name]
    corpus = Corpus.from_frame(entry.read())
    return Corpus(corpus.frame, {"source": entry.name, "licence": entry.source})


def table() -> pl.DataFrame:
    """Return the catalogue as a table with columns ``name``, ``documents``, ``what`` and ``source``."""
    return pl.DataFrame(
        [(e.name, e.documents, e.what, e.source) for e in _ENTRIES.values()],
        schema=["name", "documents", "what", "source"],
        orient="row",
    )


def judgements() -> Doubles1d:
    """Return human similarity ratings for all pairs of documents of the corpus ``lee``.

    The matrix has shape (50, 50) and is symmetric, with values from 0 to 1: averages over 8 to 12 students per pair
    (Lee, Pincombe & Welsh 2005, "An empirical evaluation of models of text document similarity").
    """
    return np.loadtxt(gensim_file("similarities0-1.txt"))
