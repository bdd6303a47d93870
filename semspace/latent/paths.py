"""The way from one point of a space to another, told in words at each step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from semspace import checks, queries
from semspace.clusters.knn import KnnSearch
from semspace.display import clip, html_table, text_table
from semspace.errors import InputError
from semspace.latent.descriptions import Descriptions, describe, text_of
from semspace.queries import Query
from semspace.report.figure import Figure
from semspace.report.lines import lines
from semspace.space import Space
from semspace.space_arguments import need_space
from semspace.types import Doubles1d, Floats1d, Floats2d, Ints1d, Ints2d

METHODS = ("spherical", "straight", "documents")
_MIN_WEIGHT = 1e-12  # of an edge between equal vectors: a weight of 0 would be no edge
_OPPOSITE = -1 + 1e-6  # the cosine below which no great circle is the shortest


@dataclass(frozen=True, eq=False, repr=False)
class Path:
    """Points on the way from `a` to `b`, both included, and what each means in words.

    Parameters
    ----------
    a, b : str
        The ends, as text.
    method : {"spherical", "straight", "documents"}
    vectors : ndarray of float32, shape (steps, dim)
    descriptions : Descriptions
        The nearest texts and words of each step.
    nearest : ndarray of float32, shape (steps, dim)
        Unit vectors of the texts that stand for the steps: the ends themselves, and between them the nearest texts.
    """

    a: str
    b: str
    method: str
    vectors: Floats2d
    descriptions: Descriptions
    nearest: Floats2d

    def __len__(self) -> int:
        return len(self.vectors)

    @cached_property
    def angles(self) -> Doubles1d:
        """The angle between each text that is told and the next, in degrees, shape (steps - 1,)."""
        return np.degrees(_angles(self.nearest[:-1], self.nearest[1:]))

    @property
    def straightness(self) -> float:
        """How smooth the way through the told texts is, in (0, 1].

        The angle between the ends, divided by the sum of the angles between successive texts: 1 if the texts lie on the
        shortest way, less the more they wander. It is the straightness index of Batschelet (1981), on the sphere.
        """
        whole = float(np.degrees(_angles(self.nearest[:1], self.nearest[-1:])[0]))
        walked = float(self.angles.sum())
        return min(1.0, whole / walked) if walked else 1.0

    @property
    def largest_angle(self) -> float:
        """The largest angle between one told text and the next, in degrees: where the meaning jumps."""
        return float(self.angles.max())

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each step.

        ``step``, the ``id`` and ``text`` of the nearest text, its ``score``, the cosines ``to_a`` and ``to_b``, and
        ``words``.
        """
        units = queries.unit(self.vectors)
        told = self.descriptions.to_frame().rename({"point": "step"})
        to_ends = [pl.Series(name, units @ units[end]) for name, end in (("to_a", 0), ("to_b", -1))]
        return told.with_columns(to_ends).select("step", "id", "text", "score", "to_a", "to_b", "words")

    def plot(self) -> Figure:
        """Draw the cosine of each step to both ends, and the angle to the text before."""
        frame = self.to_frame()
        turned: list[float | None] = [None, *self.angles.tolist()]
        return lines(
            list(range(len(self))),
            [
                (f"cosine to “{clip(self.a, 40)}”", frame["to_a"].to_list()),
                (f"cosine to “{clip(self.b, 40)}”", frame["to_b"].to_list()),
                ("angle from the text before, in degrees", turned),
            ],
            unit="step",
            caption=f"From “{clip(self.a, 60)}” to “{clip(self.b, 60)}”; straightness {self.straightness:.2f}.",
        )

    def _title(self) -> str:
        return f"{clip(self.a, 40)!r} to {clip(self.b, 40)!r}, {self.method}, straightness {self.straightness:.2f}"

    def _table(self) -> tuple[list[str], list[tuple[object, ...]]]:
        frame = self.to_frame()
        shown = frame if any(self.descriptions.words) else frame.drop("words")
        return shown.columns, shown.rows()

    def __repr__(self) -> str:
        return f"{self._title()}\n{text_table(*self._table())}"

    def _repr_html_(self) -> str:
        return html_table(*self._table(), caption=self._title())


