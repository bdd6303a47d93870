"""`project`: a map of a space, with how far it can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from semspace import checks, queries
from semspace.clusters.clustering import Clustering
from semspace.errors import InputError
from semspace.maps import layout, quality
from semspace.maps.methods import NAMES, library_of, need_library
from semspace.maps.space_map import Points, color_groups
from semspace.peer_names import answers_peer_parameters
from semspace.progress import bar
from semspace.projections import placing
from semspace.projections.card import HALF, QualityCard
from semspace.projections.projection import Projection
from semspace.space import Space
from semspace.space_arguments import need_space
from semspace.types import Doubles1d, Doubles2d, Floats2d, Ints1d
from semspace.version import versions

_MIN_POINTS = 4  # of which each has a neighbour nearest to it, and others
NO_GROUP = "no group"


@answers_peer_parameters
def project(
    space: Space,
    method: str = "tsne",
    *,
    groups: Clustering | str | Sequence[object] | None = None,
    seed: int = 0,
    repeats: int = 3,
    progress: bool = True,
) -> Projection:
    """Create a map of a space, and measure how far it can be trusted.

    Vectors are compared by their cosine. The same seed gives the same map.

    Parameters
    ----------
    space : Space
        At least four different points in two or more dimensions.
    method : {"tsne", "pca", "umap", "pacmap"}
        t-SNE (van der Maaten & Hinton 2008; started from the principal axes, Kobak & Berens 2019), UMAP (McInnes et al.
        2018) and PaCMAP (Wang et al. 2021) keep neighbours together. PCA shows the two directions in which the points
        differ most; distances on it are true to those two directions. UMAP and PaCMAP need the extra ``maps``, which
        also has openTSNE (Poličar et al. 2024): with it, t-SNE of more than 5,000 points takes less time.
    groups : Clustering, str or sequence of n values, optional
        What the map is coloured by and labelled with: the groups of this space, a column of its metadata, or a value
        for each point.
    seed : int
        From 0 to 4294967295.
    repeats : int
        How often the map is drawn again from random starts, to find the points whose place is chance; of more than
        3,000 points a sample is. 0 leaves it out.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Projection

    Raises
    ------
    InputError
        The space has fewer than four different points or one dimension, or the groups are those of another space.
    MissingExtraError
        The method needs a library that isn't installed.

    Examples
    --------
    >>> import numpy as np
    >>> import semspace as ss
    >>> vectors = np.random.default_rng(0).normal(size=(60, 8))
    >>> map = ss.project(ss.Space.from_vectors(range(60), vectors), method="tsne", seed=1)
    >>> map.coordinates.shape, map.quality.k
    ((60, 2), 10)
    """
    checks.choice("method", method, NAMES)
    checks.seed(seed)
    repeats = checks.whole("repeats", repeats, low=0, high=20)
    checks.flag("progress", progress)
    need_space("project", space)
    need_library(method)
    labels, names = _groups(space, groups)
    if space.dim < 2 or len(space) < _MIN_POINTS:
        raise InputError(
            f"a map needs at least {_MIN_POINTS} points in 2 dimensions; this space has {len(space)} point(s) in "
            f"{space.dim}"
        )
    vectors = queries.unit(space.vectors)
    cells, inverse = layout.distinct_cells(vectors - vectors.mean(axis=0))
    if len(cells) < _MIN_POINTS:
        raise InputError(f"a map needs at least {_MIN_POINTS} different points; the vectors here are {len(cells)}")
    first = np.unique(inverse, return_index=True)[1]
    repeats = 0 if method == "pca" else repeats
    with bar(f"drawing the map ({method})", 2 + repeats, unit="step", progress=progress) as steps:
        axes = _axes(vectors) if method == "pca" else None
        places = layout.draw(cells, method, seed) if axes is None else placing.on_axes(axes, vectors)[first]
        steps.update()
        kept = quality.faithfulness(vectors[first], places, seed)
        steps.update()
        repeatability = _repeatability(cells, places, method, seed, repeats, steps.update)
    card = QualityCard(
        kept.trustworthiness, kept.continuity, kept.overlap, kept.rank_correlation, *_summary(repeatability),
        kept.k, len(cells), kept.n_asked, repeats, int(np.isfinite(repeatability).sum()) if repeats else 0,
    )  # fmt: skip
    library = library_of(method, len(cells))
    provenance = {
        "made_by": "project", "method": method, "seed": seed, "repeats": repeats, "library": library,
        "space": space.fingerprint, "distinct": len(cells), "versions": versions("numpy", "scikit-learn", library),
    }  # fmt: skip
    coordinates = places[inverse] if axes is None else placing.on_axes(axes, np.asarray(space.vectors))
    return Projection(space, coordinates, method, card, repeatability[inverse], labels, tuple(names), provenance, axes)


def _axes(vectors: Floats2d) -> Doubles2d:
    """Return the mean of vectors and their first two principal axes, shape (3, dim), each axis with a fixed sign."""
    mean, axes = layout.principal_axes(vectors, 2)
    axes = axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1))
    return np.vstack([mean, axes]).astype(np.float64)


def _repeatability(
    cells: Floats2d, places: Doubles2d, method: str, seed: int, repeats: int, done: Callable[[], object]
) -> Doubles1d:
    """Return the share of neighbours that each distinct point keeps when drawn again, shape (m,); NaN if it wasn't."""
    m = len(cells)
    if method == "pca":
        return np.ones(m)
    shares = np.full(m, np.nan)
    if not repeats:
        return shares
    rows = np.arange(m)
    first = places
    if m > quality.REPEATED:
        rows = np.sort(np.random.default_rng(seed).choice(m, quality.REPEATED, replace=False))
        first = layout.draw(cells[rows], method, seed)
    drawings = [first]
    for turn in range(1, repeats + 1):
        drawings.append(layout.draw(cells[rows], method, (seed + turn) % 2**32, random_start=True))
        done()
    shares[rows] = quality.kept_neighbors(drawings)
    return shares


def _summary(repeatability: Doubles1d) -> tuple[float, float]:
    """Return the mean repeatability, and the share of points whose place is chance; NaN where nothing is known."""
    known = repeatability[np.isfinite(repeatability)]
    return (float(known.mean()), float((known < HALF).mean())) if len(known) else (np.nan, np.nan)


def _groups(space: Space, groups: Clustering | str | Sequence[object] | None) -> tuple[Ints1d, list[str]]:
    """Return the group of each point, and the names of the groups."""
    if not isinstance(groups, Clustering):
        return color_groups(Points(space.ids.tolist(), space.vectors, space.metadata), groups, "groups")
    if groups.space.fingerprint != space.fingerprint:
        raise InputError(
            f"groups must be a clustering of this space of {len(space):,} points; it is one of another space of "
            f"{len(groups.space):,}"
        )
    labels = groups.labels.astype(np.int64)
    names = list(groups.names)
    if (labels < 0).any():
        labels = np.where(labels < 0, len(names), labels)
        names.append(NO_GROUP)
    return labels, names
