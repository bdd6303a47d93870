"""`explain` and `explain_results`: which words make two texts alike, and which brought documents up."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from semspace import checks, queries
from semspace.errors import InputError, SemspaceWarning
from semspace.explanations.search_explanation import SearchExplanation
from semspace.explanations.similarity_explanation import SimilarityExplanation
from semspace.explanations.text_words import TextWords, joined_tokens, words_of
from semspace.index.index import Index
from semspace.neighbors import Neighbors
from semspace.progress import track, waiting
from semspace.sentences.encoder import Encoder
from semspace.sentences.prompts import document_prompt, query_prompt
from semspace.sentences.token_parts import INTEGRATED_JACOBIANS, LAST_LAYER, NOWHERE
from semspace.space import Space
from semspace.text_encoder import TextEncoder
from semspace.types import Doubles2d, Floats2d

LEAVE_ONE_OUT = "leave_one_out"
METHODS = (LAST_LAYER, LEAVE_ONE_OUT, INTEGRATED_JACOBIANS)
REST = "(together)"
_AT_ONCE = 512  # texts without a word that are encoded at a time


class _Side(NamedTuple):
    """The words of a text, and what each adds to its vector: float64 of shape (n, dim), whose sum has length 1."""

    words: TextWords
    vectors: Doubles2d


def explain(
    encoder: TextEncoder, a: str, b: str, *, method: str = LEAVE_ONE_OUT, progress: bool = True
) -> SimilarityExplanation:
    """Explain why two texts are alike: divide their cosine among pairs of words.

    Parameters
    ----------
    encoder : Encoder
        Or a space or an index that has one.
    a, b : str
        Two texts; they are encoded as `Encoder.encode` does.
    method : {"leave_one_out", "last_layer", "integrated_jacobians"}
        ``"leave_one_out"`` encodes each text again without each of its words; it predicts best what the encoder does
        (see docs/explain.md), and works with any encoder. ``"last_layer"`` multiplies the states of all tokens in the
        last layer, which are pooled to the vectors: exact, and as quick as encoding both texts. It needs an encoder
        whose vectors are means or maxima of token states, as `StaticEncoder` and `WordAverage` are too.
        ``"integrated_jacobians"`` (Möller, Nikolaev & Padó 2023) follows each word through all layers; it needs torch
        and takes seconds.
    progress : bool
        Show the time that has passed if it takes more than two seconds.

    Returns
    -------
    SimilarityExplanation

    Raises
    ------
    InputError
        If the encoder has no token states for this method, or a text has no words.
    MissingExtraError
        If ``"integrated_jacobians"`` is asked for, and torch isn't installed.

    Examples
    --------
    >>> import semspace as ss
    >>> words = ss.Space.from_vectors(["good", "fine", "day", "night"], [[4, 1, 0], [3, 2, 0], [0, 1, 3], [0, 1, -3]])
    >>> encoder = ss.WordAverage(words, frequencies="zipf", a=10)
    >>> ss.explain(encoder, "a good day", "fine night")
    cosine 0.306, divided among pairs of words by leave_one_out
      a good day
      fine night
    word_a  word_b   share
    good    fine     0.296
    day     fine     0.107
    good    night    0.033
    a       fine     0.000
    a       night    0.000
    day     night   -0.266
    """
    reader = _encoder_of(encoder)
    checks.choice("method", method, METHODS)
    first, second = (_checked_text(name, text) for name, text in (("a", a), ("b", b)))
    prompt = reader.prompts.get("", "") if isinstance(reader, Encoder) else ""
    with waiting("explaining the similarity", progress=progress):
        sides = [_side(reader, text, prompt, method, reader.encode) for text in (first, second)]
    return _explanation(reader, sides[0], sides[1], method)


def explain_results(
    encoder: TextEncoder,
    query: str,
    neighbors: Neighbors,
    *,
    texts: Sequence[str] | None = None,
    method: str = LAST_LAYER,
    progress: bool = True,
) -> SearchExplanation:
    """Explain the results of a search: which words of the query, and of each document, brought it up.

    Parameters
    ----------
    encoder : Encoder
        Or a space or an index that has one.
    query : str
        The text that was searched for; it is encoded as `Encoder.encode_queries` does, and documents as
        `Encoder.encode_documents`.
    neighbors : Neighbors
        The results, from `Index.search` or `Space.most_similar`.
    texts : list of str, optional
        The texts of the results, in their order; by default the column ``text`` of their metadata.
    method : {"last_layer", "leave_one_out", "integrated_jacobians"}
        See `explain`.
    progress : bool
        Show a bar if it takes more than two seconds.

    Returns
    -------
    SearchExplanation
        Its scores are the cosines of the vectors that the encoder makes now. Those of a hybrid search, a quantised
        index, or whole documents that were pooled from passages, are others.

    Raises
    ------
    InputError
        If the texts are unknown, or as `explain`.

    Examples
    --------
    >>> import semspace as ss
    >>> words = ss.Space.from_vectors(["good", "fine", "day", "night"], [[4, 1, 0], [3, 2, 0], [0, 1, 3], [0, 1, -3]])
    >>> encoder = ss.WordAverage(words, frequencies="zipf", a=10)
    >>> space = encoder.embed(ss.Corpus.from_texts(["a fine day", "a night"]))
    >>> why = ss.explain_results(space, "good day", space.most_similar("good day"))
    >>> why.shares.round(2).tolist()
    [[0.53, 0.44], [0.06, -0.48]]
    """
    reader = _encoder_of(encoder)
    checks.choice("method", method, METHODS)
    if not isinstance(neighbors, Neighbors):
        raise InputError(f"neighbors must be Neighbors, from a search; got {type(neighbors).__name__}")
    documents = _texts_of(neighbors) if texts is None else checks.strings("texts", texts)
    if texts is None and isinstance(encoder, (Space, Index)) and isinstance(query, str) and query in encoder:
        raise InputError(
            f"the query {query[:40]!r} is the id of a point, whose vector was searched for; give the text of that point"
        )
    if len(documents) != len(neighbors):
        raise InputError(f"texts must have one text for each of the {len(neighbors)} results; got {len(documents)}")
    checks.flag("progress", progress)
    prompts = reader.prompts if isinstance(reader, Encoder) else {}
    asked = _side(reader, _checked_text("query", query), query_prompt(prompts), method, reader.encode_queries)
    found = [
        _explanation(
            reader, asked, _side(reader, text, document_prompt(prompts), method, reader.encode_documents), method
        )
        for text in track(documents, "explaining", len(documents), unit="document", progress=progress)
    ]
    return SearchExplanation(asked.words, neighbors.ids, tuple(found), method)


def _encoder_of(encoder: Any) -> TextEncoder:
    """Return an encoder, or that of a space or an index."""
    is_owner = isinstance(encoder, (Space, Index))
    owned = encoder.encoder if is_owner else encoder
    if not hasattr(owned, "encode_queries"):
        what = f"{'an' if isinstance(encoder, Index) else 'a'} {type(encoder).__name__}{' without one' * is_owner}"
        remedy = "load one with ss.Encoder.load(name)"
        if isinstance(encoder, Space):
            remedy = "words are explained by ss.explain_words(space, a, b), texts by their ss.WordAverage(space)"
        raise InputError(f"encoder must be an Encoder, or a space or an index that has one; got {what}: {remedy}")
    return _opened(owned)


def _opened(encoder: Any) -> TextEncoder:
    """Return an encoder itself, where it is one that is opened at its first text."""
    from semspace.sentences.lazy_encoder import EncoderReference

    return encoder.opened if isinstance(encoder, EncoderReference) else encoder


def _checked_text(name: str, text: object) -> str:
    if not isinstance(text, str):
        raise InputError(f"{name} must be a text; got {type(text).__name__}")
    [checked] = checks.strings(name, [text])
    if not checked.strip():
        raise InputError(f"{name} is empty, so there is nothing to explain; give a text with words")
    return checked


def _texts_of(neighbors: Neighbors) -> list[str]:
    if neighbors.metadata is None or neighbors.metadata.schema.get("text") != pl.String:
        raise InputError("the results have no column 'text' in their metadata; give their texts with texts=[...]")
    texts: list[str | None] = neighbors.metadata["text"].to_list()
    if None in texts:
        raise InputError(f"the result {neighbors.ids[texts.index(None)]!r} has no text; give them all with texts=[...]")
    return [text for text in texts if text is not None]


def _side(encoder: TextEncoder, text: str, prompt: str, method: str, encode: Callable[[list[str]], Floats2d]) -> _Side:
    if method == LEAVE_ONE_OUT:
        return _without_each_word(text, encode)
    if not isinstance(encoder, Encoder):
        raise InputError(
            f"{encoder.name} has no states of tokens that could explain its vectors; give method='leave_one_out', "
            f"which explains any encoder"
        )
    parts = encoder._token_parts(text, prompt, method)
    if parts.truncated:
        warnings.warn(
            f"{text[:40]!r} has more than the {encoder.max_tokens} tokens that {encoder.name} reads; its beginning is "
            f"explained",
            SemspaceWarning,
            stacklevel=4,
        )
    words, vectors = joined_tokens(text, parts)
    length = float(np.linalg.norm(vectors.sum(axis=0)))
    if length < queries.TINY:
        raise InputError(f"the vector of {text[:40]!r} is zero, so it has no direction to explain")
    return _Side(words, vectors / length)


def _without_each_word(text: str, encode: Callable[[list[str]], Floats2d]) -> _Side:
    """Return what a text's vector loses without each of its words, and at the end the rest."""
    words = words_of(text)
    shorter = [f"{text[:start].rstrip()} {text[end:].lstrip()}".strip() for start, end in words.spans.tolist()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SemspaceWarning)  # of texts without known words
        vectors = np.concatenate(
            [encode([text, *shorter][i : i + _AT_ONCE]) for i in range(0, len(shorter) + 1, _AT_ONCE)]
        )
    units = queries.unit(vectors).astype(np.float64)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    lost = units[0] - units[1:]
    rest = units[0] - lost.sum(axis=0)
    spans = np.vstack([words.spans, [[NOWHERE, NOWHERE]]])
    return _Side(TextWords(text, (*words.words, REST), spans), np.vstack([lost, rest[None]]))


def _explanation(encoder: TextEncoder, a: _Side, b: _Side, method: str) -> SimilarityExplanation:
    return SimilarityExplanation(a.words, b.words, checks.frozen(a.vectors @ b.vectors.T), method, encoder.name)
