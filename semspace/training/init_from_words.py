"""Word vectors → a new transformer that is, before it learns anything, the weighted average of a text's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from semspace.errors import InputError
from semspace.space import Space
from semspace.training.wordpiece import FIRST, LAST, SPECIAL, some
from semspace.types import Floats2d

Floats = npt.NDArray[np.float64]
BALLAST = 16  # dimensions at least that only bring rows to one length
_A = 3e-4  # of the weights a / (a + p)
_PIECE = 0.5  # weight of pieces, whose vectors are only guessed
_WHITER = 0.25  # 0 leaves variances as they are, 1 makes them equal
_LONGEST = 99.0  # percentile of lengths, from which on they are cut
_FLAT = 1e-10  # a direction with less of the largest variance is none
_MARK = 1e-5  # how long marks are, for texts that have nothing else
_COUNTED = 8_000_000  # characters that tokens are counted in
_BLOCK = 65_536  # words at a time


def put_words(model: Any, words: Space, tokenizer: Any, texts: Sequence[str]) -> None:
    """Put word vectors into a new BERT so that its mean pooling is the average of SIF-weighted tokens.

    Rows of the token table are ``[content | ballast]``, the ballast ``+b, -b, ...`` such that each row has the mean 0
    and the variance 1: then LayerNorm leaves it alone, and the length of the content, which is a token's weight,
    survives. Attention and feed-forward layers add nothing, as their last matrices are zero; the last LayerNorm takes
    the ballast away.
    """
    import torch

    config, embeddings = model.config, model.embeddings
    size = int(config.hidden_size)
    rows, content = token_rows(words, tokenizer, token_counts(tokenizer, texts), size)
    with torch.no_grad():
        embeddings.word_embeddings.weight.copy_(torch.from_numpy(rows))
        embeddings.position_embeddings.weight.zero_()
        embeddings.token_type_embeddings.weight.zero_()
        for layer in model.encoder.layer:
            own = layer.attention.self
            for part in (own.query, own.key, own.value, layer.intermediate.dense):
                part.weight.normal_(0, size**-0.5)
            layer.attention.output.dense.weight.zero_()
            layer.output.dense.weight.zero_()
        model.encoder.layer[-1].output.LayerNorm.weight[content:] = 0


def token_counts(tokenizer: Any, texts: Sequence[str]) -> Floats:
    """Count tokens in texts; in some of them, evenly drawn, where they are many."""
    counts = np.zeros(tokenizer.get_vocab_size())
    for part in _blocks(some(texts, _COUNTED)):
        found = tokenizer.encode_batch_fast(part, add_special_tokens=False)
        counts += np.bincount(np.fromiter(chain.from_iterable(one.ids for one in found), np.int64), None, len(counts))
    counts[: len(SPECIAL)] = 0
    return counts


def token_rows(words: Space, tokenizer: Any, counts: Floats, size: int) -> tuple[Floats2d, int]:
    """Give the rows of a token table, shape (tokens, `size`), and how many of their dimensions are content.

    Parameters
    ----------
    words : Space
        Its metadata may have a column ``count``; else words are taken to stand in the order of their frequency.
    tokenizer : Tokenizer
    counts : ndarray of float64, shape (tokens,)
        How often each token comes in the texts.
    size : int
        At least 2 more than `BALLAST`.

    Raises
    ------
    InputError
        If the texts have none of the words.
    """
    vectors, trust = _token_vectors(words, tokenizer)
    if not (counts @ np.abs(vectors)).any():
        raise InputError(
            f"the texts have none of the {len(words):,} words of init (the first is {str(words.ids[0])[:40]!r}); give "
            f"word vectors of their language"
        )
    weights = trust * _A / (_A + counts / counts.sum())
    content = _whitened(vectors * weights[:, None], counts, size - BALLAST - 1)
    return _levelled(content, counts, size)


def _token_vectors(words: Space, tokenizer: Any) -> tuple[Floats, Floats]:
    """Give each token the vector of the words that it is, or else of those it is a part of, and how far to trust it."""
    from scipy.sparse import csr_matrix

    n = tokenizer.get_vocab_size()
    sums, totals = np.zeros((2, n, words.dim)), np.zeros((2, n))  # of whole words, of pieces
    counts, names = _word_counts(words), words.ids.tolist()
    for first in range(0, len(names), _BLOCK):
        block = slice(first, first + _BLOCK)
        found = [one.ids for one in tokenizer.encode_batch_fast(names[block], add_special_tokens=False)]
        lengths = np.array([len(ids) if ids and min(ids) >= len(SPECIAL) else 0 for ids in found])
        vectors = np.asarray(words.vectors[block], np.float64)
        for kind, (which, power) in enumerate(((lengths == 1, 1.0), (lengths > 1, 0.5))):
            owners = np.flatnonzero(which)
            tokens = np.array([token for i in owners for token in found[i]], np.int64)
            owners = np.repeat(owners, lengths[which])
            much = counts[block][owners] ** power
            sums[kind] += csr_matrix((much, (tokens, owners)), shape=(n, len(found))) @ vectors
            totals[kind] += np.bincount(tokens, much, n)
    whole, part = totals > 0
    part &= ~whole
    given = np.zeros((n, words.dim))
    given[whole] = sums[0, whole] / totals[0, whole, None]
    given[part] = sums[1, part] / totals[1, part, None]
    return given, whole + _PIECE * part


def _word_counts(words: Space) -> Floats:
    """Give how often words come, as their metadata says, or else by Zipf's law; none of them never."""
    zipf: Floats = 1 / np.arange(1, len(words) + 1)
    if words.metadata is None or "count" not in words.metadata.columns:
        return zipf
    column = words.metadata["count"]
    if not column.dtype.is_numeric() or column.null_count():
        return zipf
    counts: Floats = column.to_numpy().astype(np.float64)
    if not np.isfinite(counts).all() or (counts < 0).any() or not counts.any():
        return zipf
    floored: Floats = np.maximum(counts, counts[counts > 0].min())
    return floored


