"""What a distance is large or small beside: the same distance between texts that people know to be near or far."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl

from semspace import queries
from semspace.comparison.distances.classifier import classifier
from semspace.comparison.distances.pair_sums import Kernels
from semspace.comparison.distances.two_sample import KERNELS, evidence
from semspace.corpora import load
from semspace.errors import SemspaceWarning
from semspace.space import TextEncoder, encode_documents
from semspace.text.corpus import Corpus
from semspace.types import Floats2d

# What is compared, nearest first: two samples of one source, two subjects of one source, two kinds of text.
_KNOWN = (
    ("news, in random halves", "lee-background", "lee-background"),
    ("posts on space and on atheism", "sci.space", "alt.atheism"),
    ("news and encyclopedia", "lee-background", "wikipedia-sample"),
)
_MOST = 100  # documents of each
_ENCODED: dict[tuple[str, str], Floats2d] = {}
_LONGEST = 600  # characters of each: it is their kind that matters, and encoding takes time


def references(encoder: TextEncoder, kernels: Kernels, *, seed: int) -> pl.DataFrame:
    """Return the distances between texts that everybody knows to be near or far, as this encoder sees them.

    Columns ``between``, ``distance`` (as `Distance` names it) and ``value``. The texts are English, and ship with
    semspace: Lee's news, posts to newsgroups, Wikipedia. The Fréchet distance isn't among them: of so few documents it
    is another number.
    """
    rows = []
    for between, first, second in _KNOWN:
        a, b = _vectors(encoder, first), _vectors(encoder, second)
        if first == second:
            order = np.random.default_rng(seed).permutation(len(a))
            a, b = a[order[::2]], b[order[1::2]]
        of = np.repeat([0, 1], [len(a), len(b)])
        tested = evidence(np.concatenate([a, b]), of, seed=seed, progress=False, kernels=kernels).test(
            [0], [1], permutations=0, resamples=0, seed=seed
        )
        for at, name in enumerate(KERNELS[:3]):
            rows.append((between, name, float(tested.values[at])))
        rows.append((between, "classifier", classifier(a, b, permutations=0, resamples=0, seed=seed).value))
    return pl.DataFrame(rows, schema=["between", "distance", "value"], orient="row")


def _vectors(encoder: TextEncoder, name: str) -> Floats2d:
    """Encode the texts of that name, once for each encoder."""
    key = (encoder.fingerprint, name)
    if key not in _ENCODED:
        texts = _texts(name).texts.head(_MOST).str.slice(0, _LONGEST)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SemspaceWarning)  # that some are cut isn't the user's affair
            _ENCODED[key] = queries.unit(encode_documents(texts.to_list(), encoder))
    return _ENCODED[key]


def _texts(name: str) -> Corpus:
    if name in ("sci.space", "alt.atheism"):
        posts = load("newsgroups-sample")
        return Corpus(posts.frame.filter(pl.col("newsgroup") == name))
    named: Corpus = load(name)
    return named
