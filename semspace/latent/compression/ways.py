"""Ways of making a space smaller: a latent model, a lower precision, or one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.files import digest
from semspace.latent.model import LatentModel, LatentTrainer
from semspace.latent.pca import PCA
from semspace.latent.truncation import Truncation
from semspace.quantization.codec import VectorCodec
from semspace.quantization.vectors import PRECISIONS, QuantizedVectors
from semspace.space import Space
from semspace.text_encoder import TextEncoder
from semspace.types import Floats2d


@dataclass(frozen=True)
class Way:
    """A way of making a space smaller.

    Parameters
    ----------
    trainer : LatentTrainer, optional
        Of the model whose codes are taken.
    precision : str
        How these, or the vectors, are stored; see `Space.quantize`.
    """

    trainer: LatentTrainer | None = None
    precision: str = "float32"

    @property
    def name(self) -> str:
        """What it is called in a table, such as ``PCA 96 + int8``."""
        parts = [] if self.trainer is None else [f"{type(self.trainer).__name__} {self.trainer.dim}"]
        return " + ".join([*parts, *([self.precision] if self.precision != "float32" or not parts else [])])

    def fit(self, space: Space) -> FittedWay:
        """Train the model, and fit the codec, to the points of a space."""
        model = None if self.trainer is None else self.trainer.train(space)
        if self.precision == "float32":
            return FittedWay(self, model, None)
        points = np.asarray(space.vectors) if model is None else model.encode(np.asarray(space.vectors))
        return FittedWay(self, model, QuantizedVectors.of(points, self.precision).codec)


@dataclass(frozen=True)
class FittedWay:
    """A way that knows the space that it makes smaller."""

    way: Way
    model: LatentModel | None
    codec: VectorCodec | None

    def small(self, space: Space) -> Space:
        """Return a space made smaller; its encoder makes texts smaller in the same way."""
        reduced: Space = space if self.model is None else self.model.encode(space)
        if self.codec is None:
            return reduced
        vectors: Any = QuantizedVectors(self.codec.encode(np.asarray(reduced.vectors)), self.codec)
        encoder = None if reduced.encoder is None else RoundingEncoder(reduced.encoder, self.codec)
        return replace(reduced, vectors=vectors, encoder=encoder)

    def queries(self, vectors: Floats2d) -> Floats2d:
        """Return query vectors as they are compared with the small space: in its width, with all their digits."""
        return vectors if self.model is None else self.model.encode(vectors)

    def reconstruct(self, vectors: Floats2d) -> Floats2d:
        """Return what is left of vectors."""
        codes = self.queries(vectors)
        if self.codec is not None:
            codes = self.codec.decode(self.codec.encode(codes))
        return codes if self.model is None else self.model.decode(codes)


@dataclass(frozen=True)
class RoundingEncoder:
    """An encoder whose vectors are rounded as those of a quantised space are, so that a task measures what is left."""

    base: TextEncoder
    codec: VectorCodec

    @property
    def name(self) -> str:
        """The names of encoder and precision."""
        return f"{self.base.name} + {self.codec.precision}"

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return self.base.dim

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the encoder's, and the codec."""
        arrays = [np.ascontiguousarray(array).data.cast("B") for array in self.codec.arrays().values()]
        return digest(f"{self.base.fingerprint} {self.codec.precision}".encode(), *arrays)

    def encode(self, texts: list[str]) -> Floats2d:
        """Encode texts, float32 of shape (n, dim)."""
        return self._rounded(self.base.encode(texts))

    def encode_queries(self, texts: list[str]) -> Floats2d:
        """Encode queries, float32 of shape (n, dim)."""
        return self._rounded(self.base.encode_queries(texts))

    def encode_documents(self, texts: list[str]) -> Floats2d:
        """Encode documents, float32 of shape (n, dim)."""
        return self._rounded(self.base.encode_documents(texts))

    def _rounded(self, vectors: Floats2d) -> Floats2d:
        return self.codec.decode(self.codec.encode(vectors))


def usual_ways(dim: int) -> list[Way]:
    """Return the ways that are compared where none are given."""
    dims = [size for size in (dim // 2, dim // 4, dim // 8, dim // 16) if size >= 2]
    reduced = [Way(trainer(size)) for trainer in (PCA, Truncation) for size in dims]
    stored = [Way(precision=precision) for precision in PRECISIONS]
    both = [Way(PCA(size), "int8") for size in dims[:2]]
    return [*stored, *reduced, *both]


def as_ways(given: Sequence[Any] | None, dim: int) -> list[Way]:
    """Return ways from what a person gives: precisions, trainers, and pairs of both; the full vectors come first."""
    if given is None:
        return usual_ways(dim)
    if isinstance(given, (str, LatentTrainer)):
        raise InputError(f"ways takes a list; got one {type(given).__name__}: put it in a list")
    ways = [Way(), *(_way(one) for one in given)]
    names = [way.name for way in ways[1:]]
    checks.unique("ways", names)
    return [way for place, way in enumerate(ways) if not place or way != Way()]


def _way(one: Any) -> Way:
    trainer, precision = one if isinstance(one, tuple) and len(one) == 2 else (None, one)
    if isinstance(one, LatentTrainer):
        trainer, precision = one, "float32"
    if not isinstance(precision, str) or not (trainer is None or isinstance(trainer, LatentTrainer)):
        raise InputError(
            f"a way is a precision such as 'int8', a trainer such as ss.latent.PCA(64), or a pair of a trainer and a "
            f"precision; got {one!r:.60}"
        )
    return Way(trainer, checks.choice("ways", precision, PRECISIONS))
