"""Principal component analysis: the directions of greatest variance, as a smaller space or a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA as _PCA

from semspace import checks
from semspace.deprecation import renamed_parameters, renamed_property
from semspace.errors import InputError
from semspace.latent.model import LatentModel, LatentTrainer
from semspace.latent.saved_model import SavedModel
from semspace.space import Space
from semspace.types import ArrayXd, Doubles1d, Floats1d, Floats2d


@dataclass(frozen=True)
class PCA(LatentTrainer):
    """Principal component analysis (Pearson 1901), a trainer like the others.

    Parameters
    ----------
    dim : int
        Components to keep; at most the points, and the dimensions, of the space.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["a", "b", "c"], [[1, 0, 1], [2, 0, 1], [4, 0, 1]])
    >>> model = ss.latent.PCA(dim=1).train(space)
    >>> model.encode(space.vectors).shape, round(model.explained_variance_ratio, 3)
    ((3, 1), 1.0)

    A space becomes a space, with the same ids and metadata:

    >>> model.encode(space).ids.tolist(), model.decode(model.encode(space)).dim
    (['a', 'b', 'c'], 3)
    """

    dim: int = 2

    def __post_init__(self) -> None:
        checks.whole("dim", self.dim)

    def _check(self, space: Space) -> None:
        most = min(self._points(space, least=1).shape)
        if self.dim > most:
            raise InputError(
                f"dim must be at most {most} for {len(space)} points of {space.dim} dimensions; got {self.dim}"
            )

    def train(self, space: Space) -> PCAModel:
        """Compute the principal components of a space's vectors."""
        self._check(space)
        components, mean, ratios = principal_components(space.vectors, self.dim)
        ratio = float(ratios.sum())
        if not ratio:
            raise InputError("all points of the space are equal, so they have no components; give different points")
        return PCAModel(checks.frozen(components), checks.frozen(mean), ratio, self._provenance(space))


@renamed_parameters(kept="explained_variance_ratio")
@dataclass(frozen=True, eq=False, repr=False)
class PCAModel(LatentModel):
    """Fitted components: `encode` projects to the smaller space, `decode` reconstructs.

    Parameters
    ----------
    components : ndarray of float32, shape (dim, width)
        Orthonormal rows.
    mean : ndarray of float32, shape (width,)
    explained_variance_ratio : float
        Share of the variance that the components explain together, in [0, 1].
    provenance : mapping
        How it was made, and from what.
    """

    components: Floats2d
    mean: npt.NDArray[np.float32]
    explained_variance_ratio: float
    provenance: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str] = "pca"
    kept = renamed_property("kept", "explained_variance_ratio")

    @property
    def dim(self) -> int:
        """Number of components."""
        return len(self.components)

    @property
    def width(self) -> int:
        """Number of dimensions of a vector."""
        return len(self.mean)

    def _encode(self, vectors: Floats2d) -> Floats2d:
        codes: Floats2d = (vectors - self.mean) @ self.components.T
        return codes

    def _decode(self, codes: Floats2d) -> Floats2d:
        vectors: Floats2d = codes @ self.components + self.mean
        return vectors

    def _arrays(self) -> dict[str, ArrayXd]:
        return {"components": self.components, "mean": self.mean}

    def _facts(self) -> dict[str, Any]:
        return {"explained_variance_ratio": self.explained_variance_ratio}

    @classmethod
    def _from_saved(cls, saved: SavedModel) -> PCAModel:
        components = saved.array("components", None, None)
        mean = saved.array("mean", components.shape[1])
        ratio = saved.facts.number("explained_variance_ratio", low=0, high=1.0001)
        return cls(components, mean, ratio, saved.provenance)


def principal_components(vectors: Floats2d, dim: int) -> tuple[Floats2d, Floats1d, Doubles1d]:
    """Return the leading components (dim, width), the mean (width,), and the share of the variance of each."""
    # Not the randomised solver, which needs a seed and isn't exact.
    solver = "covariance_eigh" if len(vectors) > vectors.shape[1] else "full"
    with np.errstate(invalid="ignore"):  # equal points have no variance
        fitted = _PCA(dim, svd_solver=solver).fit(vectors)
    ratios = np.nan_to_num(fitted.explained_variance_ratio_).astype(np.float64)
    return _fixed_signs(fitted.components_.astype(np.float32)), fitted.mean_.astype(np.float32), ratios


def _fixed_signs(components: Floats2d) -> Floats2d:
    """Flip the sign of components whose largest entry is negative, since the sign of a component is arbitrary."""
    largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
    turned: Floats2d = components * np.sign(largest)
    return turned


read_bundle = PCAModel._read_bundle
