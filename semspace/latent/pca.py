"""Principal component analysis: the directions of greatest variance, as a smaller space or a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA as _PCA

from semspace import checks
from semspace.deprecation import renamed_parameters, renamed_property
from semspace.errors import InputError
from semspace.space import Space
from semspace.types import Floats2d


@dataclass(frozen=True)
class PCA:
    """Principal component analysis (Pearson 1901), a trainer like the others.

    Parameters
    ----------
    dim : int
        Components to keep; at most the points, and the dimensions, of the space.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["a", "b", "c"], [[1, 0, 1], [2, 0, 1], [3, 0, 1]])
    >>> model = ss.latent.PCA(dim=1).train(space)
    >>> model.encode(space.vectors).shape, round(model.explained_variance_ratio, 3)
    ((3, 1), 1.0)
    """

    dim: int = 2

    def __post_init__(self) -> None:
        checks.whole("dim", self.dim)

    def train(self, space: Space) -> PCAModel:
        """Compute the principal components of a space's vectors."""
        most = min(space.vectors.shape)
        if self.dim > most:
            raise InputError(
                f"dim must be at most {most} for {len(space)} points of {space.dim} dimensions; got {self.dim}"
            )
        # Not the randomised solver, which needs a seed and isn't exact.
        solver = "covariance_eigh" if len(space) > space.dim else "full"
        with np.errstate(invalid="ignore"):  # equal points have no variance
            fitted = _PCA(self.dim, svd_solver=solver).fit(space.vectors)
        components = _fixed_signs(fitted.components_.astype(np.float32))
        ratio = float(np.nan_to_num(fitted.explained_variance_ratio_.sum()))
        return PCAModel(checks.frozen(components), checks.frozen(fitted.mean_.astype(np.float32)), ratio)


@renamed_parameters(kept="explained_variance_ratio")
@dataclass(frozen=True, eq=False)
class PCAModel:
    """Fitted components: `encode` projects to the smaller space, `decode` reconstructs.

    Parameters
    ----------
    components : ndarray of float32, shape (dim, width)
        Orthonormal rows.
    mean : ndarray of float32, shape (width,)
    explained_variance_ratio : float
        Share of the variance that the components explain together, in [0, 1].
    """

    components: Floats2d
    mean: npt.NDArray[np.float32]
    explained_variance_ratio: float

    kept = renamed_property("kept", "explained_variance_ratio")

    def encode(self, vectors: npt.ArrayLike) -> Floats2d:
        """Project vectors of shape (n, width) to shape (n, dim)."""
        codes: Floats2d = (checks.matrix("vectors", vectors, dim=len(self.mean)) - self.mean) @ self.components.T
        return codes

    def decode(self, codes: npt.ArrayLike) -> Floats2d:
        """Return the reconstruction, of shape (n, width), of codes of shape (n, dim)."""
        vectors: Floats2d = checks.matrix("codes", codes, dim=len(self.components)) @ self.components + self.mean
        return vectors


def _fixed_signs(components: Floats2d) -> Floats2d:
    """Flip the sign of components whose largest entry is negative, since the sign of a component is arbitrary."""
    largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
    turned: Floats2d = components * np.sign(largest)
    return turned
