"""`LatentTrainer` and `LatentModel`: what all models of a smaller space, and their trainers, have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any, ClassVar, overload

import numpy as np
import numpy.typing as npt

from semspace import checks, schema
from semspace.bundle import Bundle, create_bundle
from semspace.errors import InputError
from semspace.files import PathLike
from semspace.latent.fit_history import FitHistory
from semspace.latent.latent_encoder import LatentEncoder
from semspace.latent.saved_model import ModelParts, SavedModel
from semspace.peer_names import answers_peer_attributes
from semspace.schema import Facts
from semspace.space import Space
from semspace.space_arguments import need_space
from semspace.types import ArrayXd, Floats1d, Floats2d

_ROWS_AT_ONCE = 16_384  # points that go through a model together
_ENCODED = "encoded_by"  # in the provenance of a space: the fingerprint of the model that encoded it


@answers_peer_attributes
class LatentTrainer(ABC):
    """The hyper-parameters of a latent model, with the one method `train`.

    A subclass is a frozen dataclass with the field `dim`.

    Attributes
    ----------
    has_prior : bool
        Whether points can be drawn from its models.
    """

    dim: int
    has_prior: ClassVar[bool] = False

    @abstractmethod
    def train(self, space: Space) -> LatentModel:
        """Train the model on the points of a space."""

    def _check(self, space: Space) -> None:
        """Raise `InputError` if the model can't be trained on a space, before others are trained for a comparison."""
        self._points(space)

    def _points(self, space: object, *, least: int = 2) -> Floats2d:
        """Return the vectors to train on, or raise `InputError` if they are too few or narrower than `dim`."""
        name = type(self).__name__
        space = need_space(f"{name}.train", space)
        if len(space) < least:
            raise InputError(f"{name} needs at least {least} points to train on; the space has {len(space)}")
        return space.vectors

    def _provenance(self, space: Space) -> dict[str, Any]:
        """Return how a model trained by this on a space was made."""
        encoder = None if space.encoder is None else {n: getattr(space.encoder, n) for n in ("name", "fingerprint")}
        return {
            "made_by": type(self).__name__,
            "trainer": asdict(self),  # type: ignore[call-overload]
            "points": len(space),
            "space": space.fingerprint,
            "encoder": encoder,
        }


