"""`Comparison`: how corpora differ, how sure we are, what drives it, what they share and what they are like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.bundle import PathLike, write_text, write_texts
from semspace.clusters.clustering import Clustering
from semspace.comparison.contrasts import semantic_shift
from semspace.comparison.distances import pairwise
from semspace.comparison.distances.estimate import OF_KERNELS, Answers, Distance
from semspace.comparison.overlap.counterparts import Counterparts
from semspace.comparison.overlap.duplicates import Shared
from semspace.comparison.pages.page import comparison_page
from semspace.comparison.profiles.profile import Profile
from semspace.comparison.samples import Samples
from semspace.comparison.verdict import verdict
from semspace.deprecation import renamed_method
from semspace.display import clip, html_table, p_value, text_table, to_json
from semspace.errors import ExistsError, InputError
from semspace.report import page as pages

if TYPE_CHECKING:
    from semspace.comparison.compare import Settings

SCHEMA = "semspace.comparison/2"
_DISTANCE_COLUMNS = ("distance", "value", "low", "high", "by_chance", "p_value")
_PAIR_COLUMNS = ("a", "b", "value", "low", "high", "by_chance", "p_of_all", "q_value")
_MATRICES = ("value", "low", "high", "by_chance", "p_value", "p_of_all", "q_value")
_SHOWN_PAIRS = 10


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Two or more corpora held against each other; made by `semspace.compare`.

    Of two corpora, tables hold the first against the second (columns ``…_a`` and ``…_b``). Of several, they hold each
    against all the rest, with the name of the one in the column ``corpus``.

    Parameters
    ----------
    samples : Samples
        The documents, and whose each is.
    answers : Answers, optional
        Of two corpora: their distances.
    pairs : polars.DataFrame, optional
        Of several: what `distances` returns.
    scale : polars.DataFrame
        What `scale` is made of.
    witness : ndarray of float64, shape (n,)
    contrast, shares, overlap, coverage : polars.DataFrame
    shared : Shared
    moved : Meanings, optional
    grouping : Clustering
        Of all documents together.
    near : Counterparts
    profile : Profile
    settings : Settings
        How it was made.
    """

    samples: Samples
    answers: Answers | None
    pairs: pl.DataFrame | None
    scale: pl.DataFrame
    witness: npt.NDArray[np.float64]
    contrast: pl.DataFrame
    moved: semantic_shift.Meanings | None
    grouping: Clustering
    shares: pl.DataFrame
    shared: Shared
    overlap: pl.DataFrame
    near: Counterparts
    coverage: pl.DataFrame
    profile: Profile
    settings: Settings = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """What the corpora are called."""
        return self.samples.names

    # -- how far apart ------------------------------------------------------------------------------------

    def distance(self, name: str) -> Distance:
        """Return one answer to how far apart two corpora are.

        Parameters
        ----------
        name : {"mmd", "mmd_multi", "energy", "frechet", "classifier"}

        Raises
        ------
        InputError
            If there are more than two corpora: see `pair`.
        """
        known = {answer.name: answer for answer in self._of_two("distance").distances}
        return known[checks.choice("distance", name, known)]

    @property
    def p_value(self) -> float:
        """The one p-value of two corpora, of several tests together (see ``docs/statistics.md``)."""
        return self._of_two("p_value").p_value

    def distances(self) -> pl.DataFrame:
        """Return all distances.

        Of two corpora a row for each: ``distance``, ``value``, ``low``, ``high``, ``by_chance``, ``p_value``,
        ``halves_a``, ``halves_b``. ``low`` to ``high`` is the 95 % interval, ``by_chance`` is what the value exceeds in
        5 % of random splits of both together, and ``halves_…`` the mean value between random halves of one corpus.

        Of several a row for each pair and each of ``mmd``, ``mmd_multi``, ``energy``, nearest first: see
        `semspace.comparison.distances.pairwise.distances_of_pairs`.
        """
        if self.pairs is not None:
            return self.pairs
        rows = [(d.name, d.value, *d.interval, d.by_chance, d.p_value, *d.halves) for d in self._of_two("it").distances]
        return pl.DataFrame(rows, schema=[*_DISTANCE_COLUMNS, "halves_a", "halves_b"], orient="row")

    def references(self) -> pl.DataFrame:
        """Return distances between texts known to be near or far, by the same encoder.

        Columns ``between``, ``distance``, ``value``. Empty where the encoder isn't at hand, and for several corpora.
        """
        return self.scale

    def matrix(self, distance: str = "mmd", column: str = "value") -> pl.DataFrame:
        """Return the distances of all pairs: column ``corpus``, then one for each corpus; null on the diagonal.

        Parameters
        ----------
        distance : {"mmd", "mmd_multi", "energy"}
        column : {"value", "low", "high", "by_chance", "p_value", "p_of_all", "q_value"}
        """
        checks.choice("column", column, _MATRICES)
        if self.pairs is None:
            found = self.distance(checks.choice("distance", distance, OF_KERNELS))
            low, high = found.interval
            fields = dict(zip(_MATRICES, (found.value, low, high, found.by_chance, found.p_value), strict=False))
            value = fields.get(column, self.p_value)
            laid = np.array([[np.nan, value], [value, np.nan]])
        else:
            laid = pairwise.matrix_of(self.pairs, self.names, distance, column)
        columns = {name: pl.Series(laid[:, place]).fill_nan(None) for place, name in enumerate(self.names)}
        return pl.DataFrame({"corpus": list(self.names), **columns})

    def pair(self, a: str, b: str) -> Comparison:
        """Compare two of several corpora, with everything there is to say of two."""
        from semspace.comparison.compare import compared

        places = []
        for name in (a, b):
            if name not in self.names:
                raise checks.unknown("corpus", str(name), self.names, where=f"this comparison of {len(self.names)}")
            places.append(self.names.index(name))
        if a == b:
            raise InputError(f"pair takes two different corpora; got {a!r} twice")
        return (
            self
            if places == [0, 1] and self.answers is not None
            else compared(self.samples.only(places), self.settings)
        )

    # -- what drives it -----------------------------------------------------------------------------------

    def documents(self) -> pl.DataFrame:
        """Return all documents, the most telling first: ``corpus``, ``id``, ``text``, ``witness``.

        The witness (Gretton et al. 2012, section 2.3) is the mean kernel of a document to the first corpus less that to
        the second, from the middle between both corpora's: the two ends of the table are what holds them apart. Of
        several corpora it is the mean kernel to the document's own corpus less that to the rest.
        """
        texts = self.samples.texts
        shown = pl.Series("text", [None] * len(self.samples), dtype=pl.String) if texts is None else texts
        table = pl.DataFrame([self.samples.owners, self.samples.ids, shown, pl.Series("witness", self.witness)])
        return table.with_columns(pl.col("witness").fill_nan(None)).sort(
            ["witness", "corpus", "id"], descending=[True, False, False], nulls_last=True
        )

    def clusters(self) -> pl.DataFrame:
        """Return the clusters of all documents with their share of each corpus.

        See `semspace.comparison.contrasts.cluster_shares.cluster_shares` for the columns.
        """
        return self.shares

    def words(self) -> pl.DataFrame:
        """Return the words that set the corpora apart; see `word_contrast`."""
        return self.contrast

    def shifted_words(self) -> pl.DataFrame:
        """Return words that mean different things in two corpora.

        See `semspace.comparison.contrasts.semantic_shift.shifted_words` for the columns. Empty for several corpora.
        """
        return pl.DataFrame(schema=semantic_shift.SCHEMA) if self.moved is None else self.moved.table

    # -- what they share ----------------------------------------------------------------------------------

    def duplicates(self) -> pl.DataFrame:
        """Return documents of different corpora that are the same, or nearly so.

        Columns ``corpus_a``, ``a``, ``corpus_b``, ``b`` (names and ids), ``kind`` (``"exact"``, ``"near"``: by words,
        or ``"semantic"``), ``overlap``, ``containment`` and ``score``; see `semspace.comparison.overlap.duplicates`.
        """
        pairs = self.shared.pairs
        first, second = pairs["first"], pairs["second"]
        owners, ids = self.samples.owners, self.samples.ids
        return pairs.select(
            owners.gather(first).alias("corpus_a"),
            ids.gather(first).alias("a"),
            owners.gather(second).alias("corpus_b"),
            ids.gather(second).alias("b"),
            *(pl.col(name) for name in ("kind", "overlap", "containment", "score")),
        )

    def counterparts(self) -> pl.DataFrame:
        """Return each document's nearest in another corpus, documents without a counterpart first.

        Columns ``corpus``, ``id``, ``counterpart_corpus``, ``counterpart``, ``score`` (cosine) and ``covered``: whether
        it is as near as that corpus's own documents are to each other; see `semspace.comparison.overlap.counterparts`.
        """
        owners, ids, near = self.samples.owners, self.samples.ids, self.near
        return pl.DataFrame(
            [
                owners,
                ids,
                owners.gather(near.other).alias("counterpart_corpus"),
                ids.gather(near.other).alias("counterpart"),
                pl.Series("score", near.other_score),
                pl.Series("covered", near.covered),
            ]
        ).sort(["score", "corpus", "id"])

    # -- what they are like -------------------------------------------------------------------------------

    def profiles(self) -> pl.DataFrame:
        """Return a row for each corpus: how large, how varied, how hard to read, in what language, how far spread."""
        return self.profile.table()

    def outliers(self) -> pl.DataFrame:
        """Return the documents that are far from their own corpus: ``corpus``, ``id``, ``distance``, ``excess``.

        The distance is the mean cosine distance to the nearest of the corpus, the excess how many deviations that is
        above the corpus's median; the largest excess comes first.
        """
        table = self.profile.outliers()
        return table.select(
            self.samples.owners.gather(table["row"]).alias("corpus"),
            self.samples.ids.gather(table["row"]).alias("id"),
            pl.col("distance", "excess"),
        )

    known = renamed_method("known", "references")
    groups = renamed_method("groups", "clusters")

    # -- ways out -----------------------------------------------------------------------------------------

    def verdict(self) -> str:
        """Say in plain words how far apart the corpora are, and how sure that is."""
        return verdict(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values; the schema is described in ``docs/formats.md``."""
        return {
            "schema": SCHEMA,
            "names": list(self.names),
            "sizes": self.samples.sizes,
            "verdict": self.verdict(),
            "p_value": None if self.answers is None else self.answers.p_value,
            "distances": self.pairs.to_dicts() if self.answers is None else list(map(asdict, self.answers.distances)),  # type: ignore[union-attr]
            "known": self.scale.to_dicts(),
            "groups": self.shares.to_dicts(),
            "words": self.contrast.to_dicts(),
            "shifted_words": self.shifted_words().to_dicts(),
            "documents": self.documents().drop("text").to_dicts(),
            "duplicates": self.duplicates().to_dicts(),
            "overlap": self.overlap.to_dicts(),
            "coverage": self.coverage.to_dicts(),
            "counterparts": self.counterparts().to_dicts(),
            "profiles": self.profiles().to_dicts(),
            "languages": self.profile.languages().to_dicts(),
            "outliers": self.outliers().to_dicts(),
            "provenance": self.provenance,
        }

    @property
    def provenance(self) -> dict[str, Any]:
        """What it was made of, and how."""
        made = self.settings
        return {
            "permutations": made.permutations,
            "resamples": made.resamples,
            "seed": made.seed,
            "min_duplicate": made.min_duplicate_score,
            "units": self.samples.units is not None,
            **self.samples.facts,
        }

    def to_json(self, path: PathLike) -> None:
        """Write everything as JSON."""
        write_text(path, to_json(self.to_dict()))

    def to_html(self, path: PathLike, *, data: bool = True) -> None:
        """Write a report as one HTML file that needs no network.

        Parameters
        ----------
        path : path
            A file ``.html``.
        data : bool
            Write the full tables, of which the report shows the beginnings, beside it, as ``NAME-tables.json``.

        Raises
        ------
        ExistsError
            If something else than the tables of a comparison is there.
        """
        beside = Path(path).with_name(f"{Path(path).stem}-tables.json")
        if data:
            _check_ours(beside)
            self.to_json(beside)
        write_text(path, pages.to_html(self.page(beside.name if data else "")))

    def to_markdown(self, path: PathLike) -> None:
        """Write a report as Markdown."""
        write_text(path, pages.to_markdown(self.page()))

    def to_csv(self, folder: PathLike) -> None:
        """Write each table as a CSV file into a folder, which is made if it isn't there."""
        files = {}
        for name, table in self._tables().items():
            lists = [column for column, kind in table.schema.items() if kind == pl.List(pl.String)]
            flat = table.with_columns(pl.col(lists).list.join(", ")) if lists else table
            files[f"{name}.csv"] = flat.write_csv()
        write_texts(folder, files)

    def _tables(self) -> Mapping[str, pl.DataFrame]:
        return {
            "distances": self.distances(),
            "groups": self.clusters(),
            "words": self.words(),
            "shifted_words": self.shifted_words(),
            "documents": self.documents(),
            "duplicates": self.duplicates(),
            "counterparts": self.counterparts(),
            "coverage": self.coverage,
            "profiles": self.profiles(),
            "languages": self.profile.languages(),
            "outliers": self.outliers(),
        }

    def page(self, data: str = "") -> pages.Page:
        """Return the report as a page; `data` is the name of the file beside it that holds everything."""
        return comparison_page(self, data)

    def _of_two(self, asked: str) -> Answers:
        if self.answers is None:
            raise InputError(
                f"{asked} is of two corpora, and here are {len(self.names)}; see distances(), matrix(), or "
                f"pair({self.names[0]!r}, {self.names[1]!r})"
            )
        return self.answers

    def _shown(self) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        if self.pairs is None:
            found = self._of_two("it").distances
            return _DISTANCE_COLUMNS, [(d.name, d.value, *d.interval, d.by_chance, p_value(d.p_value)) for d in found]
        table = self.pairs.filter(pl.col("distance") == "mmd").select(_PAIR_COLUMNS)
        rows = [(*row[:-2], p_value(row[-2]), p_value(row[-1])) for row in table.iter_rows()]
        if len(rows) > _SHOWN_PAIRS:
            between: tuple[object, ...] = (f"… {len(rows) - _SHOWN_PAIRS} more pairs", *[""] * (len(_PAIR_COLUMNS) - 1))
            rows = [*rows[: _SHOWN_PAIRS // 2], between, *rows[-_SHOWN_PAIRS // 2 :]]
        return _PAIR_COLUMNS, rows

    def __repr__(self) -> str:
        return f"{clip(self.verdict(), 600)}\n{text_table(*self._shown())}"

    def _repr_html_(self) -> str:
        return html_table(*self._shown(), caption=self.verdict())


def _check_ours(path: Path) -> None:
    """Refuse to replace a file that isn't what an earlier report left there."""
    if not path.exists():
        return
    with path.open("rb") as file:
        if b'"schema": "semspace.comparison/' not in file.read(100):
            raise ExistsError(f"{path} exists already and isn't of a comparison; choose another name, or data=False")
