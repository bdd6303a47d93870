"""`describe_dimensions`: from a latent model and texts to names of its dimensions, tested on other texts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from semspace import checks, pools
from semspace.clusters import keywords
from semspace.clusters.describe import with_texts
from semspace.clusters.document_terms import DocumentTerms, has_texts
from semspace.clusters.term_counts import TermCounts
from semspace.clusters.term_options import term_options
from semspace.errors import InputError
from semspace.latent.dimensions import Dimensions
from semspace.latent.firing import Ends
from semspace.latent.model import LatentModel
from semspace.latent.name_tests import check_names, meaning
from semspace.progress import waiting
from semspace.space import Space
from semspace.space_arguments import need_space
from semspace.text_encoder import reads_texts
from semspace.types import Doubles1d, Ints1d

if TYPE_CHECKING:
    from collections.abc import Sequence

    from semspace.text.corpus import Corpus

_FEWEST_TEXTS = 5  # on which an end must fire to be named
_FEWEST_DIFFERENT = 20  # texts of a space


def describe_dimensions(
    model: LatentModel,
    space: Space,
    corpus: Corpus | None = None,
    *,
    share: float = 0.1,
    held_out: float = 0.5,
    by_meaning: bool = False,
    n_texts: int = 3,
    n_words: int = 10,
    stop_words: str | Sequence[str] | None = None,
    language: str | Sequence[str] | None = "english",
    seed: int = 0,
    progress: bool = True,
) -> Dimensions:
    """Name the dimensions of a latent model by the words of the texts on which they fire, and test the names.

    A feature of a `SparseAutoencoder` fires where it is active. Any other dimension has two ends, and each fires on the
    texts with the highest, or the lowest, codes. One part of the texts makes the names: the words and phrases that
    distinguish the texts on which an end fires from all texts, as groups are named by `semspace.cluster`. The other
    part tests them. A text matches a name if it contains two of its two or three terms (words, or whole phrases); of
    the texts that match, and of all others, it is counted on which share the end fires.

    Parameters
    ----------
    model : LatentModel
    space : Space
        Points as the model takes them (not codes), with their texts in the column ``text``, as `Encoder.embed`
        makes it. Best are texts that the model wasn't trained on, but it never sees their words.
    corpus : Corpus, optional
        The texts of the points, with the same ids, where the space doesn't have them.
    share : float
        On what share of the texts each end of an axis or factor fires, in (0, 0.5]. The threshold is that of the
        texts that make the names. Sparse features don't need it.
    held_out : float
        The share of the different texts that test the names; copies of a text lie in the same part.
    by_meaning : bool
        Also compute how well the encoder's similarity of name and text finds the texts on which a dimension fires.
    n_texts : int
        Ids of the strongest texts that are kept for each end, at most.
    n_words : int
        Words that are kept for each end, at most; the name is made of the first two or three, or of a phrase.
    stop_words, language
        See `semspace.cluster`.
    seed : int
        Divides the texts.
    progress : bool
        Show the time that has passed if it takes more than two seconds.

    Returns
    -------
    Dimensions
        ``print`` shows the names with their tests, `Dimensions.explain` the dimensions that fire on a text.

    Raises
    ------
    InputError
        If the space has no texts or fewer than 20 different ones, isn't of the model's width, comes from another
        encoder than the model was trained with, or `by_meaning` is asked for without an encoder.

    Notes
    -----
    The balanced accuracy is the mean of two shares: of matching texts on which the end fires, and of other texts
    on which it doesn't. Its 95 % interval is Newcombe's (1998) for the difference of two shares. A name
    holds if all of the interval lies above 0.5; so of 100 names that say nothing, two or three hold by chance.

    Examples
    --------
    >>> import semspace as ss
    >>> import numpy as np
    >>> is_cat = np.arange(60) % 2 == 0
    >>> texts = ["a cat and a mouse" if cat else "a car and a wheel" for cat in is_cat]
    >>> texts = [f"{text} {'abcdefghij'[i // 6]}{'abcdef'[i % 6]}" for i, text in enumerate(texts)]
    >>> points = np.random.default_rng(0).normal(size=(60, 3)) + np.outer(is_cat, [8, 0, 0])
    >>> space = ss.Space.from_vectors(range(60), points, {"text": texts})
    >>> model = ss.latent.PCA(dim=1).train(space)
    >>> found = ss.latent.describe_dimensions(model, space, share=0.4)
    >>> sorted(found.names), found.verdicts
    (['car, wheel', 'cat, mouse'], ('holds', 'holds'))
    """
    for name, value in (("n_texts", n_texts), ("n_words", n_words)):
        checks.whole(name, value)
    checks.number("share", share, open_low=True, high=0.5)
    checks.number("held_out", held_out, open_low=True, high=0.9)
    checks.flag("by_meaning", by_meaning)
    checks.seed(seed)
    options = term_options(stop_words, language, None, None)
    pools.need_polars("describing dimensions")
    need_space("describe_dimensions", space)
    space = _checked(model, with_texts(space, corpus), by_meaning)
    with waiting("describing dimensions", progress=progress):
        assert space.metadata is not None
        naming, testing = divided(space.metadata["text"], held_out, seed)
        ends = Ends.of(model, space.vectors[naming], share)
        strengths = ends.strengths(model, space.vectors)
        terms = DocumentTerms.from_texts(space.metadata["text"], options)
        fires, words, names = _named(_rows(terms, naming), strengths[naming], n_words)
        areas = _meaning(names, space, testing, strengths[testing]) if by_meaning else np.full(len(ends), np.nan)
        tests = check_names(names, _rows(terms, testing), strengths[testing], areas)
        made = {
            "made_by": "describe_dimensions", "model": model.fingerprint, "space": space.fingerprint, "share": share,
            "held_out": held_out, "seed": seed, "named_from": len(naming), "tested_on": len(testing),
            **options.provenance(),
        }  # fmt: skip
        return Dimensions(model, space, ends, fires, names, words, _strongest(strengths, space, n_texts), tests, made)


def divided(texts: pl.Series, held_out: float, seed: int) -> tuple[Ints1d, Ints1d]:
    """Return the rows of the texts that make names, and of those that test them; copies of a text lie together."""
    numbers = np.unique(_first_rows(texts), return_inverse=True)[1]
    n = int(numbers.max()) + 1
    if n < _FEWEST_DIFFERENT:
        raise InputError(
            f"names are made from one part of the texts and tested on another, which needs at least "
            f"{_FEWEST_DIFFERENT} different texts; the space has {n}"
        )
    is_testing = np.zeros(n, np.bool_)
    is_testing[np.random.default_rng(seed).permutation(n)[: max(1, round(n * held_out))]] = True
    return np.flatnonzero(~is_testing[numbers]), np.flatnonzero(is_testing[numbers])


def _first_rows(texts: pl.Series) -> Ints1d:
    """Return for each text the first row in which it stands."""
    rows = texts.to_frame("text").with_row_index("row").select(pl.col("row").first().over("text"))
    return rows["row"].to_numpy().astype(np.int64)


def _named(
    terms: DocumentTerms, strengths: csr_array, n_words: int
) -> tuple[Ints1d, tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Return on how many texts each end fires, its words, and the terms of its name; none where these are few."""
    members = csr_array((strengths > 0).astype(np.float32).T)
    fires: Ints1d = np.diff(members.indptr).astype(np.int64)
    counts = TermCounts.of_members(terms, members)
    words = keywords.keywords_of(terms, counts, n=max(n_words, keywords.N_KEYWORDS))
    words = [found if n >= _FEWEST_TEXTS else () for found, n in zip(words, fires.tolist(), strict=True)]
    names = keywords.title_terms(terms, counts, words)
    names = [found if n >= _FEWEST_TEXTS else () for found, n in zip(names, fires.tolist(), strict=True)]
    return fires, tuple(found[:n_words] for found in words), tuple(names)


