"""`NeuralTrainer`: the hyper-parameters that all latent models with a network share, and how one is trained."""

from __future__ import annotations

import json
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from semspace import checks
from semspace.errors import InputError, SemspaceWarning
from semspace.files import PathLike
from semspace.latent.checkpoint import LatentCheckpoint
from semspace.latent.model import LatentModel, LatentTrainer
from semspace.latent.pca import principal_components
from semspace.space import Space
from semspace.types import ArrayXd, Floats1d, Floats2d

if TYPE_CHECKING:
    from semspace.latent.fitting import Learner

_MAX_THREADS = 1_024


@dataclass(frozen=True)
class Standardization:
    """Centred vectors with a mean variance of 1: what networks are trained on.

    Parameters
    ----------
    mean : ndarray of float32, shape (width,)
    scale : float
        Root of the mean variance of the dimensions. It is one number for all, so that angles stay what they are, and a
        constant column does no harm.
    """

    mean: Floats1d
    scale: float

    @classmethod
    def of(cls, vectors: Floats2d) -> Standardization:
        """Return that of some vectors, or raise `InputError` if they are all equal."""
        mean = vectors.mean(axis=0, dtype=np.float64)
        scale = float(np.sqrt(np.square(vectors - mean).mean()))
        if scale <= 1e-7 * float(np.abs(vectors).max()):
            raise InputError("all points of the space are equal, so there is nothing to learn; give different points")
        return cls(mean.astype(np.float32), scale)

    def apply(self, vectors: Floats2d) -> Floats2d:
        """Return standardized vectors."""
        standard: Floats2d = (vectors - self.mean) / np.float32(self.scale)
        return standard

    def undo(self, standard: Floats2d) -> Floats2d:
        """Return the vectors of standardized ones."""
        vectors: Floats2d = standard * np.float32(self.scale) + self.mean
        return vectors


@dataclass(frozen=True)
class Start:
    """Where the training of a network begins: at principal components.

    Parameters
    ----------
    components : ndarray of float32, shape (dim, width)
    deviations : ndarray of float32, shape (dim,)
        Standard deviations of the standardized vectors along them.
    """

    components: Floats2d
    deviations: Floats1d

    @classmethod
    def of(cls, standard: Floats2d, dim: int) -> Start:
        """Return that of standardized vectors."""
        components, _, ratios = principal_components(standard, dim)
        deviations = np.sqrt(np.maximum(ratios * standard.shape[1], 1e-6))
        return cls(components, deviations.astype(np.float32))