def _whitened(content: Floats, counts: Floats, most: int) -> Floats:
    """Turn vectors to the principal axes of a text's tokens, at most so many, and draw their variances nearer."""
    moments = content.T @ (content * (counts / counts.sum())[:, None])
    variances, axes = np.linalg.eigh(moments)
    kept = np.flatnonzero(variances > variances[-1] * _FLAT)[::-1][:most]
    scale = (variances[kept] / variances[kept].mean()) ** (-_WHITER / 2)
    turned: Floats = content @ axes[:, kept] * scale
    return turned


def _levelled(content: Floats, counts: Floats, size: int) -> tuple[Floats2d, int]:
    """Bring rows to mean 0 and variance 1 with ballast; give them, and the number of dimensions before it."""
    from scipy.linalg import helmert

    room = min(content.shape[1] + 1, size - BALLAST)
    room -= (size - room) % 2  # as many +b as -b
    room = room if room > content.shape[1] else room + 2
    held = content @ helmert(room)[: content.shape[1]]  # rows of this basis have mean 0, and so has what they span
    lengths = np.linalg.norm(held, axis=1)
    longest = float(np.percentile(lengths[(counts > 0) & (lengths > 0)], _LONGEST))
    held *= np.minimum(1, longest / np.maximum(lengths, longest))[:, None]
    held[: len(SPECIAL)] = 0
    mean = counts @ held
    held[[FIRST, LAST]] = mean * (_MARK * longest / max(float(np.linalg.norm(mean)), 1e-300))
    rest = np.sqrt(np.maximum(longest**2 - (held**2).sum(axis=1), 0) / (size - room))
    ballast = rest[:, None] * np.where(np.arange(size - room) % 2, -1.0, 1.0)
    rows = np.hstack([held, ballast]) * (size**0.5 / longest)
    return rows.astype(np.float32), room


def _blocks(texts: Sequence[str]) -> Iterator[list[str]]:
    for first in range(0, len(texts), 4_096):
        yield list(texts[first : first + 4_096])
