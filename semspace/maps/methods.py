"""How each method computes a map: t-SNE, UMAP and PaCMAP by maintained libraries, with one shape of call.

A method takes distinct vectors on their principal axes (m, axes), a seed, and whether it begins with random places; it
returns coordinates (m, 2). The same seed gives the same coordinates: each runs in one thread.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.types import Doubles2d, Floats2d
from semspace.version import versions

MIN_POINTS = 12  # fewer have no neighbourhoods, and are drawn on their principal axes
EXTRA = "maps"
_PERPLEXITY = 30
_UMAP_NEIGHBORS, _PACMAP_NEIGHBORS = 15, 10  # as their authors chose
# From here on t-SNE is computed by openTSNE where it is installed: scikit-learn's time grows faster than the points.
# Smaller maps, such as those of a report, don't depend on what is installed.
LARGE = 5_000


def first_two_axes(low: npt.NDArray[np.floating[Any]]) -> Doubles2d:
    """Return the first two columns, shape (n, 2); zeros where there is one only."""
    coordinates = np.zeros((len(low), 2))
    coordinates[:, : min(2, low.shape[1])] = low[:, :2]
    return coordinates


def _tsne(low: Floats2d, seed: int, random_start: bool) -> Doubles2d:
    """Compute t-SNE (van der Maaten & Hinton 2008), started from the principal axes (Kobak & Berens 2019)."""
    # scikit-learn scales its own initialisation by the deviation on the first axis, even where that is zero.
    known = low.shape[1] > 1 and bool(low[:, 0].std()) and not random_start
    init: Any = low[:, :2] / low[:, 0].std() * 1e-4 if known else "random"
    run = _open_tsne if library_of("tsne", len(low)) == "openTSNE" else _scikit_learn_tsne
    return run(low, init, seed)


def _scikit_learn_tsne(low: Floats2d, init: Any, seed: int) -> Doubles2d:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    model = TSNE(2, perplexity=min(_PERPLEXITY, len(low) / 4), init=init, random_state=seed)
    # One thread: scikit-learn's threads wait for each other by spinning, and take 30 times as long on a busy machine.
    with threadpool_limits(1):
        coordinates: Doubles2d = model.fit_transform(low).astype(np.float64)
    return coordinates


def _open_tsne(low: Floats2d, init: Any, seed: int) -> Doubles2d:
    """Compute t-SNE with interpolation (Poličar et al. 2024), whose time grows with the number of points."""
    from openTSNE import TSNE

    model = TSNE(perplexity=_PERPLEXITY, initialization=init, random_state=seed, n_jobs=1)
    coordinates: Doubles2d = np.asarray(model.fit(low), np.float64)
    return coordinates


def _umap(low: Floats2d, seed: int, random_start: bool) -> Doubles2d:
    """Compute UMAP (McInnes et al. 2018)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an absent tensorflow; of eigenvalues that need not be exact for a start
        umap = checks.need("umap", EXTRA)
        model = umap.UMAP(
            n_neighbors=min(_UMAP_NEIGHBORS, len(low) - 1),
            init="random" if random_start else "spectral",
            random_state=seed,
            n_jobs=1,
        )
        coordinates: Doubles2d = np.asarray(model.fit_transform(low), np.float64)
    return coordinates


def _pacmap(low: Floats2d, seed: int, random_start: bool) -> Doubles2d:
    """Compute PaCMAP (Wang et al. 2021)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the seed, without which its result would differ each time
        pacmap = checks.need("pacmap", EXTRA)
        logging.getLogger("pacmap.pacmap").setLevel(logging.ERROR)  # it warns of each seed
        model = pacmap.PaCMAP(n_neighbors=min(_PACMAP_NEIGHBORS, len(low) // 3), apply_pca=False, random_state=seed)
        start = "random" if random_start else "pca"
        coordinates: Doubles2d = np.asarray(model.fit_transform(low, init=start), np.float64)
    return coordinates


METHODS: dict[str, Callable[[Floats2d, int, bool], Doubles2d]] = {"tsne": _tsne, "umap": _umap, "pacmap": _pacmap}
NAMES = ("pca", *METHODS)
TITLES = {"pca": "principal axes", "tsne": "t-SNE", "umap": "UMAP", "pacmap": "PaCMAP"}
_LIBRARIES = {"pca": "scikit-learn", "tsne": "scikit-learn", "umap": "umap-learn", "pacmap": "pacmap"}


def library_of(method: str, n: int) -> str:
    """Return the library that computes a map of `n` distinct points."""
    if method == "tsne" and n > LARGE and "openTSNE" in versions("openTSNE"):
        return "openTSNE"
    return _LIBRARIES[method]


def need_library(method: str) -> None:
    """Raise `MissingExtraError` if a method's library isn't installed, before long work starts."""
    if method in ("umap", "pacmap") and _LIBRARIES[method] not in versions(_LIBRARIES[method]):
        raise checks.missing_extra(_LIBRARIES[method], EXTRA)
