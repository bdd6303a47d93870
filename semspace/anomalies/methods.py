"""The methods of finding outliers, their settings, and what each is called in a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from semspace import checks
from semspace.anomalies.detectors import (
    Detector,
    IsolationForest,
    KthNeighbor,
    Likelihood,
    LocalDensity,
    RankAverage,
    Reconstruction,
)
from semspace.anomalies.reference import ReferencePoints
from semspace.anomalies.self_training import SelfTraining
from semspace.errors import InputError

DEFAULT = "self_training"
_LEAST_NEIGHBORS = 10
MIN_POINTS = 5  # distinct ones, among which one can be unlike the others


@dataclass(frozen=True)
class DetectorRequest:
    """What a detector is fitted with: the reference, a seed, whether to show progress, and the method's settings."""

    reference: ReferencePoints
    seed: int
    progress: bool
    settings: Mapping[str, int]

    def setting(self, name: str, default: int, most: int) -> int:
        """Return a setting, or its default as far as there are points for it; raise `InputError` above `most`."""
        if name not in self.settings:
            return max(1, min(default, most))
        if self.settings[name] > most:
            raise InputError(
                f"{name} must be at most {most} for {len(self.reference)} distinct points of "
                f"{self.reference.units.shape[1]} dimensions; got {self.settings[name]}"
            )
        return self.settings[name]

    def k(self, default: int) -> int:
        """Return the number of neighbours."""
        return self.setting("k", default, len(self.reference) - 1)


@dataclass(frozen=True)
class Method:
    """How a method is fitted, its settings, and what its score is."""

    fit: Callable[[DetectorRequest], Detector]
    settings: tuple[str, ...]
    score: str


def wide(n: int) -> int:
    """Return the number of neighbours that no group of outliers fills: a tenth of the points, from 10 to 1,000."""
    return max(_LEAST_NEIGHBORS, n // 10)


def _knn(request: DetectorRequest) -> KthNeighbor:
    return KthNeighbor.fit(request.reference, request.k(10), progress=request.progress)


def _lof(request: DetectorRequest) -> LocalDensity:
    return LocalDensity.fit(request.reference, request.k(wide(len(request.reference))), progress=request.progress)


def _self_training(request: DetectorRequest) -> SelfTraining:
    return SelfTraining.fit(request.reference, request.k(wide(len(request.reference))), progress=request.progress)


def _isolation_forest(request: DetectorRequest) -> IsolationForest:
    return IsolationForest.fit(request.reference, request.settings.get("n_estimators", 100), request.seed)


def _reconstruction(request: DetectorRequest) -> Reconstruction:
    smaller = min(request.reference.units.shape)
    if "dim" not in request.settings:
        return Reconstruction.fit(request.reference, max(1, min(32, smaller // 4)))
    return Reconstruction.fit(request.reference, request.setting("dim", 32, max(1, smaller - 1)))


def _likelihood(request: DetectorRequest) -> Likelihood:
    m = len(request.reference)
    components = request.setting("n_components", min(8, m // 100), m)
    return Likelihood.fit(request.reference, components, request.seed)


def _rank_average(request: DetectorRequest) -> RankAverage:
    parts = (_knn, _lof, _isolation_forest, _reconstruction, _likelihood)
    return RankAverage(tuple(fit(request) for fit in parts))


METHODS: Mapping[str, Method] = {
    "self_training": Method(
        _self_training,
        ("k",),
        "local density and distance to others, and a classifier of the strangest documents against the rest",
    ),
    "knn": Method(_knn, ("k",), "distance to the k-th nearest point"),
    "lof": Method(_lof, ("k",), "local outlier factor"),
    "isolation_forest": Method(_isolation_forest, ("n_estimators",), "ease of isolation by random cuts"),
    "reconstruction": Method(_reconstruction, ("dim",), "distance to the reconstruction from principal components"),
    "likelihood": Method(_likelihood, ("n_components",), "negative log-likelihood under a mixture of Gaussians"),
    "rank_average": Method(_rank_average, (), "mean rank by the other methods"),
}


def check_method(method: object, settings: Mapping[str, object]) -> None:
    """Raise `InputError` for an unknown method, or a setting that it doesn't have."""
    checks.choice("method", method, tuple(METHODS))
    checks.options(settings, METHODS[str(method)].settings, of=f"the method {method!r}")
    for name, value in settings.items():
        checks.whole(name, value)


def fit(request: DetectorRequest, method: str) -> Detector:
    """Return the detector of a method, fitted; raise `InputError` where there are too few distinct points."""
    if len(request.reference) < MIN_POINTS:
        raise InputError(
            f"outliers need at least {MIN_POINTS} distinct points to compare with; got {len(request.reference)}"
        )
    return METHODS[method].fit(request)