def path(
    space: Space,
    a: Query,
    b: Query,
    steps: int = 7,
    *,
    method: str = "spherical",
    vocabulary: Space | None = None,
    n_texts: int = 3,
    n_words: int = 5,
    graph_neighbors: int = 15,
) -> Path:
    """Go from one point of a space to another, and describe each step by real texts and words.

    Parameters
    ----------
    space : Space
        The texts among which the nearest are found.
    a, b : str or vector
        Ids, texts for the space's encoder, or vectors of shape (dim,).
    steps : int
        Points on the way, both ends included; with ``method="documents"`` at most so many.
    method : {"spherical", "straight", "documents"}
        ``"spherical"`` goes along the great circle at equal angles (Shoemake 1985); ``"straight"`` along the chord at
        equal distances. ``"documents"`` visits documents only: the way with the least sum of squared angles in the
        graph in which each document is joined to its nearest neighbours, so that it takes small steps where
        documents are dense (a Fermat distance; Groisman, Jonckheere & Sapienza 2022).
    vocabulary : Space, optional
        The words that may describe a step, from `vocabulary`.
    n_texts, n_words : int
        How many texts and words describe a step.
    graph_neighbors : int
        Neighbours of each document in the graph; more where documents would otherwise not be connected.

    Raises
    ------
    InputError
        If `a` and `b` have the same or opposite directions, or a text comes to a space without encoder.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 0.1], [0.8, 0.7], [0, 1]])
    >>> ss.latent.path(space, "cat", "car", 3).descriptions.to_frame()["id"].to_list()
    ['cat', 'dog', 'car']
    """
    checks.choice("method", method, METHODS)
    checks.whole("steps", steps, low=2)
    checks.whole("graph_neighbors", graph_neighbors)
    need_space("path", space)
    first, last = (_located(space, end) for end in (a, b))
    cosine = float(first @ last)
    if cosine > 1 - queries.TINY or np.allclose(first, last, atol=1e-6):
        raise InputError(f"a and b have the same meaning, {_told(a)!r} and {_told(b)!r}: give two different ends")
    if method == "documents":
        visited = _through_documents(space, first, last, graph_neighbors)
        vectors = visited[_spread(visited, steps)]
    elif method == "spherical":
        if cosine < _OPPOSITE:
            raise InputError(
                "a and b lie in opposite directions, and every great circle leads there; use 'straight', with an "
                "even number of steps"
            )
        vectors = _slerp(first, last, steps)
    else:
        shares = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
        vectors = (1 - shares) * first + shares * last
        if queries.lengths(vectors).min() < queries.TINY:
            raise InputError(
                f"a and b lie in opposite directions, and the middle of {steps} steps is zero; use an even number"
            )
    told = describe(vectors, space, vocabulary=vocabulary, n_texts=n_texts, n_words=n_words)
    between = space[[near.ids[0] for near in told.neighbors[1:-1]]] if len(vectors) > 2 else vectors[:0]
    nearest = queries.unit(np.concatenate([first[None], between, last[None]]))
    names = [_told(end) or text_of(near) for end, near in ((a, told.neighbors[0]), (b, told.neighbors[-1]))]
    return Path(names[0], names[1], method, checks.frozen(vectors), told, checks.frozen(nearest))


def _told(query: Query) -> str:
    return query if isinstance(query, str) else ""


def _located(space: Space, end: Query) -> Floats1d:
    """Return the unit vector of an id, a text or a vector."""
    if isinstance(end, str):
        vector = space[end] if end in space or space.encoder is None else space.encode_documents(end)
    else:
        vector = queries.as_vector(end, space.dim)
    queries.check_directions(vector[None], [queries.title_of(end)])
    direction: Floats1d = queries.unit(vector[None].astype(np.float32))[0]
    return direction


def _angles(a: Floats2d, b: Floats2d) -> Doubles1d:
    """Return the angle between each row of `a` and that of `b`, both of length 1, in radians.

    By the chord, since a cosine close to 1 has lost the digits that tell small angles apart.
    """
    chords = np.linalg.norm(a.astype(np.float64) - b, axis=1)
    angles: Doubles1d = 2 * np.arcsin(np.clip(chords / 2, 0, 1))
    return angles


def _slerp(a: Floats1d, b: Floats1d, steps: int) -> Floats2d:
    """Return points at equal angles on the great circle from `a` to `b`, unit vectors of shape (steps, dim)."""
    angle = _angles(a[None], b[None])[0]
    shares = np.linspace(0, 1, steps)[:, None]
    vectors = (np.sin((1 - shares) * angle) * a + np.sin(shares * angle) * b) / np.sin(angle)
    single: Floats2d = vectors.astype(np.float32)
    return single


def _through_documents(space: Space, a: Floats1d, b: Floats1d, k: int) -> Floats2d:
    """Return the ends and the documents between them on the shortest way in the graph of neighbours."""
    points = np.concatenate([queries.unit(space.vectors), a[None], b[None]])
    search = KnnSearch(points)
    while True:
        k = min(k, len(points) - 1)
        rows, cosines = search.neighbors(k)
        way = _shortest(rows, cosines, len(points) - 2, len(points) - 1)
        if len(way):
            return points[way]
        k *= 2  # a graph of all neighbours is connected


def _shortest(rows: Ints2d, cosines: Floats2d, start: int, end: int) -> Ints1d:
    """Return the rows on the way with the least sum of squared angles; empty where none leads there."""
    n, k = rows.shape
    angles = np.arccos(np.clip(cosines.astype(np.float64), -1, 1))
    exists = (rows >= 0).ravel()
    starts, ends = np.repeat(np.arange(n), k)[exists], rows.ravel()[exists]
    weights = np.maximum(angles.ravel()[exists] ** 2, _MIN_WEIGHT)
    graph = csr_array((weights, (starts, ends)), shape=(n, n))
    _, before = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
    way = [end]
    while way[-1] != start:
        if before[way[-1]] < 0:
            return np.empty(0, np.int64)
        way.append(int(before[way[-1]]))
    return np.array(way[::-1])


def _spread(vectors: Floats2d, steps: int) -> Ints1d:
    """Choose at most `steps` positions of a way, both ends included, at angles as equal as it allows."""
    if len(vectors) <= steps:
        return np.arange(len(vectors))
    walked = np.concatenate([[0.0], np.cumsum(_angles(vectors[:-1], vectors[1:]))])
    wanted = np.linspace(0, walked[-1], steps)
    return np.unique([0, *(int(np.abs(walked - at).argmin()) for at in wanted[1:-1]), len(vectors) - 1])
