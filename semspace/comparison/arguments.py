"""Checks of the arguments of `compare`, all of them before anything is encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from semspace.comparison.plan import Plan
from semspace.errors import InputError
from semspace.sentences.encoder import Encoder
from semspace.sentences.lazy_encoder import EncoderReference
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.words.word2vec import Word2Vec


def check_corpora(corpora: Sequence[object], by: object, bins: object, names: object) -> None:
    """Raise `InputError` if the corpora, the column that divides one, or their names are of the wrong kind."""
    for corpus in corpora:
        if isinstance(corpus, Mapping):
            raise InputError("compare takes corpora or spaces, not a mapping; give *its.values(), and names=list(it)")
        if not isinstance(corpus, (Corpus, Space)):
            raise InputError(
                f"compare takes corpora or spaces; got {type(corpus).__name__}: see Corpus.read, Encoder.embed"
            )
    if by is None and len(corpora) < 2:
        raise InputError(
            f"compare takes two or more corpora, or one with by=, the column to divide it by; got {len(corpora)}"
        )
    if by is not None and (len(corpora) != 1 or not isinstance(by, str)):
        raise InputError(f"by= names a column of one corpus; got {len(corpora)} corpora and by={by!r}")
    if bins is not None and by is None:
        raise InputError("bins= divides the column by=; give by= too")
    if names is not None and not _all_instances(str, names):
        raise InputError(f"names must be strings, one for each corpus; got {names!r}")


def check_models(corpora: Sequence[object], encoder: object, spaces: object, words: object) -> None:
    """Raise `InputError` if what the corpora are encoded with, or their words, is of the wrong kind."""
    if encoder is not None and spaces is not None:
        raise InputError("compare needs either encoder= or spaces= of the corpora, and not both")
    if encoder is not None and not isinstance(encoder, (Encoder, EncoderReference)):
        raise InputError(f"encoder must be an Encoder; got {type(encoder).__name__}: see Encoder.load")
    if spaces is not None and not _all_instances(Space, spaces, len(corpora)):
        raise InputError(f"spaces must be {len(corpora)} Spaces, one for each corpus")
    if spaces is not None and not all(isinstance(corpus, Corpus) for corpus in corpora):
        raise InputError("spaces= goes with corpora; a Space in place of a corpus needs none")
    if not (words is None or isinstance(words, (Word2Vec, bool)) or _all_instances(Space, words, 2)):
        raise InputError(f"words must be a Word2Vec, two Spaces of words, or False; got {words!r:.60}")


def check_plan(plan: Plan, words: object, n_clusters: int | None) -> None:
    """Raise `InputError` if an option doesn't fit the corpora that are going to be compared."""
    if len(plan.names) > 2 and isinstance(words, (tuple, list)):
        raise InputError("words: two spaces of words go with two corpora; give a Word2Vec, or leave words out")
    if n_clusters is not None and n_clusters > plan.n_documents:
        raise InputError(f"n_clusters must be at most the number of documents, {plan.n_documents:,}; got {n_clusters}")


def _all_instances(kind: type, values: object, count: int | None = None) -> bool:
    fits = isinstance(values, (tuple, list)) and (count is None or len(values) == count)
    return fits and all(isinstance(value, kind) for value in values)  # type: ignore[attr-defined]
