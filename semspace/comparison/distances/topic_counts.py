"""Documents sorted into subjects, to see whether some subjects have more of one corpus's than of another's.

A few documents of another subject hardly move the mean of a corpus, which is most of what MMD and energy distance see;
but all of them fall into one subject. So all documents together are sorted by k-means, without a look at whose each is,
and the counts are compared as in a chi-squared test: as a kernel, two documents are alike if they are of one subject,
the more the smaller it is. A permutation test with it is as sound as any, and finds a tenth of strange documents where
the others don't (docs/statistics.md).
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from semspace.comparison.distances.exchange_blocks import Cells
from semspace.types import Floats2d

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
COUNTS = (8, 16, 32)  # of subjects: how many a corpus has nobody knows
_AXES = 32  # on which documents are sorted
_MOST = 10_000  # documents that subjects are learnt from
_PART = 16_384


def sorted_into_subjects(vectors: Floats2d, units: Rows | None = None, *, seed: int) -> Rows:
    """Give each document its subject, of 8, of 16 and of 32: shape (3, n); each unit counts as much as another."""
    places = _leading(vectors)
    # In a random order: what k-means begins with must not depend on which corpus comes first.
    order = np.random.default_rng(seed).permutation(len(places))
    order = order[:_MOST]
    weights = None if units is None else 1 / np.bincount(units)[units[order]]
    with threadpool_limits(1), warnings.catch_warnings():  # one thread, for the same sums every time
        warnings.simplefilter("ignore", ConvergenceWarning)  # of copies there may be fewer subjects
        models = [
            KMeans(min(k, len(order)), n_init=1, random_state=seed).fit(places[order], sample_weight=weights)
            for k in COUNTS
        ]
        return np.array([model.predict(places) for model in models], np.int64)


def _leading(vectors: Floats2d) -> Floats2d:
    """Give the documents' places on the axes in which they differ most, shape (n, at most 32)."""
    middle = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = np.zeros((len(middle), len(middle)))
    for start in range(0, len(vectors), _PART):
        part = vectors[start : start + _PART] - middle
        spread += part.T @ part
    _, directions = np.linalg.eigh(spread)
    places: Floats2d = (vectors - middle) @ directions[:, : -_AXES - 1 : -1].astype(np.float32)
    return places


def subject_sums(subjects: Rows, cells: Cells) -> Floats:
    """Add up, over the pairs of two cells, one over the size of their subject where it is the same; (3, S, S).

    `subjects` are those of the documents in the order of `cells`. Units count once, however many documents they have.
    """
    sums = np.empty((len(subjects), cells.count, cells.count))
    for row, own in enumerate(subjects):
        sizes = np.bincount(own, cells.weights)
        counts = np.zeros((cells.count, len(sizes)))
        np.add.at(counts, (cells.of_row, own), cells.weights)
        shares = sizes.sum() / np.maximum(sizes, 1e-9)
        sums[row] = (counts * shares) @ counts.T
        sums[row][np.diag_indices(cells.count)] -= counts @ shares  # pairs of a document with itself
    return sums