def _meaning(names: tuple[tuple[str, ...], ...], space: Space, testing: Ints1d, strengths: csr_array) -> Doubles1d:
    """Return the area by which the similarity to each name finds the texts; see `meaning`."""
    named = [end for end, terms in enumerate(names) if terms]
    vectors = np.zeros((len(names), space.dim), np.float32)
    vectors[named] = space.encode_queries([", ".join(names[end]) for end in named])
    return meaning(vectors, space.vectors[testing], strengths)


def _strongest(strengths: csr_array, space: Space, n_texts: int) -> tuple[tuple[str, ...], ...]:
    """Return the ids of the texts on which each end fires most strongly, the strongest first, copies once."""
    assert space.metadata is not None
    columns, numbers = strengths.tocsc(), _first_rows(space.metadata["text"])
    found = []
    for end in range(strengths.shape[1]):
        part = slice(*columns.indptr[end : end + 2])
        rows = columns.indices[part][np.argsort(-columns.data[part], kind="stable")]
        first = np.sort(np.unique(numbers[rows], return_index=True)[1])[:n_texts]
        found.append(tuple(space.ids[rows[first]].tolist()))
    return tuple(found)


def _rows(terms: DocumentTerms, rows: Ints1d) -> DocumentTerms:
    return replace(terms, matrix=terms.matrix[rows])


def _checked(model: Any, space: Space, by_meaning: bool) -> Space:
    """Return the space, or raise `InputError` where the model can't read it or its texts are missing."""
    if not isinstance(model, LatentModel):
        raise InputError(
            f"describe_dimensions takes a trained latent model; got {type(model).__name__}: see "
            f"ss.latent.PCA(...).train"
        )
    if not has_texts(space.metadata):
        raise InputError(
            "dimensions are named by texts, and the space has none; make it with encoder.embed(corpus), or give corpus="
        )
    if by_meaning and not reads_texts(space.encoder):
        raise InputError("by_meaning=True needs a space with an encoder; make it with encoder.embed(corpus)")
    model._check_encoder(space)
    model._vectors(space.vectors, "the vectors of the space")
    return space
