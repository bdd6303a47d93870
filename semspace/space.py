"""`Space`: named vectors of words, sentences or documents, and the queries that they answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, queries, schema
from semspace.bundle import Bundle, Draft, create_bundle
from semspace.corrections.common_directions import without_common
from semspace.corrections.corrected_encoder import CorrectedEncoder
from semspace.deprecation import renamed_parameters, renamed_property
from semspace.display import clip, html_table, rows_of
from semspace.errors import InputError, UnknownIdError
from semspace.expressions.expression import Expression
from semspace.files import PathLike
from semspace.history import History
from semspace.neighbors import Neighbors
from semspace.peer_names import answers_peer_attributes, answers_peer_parameters
from semspace.progress import waiting
from semspace.quantization.stored_vectors import read_stored_vectors, write_stored_vectors
from semspace.quantization.vectors import PRECISIONS, QuantizedVectors, as_quantized
from semspace.queries import METRICS, Query, as_list, as_query
from semspace.similarity import analogies, hub_correction, pair_similarity, searching
from semspace.similarity.byte_screen import AFTER, ByteScreen, is_worth_it
from semspace.similarity.locating import as_expression
from semspace.similarity.neighbor_overlap import neighbor_overlap
from semspace.text import mmap_array
from semspace.text.dataframes import append_rows, as_polars, storable, to_pandas, with_columns_before
from semspace.text_encoder import (
    TextEncoder,
    check_encoder,
    check_encoders,
    encode_documents,
    encode_queries,
    encoder_entry,
)
from semspace.types import ArrayXd, Floats1d, Floats2d, Id

if TYPE_CHECKING:
    from semspace.calibration.calibration import Calibration
    from semspace.geometry.report import SpaceReport
    from semspace.report.figure import Figure

KIND = "space"
_ROWS_AT_ONCE = 16_384  # vectors that are read at a time
_SHOWN, _SHOWN_COLUMNS = 5, 6  # points, and columns of metadata in a notebook


@answers_peer_attributes
@dataclass(frozen=True, eq=False, repr=False)
class Space:
    """Words, sentences or documents with their vectors.

    `Space.from_vectors` creates one, and so do trainers and encoders. It never changes; `select` and `extend` return
    new ones.

    Parameters
    ----------
    ids : ndarray of str objects, shape (n,)
        Unique.
    vectors : ndarray of float32, shape (n, dim)
        Finite, no row all zeros; read-only. In a space from `quantize`, the rows that are read are decoded to float32;
        ``numpy.asarray(space.vectors)`` is the whole matrix.
    metadata : polars.DataFrame, optional
        One row for each id.
    encoder : optional
        Encodes new texts, so that queries may be plain text.
    provenance : mapping
        How it was made, and from what.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 1], [1, 0.8], [-1, 1]])
    >>> space.most_similar("cat", k=1).ids
    ('dog',)
    """

    ids: npt.NDArray[np.object_]
    vectors: Floats2d
    metadata: pl.DataFrame | None = None
    encoder: TextEncoder | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.vectors)
        if self.vectors.ndim != 2 or self.vectors.dtype != np.float32:
            raise InputError("vectors must be a float32 matrix; use Space.from_vectors, which converts")
        if len(self.ids) != n:
            raise InputError(f"ids and vectors must have the same length; got {len(self.ids)} ids and {n} vectors")
        if not n:
            raise InputError("the space is empty: it has no points; give at least one id with its vector")
        if self.metadata is not None and len(self.metadata) != n:
            raise InputError(f"metadata must have a row for each of the {n} points; it has {len(self.metadata)}")
        check_encoder(self.encoder)
        if self.encoder is not None and self.encoder.dim != self.vectors.shape[1]:
            raise InputError(
                f"encoder {self.encoder.name!r} makes vectors of {self.encoder.dim} dimensions; "
                f"this space has {self.vectors.shape[1]}"
            )
        checks.unique("ids", self.ids.tolist())
        if self.metadata is not None:
            object.__setattr__(self, "metadata", storable(self.metadata))
        for start, block in mmap_array.iter_slices(
            self.vectors, _ROWS_AT_ONCE
        ):  # of a mapped matrix, no page stays in memory
            checks.finite_rows("the vector", block, self.ids, start)
        object.__setattr__(self, "ids", checks.frozen(self.ids))
        object.__setattr__(self, "vectors", checks.frozen(self.vectors))

    @classmethod
    def from_vectors(
        cls,
        ids: Sequence[Id],
        vectors: npt.ArrayLike,
        metadata: Any | None = None,
        encoder: TextEncoder | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> Space:
        """Create a space from vectors of any origin.

        Parameters
        ----------
        ids : n strings, unique
            Whole numbers and UUIDs become their text.
        vectors : array-like, shape (n, dim)
            Converted to float32.
        metadata : polars or pandas DataFrame, or mapping, optional
            One row for each id, in the same order.
        encoder : optional
            The model that made the vectors, so that queries may be text.

        Raises
        ------
        InputError
            If lengths differ, an id occurs twice, or a vector holds NaN, infinity or only zeros.
        """
        names = np.array(checks.ids("ids", ids), dtype=object)
        table = None if metadata is None else as_polars(metadata)
        return cls(names, checks.matrix("vectors", vectors), table, encoder, dict(provenance or {}))

    # -- contents -----------------------------------------------------------------------------------------

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return int(self.vectors.shape[1])

    @property
    def precision(self) -> str:
        """How numbers are stored: ``"float32"``, or what `quantize` made of them."""
        return "float32" if (stored := as_quantized(self.vectors)) is None else stored.precision

    @property
    def nbytes(self) -> int:
        """Bytes of the vectors as they are stored, in memory and on disk."""
        return self.vectors.nbytes

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids and vectors, in order."""
        return fingerprint_of(
            self.dim, self.ids.tolist(), (part for _, part in mmap_array.iter_slices(self.vectors, _ROWS_AT_ONCE))
        )

    @cached_property
    def norms(self) -> Floats1d:
        """Euclidean length of each vector, shape (n,)."""
        if self.precision == "float32":
            return checks.frozen(queries.lengths(self.vectors))
        parts = [queries.lengths(part) for _, part in mmap_array.iter_slices(self.vectors, _ROWS_AT_ONCE)]
        return checks.frozen(np.concatenate(parts))

    sizes = renamed_property("sizes", "norms")

    @property
    def history(self) -> History:
        """The course of the training, epoch by epoch; empty where the vectors weren't trained by semspace."""
        with schema.reading("the history of this space"):
            return History.of(self.provenance)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.ids.tolist())}

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids.tolist())

    def __contains__(self, id: object) -> bool:
        return checks.id_text(id) in self._rows

    def __getitem__(self, id: str | Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the vector of an id, shape (dim,), or of a list of ids, shape (n, dim)."""
        if not isinstance(id, (str, Iterable)):
            raise UnknownIdError(
                f"a vector is found by its id, which is a string; got {id!r}: use space.vectors[{id!r}] for a "
                f"position, space[{str(id)!r}] for an id"
            )
        vectors: ArrayXd = self.vectors[self._row(id) if isinstance(id, str) else [*map(self._row, id)]]
        return vectors

    def _row(self, id: str) -> int:
        """Return the row of an id, or raise `UnknownIdError` with the nearest spellings."""
        name = id if id in self._rows else checks.id_text(id)  # a whole number is its text
        if name not in self._rows:
            raise checks.unknown("point", str(id), self._rows, where=self._name)
        return self._rows[name]

    @property
    def _name(self) -> str:
        return f"this space of {len(self):,}"

    def __repr__(self) -> str:
        names = ", ".join(clip(str(name), 20) for name in self.ids[:_SHOWN])
        return f"{self._title()}: {names}{' …' if len(self) > _SHOWN else ''}"

    def _repr_html_(self) -> str:
        frame = with_columns_before(
            None if self.metadata is None else self.metadata.head(_SHOWN),
            pl.Series("id", self.ids[:_SHOWN].tolist(), dtype=pl.String),
        )
        shown = frame.select(frame.columns[: 1 + _SHOWN_COLUMNS])
        table = html_table(shown.columns, rows_of(shown), caption=self._title())
        return table + (f"<p>and {len(self) - _SHOWN:,} more</p>" if len(self) > _SHOWN else "")

    def _title(self) -> str:
        made = f", made by {self.provenance['made_by']}" if "made_by" in self.provenance else ""
        stored = "" if self.precision == "float32" else f", stored as {self.precision}"
        return f"Space of {len(self):,} points in {self.dim} dimensions{stored}{made}"

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with ``id`` and the metadata, a row for each row of `vectors`.

        A metadata column called ``id`` becomes ``id_column``.
        """
        return with_columns_before(self.metadata, pl.Series("id", self.ids.tolist(), dtype=pl.String))

    def to_pandas(self) -> Any:
        """Return `to_frame` as a pandas DataFrame; it needs pandas, but not pyarrow."""
        return to_pandas(self.to_frame())

    def plot(
        self,
        color: str | Sequence[object] | None = None,
        *,
        labels: Sequence[str] | bool | None = None,
        method: str = "tsne",
        most: int = 2_000,
        progress: bool = True,
    ) -> Figure:
        """Draw the points on a map: those near each other are similar.

        Parameters
        ----------
        color : str or sequence of n values, optional
            A column of the metadata, or a value for each point. Each value has a colour and a shape, up to 31; more
            numbers are divided into ranges, and dates by year.
        labels : list of ids or bool, optional
            Points that have their id beside them, as far as there is room. By default the first 60, which are the most
            frequent words; none in a space of texts.
        method : {"tsne", "pca", "umap", "pacmap"}
            t-SNE, UMAP and PaCMAP keep neighbours together, and distances further off mean little; PCA shows the two
            directions in which the points differ most. UMAP and PaCMAP need the extra ``maps``. `semspace.project`
            measures how far a map can be trusted.
        most : int
            Up to so many points are drawn: of words the first, of texts some from everywhere. The caption says so.
        progress : bool
            Show the time that has passed if it takes more than two seconds.

        Returns
        -------
        semspace.report.Figure
            A notebook shows it; ``figure.save("map.pdf")`` writes it for a paper.

        Raises
        ------
        InputError
            There is no such column, or fewer than three points.
        UnknownIdError
            One of `labels` isn't in the space.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 0.1], [0.9, 0], [0, 1]])
        >>> space.plot(method="pca").description
        'A map of 3 words; among them cat, dog, car.'
        """
        from semspace.maps.space_map import Points, space_map

        points = Points(self.ids.tolist(), self.vectors, self.metadata)
        with waiting("drawing the map", progress=progress):
            return space_map(points, color, labels, method, most)

    def report(
        self, k: int = 10, *, metric: str = "cosine", most: int = 10_000, seed: int = 0, progress: bool = True
    ) -> SpaceReport:
        """Measure how the points lie: intrinsic dimension, isotropy and hubness, on one card.

        Points that are equal count once, so a text that comes twice changes nothing.

        Parameters
        ----------
        k : int
            Neighbours that hubs are looked for among.
        metric : {"cosine", "euclidean"}
            With ``"cosine"``, vectors are scaled to length 1 first, as they are for search. Points of a plane through
            the origin then lie on a circle, which has one dimension.
        most : int
            Of more points, a random sample of this many is measured, at least 10.
        seed : int
            Of the sample.
        progress : bool
            Show the time that has passed if it takes more than two seconds.

        Returns
        -------
        semspace.geometry.report.SpaceReport

        Raises
        ------
        InputError
            If the space has fewer than 10 different points.

        Examples
        --------
        >>> import numpy as np, semspace as ss
        >>> plane = np.random.default_rng(0).normal(size=(500, 2)) @ np.eye(2, 10)
        >>> report = ss.Space.from_vectors(range(500), plane).report(metric="euclidean")
        >>> report.dim, round(report.intrinsic_dimension)
        (10, 2)
        """
        from semspace.geometry.report import space_report

        return space_report(self.ids, self.vectors, k, metric, most=most, seed=seed, progress=progress)

    # -- queries -----------------------------------------------------------------------------------------

    def similarity(self, a: Query, b: Query, *, metric: str = "cosine") -> float:
        """Return the score of two points, each an id, a text for the encoder, or a vector of shape (dim,).

        Parameters
        ----------
        a, b : str, vector or Expression
        metric : {"cosine", "dot", "euclidean", "csls"}
            Cosine lies in [-1, 1]; euclidean is the negative distance; for CSLS see `most_similar`. Higher is always
            nearer.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["up", "right"], [[0, 2], [3, 0]])
        >>> space.similarity("up", "right"), space.similarity("up", "right", metric="dot")
        (0.0, 0.0)
        """
        checks.choice("metric", metric, searching.METRICS)
        return pair_similarity.similarity(self, a, b, metric)

    def pair_scores(self, pairs: Sequence[tuple[Query, Query]]) -> npt.NDArray[np.float32]:
        """Return the cosine of each pair, float32 of shape (n,); texts are encoded together, each once.

        Parameters
        ----------
        pairs : list of (first, second)
            Each an id, a text for the encoder, or a vector of shape (dim,).

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["up", "right"], [[0, 2], [3, 0]])
        >>> space.pair_scores([("up", "right"), ("up", "up")]).tolist()
        [0.0, 1.0]
        """
        return pair_similarity.pair_scores(self, pairs)

    def calibrate(
        self,
        pairs: Sequence[tuple[Query, Query]] | None = None,
        labels: Sequence[bool] | npt.ArrayLike | None = None,
        *,
        base: Calibration | None = None,
        n_random: int = 100_000,
        seed: int = 0,
    ) -> Calibration:
        """Find out what a cosine means here: its percentile among random pairs, and the probability of "same".

        Parameters
        ----------
        pairs : list of (first, second), optional
            Labelled pairs: ids, texts for the encoder, or vectors.
        labels : array of bool, shape (n,), optional
            Whether each pair is the same, in the sense that matters to you.
        base : Calibration, optional
            Made by the same encoder of many labelled pairs of other texts. With `pairs`, its probabilities are fitted
            to them, for which a hundred are enough; without, they are taken as they are.
        n_random : int
            Random pairs of different points of this space; all pairs of a space that has no more.
        seed : int

        Returns
        -------
        Calibration

        Raises
        ------
        InputError
            If the space has fewer than two points, a label has fewer than two pairs, or the base is of another encoder.

        Notes
        -----
        Probabilities come from isotonic regression (Zadrozny & Elkan 2002), with an interval of 200 resamples of the
        pairs; those of a base are fitted to new pairs by Platt's scaling (1999).

        Examples
        --------
        >>> import semspace as ss
        >>> import numpy as np
        >>> space = ss.Space.from_vectors(range(300), np.random.default_rng(0).normal(size=(300, 8)))
        >>> pairs = [(f"{row}", f"{row + 1}") for row in range(200)]
        >>> labels = space.pair_scores(pairs) > 0.2
        >>> calibration = space.calibrate(pairs, labels)
        >>> bool(calibration.probability(0.8) > 0.9), bool(calibration.probability(-0.5) < 0.1)
        (True, True)
        >>> calibration.apply(space.most_similar("5", k=3)).to_frame().columns
        ['id', 'score', 'percentile', 'probability']
        """
        from semspace.calibration.fitting import check_given, fit_calibration, random_scores
        from semspace.calibration.labelled_pairs import LabelledPairs

        checks.whole("n_random", n_random)
        checks.seed(seed)
        encoder = "" if self.encoder is None else self.encoder.fingerprint
        known = check_given(pairs, labels, base, encoder)
        by_chance = random_scores(self.vectors, n_random, seed)
        scores = None if pairs is None else self.pair_scores(pairs).astype(np.float64)
        labelled = None if scores is None or known is None else LabelledPairs(scores, known)
        return fit_calibration(by_chance, labelled, base, encoder=encoder, seed=seed)

    @answers_peer_parameters
    def most_similar(
        self,
        query: Query | Sequence[Query] | None = None,
        k: int = 10,
        *,
        positive: Sequence[Query] | Query = (),
        negative: Sequence[Query] | Query = (),
        where: str | None = None,
        restrict: int | None = None,
        metric: str = "cosine",
    ) -> Neighbors:
        """Find the `k` points nearest to a query, without the query itself.

        Parameters
        ----------
        query : str, vector or Expression
            An id of this space; or a text, where the space has an encoder; or a vector of shape (dim,); or a sum of
            them (`semspace.term`). A list with strings is taken as `positive`.
        k : int
            Number of neighbours; a smaller space has fewer.
        positive, negative : sequences of queries, or one query each
            Instead of `query`: the unit vectors of `positive` are added, and those of `negative` subtracted.
        where : str, optional
            A condition on the metadata and the ``id``, such as ``"count >= 50"``; see `Index.search`.
        restrict : int, optional
            Only the first so many points may be answers: of word vectors, the most frequent words.
        metric : {"cosine", "dot", "euclidean", "csls"}
            CSLS is twice the cosine, less the mean cosines of both points to their ten nearest ones (Conneau et al.
            2018), so that hubs, which are near to everything, come up less often. The first such query compares all
            points with all.

        Raises
        ------
        UnknownIdError
            If a string is not an id and the space has no encoder to read it as a text.
        InputError
            If positive and negative queries cancel to nothing.
        """
        asked = as_query(query, positive, negative)
        return self.most_similar_batch([asked], k, where=where, restrict=restrict, metric=metric)[0]

    @renamed_parameters(asked="queries")
    @answers_peer_parameters
    def most_similar_batch(
        self,
        queries: Sequence[Query],
        k: int = 10,
        *,
        where: str | None = None,
        restrict: int | None = None,
        metric: str = "cosine",
    ) -> list[Neighbors]:
        """Find the `k` points nearest to each query, in one pass; see `most_similar`."""
        checks.whole("k", k)
        checks.choice("metric", metric, searching.METRICS)
        searching.check_restrict(restrict)
        queries = as_list("most_similar_batch", queries)
        return searching.most_similar(self, queries, k, metric, where, restrict) if queries else []

    @answers_peer_parameters
    def query(
        self,
        expression: str | Expression,
        k: int = 10,
        *,
        where: str | None = None,
        restrict: int | None = None,
        metric: str = "cosine",
    ) -> Neighbors:
        """Find the `k` points nearest to a sum of words, such as ``"king - man + woman"``, without those words.

        Parameters
        ----------
        expression : str or Expression
            Words with ``+`` and ``-`` before them, and whitespace before each sign: a sign inside a word is part of it
            (``mother-in-law``). ``2 * king`` counts twice. Quotation marks keep a name or a text together:
            ``"new york" - city``. What isn't an id is a text for the encoder, if there is one. Unit vectors are added.
        k : int
            Number of neighbours.
        where, restrict, metric
            As in `most_similar`.

        Raises
        ------
        InputError
            If the text isn't a sum of words, or the sum cancels to nothing.
        UnknownIdError
            If a word is not an id, and the space has no encoder; it names the nearest spellings.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(
        ...     ["man", "woman", "king", "queen"], [[1, 0], [1, 1], [3, 0], [3, 3]])
        >>> space.query("king - man + woman", k=1).ids
        ('queen',)
        """
        asked = as_expression(self, expression)
        return self.most_similar_batch([asked], k, where=where, restrict=restrict, metric=metric)[0]

    @answers_peer_parameters
    def analogy(
        self, a: Query, b: Query, c: Query, k: int = 10, *, method: str = "3cosadd", restrict: int | None = None
    ) -> Neighbors:
        """Complete "a is to b as c is to ?" by a point other than the three.

        Parameters
        ----------
        method : {"3cosadd", "3cosmul"}
            3CosAdd (Mikolov et al. 2013) takes the points nearest to ``b - a + c``; 3CosMul (Levy & Goldberg
            2014) multiplies similarities, which keeps one large term from drowning the others.
        restrict : int, optional
            Only the first so many points may be answers: of word vectors, the most frequent words.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(
        ...     ["man", "woman", "king", "queen"], [[1, 0], [1, 1], [3, 0], [3, 3]])
        >>> space.analogy("man", "woman", "king", k=1).ids
        ('queen',)
        """
        return self.analogy_batch([(a, b, c)], k, method=method, restrict=restrict)[0]

    @answers_peer_parameters
    def analogy_batch(
        self,
        triples: Sequence[tuple[Query, Query, Query]],
        k: int = 10,
        *,
        method: str = "3cosadd",
        restrict: int | None = None,
    ) -> list[Neighbors]:
        """Complete "a is to b as c is to ?" for each triple (a, b, c), in one pass; see `analogy`.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(
        ...     ["man", "woman", "king", "queen"], [[1, 0], [1, 1], [3, 0], [3, 3]])
        >>> [found.ids for found in space.analogy_batch([("man", "woman", "king"), ("woman", "man", "queen")], k=1)]
        [('queen',), ('king',)]
        """
        checks.whole("k", k)
        checks.choice("method", method, analogies.METHODS)
        searching.check_restrict(restrict)
        return analogies.analogies(self, analogies.as_triples(triples), k, method, restrict)

    def similarity_matrix(
        self,
        a: Sequence[Query] | npt.ArrayLike | None = None,
        b: Sequence[Query] | npt.ArrayLike | None = None,
        *,
        metric: str = "cosine",
        out: PathLike | npt.NDArray[Any] | None = None,
        threads: int | None = None,
        progress: bool = True,
    ) -> npt.NDArray[Any]:
        """Compute the similarity of each of `a` to each of `b`, in blocks.

        Parameters
        ----------
        a : list of queries, or matrix of shape (n, dim), optional
            Ids, texts for the encoder, vectors or expressions; all points of the space by default.
        b : list of queries, or matrix of shape (m, dim), optional
            The same as `a` by default; ``space.ids`` for all points.
        metric : {"cosine", "dot", "euclidean"}
        out : path or ndarray, optional
            Where the result goes, if it is larger than memory: the path of a new ``.npy`` file, or an array of shape
            (n, m) (also a ``numpy.memmap``) of float16, float32 or float64. It is filled block by block.
        threads : int, optional
            Number of threads; all cores by default.
        progress : bool
            Show the progress if it takes more than two seconds.

        Returns
        -------
        ndarray of float32, shape (n, m)
            `out` itself if it is an array, and the mapped, read-only file if it is a path.

        Raises
        ------
        InputError
            If the result is larger than the memory, or the disk, that is free.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["up", "right"], [[0, 2], [3, 0]])
        >>> space.similarity_matrix(["up", [0, -1]], space.ids).tolist()
        [[1.0, 0.0], [-1.0, 0.0]]
        """
        from semspace.similarity import matrix

        checks.choice("metric", metric, METRICS)
        checks.flag("progress", progress)
        return matrix.similarity_matrix(self, a, b, metric, out, threads, progress=progress)

    def odd_one_out(self, ids: Sequence[Id]) -> str:
        """Return the id that is least like the others, with the lowest mean cosine to them.

        Raises
        ------
        InputError
            If fewer than three different ids are given.
        UnknownIdError
            If one isn't in the space.
        """
        return pair_similarity.odd_one_out(self, ids)

    @property
    def _byte_screen(self) -> ByteScreen | None:
        """The vectors as bytes, for single queries; they are made when there have been some, and never saved."""
        if self.precision != "float32" or not is_worth_it(self.vectors):
            return None
        self._single_queries[0] += 1
        return self._screen if self._single_queries[0] > AFTER else None

    @cached_property
    def _single_queries(self) -> list[int]:
        return [0]  # how many there have been

    @cached_property
    def _screen(self) -> ByteScreen:
        return ByteScreen.of(self.vectors, self.norms)

    @cached_property
    def _local_means(self) -> Floats1d:
        """Mean cosine of each point to its nearest ones, for CSLS; it is computed at the first such query."""
        return checks.frozen(hub_correction.local_means(self))

    def encode(self, texts: Sequence[str] | str) -> npt.NDArray[np.float32]:
        """Encode texts as queries to this space, as `encode_queries` does; see `encode_documents` for documents."""
        return self.encode_queries(texts)

    def encode_queries(self, texts: Sequence[str] | str) -> npt.NDArray[np.float32]:
        """Encode queries to this space, float32 of shape (n, dim); or one query, of shape (dim,).

        Models that distinguish queries from documents read a prompt before each; see `encode_documents`.
        """
        if isinstance(texts, str):
            vector: Floats1d = self.encode_queries([texts])[0]
            return vector
        texts = checks.strings("texts", texts)
        return encode_queries(texts, self.encoder) if texts else np.empty((0, self.dim), np.float32)

    def encode_documents(self, texts: Sequence[str] | str) -> npt.NDArray[np.float32]:
        """Encode texts as the documents of this space were, float32 of shape (n, dim); or one text, of shape (dim,)."""
        if isinstance(texts, str):
            vector: Floats1d = self.encode_documents([texts])[0]
            return vector
        texts = checks.strings("texts", texts)
        return encode_documents(texts, self.encoder) if texts else np.empty((0, self.dim), np.float32)

    # -- other spaces from this one -----------------------------------------------------------------------

    def select(self, ids: Sequence[Id]) -> Space:
        """Return the space of these ids, in this order."""
        rows = [self._row(id) for id in checks.ids("ids", ids)]
        table = None if self.metadata is None else self.metadata[rows]
        stored = as_quantized(self.vectors)
        chosen: Any = self.vectors[rows] if stored is None else stored.take(rows)
        return replace(self, ids=self.ids[rows], vectors=chosen, metadata=table)

    def extend(
        self, ids: Sequence[Id] | Space, vectors: npt.ArrayLike | None = None, metadata: Any | None = None
    ) -> Space:
        """Return a space with more points.

        Parameters
        ----------
        ids : n strings, or Space
            Whole numbers and UUIDs become their text. A space brings its vectors and metadata along.
        vectors : array-like, shape (n, dim)
            Required, except where a space is given.
        metadata : DataFrame or mapping, optional
            Required, with the same columns, where the space has metadata, and refused where it has none. A column of
            whole numbers holds floats where a new value is one, and one of dates moments; what would change a value is
            refused.

        Raises
        ------
        InputError
            If the space has one of the ids already, or the new points are of another encoder.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["cat", "dog"], [[1, 1], [1, 0.8]])
        >>> space.extend(["cow"], [[1, 0.7]]).extend(ss.Space.from_vectors(["car"], [[-1, 1]])).ids.tolist()
        ['cat', 'dog', 'cow', 'car']
        """
        if isinstance(ids, Space):
            return self.extend(*ids._as_new_points(self.encoder, vectors, metadata))
        if vectors is None:
            raise InputError("new points need vectors; or give a Space, which has them")
        names = np.array(checks.ids("ids", ids), dtype=object)
        more = checks.matrix("vectors", vectors, dim=self.dim)
        if len(more) == len(names):
            checks.finite_rows("the vector", more, names)
        taken = next((name for name in names if name in self), None)
        if taken is not None:
            raise InputError(
                f"the space already has {taken!r}; choose other ids, since the points of a space never change"
            )
        if (self.metadata is None) != (metadata is None):
            have, need = ("has", "with") if metadata is None else ("has no", "without")
            raise InputError(f"this space {have} metadata, so new points must be given {need} it")
        table = None if self.metadata is None else append_rows(self.metadata, as_polars(metadata))
        stored = as_quantized(self.vectors)
        joined: Any = np.concatenate([self.vectors, more]) if stored is None else stored.extended(more)
        return replace(self, ids=np.concatenate([self.ids, names]), vectors=joined, metadata=table)

    def _as_new_points(
        self, encoder: TextEncoder | None, vectors: object, metadata: object
    ) -> tuple[list[str], Floats2d, pl.DataFrame | None]:
        """Return ids, vectors and metadata, to join points of an encoder; nothing else may have been given."""
        if vectors is not None or metadata is not None:
            raise InputError("a space brings its vectors and its metadata along; leave out vectors= and metadata=")
        check_encoders("the new points", self.encoder, encoder)
        return self.ids.tolist(), np.asarray(self.vectors), self.metadata

    def quantize(self, precision: str, *, code_bytes: int | None = None) -> Space:
        """Return this space with its vectors stored in fewer bytes, in memory and when saved.

        Queries work on it as on any space: a query is compared, with all its digits, with the vectors that the codes
        stand for. `Index.build` makes an exact index of it, not a graph. Clustering, comparison and maps decode the
        vectors, which takes the memory of float32 while they run. ``most_similar`` with an id knows that point by its
        code alone. `semspace.latent.search_with_rescoring` takes candidates from a small space, and orders them by
        the full vectors.

        Parameters
        ----------
        precision : {"float16", "int8", "binary", "product", "float32"}
            The names of sentence-transformers' ``quantize_embeddings``, except ``"product"``. ``"float16"`` takes 2
            bytes a dimension; ``"int8"`` 1, of which the range of each dimension over all vectors is 255 steps;
            ``"binary"`` a bit, whether a number is above the mean of its dimension; ``"product"`` stores the nearest
            of 256 centroids for each part of the dimensions (Jégou, Douze & Schmid 2011). ``"float32"`` decodes.
        code_bytes : int, optional
            For ``"product"``: bytes of a vector, by default as few as ``"binary"`` takes.

        Returns
        -------
        Space
            Its ``provenance["quantization"]`` holds ``overlap_at_10``: the share of the ten nearest points in this
            space that are among the ten nearest in the new one, by cosine, over up to 200 points of this space as
            queries with all their digits, and ``overlap_at_10_by_id`` for queries that are ids of the new space.

        Raises
        ------
        InputError
            If there is no such precision, or numbers are out of the range of float16.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[1, 1], [1, 0.8], [-1, 1]])
        >>> small = space.quantize("int8")
        >>> small.nbytes, space.nbytes, small.most_similar("cat", k=1).ids
        (6, 24, ('dog',))
        """
        checks.choice("precision", precision, PRECISIONS)
        if precision == "float32":
            return replace(self, vectors=checks.matrix("vectors", self.vectors), provenance=self._provenance_in_full())
        vectors: Any = QuantizedVectors.of(np.asarray(self.vectors), precision, code_bytes)
        small = replace(self, vectors=vectors)
        facts = {"precision": small.precision, **neighbor_overlap(self, small)}
        return replace(small, provenance={**self.provenance, "quantization": facts})

    def centered(self) -> Space:
        """Return this space with its mean in the origin, which opens the cone that vectors often lie in.

        Ids, metadata and text queries are kept: what the encoder makes of a text is centred in the same way, also after
        `save` and `load`. Queries and new points that are vectors must be centred before:
        ``space.encoder.correction.apply(vectors)``.

        Returns
        -------
        Space

        Raises
        ------
        InputError
            If a point lies exactly at the mean, where it has no direction.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[5, 1], [5, 0.5], [5, -1]])
        >>> round(space.similarity("cat", "car"), 2), round(space.centered().similarity("cat", "car"), 2)
        (0.92, -1.0)
        """
        return self._without_common(0)

    def all_but_the_top(self, n: int | None = None) -> Space:
        """Return this space without its mean and its `n` strongest directions, which all vectors share.

        Mu & Viswanath (2018), "All-but-the-top: Simple and effective postprocessing for word representations". What is
        kept, and how vectors are brought into the new space, is as for `centered`.

        Parameters
        ----------
        n : int, optional
            Directions to take out: by default a hundredth of the dimensions, as in the paper, and at least one.

        Returns
        -------
        Space

        Raises
        ------
        InputError
            If `n` isn't below the number of dimensions, or nothing is left of a point.

        Examples
        --------
        >>> import semspace as ss
        >>> space = ss.Space.from_vectors(["cat", "dog", "car"], [[9, 1, 0], [7, 1, 1], [5, -1, 0]])
        >>> space.all_but_the_top().provenance["corrections"][0]["n_directions"]
        1
        """
        if self.dim < 2:
            raise InputError("all_but_the_top needs a space of at least two dimensions; this one has 1")
        chosen = max(1, round(self.dim / 100)) if n is None else checks.whole("n", n, high=self.dim - 1)
        return self._without_common(chosen)

    def _without_common(self, n: int) -> Space:
        """Return this space without its mean and its `n` strongest directions."""
        correction, vectors = without_common(self.ids, self.vectors, self.norms, n)
        made = self._provenance_in_full()
        fact = {"method": correction.method, "n_directions": n, "points": len(self)}
        made["corrections"] = [*made.get("corrections", []), fact]
        encoder = CorrectedEncoder(correction, self.encoder)
        return replace(self, vectors=checks.frozen(vectors), encoder=encoder, provenance=made)

    def _provenance_in_full(self) -> dict[str, Any]:
        """Return the provenance of these points in float32, where nothing was measured of vectors in fewer bytes."""
        return {name: value for name, value in self.provenance.items() if name != "quantization"}

    # -- on disk ------------------------------------------------------------------------------------------

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory; see `semspace.save`."""
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            write_space(self, draft)


def write_space(space: Space, draft: Draft, vectors: Path | None = None) -> None:
    """Write a space into a bundle, its own or that of a value made from it.

    Parameters
    ----------
    vectors : Path, optional
        A file that holds the vectors already.
    """
    facts = manifest_facts(draft, len(space), space.dim, space.fingerprint, space.encoder, space.provenance)
    draft.meta["space"] = {**facts, **write_stored_vectors(space.vectors, draft, vectors)}
    draft.table("ids", pl.DataFrame({"id": space.ids.tolist()}, schema={"id": pl.String}))
    if space.metadata is not None:
        draft.table("metadata", space.metadata)


def read_bundle(bundle: Bundle, encoder: TextEncoder | None = None) -> Space:
    """Read the space in an opened bundle: a space's own, or that of a value made from it."""
    facts = bundle.meta.facts("space")
    provenance, vectors = facts.mapping("provenance"), read_stored_vectors(bundle, facts)
    table = bundle.table("metadata", rows=len(vectors)) if bundle.has("metadata.arrow") else None
    ids = bundle.table("ids", {"id": pl.String}, rows=len(vectors))["id"].to_numpy().astype(object)
    return Space(ids, vectors, table, encoder, provenance)


def manifest_facts(
    draft: Draft,
    count: int,
    dim: int,
    fingerprint: str,
    encoder: TextEncoder | None,
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what a manifest says of a space; an encoder that is saved with its space is written into the bundle."""
    return {
        "count": count,
        "dim": dim,
        "fingerprint": fingerprint,
        "encoder": encoder_entry(encoder, draft, fingerprint),
        "provenance": dict(provenance),
    }


def fingerprint_of(dim: int, ids: list[str], parts: Iterable[Floats2d]) -> str:
    """Return the fingerprint of a space whose vectors come in parts."""
    hasher = hashlib.sha256(json.dumps([dim, *ids]).encode())
    for part in parts:
        hasher.update(np.ascontiguousarray(part).data.cast("B"))
    return hasher.hexdigest()
