"""Word vectors as the initial weights of a transformer, which then computes the weighted average of a text's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from semspace.errors import InputError
from semspace.space import Space
from semspace.training.wordpiece import CLS_ID, SEP_ID, SPECIAL_TOKENS, evenly_spaced
from semspace.types import Doubles1d, Doubles2d, Floats2d

MIN_BALLAST_DIMS = 16  # dimensions whose only purpose is to bring all rows to the same length
_SIF_A = 3e-4  # in the weight a / (a + p) of a token with relative frequency p
_PIECE_WEIGHT = 0.5  # factor on the weight of a token that is only a part of words: its vector is a guess
_WHITENING = 0.25  # 0 leaves the variances of the principal components as they are, 1 makes them equal
_MAX_LENGTH_PERCENTILE = 99.0  # longer rows are shortened to the length at this percentile
_MIN_VARIANCE_RATIO = 1e-10  # to the largest variance; a component with less is dropped
_SPECIAL_TOKEN_LENGTH = 1e-5  # as a share of the longest row: matters only in texts without any other token
_COUNTED_CHARACTERS = 8_000_000  # of the texts in which tokens are counted
_WORDS_PER_BLOCK = 65_536
_TEXTS_PER_BLOCK = 4_096


def initialize(model: Any, words: Space, tokenizer: Any, texts: Sequence[str]) -> None:
    """Set the weights of a new BERT so that its mean pooling is the SIF-weighted average of its tokens' vectors.

    Rows of the token embeddings are ``[content | ballast]``. The ballast ``+b, -b, ...`` gives each row the mean 0 and
    the variance 1: LayerNorm then doesn't change it, and the length of the content, which is the token's weight, is
    preserved. Attention and feed-forward layers add nothing, as their output matrices are zero; the last LayerNorm
    multiplies the ballast by zero.
    """
    import torch

    config, embeddings = model.config, model.embeddings
    dim = int(config.hidden_size)
    rows, content_dim = token_rows(words, tokenizer, token_counts(tokenizer, texts), dim)
    with torch.no_grad():
        embeddings.word_embeddings.weight.copy_(torch.from_numpy(rows))
        embeddings.position_embeddings.weight.zero_()
        embeddings.token_type_embeddings.weight.zero_()
        for layer in model.encoder.layer:
            attention = layer.attention.self
            for linear in (attention.query, attention.key, attention.value, layer.intermediate.dense):
                linear.weight.normal_(0, dim**-0.5)
            layer.attention.output.dense.weight.zero_()
            layer.output.dense.weight.zero_()
        model.encoder.layer[-1].output.LayerNorm.weight[content_dim:] = 0


def token_counts(tokenizer: Any, texts: Sequence[str]) -> Doubles1d:
    """Count tokens in texts, or in an even sample of them where they are many."""
    counts = np.zeros(tokenizer.get_vocab_size())
    for block in _text_blocks(evenly_spaced(texts, _COUNTED_CHARACTERS)):
        encodings = tokenizer.encode_batch_fast(block, add_special_tokens=False)
        ids = np.fromiter(chain.from_iterable(encoding.ids for encoding in encodings), np.int64)
        counts += np.bincount(ids, None, len(counts))
    counts[: len(SPECIAL_TOKENS)] = 0
    return counts


def token_rows(words: Space, tokenizer: Any, counts: Doubles1d, dim: int) -> tuple[Floats2d, int]:
    """Return the rows of token embeddings, shape (tokens, `dim`), and how many of their dimensions are content.

    Parameters
    ----------
    words : Space
        Its metadata may have a column ``count``; otherwise words are assumed to be in descending order of frequency.
    tokenizer : Tokenizer
    counts : ndarray of float64, shape (tokens,)
        How often each token occurs in the texts.
    dim : int
        At least 2 more than `MIN_BALLAST_DIMS`.

    Raises
    ------
    InputError
        If the texts have none of the words.
    """
    vectors, confidence = _token_vectors(words, tokenizer)
    if not (counts @ np.abs(vectors)).any():
        raise InputError(
            f"the texts have none of the {len(words):,} words of init (the first is {str(words.ids[0])[:40]!r}); give "
            f"word vectors of their language"
        )
    weights = confidence * _SIF_A / (_SIF_A + counts / counts.sum())
    content = _whiten(vectors * weights[:, None], counts, dim - MIN_BALLAST_DIMS - 1)
    return _add_ballast(content, counts, dim)


def _token_vectors(words: Space, tokenizer: Any) -> tuple[Doubles2d, Doubles1d]:
    """Return each token's vector, that of the same word or the mean of words it is a part of, and its confidence."""
    from scipy.sparse import csr_matrix

    n_tokens = tokenizer.get_vocab_size()
    # Of tokens as whole words, and as pieces of words.
    sums, totals = np.zeros((2, n_tokens, words.dim)), np.zeros((2, n_tokens))
    counts, names = _word_counts(words), words.ids.tolist()
    for first in range(0, len(names), _WORDS_PER_BLOCK):
        block = slice(first, first + _WORDS_PER_BLOCK)
        ids_of_words = [
            encoding.ids for encoding in tokenizer.encode_batch_fast(names[block], add_special_tokens=False)
        ]
        n_pieces = np.array([len(ids) if ids and min(ids) >= len(SPECIAL_TOKENS) else 0 for ids in ids_of_words])
        vectors = np.asarray(words.vectors[block], np.float64)
        for kind, (mask, power) in enumerate(((n_pieces == 1, 1.0), (n_pieces > 1, 0.5))):
            rows = np.flatnonzero(mask)
            tokens = np.array([token for i in rows for token in ids_of_words[i]], np.int64)
            rows = np.repeat(rows, n_pieces[mask])
            weights = counts[block][rows] ** power
            sums[kind] += csr_matrix((weights, (tokens, rows)), shape=(n_tokens, len(ids_of_words))) @ vectors
            totals[kind] += np.bincount(tokens, weights, n_tokens)
    is_word, is_piece = totals > 0
    is_piece &= ~is_word
    token_vectors = np.zeros((n_tokens, words.dim))
    token_vectors[is_word] = sums[0, is_word] / totals[0, is_word, None]
    token_vectors[is_piece] = sums[1, is_piece] / totals[1, is_piece, None]
    return token_vectors, is_word + _PIECE_WEIGHT * is_piece


