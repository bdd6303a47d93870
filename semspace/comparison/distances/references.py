"""Reference distances: the same distances between known text collections, near and far."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl

from semspace import queries
from semspace.comparison.distances.classifier import classifier_test
from semspace.corpora import load
from semspace.errors import SemspaceWarning
from semspace.text.corpus import Corpus
from semspace.text_encoder import TextEncoder, encode_documents
from semspace.two_sample.kernel_tests import KERNELS, sum_kernels
from semspace.two_sample.pair_sums import Kernels
from semspace.types import Floats2d

# Nearest first: two samples of one source, two topics of one source, two kinds of text.
_REFERENCE_PAIRS = (
    ("news, in random halves", "lee-background", "lee-background"),
    ("posts on space and on atheism", "sci.space", "alt.atheism"),
    ("news and encyclopedia", "lee-background", "wikipedia-sample"),
)
_MAX_DOCUMENTS = 100  # documents of each collection
_CACHE: dict[tuple[str, str], Floats2d] = {}  # by the encoder's fingerprint and the collection's name
_MAX_CHARACTERS = 600  # of each document: enough for its kind, and encoding takes time


def references(encoder: TextEncoder, kernels: Kernels, *, seed: int) -> pl.DataFrame:
    """Return the distances between known text collections with this encoder.

    Columns ``between``, ``distance`` (as `Distance` names it) and ``value``. The texts are English, and ship with
    semspace: Lee's news, posts to newsgroups, Wikipedia. The Fréchet distance isn't among them: with so few
    documents it would be mostly bias.
    """
    rows = []
    for between, first, second in _REFERENCE_PAIRS:
        a, b = _vectors(encoder, first), _vectors(encoder, second)
        if first == second:
            order = np.random.default_rng(seed).permutation(len(a))
            a, b = a[order[::2]], b[order[1::2]]
        corpus_ids = np.repeat([0, 1], [len(a), len(b)])
        test = sum_kernels(np.concatenate([a, b]), corpus_ids, seed=seed, progress=False, kernels=kernels).test(
            [0], [1], permutations=0, resamples=0, seed=seed
        )
        for number, name in enumerate(KERNELS[:3]):
            rows.append((between, name, float(test.values[number])))
        rows.append((between, "classifier", classifier_test(a, b, permutations=0, resamples=0, seed=seed).value))
    return pl.DataFrame(rows, schema=["between", "distance", "value"], orient="row")


def _vectors(encoder: TextEncoder, name: str) -> Floats2d:
    """Return the vectors of a collection, encoded once for each encoder."""
    key = (encoder.fingerprint, name)
    if key not in _CACHE:
        texts = _texts(name).texts.head(_MAX_DOCUMENTS).str.slice(0, _MAX_CHARACTERS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SemspaceWarning)  # that some texts are truncated doesn't matter to the user
            _CACHE[key] = queries.unit(encode_documents(texts.to_list(), encoder))
    return _CACHE[key]


def _texts(name: str) -> Corpus:
    if name in ("sci.space", "alt.atheism"):
        posts = load("newsgroups-sample")
        return Corpus(posts.frame.filter(pl.col("newsgroup") == name))
    corpus: Corpus = load(name)
    return corpus
