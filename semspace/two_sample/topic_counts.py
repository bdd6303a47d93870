"""Topic counts: whether some topics hold more documents of one corpus than of another.

A few documents on another topic hardly move the mean of a corpus, to which MMD and energy distance mostly respond; but
all of them are of one topic. So all documents together are assigned to topics by k-means, without their corpora, and
the counts are compared as in a chi-squared test: as a kernel, two documents of one topic are similar, the more the
smaller it is. A permutation test with it is exact, and detects a tenth of unusual documents where the others don't
(docs/statistics.md).
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from semspace.two_sample.exchange_blocks import ExchangeBlocks
from semspace.types import Doubles3d, Floats2d, Ints1d, Ints2d

N_TOPICS = (8, 16, 32)  # several, since the right number isn't known
_MAX_AXES = 32  # principal axes on which documents are clustered
_MAX_TRAINING = 10_000  # documents from which k-means finds topics
_ROWS_AT_A_TIME = 16_384


def assign_topics(vectors: Floats2d, units: Ints1d | None = None, *, seed: int) -> Ints2d:
    """Return the topic of each document, of 8, of 16 and of 32: shape (3, n); units have equal weight."""
    projected = _project_on_leading_axes(vectors)
    # In random order: the initialisation must not depend on which corpus comes first.
    order = np.random.default_rng(seed).permutation(len(projected))
    order = order[:_MAX_TRAINING]
    weights = None if units is None else 1 / np.bincount(units)[units[order]]
    with threadpool_limits(1), warnings.catch_warnings():  # one thread: the same sums every time
        warnings.simplefilter("ignore", ConvergenceWarning)  # copies may form fewer topics
        models = [
            KMeans(min(k, len(order)), n_init=1, random_state=seed).fit(projected[order], sample_weight=weights)
            for k in N_TOPICS
        ]
        return np.array([model.predict(projected) for model in models], np.int64)


def _project_on_leading_axes(vectors: Floats2d) -> Floats2d:
    """Return the documents on their principal axes, shape (n, at most 32)."""
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    scatter = np.zeros((len(mean), len(mean)))
    for start in range(0, len(vectors), _ROWS_AT_A_TIME):
        part = vectors[start : start + _ROWS_AT_A_TIME] - mean
        scatter += part.T @ part
    _, directions = np.linalg.eigh(scatter)
    projected: Floats2d = (vectors - mean) @ directions[:, : -_MAX_AXES - 1 : -1].astype(np.float32)
    return projected


def topic_sums(topics: Ints2d, blocks: ExchangeBlocks) -> Doubles3d:
    """Sum, over the pairs of two blocks, one over the size of their topic where it is the same; shape (3, S, S).

    `topics` are those of the documents in the order of `blocks`. Units count once, however many documents they have.
    """
    sums = np.empty((len(topics), blocks.count, blocks.count))
    for row, topic_ids in enumerate(topics):
        sizes = np.bincount(topic_ids, blocks.weights)
        counts = np.zeros((blocks.count, len(sizes)))
        np.add.at(counts, (blocks.of_row, topic_ids), blocks.weights)
        shares = sizes.sum() / np.maximum(sizes, 1e-9)
        sums[row] = (counts * shares) @ counts.T
        sums[row][np.diag_indices(blocks.count)] -= counts @ shares  # pairs of a document with itself
    return sums