@dataclass(frozen=True, kw_only=True)
class NeuralTrainer(LatentTrainer):
    """What the trainers of networks have in common; see each of them.

    Parameters
    ----------
    dim : int
        Number of dimensions of a code; at most those of the space.
    hidden : int
        Units of the hidden layer of each network.
    epochs : int
        Passes over the points, at most.
    batch_size : int
        Points of a step.
    learning_rate : float
        The highest; it falls to zero by half a cosine.
    held_out : float
        Share of the points that is only used for evaluation; 0 for none.
    patience : int, optional
        Stop after this number of epochs in which the loss of the points held out was no lower than before. In any case
        the model is that of the epoch in which it was lowest.
    threads : int, optional
        All cores by default.
    seed : int
    """

    dim: int = 32
    hidden: int = 512
    epochs: int = 20
    batch_size: int = 512
    learning_rate: float = 2e-3
    held_out: float = 0.05
    patience: int | None = 3
    threads: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("dim", "hidden"):
            checks.whole(name, getattr(self, name))
        check_fit_parameters(self)

    @abstractmethod
    def _learner(self, standard: Floats2d) -> Learner:
        """Return the network that is to be trained on standardized vectors."""

    @abstractmethod
    def _model(
        self, weights: Mapping[str, ArrayXd], standardization: Standardization, standard: Floats2d, made: dict[str, Any]
    ) -> LatentModel:
        """Return the model with these weights; `standard` are the vectors held out, or some others if none are."""

    def train(
        self,
        space: Space,
        *,
        checkpoint: PathLike | None = None,
        checkpoint_minutes: float = 10.0,
        resume: bool = False,
        progress: bool = True,
    ) -> Any:
        """Train the model on the points of a space.

        Parameters
        ----------
        space : Space
        checkpoint : path, optional
            Directory to which the state of the training is written every `checkpoint_minutes` and at the end. It
            stays until you delete it.
        checkpoint_minutes : float
        resume : bool
            Resume from the checkpoint, if there is one, with the result of an uninterrupted training.
        progress : bool
            Show a progress bar with the loss and the time left.

        Returns
        -------
        LatentModel
            Its ``history`` has the losses of each epoch. It needs no torch.

        Raises
        ------
        InputError
            If there are too few points, they are all equal, `dim` is larger than their number of dimensions, the loss
            becomes NaN in the first epoch, or the checkpoint is of another training.
        MissingExtraError
            If torch isn't installed.
        ExistsError
            If a checkpoint exists and `resume` is False.

        Warns
        -----
        SemspaceWarning
            If the loss became NaN in a later epoch: the model is that of the best epoch before.
        """
        checks.flag("progress", progress)
        checks.need("torch", "transformers")
        self._check(space)
        vectors = space.vectors
        saved = LatentCheckpoint(checkpoint, checkpoint_minutes, resume)
        if saved.wanted:
            saved.bind(self._identity(space))
        return self._fitted(space, vectors, saved, progress=progress)

    def _fitted(self, space: Space, vectors: Floats2d, saved: LatentCheckpoint, *, progress: bool) -> LatentModel:
        from semspace.latent.fitting import FitLoop, FitOptions, split

        rows, others = split(len(vectors), self.held_out, self.seed)
        standardization = Standardization.of(vectors[rows])
        standard, held_out = (standardization.apply(vectors[part]) for part in (rows, others))
        options = FitOptions(self.epochs, self.batch_size, self.learning_rate, self.patience, self.seed, self.threads)
        learner = self._learner(standard)
        fit = FitLoop(learner, standard, held_out, options, saved, progress=progress).run()
        if fit.failure:
            warnings.warn(
                f"{fit.failure}; the model is that of the best epoch before it: lower learning_rate (now "
                f"{self.learning_rate:g})",
                SemspaceWarning,
                stacklevel=4,
            )
        weights = {name: value.detach().numpy().copy() for name, value in learner.net.named_parameters()}
        made = {**self._provenance(space), "history": fit.history.plain(), "stopped": fit.stopped or fit.failure}
        return self._model(weights, standardization, held_out if len(held_out) else standard, made)

    def _check(self, space: Space) -> None:
        super()._check(space)
        self._check_dim(space)

    def _check_dim(self, space: Space) -> None:
        """Raise `InputError` if `dim` is more than the points allow."""
        name, n_training = type(self).__name__, len(space) - round(len(space) * self.held_out)
        if self.dim > space.dim:
            raise InputError(
                f"dim must be at most {space.dim} for {name}, the dimensions of the space; got {self.dim}: only a "
                "sparse autoencoder has a wider latent space"
            )
        if n_training <= self.dim:
            raise InputError(
                f"{name} needs more points to train on than dim, {self.dim}; the space has {len(space)}, of which "
                f"{n_training} are to train on: lower dim, or give more points"
            )

    def _identity(self, space: Space) -> dict[str, Any]:
        """Return what must be the same for a training to resume."""
        return training_identity(self, space=space.fingerprint)


def check_fit_parameters(trainer: Any) -> None:
    """Raise `InputError` if a parameter of the training, which all trainers of networks have, is out of its range."""
    checks.whole("epochs", trainer.epochs)
    checks.whole("batch_size", trainer.batch_size, low=2)
    checks.number("learning_rate", trainer.learning_rate, open_low=True)
    checks.number("held_out", trainer.held_out, high=0.9)
    if trainer.patience is not None:
        checks.whole("patience", trainer.patience)
    if trainer.threads is not None:
        checks.whole("threads", trainer.threads, high=_MAX_THREADS)
    checks.seed(trainer.seed)


def training_identity(trainer: Any, **data: str) -> dict[str, Any]:
    """Return what must be the same for a training to resume: parameters but for threads, and fingerprints of `data`."""
    facts = {"model": type(trainer).__name__, **asdict(trainer), **data}
    del facts["threads"]
    identity: dict[str, Any] = json.loads(json.dumps(facts))
    return identity
