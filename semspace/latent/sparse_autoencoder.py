"""The sparse autoencoder: many features, of which few are active in a vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.errors import InputError
from semspace.latent.model import LatentModel
from semspace.latent.neural_trainer import NeuralTrainer, Standardization
from semspace.latent.saved_model import SavedModel
from semspace.space import Space
from semspace.types import ArrayXd, Floats1d, Floats2d, Ints2d

if TYPE_CHECKING:
    from semspace.latent.fitting import Learner


_SAMPLE = 1_024  # vectors
_NUMBERS_AT_ONCE = 1 << 24  # of the directions that are gathered for refitting
_RIDGE = 1e-3  # relative to the mean square length of the directions; two may be the same


@dataclass(frozen=True, kw_only=True)
class SparseAutoencoder(NeuralTrainer):
    """A sparse autoencoder with top-k activation (Makhzani & Frey 2014; Gao et al. 2024, arXiv 2406.04093).

    Parameters
    ----------
    dim : int
        Number of features; here usually more than the dimensions of the space.
    active : int
        Number of features that are not zero in a code, at most.
    refit : bool
        Whether the strengths of the active features of a vector are those with the least square error (by ridge
        regression; negative ones become 0), instead of the encoder's: what a linear encoder can't know is how features
        overlap (O'Neill & Klindt 2024, arXiv 2411.13117).
    epochs, batch_size, learning_rate, held_out, patience, threads, seed
        See `Autoencoder`.
    hidden : int
        Ignored: there is no hidden layer.

    Notes
    -----
    The features begin at vectors of the space, so that none is useless from the start. A code is an array of `dim`
    numbers, nearly all of them zero; `SparseAutoencoderModel.top` returns those that aren't.

    Examples
    --------
    >>> import semspace as ss
    >>> ss.latent.SparseAutoencoder(dim=1024, active=16).active
    16
    """

    dim: int = 2048
    active: int = 32
    refit: bool = True
    epochs: int = 6
    batch_size: int = 1024
    learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.whole("active", self.active)
        if self.active > self.dim:
            raise InputError(f"active must be at most dim, {self.dim}; got {self.active}: lower active, or raise dim")
        checks.flag("refit", self.refit)

    def _check_dim(self, space: Space) -> None:
        n_training = len(space) - round(len(space) * self.held_out)
        if n_training < self.active:
            raise InputError(
                f"SparseAutoencoder(active={self.active}) needs at least as many points to train on; the space has "
                f"{n_training}: give more points, or lower active"
            )

    def _learner(self, standard: Floats2d) -> Learner:
        from semspace.latent.learners import SparseLearner

        return SparseLearner(_directions(standard, self.dim, self.seed), self.active, standard[:_SAMPLE])

    def _model(
        self,
        weights: Mapping[str, ArrayXd],
        standardization: Standardization,
        standard: Floats2d,  # noqa: ARG002
        made: dict[str, Any],
    ) -> SparseAutoencoderModel:
        return SparseAutoencoderModel(
            weights["encoder"],
            weights["encoder_bias"],
            weights["decoder"],
            weights["decoder_bias"],
            standardization,
            self.active,
            made,
            self.refit,
        )


@dataclass(frozen=True, eq=False, repr=False)
class SparseAutoencoderModel(LatentModel):
    """A trained sparse autoencoder.

    Parameters
    ----------
    encoder : ndarray of float32, shape (dim, width)
    encoder_bias : ndarray of float32, shape (dim,)
    decoder : ndarray of float32, shape (dim, width)
        The direction of each feature among standardized vectors.
    decoder_bias : ndarray of float32, shape (width,)
    standardization : Standardization
    active : int
        Number of features that are not zero in a code, at most.
    provenance : mapping
        How it was made, and from what.
    refit : bool
        Whether strengths have the least square error; see `SparseAutoencoder`.
    """

    encoder: Floats2d
    encoder_bias: Floats1d
    decoder: Floats2d
    decoder_bias: Floats1d
    standardization: Standardization
    active: int
    provenance: Mapping[str, Any] = field(default_factory=dict)
    refit: bool = False

    kind: ClassVar[str] = "sparse-autoencoder"

    @property
    def dim(self) -> int:
        """Number of features."""
        return len(self.decoder)

    @property
    def width(self) -> int:
        """Number of dimensions of a vector."""
        return len(self.decoder_bias)

    def top(self, x: Space | npt.ArrayLike) -> tuple[Ints2d, Floats2d]:
        """Return the active features of each vector and their strengths, the strongest first.

        Parameters
        ----------
        x : Space, or array-like of shape (n, width)

        Returns
        -------
        tuple of two ndarrays of shape (n, active)
            Numbers of features, and strengths, float32; a strength of 0 is a feature that isn't active.
        """
        if isinstance(x, Space):
            self._check_encoder(x)
            x = x.vectors
        both = self._by_rows(lambda rows: np.stack(self._top(rows), axis=1), self._vectors(x))
        return both[:, 0].astype(np.int64), both[:, 1].astype(np.float32)

    def _top(self, vectors: Floats2d) -> tuple[ArrayXd, ArrayXd]:
        """Return numbers and strengths of the active features of some thousand vectors, as float64."""
        rows = self.standardization.apply(vectors) - self.decoder_bias
        strengths = rows @ self.encoder.T + self.encoder_bias
        features = np.argpartition(-strengths, self.active - 1, axis=1)[:, : self.active]
        values = np.maximum(np.take_along_axis(strengths, features, axis=1), 0)
        if self.refit:
            step = max(1, _NUMBERS_AT_ONCE // (self.active * self.width))
            for start in range(0, len(rows), step):
                part = slice(start, start + step)
                values[part] = _refitted(rows[part], self.decoder[features[part]], values[part])
        order = np.argsort(-values, axis=1, kind="stable")
        chosen = (np.take_along_axis(part, order, axis=1) for part in (features, values))
        numbers, sorted_values = (part.astype(np.float64) for part in chosen)
        return numbers, sorted_values

    def _encode(self, vectors: Floats2d) -> Floats2d:
        features, strengths = self._top(vectors)
        codes: Floats2d = np.zeros((len(vectors), self.dim), np.float32)
        np.put_along_axis(codes, features.astype(np.int64), strengths.astype(np.float32), axis=1)
        return codes

    def _decode(self, codes: Floats2d) -> Floats2d:
        return self.standardization.undo(codes @ self.decoder + self.decoder_bias)

    def _arrays(self) -> dict[str, ArrayXd]:
        return {
            "encoder": self.encoder,
            "encoder_bias": self.encoder_bias,
            "decoder": self.decoder,
            "decoder_bias": self.decoder_bias,
            "mean": self.standardization.mean,
        }

    def _facts(self) -> dict[str, Any]:
        facts = {"scale": self.standardization.scale, "active": self.active}
        return {**facts, "refit": True} if self.refit else facts  # models from before have none

    @classmethod
    def _from_saved(cls, saved: SavedModel) -> SparseAutoencoderModel:
        decoder = saved.array("decoder", None, None)
        dim, width = decoder.shape
        return cls(
            saved.array("encoder", dim, width),
            saved.array("encoder_bias", dim),
            decoder,
            saved.array("decoder_bias", width),
            Standardization(saved.array("mean", width), saved.facts.number("scale", low=1e-30)),
            saved.facts.whole("active", low=1, high=dim),
            saved.provenance,
            "refit" in saved.facts and saved.facts.flag("refit"),
        )


def _refitted(rows: Floats2d, directions: ArrayXd, values: Floats2d) -> Floats2d:
    """Return the strengths of given features with the least square error; those that aren't active stay 0.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, width)
    directions : ndarray of float32, shape (n, active, width)
        Of the features of each row.
    values : ndarray of float32, shape (n, active)
        Their strengths until now.
    """
    active = directions * (values > 0)[:, :, None]
    products = active @ active.transpose(0, 2, 1)
    diagonal = np.arange(values.shape[1])
    products[:, diagonal, diagonal] += _RIDGE * products[:, diagonal, diagonal].mean(axis=1, keepdims=True) + 1e-12
    fitted = np.linalg.solve(products, active @ rows[:, :, None])[:, :, 0]
    strengths: Floats2d = np.maximum(fitted, 0).astype(np.float32)
    return strengths


def _directions(standard: Floats2d, n: int, seed: int) -> Floats2d:
    """Return unit vectors where features begin: vectors of the space, and mixtures of two where there are too few."""
    rng = np.random.default_rng([seed, 5])
    rows = standard[rng.permutation(len(standard))[:n]]
    if len(rows) < n:
        pairs = rng.integers(len(standard), size=(n - len(rows), 2))
        signs = rng.choice([-1.0, 1.0], size=(len(pairs), 1))
        rows = np.vstack([rows, standard[pairs[:, 0]] + signs * standard[pairs[:, 1]]])
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    directions: Floats2d = (rows / lengths).astype(np.float32)
    return directions


read_bundle = SparseAutoencoderModel._read_bundle
