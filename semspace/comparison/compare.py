"""`compare`: two corpora in, one `Comparison` out."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl

from semspace import checks
from semspace.clusters.cluster import cluster
from semspace.comparison import distances
from semspace.comparison.comparison import Comparison
from semspace.comparison.distances import Distance, TwoSample
from semspace.comparison.overlap import near_pairs
from semspace.comparison.shares import group_shares
from semspace.comparison.words import word_contrast
from semspace.errors import InputError, SemspaceWarning
from semspace.sentences.base import Encoder
from semspace.space import Space
from semspace.text.corpus import Corpus

_MMD = "how differently the two corpora spread over the space of meaning (squared maximum mean discrepancy)"
_ENERGY = "how much further a text of one lies from those of the other than from its own kind (energy distance)"


def compare(
    a: Corpus,
    b: Corpus,
    *,
    encoder: Encoder | None = None,
    spaces: tuple[Space, Space] | None = None,
    names: tuple[str, str] = ("A", "B"),
    k: int | None = None,
    permutations: int = 999,
    min_duplicate: float = 0.9,
    seed: int = 0,
    progress: bool = True,
) -> Comparison:
    """Say how two corpora differ in meaning, how sure that is, and what drives it.

    Documents are taken to be independent of one another: give whole documents, not paragraphs of a few.

    Parameters
    ----------
    a, b : Corpus
    encoder : Encoder, optional
        What puts both into one space. Give this or `spaces`.
    spaces : (Space, Space), optional
        Both corpora encoded already, by the same encoder, with the corpora's ids.
    names : (str, str)
        What the corpora are called in the report.
    k : int, optional
        How many groups to find in both together; see `cluster` for how many if not given.
    permutations : int
        Random splits behind each p-value, 99 to 99,999; the smallest p-value is ``1 / (permutations + 1)``.
    min_duplicate : float
        Cosine from which two documents count as near-duplicates.
    seed : int
        The same seed gives the same answers.

    Raises
    ------
    InputError
        If a corpus has fewer than four documents, or the spaces come from different encoders.
    """
    checks.whole("permutations", permutations, low=99, high=99_999)
    checks.seed(seed)
    _check_given(a, b, encoder, spaces, names)
    checks.number("min_duplicate", min_duplicate, low=-1.0, high=1.0)
    for name, corpus in zip(names, (a, b), strict=True):
        if len(corpus) < 4:
            raise InputError(f"a corpus must have at least 4 documents to be compared; {name} has {len(corpus)}")
    left, right = spaces or _encode(a, b, encoder, progress)
    _check_pair(a, b, left, right, names)
    x, y = left.vectors, right.vectors
    union = np.concatenate([x, y])
    mmd = distances.two_sample(
        x, y, distances.gaussian(union, seed=seed), permutations=permutations, seed=seed, progress=progress
    )
    energy = distances.two_sample(
        x, y, distances.negative_distance, permutations=permutations, seed=seed, progress=progress
    )
    groups = cluster(_union(a, b, left, right), k=k, seed=seed, progress=progress)
    facts = {
        "permutations": permutations,
        "seed": seed,
        "min_duplicate": min_duplicate,
        "spaces": [left.fingerprint, right.fingerprint],
        "encoder": left.provenance.get("made_by"),
        "sources": [dict(a.provenance), dict(b.provenance)],
    }
    return Comparison(
        (names[0], names[1]),
        (a, b),
        (left, right),
        (_answer("mmd", mmd, _MMD), _answer("energy", energy, _ENERGY), distances.classifier(x, y, seed=seed)),
        mmd.witness,
        word_contrast(a, b),
        near_pairs(left, right, min_score=min_duplicate),
        group_shares(groups, len(a)),
        groups,
        facts,
    )


def _check_given(a: object, b: object, encoder: object, spaces: object, names: object) -> None:
    for corpus in (a, b):
        if not isinstance(corpus, Corpus):
            raise InputError(f"compare takes two corpora; got {type(corpus).__name__}: see Corpus.read")
    if (encoder is None) == (spaces is None):
        raise InputError("compare needs either encoder= (see Encoder.load) or spaces= of both corpora, and not both")
    if encoder is not None and not isinstance(encoder, Encoder):
        raise InputError(f"encoder must be an Encoder; got {type(encoder).__name__}: see Encoder.load")
    if spaces is not None and not _pair_of(Space, spaces):
        raise InputError("spaces must be a pair of Spaces, one for each corpus")
    if not _pair_of(str, names):
        raise InputError(f"names must be a pair of strings; got {names!r}")


def _pair_of(kind: type, given: object) -> bool:
    return isinstance(given, (tuple, list)) and len(given) == 2 and all(isinstance(one, kind) for one in given)


def _encode(a: Corpus, b: Corpus, encoder: Encoder | None, progress: bool) -> tuple[Space, Space]:
    assert encoder is not None
    return encoder.embed(a, progress=progress), encoder.embed(b, progress=progress)


def _check_pair(a: Corpus, b: Corpus, left: Space, right: Space, names: tuple[str, str]) -> None:
    for name, corpus, space in zip(names, (a, b), (left, right), strict=True):
        if corpus.ids.to_list() != space.ids.tolist():
            raise InputError(f"the ids of {name} and of its space differ; give the space made from that corpus")
    made = [_maker(left), _maker(right)]
    if left.dim != right.dim or made[0] != made[1]:
        raise InputError(
            f"the two spaces come from different encoders ({made[0]} and {made[1]}, {left.dim} and {right.dim} "
            f"dimensions), so their vectors can't be compared; encode both with one encoder"
        )
    sizes = sorted((len(a), len(b)))
    if sizes[1] > 50 * sizes[0]:
        warnings.warn(
            f"one corpus is {sizes[1] / sizes[0]:.0f} times the other; what the small one holds is hard to see",
            SemspaceWarning,
            stacklevel=3,
        )


def _maker(space: Space) -> str | None:
    return space.encoder.fingerprint[:8] if space.encoder else None


def _union(a: Corpus, b: Corpus, left: Space, right: Space) -> Space:
    """Put both in one space, with their texts, under ids that can't collide."""
    ids = [f"a:{id}" for id in left.ids] + [f"b:{id}" for id in right.ids]
    texts = pl.DataFrame({"text": [*a.texts, *b.texts]})
    return Space.from_vectors(ids, np.concatenate([left.vectors, right.vectors]), texts, left.encoder)


def _answer(name: str, found: TwoSample, meaning: str) -> Distance:
    chance = float(np.quantile(found.permuted, 0.95))
    return Distance(name, found.value, found.p_value, found.interval, chance, meaning)
