"""What there is: each corpus with its source and licence."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.corpora.newsgroups import read_posts
from semspace.corpora.packaged import gensim_file
from semspace.corpora.wikipedia import read_dump
from semspace.text.corpus import Corpus
from semspace.text.read_corpus import read_table

_LEE = "Lee, Pincombe & Welsh (2005); news of the Australian Broadcasting Corporation; research use, inside gensim"
_POSTS = "20 Newsgroups, Lang (1995); public Usenet posts of 1993, no licence stated; research use, inside gensim"
_WIKI = "English Wikipedia, CC BY-SA; a slice of a dump, inside gensim"


@dataclass(frozen=True)
class Entry:
    """One corpus that can be loaded by name."""

    name: str
    documents: int
    what: str
    source: str
    read: Callable[[], pl.DataFrame]


def _lines(name: str, prefix: str) -> pl.DataFrame:
    """Read a document a line, their ids under a prefix, so that two corpora don't share ids by accident."""
    table = read_table(gensim_file(name), encoding="latin-1")
    return table.with_columns(pl.concat_str([pl.lit(prefix), "id"]).alias("id"))


_ENTRIES = {
    entry.name: entry
    for entry in (
        Entry("lee", 50, "short news texts that people have compared", _LEE, lambda: _lines("lee.cor", "lee-")),
        Entry("lee-background", 300, "short news texts", _LEE, lambda: _lines("lee_background.cor", "")),
        Entry(
            "newsgroups-sample",
            199,
            "posts to alt.atheism and sci.space, with their dates",
            _POSTS,
            lambda: read_posts(gensim_file("mini_newsgroup")),
        ),
        Entry(
            "wikipedia-sample",
            106,
            "encyclopedia articles, 0.48M words",
            _WIKI,
            lambda: read_dump(gensim_file("enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2")),
        ),
    )
}


def load(name: str) -> Corpus:
    """Load a corpus by name; `table` lists them.

    Examples
    --------
    >>> import semspace as ss
    >>> len(ss.corpora.load("lee"))
    50
    """
    if name not in _ENTRIES:
        raise checks.unknown("corpus", name, _ENTRIES, where=f"the catalogue ({', '.join(_ENTRIES)})")
    entry = _ENTRIES[name]
    made = Corpus.from_frame(entry.read())
    return Corpus(made.frame, {"source": entry.name, "licence": entry.source})


def table() -> pl.DataFrame:
    """Return what there is: ``name``, ``documents``, ``what`` and ``source``."""
    return pl.DataFrame(
        [(e.name, e.documents, e.what, e.source) for e in _ENTRIES.values()],
        schema=["name", "documents", "what", "source"],
        orient="row",
    )


def judgements() -> npt.NDArray[np.float64]:
    """Return how alike people found each pair of the corpus ``lee``: shape (50, 50), from 0 to 1, symmetric.

    Averages over 8 to 12 students a pair (Lee, Pincombe & Welsh 2005, "An empirical evaluation of models of
    text document similarity").
    """
    return np.loadtxt(gensim_file("similarities0-1.txt"))
