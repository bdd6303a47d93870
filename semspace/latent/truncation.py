"""`Truncation`: the first dimensions of each vector, for encoders that were trained to be cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.latent.model import LatentModel, LatentTrainer
from semspace.latent.saved_model import SavedModel
from semspace.space import Space
from semspace.types import ArrayXd, Floats1d, Floats2d


@dataclass(frozen=True)
class Truncation(LatentTrainer):
    """The first dimensions of each vector, and no others.

    Encoders that were trained with Matryoshka losses (Kusupati et al. 2022) put what matters there; with others, PCA of
    the same size keeps more.

    Parameters
    ----------
    dim : int
        Dimensions to keep; at most those of the space.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["a", "b"], [[1, 0, 1], [2, 0, 3]])
    >>> ss.latent.Truncation(dim=2).train(space).encode(space.vectors).tolist()
    [[1.0, 0.0], [2.0, 0.0]]
    """

    dim: int = 2

    def __post_init__(self) -> None:
        checks.whole("dim", self.dim)

    def _check(self, space: Space) -> None:
        self._points(space, least=1)
        if self.dim > space.dim:
            raise InputError(f"dim must be at most the {space.dim} dimensions of the space; got {self.dim}")

    def train(self, space: Space) -> TruncationModel:
        """Compute the mean of a space, from which decoded vectors take the other dimensions."""
        self._check(space)
        mean = np.asarray(space.vectors.mean(axis=0, dtype=np.float64)).astype(np.float32)
        return TruncationModel(self.dim, checks.frozen(mean), self._provenance(space))


@dataclass(frozen=True, eq=False, repr=False)
class TruncationModel(LatentModel):
    """`encode` takes the first dimensions, `decode` fills the others with their means.

    Parameters
    ----------
    kept : int
        Dimensions of a code.
    mean : ndarray of float32, shape (width,)
    provenance : mapping
        How it was made, and from what.
    """

    kept: int
    mean: Floats1d
    provenance: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str] = "truncation"

    @property
    def dim(self) -> int:
        """Number of dimensions of a code."""
        return self.kept

    @property
    def width(self) -> int:
        """Number of dimensions of a vector."""
        return len(self.mean)

    def _encode(self, vectors: Floats2d) -> Floats2d:
        codes: Floats2d = np.ascontiguousarray(vectors[:, : self.kept])
        return codes

    def _decode(self, codes: Floats2d) -> Floats2d:
        vectors: Floats2d = np.tile(self.mean, (len(codes), 1))
        vectors[:, : self.kept] = codes
        return vectors

    def _arrays(self) -> dict[str, ArrayXd]:
        return {"mean": self.mean}

    def _facts(self) -> dict[str, Any]:
        return {"kept": self.kept}

    @classmethod
    def _from_saved(cls, saved: SavedModel) -> TruncationModel:
        mean = saved.array("mean", None)
        return cls(saved.facts.whole("kept", low=1, high=len(mean)), mean, saved.provenance)


read_bundle = TruncationModel._read_bundle