@answers_peer_attributes
class LatentModel(ABC):
    """A map from vectors to codes of a latent space and, as far as it goes, back.

    A subclass is a frozen dataclass with the field `provenance`; it defines `kind`, `dim`, `width`, `_encode`,
    `_decode`, `_arrays` and `_from_saved`.

    Attributes
    ----------
    kind : str
        Its name in a saved value.
    dim : int
        Number of dimensions of a code.
    width : int
        Number of dimensions of a vector.
    provenance : mapping
        How it was made, and from what.
    """

    kind: ClassVar[str]
    provenance: Any

    @property
    @abstractmethod
    def dim(self) -> int:
        """Number of dimensions of a code."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Number of dimensions of a vector."""

    @abstractmethod
    def _encode(self, vectors: Floats2d) -> Floats2d:
        """Return the codes, of shape (n, dim), of some thousand vectors."""

    @abstractmethod
    def _decode(self, codes: Floats2d) -> Floats2d:
        """Return the vectors, of shape (n, width), of some thousand codes."""

    def _score(self, vectors: Floats2d) -> Floats1d:
        """Return how unusual each of some thousand vectors is: the length of its difference to its reconstruction."""
        difference = vectors - self._decode(self._encode(vectors))
        lengths: Floats1d = np.linalg.norm(difference, axis=1)
        return lengths

    def _sample(self, n: int, rng: np.random.Generator) -> Floats2d:  # noqa: ARG002
        """Return `n` codes drawn from the prior."""
        raise InputError(
            f"{self._name} has no prior, so nothing can be drawn from it; train a VAE, a GAN or a "
            "FactorAnalysis to sample"
        )

    # -- codes and back ---------------------------------------------------------------------------------------

    @overload
    def encode(self, x: Space) -> Space: ...
    @overload
    def encode(self, x: npt.ArrayLike) -> Floats2d: ...
    def encode(self, x: Space | npt.ArrayLike) -> Space | Floats2d:
        """Return the codes of vectors, or the space of the codes of a space.

        Parameters
        ----------
        x : Space, or array-like of shape (n, width) or (width,)

        Returns
        -------
        Space or ndarray of float32, shape (n, dim) or (dim,)
            A space keeps ids and metadata; its encoder encodes texts to codes too, and holds the model, so that
            ``space.encoder.model.decode(space)`` goes back, also after `save` and `load`.

        Raises
        ------
        InputError
            If the width is another, a value isn't finite, or the points of the space were made by another encoder than
            those the model was trained on.
        """
        if isinstance(x, Space):
            self._check_encoder(x)
            codes = self._by_rows(self._encode, self._vectors(x.vectors, "the vectors of the space"))
            checks.finite_rows("the code", codes, x.ids, remedy="leave it out, or take codes by encode(space.vectors)")
            made = {"made_by": self._name, _ENCODED: self.fingerprint, "space": dict(x.provenance)}
            encoder = LatentEncoder(self, x.encoder)
            return replace(x, vectors=checks.frozen(codes), encoder=encoder, provenance=made)
        return self._for_one_or_many(lambda many: self._by_rows(self._encode, self._vectors(many)), x)

    @overload
    def decode(self, z: Space) -> Space: ...
    @overload
    def decode(self, z: npt.ArrayLike) -> Floats2d: ...
    def decode(self, z: Space | npt.ArrayLike) -> Space | Floats2d:
        """Return the vectors of codes, or the space of the vectors of a space of codes.

        Parameters
        ----------
        z : Space, or array-like of shape (n, dim) or (dim,)

        Returns
        -------
        Space or ndarray of float32, shape (n, width) or (width,)
            A space keeps ids and metadata, and has the encoder it had before it was encoded.

        Raises
        ------
        InputError
            If the width is another, a value isn't finite, or the space was encoded by another model.
        """
        if isinstance(z, Space):
            encoder = z.encoder
            if isinstance(encoder, LatentEncoder):
                if encoder.model.fingerprint != self.fingerprint:
                    raise InputError(
                        f"the space was encoded by another model, a {encoder.model._name}, so this {self._name} can't "
                        "decode it; use space.encoder.model.decode(space)"
                    )
                encoder = encoder.base
            elif encoder is not None:
                raise InputError(
                    f"the space isn't one of codes: its points come straight from the encoder {encoder.name!r}; decode "
                    "takes what encode returned"
                )
            vectors = self._by_rows(self._decode, self._codes(z.vectors, "the vectors of the space"))
            made = {"made_by": f"{self._name}.decode", "space": dict(z.provenance)}
            return replace(z, vectors=checks.frozen(vectors), encoder=encoder, provenance=made)
        return self._for_one_or_many(lambda many: self._by_rows(self._decode, self._codes(many)), z)

    @overload
    def reconstruct(self, x: Space) -> Space: ...
    @overload
    def reconstruct(self, x: npt.ArrayLike) -> Floats2d: ...
    def reconstruct(self, x: Space | npt.ArrayLike) -> Space | Floats2d:
        """Return what is left of vectors after encoding and decoding, of the shape of `x`; see `encode`."""
        return self.decode(self.encode(x))

    def score(self, x: Space | npt.ArrayLike) -> Floats1d:
        """Return how unusual each point is, float32 of shape (n,); higher is stranger.

        It is the length of the difference to its reconstruction, unless the model says otherwise. The score of a point
        doesn't depend on the others.

        Parameters
        ----------
        x : Space, or array-like of shape (n, width)
        """
        if isinstance(x, Space):
            self._check_encoder(x)
            return self._by_rows(self._score, self._vectors(x.vectors, "the vectors of the space"))
        return self._by_rows(self._score, self._vectors(x))

    def interpolate(self, a: npt.ArrayLike, b: npt.ArrayLike, steps: int = 10) -> Floats2d:
        """Return the points from `a` to `b` along the straight line between their codes.

        Parameters
        ----------
        a, b : array-like, shape (width,)
        steps : int
            Number of points, at least 2; the first and the last are the reconstructions of `a` and `b`.

        Returns
        -------
        ndarray of float32, shape (steps, width)
        """
        checks.whole("steps", steps, low=2)
        ends = []
        for name, vector in (("a", a), ("b", b)):
            if isinstance(vector, Space) or not checks.is_one_vector(vector):
                shape = getattr(vector, "shape", None)
                got = repr(vector)[:40] if isinstance(vector, str) else type(vector).__name__
                raise InputError(
                    f"{name} must be one vector of shape ({self.width},); got "
                    f"{got if shape is None else f'shape {shape}'}: the vector of an id is space[id]"
                )
            ends.append(self._encode(self._vectors(checks.rows(name, vector), name))[0])
        shares = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
        return self._by_rows(self._decode, (1 - shares) * ends[0] + shares * ends[1])

    def sample(self, n: int, seed: int = 0) -> Floats2d:
        """Return `n` new points, decoded from codes that are drawn from the model's prior.

        Parameters
        ----------
        n : int
        seed : int
            The same seed gives the same points.

        Returns
        -------
        ndarray of float32, shape (n, width)

        Raises
        ------
        InputError
            If the model has no prior, as PCA and autoencoders.
        """
        checks.whole("n", n)
        checks.seed(seed)
        try:
            codes = self._sample(n, np.random.default_rng(seed))
            return self._by_rows(self._decode, codes)
        except MemoryError as problem:
            raise InputError(
                f"{n:,} points of {self.width} dimensions take {n * self.width * 4 / 1e9:,.0f} GB, and there is less "
                "memory; lower n"
            ) from problem

    # -- on disk ----------------------------------------------------------------------------------------------

    @abstractmethod
    def _arrays(self) -> dict[str, ArrayXd]:
        """Return all arrays on which the results depend, by name."""

    def _facts(self) -> dict[str, Any]:
        """Return all plain values on which the results depend, by name."""
        return {}

    @classmethod
    @abstractmethod
    def _from_saved(cls, saved: SavedModel) -> LatentModel:
        """Create the model from its arrays and facts on disk."""

    @cached_property
    def parts(self) -> ModelParts:
        """Arrays and facts, as they are saved."""
        return ModelParts(self.kind, self._arrays(), self._facts(), self.provenance)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over everything on which the model's results depend."""
        return self.parts.fingerprint

    @property
    def history(self) -> FitHistory:
        """The losses of the training, epoch by epoch; empty where a model isn't trained step by step."""
        with schema.reading("the history of this model"):
            return FitHistory.of(self.provenance.get("history", ()))

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory; see `semspace.save`."""
        with create_bundle(path, self.kind, overwrite=overwrite) as draft:
            draft.meta["model"] = self.parts.write(draft)

    @classmethod
    def _read_bundle(cls, bundle: Bundle, entry: Facts | None = None) -> LatentModel:
        """Read the model of a bundle: its own, or another value's that has an entry for it."""
        return cls._from_saved(SavedModel(bundle, bundle.meta.facts("model") if entry is None else entry))

    # -- input ------------------------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return type(self).__name__.removesuffix("Model")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(dim={self.dim}, width={self.width})"

    def _vectors(self, value: npt.ArrayLike, name: str = "vectors") -> Floats2d:
        return _matrix(name, value, self.width, f"as the points that this {self._name} was trained on")

    def _codes(self, value: npt.ArrayLike, name: str = "codes") -> Floats2d:
        return _matrix(name, value, self.dim, f"as the codes of this {self._name}")

    def _check_encoder(self, space: Space) -> None:
        """Raise `InputError` if the space comes from another encoder than the one the model was trained on."""
        trained, given = self.provenance.get("encoder"), space.encoder
        if trained and given is not None and trained["fingerprint"] != given.fingerprint:
            raise InputError(
                f"this {self._name} was trained on points of the encoder {trained['name']!r} "
                f"({trained['fingerprint'][:8]}), and the space has points of {given.name!r} "
                f"({given.fingerprint[:8]}); train it on this space, or encode the texts with that encoder"
            )

    def _by_rows(self, function: Callable[[Floats2d], ArrayXd], rows: Floats2d) -> ArrayXd:
        """Apply a function to some thousand rows at a time, so that little memory is needed."""
        blocks = [function(rows[start : start + _ROWS_AT_ONCE]) for start in range(0, len(rows), _ROWS_AT_ONCE)]
        return np.concatenate(blocks) if blocks else function(rows)

    def _for_one_or_many(self, function: Callable[[Any], Floats2d], value: Any) -> Floats2d:
        """Apply a function of rows; a single vector has a single result."""
        if checks.is_one_vector(value):
            return function([value])[0]  # type: ignore[no-any-return]
        return function(value)


def _matrix(name: str, value: npt.ArrayLike, dim: int, why: str) -> Floats2d:
    """Return a float32 matrix of `dim` columns, or raise `InputError`, which says `why` it must have so many."""
    matrix = checks.matrix(name, value)
    if matrix.shape[1] != dim:
        raise InputError(f"{name} must have {dim} columns, {why}; got {matrix.shape[1]}")
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        raise InputError(f"{name} must be finite; row {bad[0]} holds NaN or infinity: leave it out")
    return matrix
