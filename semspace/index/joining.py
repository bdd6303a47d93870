"""`join`: the pairs of similar texts between two collections."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl

from semspace import checks, queries
from semspace.errors import InputError
from semspace.index.index import Index
from semspace.index.near_duplicates import exactly
from semspace.index.query import checked_min_score
from semspace.progress import bar
from semspace.sentences.encoder import Encoder
from semspace.space import Space
from semspace.space_arguments import check_same_encoder
from semspace.text.corpus import Corpus
from semspace.text_encoder import check_encoder, reads_texts
from semspace.threads import limited
from semspace.types import Floats1d, Ints1d

_MAX_PAIRS = 1_000_000
_LEAST = 0.95  # cosine, as for the duplicates of an index
_QUERIES = 1_024  # points of the left side whose best partners are looked for at a time
Side = Corpus | Space | Index


def join(
    a: Side,
    b: Side,
    min_score: float | None = None,
    *,
    k: int | None = None,
    metric: str | None = None,
    max_pairs: int | None = None,
    encoder: Encoder | None = None,
    threads: int | None = None,
    progress: bool = True,
) -> pl.DataFrame:
    """Find the pairs of similar points between two collections: a similarity join.

    Every point of `a` is compared with every point of `b`, so no pair is missed. Pairs within one collection are found
    by `Index.duplicates`.

    Parameters
    ----------
    a, b : Corpus, Space or Index
        A corpus is encoded; of an index, the points that it has now are compared.
    min_score : float, optional
        Return the pairs that score at least this. For the cosine 0.95 by default, or with `k` any score; other metrics
        need one or `k`, since their scores depend on the vectors' lengths.
    k : int, optional
        For each point of `a`, only its `k` best partners in `b` (with 1, a left join on the most similar text).
    metric : {"cosine", "dot", "euclidean"}, optional
        By default that of an index among the two, else the cosine.
    max_pairs : int, optional
        Return at most this many pairs, the best ones, and warn where there are more. 1,000,000 by default; with `k`
        all.
    encoder : Encoder, optional
        Encodes corpora. By default the encoder of the other collection.
    threads : int, optional
        All cores by default.
    progress : bool

    Returns
    -------
    polars.DataFrame
        ``a``, ``b`` (ids) and ``score`` (float32), highest score first; equal scores in the order of `a`, then `b`.

    Raises
    ------
    InputError
        If one of them isn't a collection of points, both are of different encoders, dimensions or metrics, there is no
        encoder for a corpus, or a parameter can't be used.

    Notes
    -----
    Without `k`, a matrix product of the first principal axes rules out the pairs whose score can't be high enough (by
    the inequality of Cauchy and Schwarz), and those left are scored in double precision. It is the faster, the higher
    `min_score` is.

    Examples
    --------
    >>> import semspace as ss
    >>> ours = ss.Space.from_vectors(["cat", "car"], [[1, 1], [-1, 1]])
    >>> theirs = ss.Space.from_vectors(["chat", "voiture", "maison"], [[1, 0.9], [-1, 1.1], [0, -1]])
    >>> ss.join(ours, theirs, min_score=0.9).select("a", "b").rows()
    [('car', 'voiture'), ('cat', 'chat')]

    The best partner of each, with the columns of both:

    >>> best = ss.join(ours, theirs, k=1)
    >>> best.join(theirs.to_frame(), left_on="b", right_on="id").columns
    ['a', 'b', 'score']
    """
    metric = _metric(metric, a, b)
    if k is not None:
        checks.whole("k", k)
        if max_pairs is not None:
            raise InputError("k= bounds the number of pairs already; leave out max_pairs=, or k=")
    lowest = None if k is not None and min_score is None else checked_min_score(min_score, _LEAST, metric)
    most = checks.whole("max_pairs", _MAX_PAIRS if max_pairs is None else max_pairs)
    for name, side in (("a", a), ("b", b)):
        if not isinstance(side, (Corpus, Space, Index)):
            raise InputError(
                f"join takes a Corpus, a Space or an Index as {name}; got {type(side).__name__}: read texts with "
                f"Corpus.read, or make a space with Space.from_vectors"
            )
    with limited(threads):
        left, right = _spaces(a, b, encoder, progress=progress)
        if left.dim != right.dim:
            raise InputError(f"a has {left.dim} dimensions and b has {right.dim}; encode both with the same encoder")
        check_same_encoder("a", left, right)
        if k is not None:
            rows = best_partners(left, right, metric, k, lowest, progress=progress)
        else:
            assert lowest is not None
            from semspace.index.near_duplicates import BestPairs, compare_between

            best = BestPairs(lowest, most)
            compare_between(left.vectors, right.vectors, metric, best, progress=progress)
            rows = best.result()
            best.warn(lowest, stacklevel=3)
    ids = [
        pl.Series(name, space.ids[own].tolist(), dtype=pl.String)
        for name, space, own in (("a", left, rows[0]), ("b", right, rows[1]))
    ]
    return pl.DataFrame([*ids, pl.Series("score", rows[2])])


def _metric(given: str | None, a: Any, b: Any) -> str:
    """Return the metric to compare by, or raise `InputError`."""
    own = {side.metric for side in (a, b) if isinstance(side, Index)}
    if given is not None:
        return checks.choice("metric", given, queries.METRICS)
    if len(own) > 1:
        raise InputError(f"a and b are indexes of different metrics, {' and '.join(sorted(own))}; give metric=")
    return own.pop() if own else "cosine"


def _spaces(a: Side, b: Side, encoder: Encoder | None, *, progress: bool) -> tuple[Space, Space]:
    """Return both collections as spaces; corpora are encoded by `encoder`, or by that of the other one."""
    check_encoder(encoder)
    known = [side.encoder for side in (a, b) if not isinstance(side, Corpus) and side.encoder is not None]
    chosen: Any = encoder if encoder is not None else next(iter(known), None)
    found = []
    for name, side in (("a", a), ("b", b)):
        if isinstance(side, Corpus):
            if not (reads_texts(chosen) and hasattr(chosen, "embed")):
                raise InputError(f"{name} is a corpus, and there is no encoder for its texts; give encoder=")
            found.append(chosen.embed(side, progress=progress))
        else:
            found.append(side.space if isinstance(side, Index) else side)
    return found[0], found[1]


def best_partners(
    left: Space, right: Space, metric: str, k: int, lowest: float | None, *, progress: bool
) -> tuple[Ints1d, Ints1d, Floats1d]:
    """Return the best partners of each point: rows of both, and scores in double precision, highest first."""
    a, b = [], []
    with bar("looking for partners", len(left), unit="point", progress=progress) as shown:
        for start in range(0, len(left), _QUERIES):
            block = np.asarray(left.vectors[start : start + _QUERIES])
            found = queries.nearest(right.vectors, right.norms, block, k, names=right.ids, metric=metric)
            for row, (near, _) in enumerate(found, start):
                a.append(np.full(len(near), row))
                b.append(near)
            shown.update(len(block))
    pairs = np.stack([np.concatenate(a), np.concatenate(b)], axis=1)
    least = -math.inf if lowest is None else lowest
    rows, partners, values = exactly(left.vectors, right.vectors, pairs, metric, least)
    order = np.lexsort((partners, rows, -values))
    return rows[order], partners[order], values[order]
