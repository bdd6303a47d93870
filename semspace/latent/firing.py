"""When a dimension of a latent model fires on a vector: a sparse feature where it is active, an axis at its ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_array

from semspace.latent.model import LatentModel
from semspace.latent.sparse_autoencoder import SparseAutoencoderModel
from semspace.types import ArrayXd, Doubles1d, Floats2d, Ints1d

_ROWS_AT_ONCE = 8_192
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Ends:
    """The ends of a model's dimensions: a feature of a sparse autoencoder has one, any other dimension has two.

    Parameters
    ----------
    dimensions : ndarray of int64, shape (e,)
    signs : ndarray of int64, shape (e,)
        1 for the upper end, -1 for the lower one.
    thresholds : ndarray of float64, shape (e,)
        An end fires on a vector where its strength is above this.
    centers, scales : ndarray of float64, shape (e,)
        A strength is the difference of a code to the centre, divided by the scale, times the sign.
    """

    dimensions: Ints1d
    signs: Ints1d
    thresholds: Doubles1d
    centers: Doubles1d
    scales: Doubles1d

    DTYPES: ClassVar[Mapping[str, type]] = {
        "dimensions": np.int64,
        "signs": np.int64,
        "thresholds": np.float64,
        "centers": np.float64,
        "scales": np.float64,
    }

    @classmethod
    def of(cls, model: LatentModel, vectors: Floats2d, share: float) -> Ends:
        """Return the ends of a model: of an axis, each fires on a share of these vectors."""
        if isinstance(model, SparseAutoencoderModel):
            numbers = np.arange(model.dim)
            nothing = np.zeros(model.dim)
            return cls(numbers, np.ones(model.dim, np.int64), nothing, nothing, np.ones(model.dim))
        codes = model.encode(vectors).astype(np.float64)
        centers = codes.mean(axis=0)
        scales = np.maximum(codes.std(axis=0), _TINY)
        standard = (codes - centers) / scales
        thresholds = np.stack([np.quantile(standard, 1 - share, axis=0), -np.quantile(standard, share, axis=0)], axis=1)
        return cls(
            np.repeat(np.arange(model.dim), 2),
            np.tile(np.array([1, -1]), model.dim),
            np.maximum(thresholds.ravel(), 0.0),
            np.repeat(centers, 2),
            np.repeat(scales, 2),
        )

    def __len__(self) -> int:
        return len(self.dimensions)

    def strengths(self, model: LatentModel, vectors: Floats2d) -> csr_array:
        """Return how strongly each end fires on each vector, float32 of shape (n, e); 0 where it doesn't fire."""
        parts = [
            self._of_features(model, rows) if isinstance(model, SparseAutoencoderModel) else self._of_axes(model, rows)
            for rows in np.split(vectors, range(_ROWS_AT_ONCE, len(vectors), _ROWS_AT_ONCE))
        ]
        rows, columns, values = (np.concatenate([part[i] for part in parts]) for i in range(3))
        starts = np.repeat(np.arange(len(parts)) * _ROWS_AT_ONCE, [len(part[0]) for part in parts])
        return csr_array((values.astype(np.float32), (rows + starts, columns)), shape=(len(vectors), len(self)))

    def _of_features(self, model: SparseAutoencoderModel, vectors: Floats2d) -> tuple[ArrayXd, ArrayXd, ArrayXd]:
        """Return rows, ends and strengths of the active features."""
        features, strengths = model.top(vectors)
        rows, places = np.nonzero(strengths > 0)
        return rows, features[rows, places], strengths[rows, places]

    def _of_axes(self, model: LatentModel, vectors: Floats2d) -> tuple[ArrayXd, ArrayXd, ArrayXd]:
        """Return rows, ends and strengths of the ends that fire."""
        codes = model.encode(vectors)[:, self.dimensions]
        strengths = (codes - self.centers) / self.scales * self.signs
        rows, columns = np.nonzero(strengths > self.thresholds)
        return rows, columns, strengths[rows, columns]