def _word_counts(words: Space) -> Doubles1d:
    """Return how often words occur, all above 0, as their metadata say, or else by Zipf's law."""
    zipf: Doubles1d = 1 / np.arange(1, len(words) + 1)
    if words.metadata is None or "count" not in words.metadata.columns:
        return zipf
    column = words.metadata["count"]
    if not column.dtype.is_numeric() or column.null_count():
        return zipf
    counts: Doubles1d = column.to_numpy().astype(np.float64)
    if not np.isfinite(counts).all() or (counts < 0).any() or not counts.any():
        return zipf
    positive: Doubles1d = np.maximum(counts, counts[counts > 0].min())
    return positive


def _whiten(content: Doubles2d, counts: Doubles1d, max_dim: int) -> Doubles2d:
    """Project vectors on the principal components of the texts' tokens, and make their variances more equal."""
    moments = content.T @ (content * (counts / counts.sum())[:, None])
    variances, axes = np.linalg.eigh(moments)
    components = np.flatnonzero(variances > variances[-1] * _MIN_VARIANCE_RATIO)[::-1][:max_dim]
    scale = (variances[components] / variances[components].mean()) ** (-_WHITENING / 2)
    projected: Doubles2d = content @ axes[:, components] * scale
    return projected


def _add_ballast(content: Doubles2d, counts: Doubles1d, dim: int) -> tuple[Floats2d, int]:
    """Return rows of mean 0 and variance 1, made so by ballast, and the number of dimensions of their content."""
    from scipy.linalg import helmert

    content_dim = min(content.shape[1] + 1, dim - MIN_BALLAST_DIMS)
    content_dim -= (dim - content_dim) % 2  # the ballast has an even number of dimensions: +b and -b in turn
    content_dim = content_dim if content_dim > content.shape[1] else content_dim + 2
    centred = content @ helmert(content_dim)[: content.shape[1]]  # the rows of this basis have mean 0
    lengths = np.linalg.norm(centred, axis=1)
    max_length = float(np.percentile(lengths[(counts > 0) & (lengths > 0)], _MAX_LENGTH_PERCENTILE))
    centred *= np.minimum(1, max_length / np.maximum(lengths, max_length))[:, None]
    centred[: len(SPECIAL_TOKENS)] = 0
    mean = counts @ centred
    centred[[CLS_ID, SEP_ID]] = mean * (_SPECIAL_TOKEN_LENGTH * max_length / max(float(np.linalg.norm(mean)), 1e-300))
    ballast_dim = dim - content_dim
    size = np.sqrt(np.maximum(max_length**2 - (centred**2).sum(axis=1), 0) / ballast_dim)
    ballast = size[:, None] * np.where(np.arange(ballast_dim) % 2, -1.0, 1.0)
    rows = np.hstack([centred, ballast]) * (dim**0.5 / max_length)
    return rows.astype(np.float32), content_dim


def _text_blocks(texts: Sequence[str]) -> Iterator[list[str]]:
    for first in range(0, len(texts), _TEXTS_PER_BLOCK):
        yield list(texts[first : first + _TEXTS_PER_BLOCK])
