"""`Comparison`: how corpora differ, how sure that is, what drives it, what they share and what they are like."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from semspace import checks
from semspace.bundle import Bundle, create_bundle
from semspace.clusters.clustering import Clustering
from semspace.comparison import stored, tables
from semspace.comparison.assemble import compare_samples
from semspace.comparison.contrasts.example_sentences import example_sentences
from semspace.comparison.distances import pairwise
from semspace.comparison.distances.estimate import KERNEL_DISTANCES, Distance
from semspace.comparison.methods_text import comparison_methods
from semspace.comparison.pages.figures import figure_of
from semspace.comparison.pages.page import comparison_page
from semspace.comparison.results import ComparisonResults
from semspace.comparison.verdict import verdict
from semspace.deprecation import renamed_method
from semspace.display import clip, html_table, p_value, text_table, to_json
from semspace.errors import ExistsError, InputError
from semspace.files import PathLike, write_text, write_texts
from semspace.progress import waiting
from semspace.report import page as pages
from semspace.report.csv_cells import without_formulas
from semspace.report.figure import Figure
from semspace.report.methods import Methods

KIND = "comparison"
SCHEMA = "semspace.comparison/2"
_PAIR_COLUMNS = ("a", "b", "value", "low", "high", "by_chance", "p_of_all", "q_value")
_MATRICES = ("value", "low", "high", "by_chance", "p_value", "p_of_all", "q_value")
_MAX_PAIRS_SHOWN = 10


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """A comparison of two or more corpora; made by `semspace.compare`.

    Of two corpora, tables compare the first with the second (columns ``…_a`` and ``…_b``). Of several, they compare
    each with all the rest, and the column ``corpus`` names it.
    """

    _results: ComparisonResults

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the corpora."""
        return self._results.names

    # -- how far apart ------------------------------------------------------------------------------------

    def distance(self, name: str) -> Distance:
        """Return one distance between two corpora.

        Parameters
        ----------
        name : {"mmd", "mmd_multi", "energy", "frechet", "classifier"}

        Raises
        ------
        InputError
            If there are more than two corpora: see `pair`.
        """
        distances = {distance.name: distance for distance in self._results.of_two("distance").distances}
        return distances[checks.choice("distance", name, distances)]

    @property
    def p_value(self) -> float:
        """The p-value of two corpora, combined of several tests (see ``docs/statistics.md``)."""
        return self._results.of_two("p_value").p_value

    def distances(self) -> pl.DataFrame:
        """Return all distances.

        Of two corpora a row for each: ``distance``, ``value``, ``low``, ``high``, ``by_chance``, ``p_value``,
        ``halves_a``, ``halves_b``. ``low`` to ``high`` is the 95 % interval, ``by_chance`` the 95 % quantile of the
        null distribution (random splits of both corpora together), and ``halves_…`` the mean distance between random
        halves of one corpus.

        Of several a row for each pair and each of ``mmd``, ``mmd_multi``, ``energy``, nearest first: see
        `semspace.comparison.distances.pairwise.distances_of_pairs`.
        """
        return tables.distances_table(self._results)

    def references(self) -> pl.DataFrame:
        """Return distances between texts known to be near or far, by the same encoder.

        Columns ``between``, ``distance``, ``value``. Empty where the encoder isn't at hand, and for several corpora.
        """
        return self._results.references

    def matrix(self, distance: str = "mmd", column: str = "value") -> pl.DataFrame:
        """Return the distances of all pairs: column ``corpus``, then one for each corpus; null on the diagonal.

        Parameters
        ----------
        distance : {"mmd", "mmd_multi", "energy"}
        column : {"value", "low", "high", "by_chance", "p_value", "p_of_all", "q_value"}
        """
        checks.choice("column", column, _MATRICES)
        if self._results.pairs is None:
            of_two = self.distance(checks.choice("distance", distance, KERNEL_DISTANCES))
            fields = (of_two.value, *of_two.interval, of_two.by_chance, of_two.p_value)
            value = dict(zip(_MATRICES, fields, strict=False)).get(column, self.p_value)
            matrix = np.array([[np.nan, value], [value, np.nan]])
        else:
            matrix = pairwise.distance_matrix(self._results.pairs, self.names, distance, column)
        columns = {name: pl.Series(matrix[:, number]).fill_nan(None) for number, name in enumerate(self.names)}
        return pl.DataFrame({"corpus": list(self.names), **columns})

    def pair(self, a: str, b: str) -> Comparison:
        """Compare two of several corpora, with everything that a comparison of two has."""
        numbers = []
        for name in (a, b):
            if name not in self.names:
                raise checks.unknown("corpus", str(name), self.names, where=f"this comparison of {len(self.names)}")
            numbers.append(self.names.index(name))
        if a == b:
            raise InputError(f"pair takes two different corpora; got {a!r} twice")
        results = self._results
        if numbers == [0, 1] and results.two_sample is not None:
            return self
        settings = results.settings.in_order(numbers)
        return Comparison(compare_samples(results.samples.select_corpora(numbers), settings))

    # -- what drives it -----------------------------------------------------------------------------------

    def documents(self) -> pl.DataFrame:
        """Return all documents, sorted by witness: ``corpus``, ``id``, ``text``, ``witness``.

        Those at both ends set the corpora apart. The witness (Gretton et al. 2012, section 2.3) is the mean kernel of a
        document with the first corpus less that with the second, centred between both corpora's means. Of several
        corpora it is the mean kernel with the document's own corpus less that with the rest.
        """
        return tables.documents_table(self._results)

    @property
    def clustering(self) -> Clustering:
        """The clusters of all documents together."""
        return self._results.clustering

    def clusters(self) -> pl.DataFrame:
        """Return the clusters of all documents with their share of each corpus.

        See `semspace.comparison.contrasts.cluster_shares.cluster_shares` for the columns.
        """
        return self._results.clusters

    def words(self) -> pl.DataFrame:
        """Return the words that set the corpora apart.

        See `semspace.comparison.contrasts.word_contrasts.word_contrast` for the columns.
        """
        return self._results.words

    def shifted_words(self, words: Sequence[str] | None = None) -> pl.DataFrame:
        """Return words that mean different things in two corpora.

        See `semspace.comparison.contrasts.semantic_shift.find_shifted_words` for the columns. Empty for several
        corpora.

        Parameters
        ----------
        words : list of str, optional
            The rows of these words, in this order; by default of all that were compared, the largest shift beyond
            chance first.

        Raises
        ------
        InputError
            If one of `words` isn't among those that were compared; the message says why.
        """
        table = tables.shifted_words_table(self._results)
        return table if words is None else tables.rows_of_words(self._results, table, words)

    def example_sentences(self, word: str, n: int = 5) -> pl.DataFrame:
        """Return sentences of each corpus that contain a word: ``corpus``, ``id``, ``sentence``.

        Parameters
        ----------
        word : str
        n : int
            The maximum number for each corpus. They come from different documents, spread evenly over the corpus.

        Raises
        ------
        InputError
            If the comparison has no texts, or no document has the word.

        Examples
        --------
        >>> import semspace as ss
        >>> river = ss.Corpus.from_texts(["The bank was muddy. We left."] * 5)
        >>> money = ss.Corpus.from_texts(["Ask your bank."] * 5)
        >>> space = ss.Space.from_vectors(list("01234"), [[1, 0], [1, 1], [0, 1], [1, 2], [2, 1]])
        >>> found = ss.compare(river, money, spaces=[space, space], permutations=99, progress=False)
        >>> found.example_sentences("bank", n=1)["sentence"].to_list()
        ['The bank was muddy.', 'Ask your bank.']
        """
        return example_sentences(self._results.samples, word, n)

    # -- what they share ----------------------------------------------------------------------------------

    def duplicates(self) -> pl.DataFrame:
        """Return documents of different corpora that are the same, or nearly so.

        Columns ``corpus_a``, ``a``, ``corpus_b``, ``b`` (names and ids), ``kind`` (``"exact"``, ``"near"``: by words,
        or ``"semantic"``), ``overlap``, ``containment`` and ``score``; see `semspace.comparison.overlap.duplicates`.
        """
        return tables.duplicates_table(self._results)

    @property
    def overlap(self) -> pl.DataFrame:
        """How many documents of each corpus have a duplicate in another corpus, by the kind of duplicate."""
        return self._results.overlap

    def counterparts(self) -> pl.DataFrame:
        """Return each document's nearest in another corpus, documents without a counterpart first.

        Columns ``corpus``, ``id``, ``counterpart_corpus``, ``counterpart``, ``score`` (cosine) and ``covered``: whether
        it is as near as that corpus's own documents are to each other; see `semspace.comparison.overlap.counterparts`.
        """
        return tables.counterparts_table(self._results)

    @property
    def coverage(self) -> pl.DataFrame:
        """How many documents of each corpus have a counterpart in another corpus."""
        return self._results.coverage

    # -- what they are like -------------------------------------------------------------------------------

    def profiles(self) -> pl.DataFrame:
        """Return a row for each corpus: its size, vocabulary, readability, main language and spread."""
        return self._results.profile.summary

    def outliers(self) -> pl.DataFrame:
        """Return the documents that are far from their own corpus: ``corpus``, ``id``, ``distance``, ``excess``.

        The distance is the mean cosine distance to the nearest of the corpus, the excess its deviation from the
        corpus's median, in standard deviations; the largest excess comes first.
        """
        return tables.outliers_table(self._results)

    known = renamed_method("known", "references")
    groups = renamed_method("groups", "clusters")

    # -- ways out -----------------------------------------------------------------------------------------

    def verdict(self) -> str:
        """Return a few sentences on how far apart the corpora are, and how sure that is."""
        return self._verdict

    @cached_property
    def _verdict(self) -> str:
        return verdict(self._results)

    def methods(self) -> Methods:
        """Return how the comparison was computed, as a paragraph for a paper, with references and BibTeX.

        It names the model, the numbers of documents, the tests, the versions and the seed. ``print`` shows the
        paragraph and its references; ``methods().bibtex`` are their entries for BibTeX.
        """
        return comparison_methods(self._results)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values; the schema is described in ``docs/formats.md``."""
        results = self._results
        two = results.two_sample
        return {
            "schema": SCHEMA,
            "names": list(self.names),
            "sizes": results.samples.sizes,
            "verdict": self.verdict(),
            "p_value": None if two is None else two.p_value,
            "distances": self.distances().to_dicts() if two is None else list(map(asdict, two.distances)),
            "known": self.references().to_dicts(),
            "groups": self.clusters().to_dicts(),
            "words": self.words().to_dicts(),
            "shifted_words": self.shifted_words().to_dicts(),
            "documents": self.documents().drop("text").to_dicts(),
            "duplicates": self.duplicates().to_dicts(),
            "overlap": self.overlap.to_dicts(),
            "coverage": self.coverage.to_dicts(),
            "counterparts": self.counterparts().to_dicts(),
            "profiles": self.profiles().to_dicts(),
            "languages": results.profile.languages.to_dicts(),
            "outliers": self.outliers().to_dicts(),
            "provenance": self.provenance,
        }

    @property
    def provenance(self) -> dict[str, Any]:
        """What it was made of, and how."""
        settings, samples = self._results.settings, self._results.samples
        return {
            "permutations": settings.permutations,
            "resamples": settings.resamples,
            "seed": settings.seed,
            "min_duplicate_score": settings.min_duplicate_score,
            "groups": samples.units is not None,
            **samples.facts,
        }

    def to_json(self, path: PathLike) -> None:
        """Write everything as JSON."""
        write_text(path, to_json(self.to_dict()))

    def plot(self, kind: str = "distances") -> Figure:
        """Draw a figure of the report.

        Parameters
        ----------
        kind : str
            ``"distances"`` (of two corpora among known ones; of several, of all pairs), ``"map"`` (all documents),
            ``"clusters"`` (which are larger where), ``"words"`` (two corpora), ``"documents"`` (which set the corpora
            apart), ``"overlap"`` (what they share); of several corpora also ``"tree"`` and ``"corpora"`` (which are
            near each other).

        Returns
        -------
        semspace.report.Figure
            A notebook shows it; ``figure.save("words.pdf")`` writes it for a paper.

        Raises
        ------
        InputError
            The figure is one of two corpora and there are several, or the other way round, or there is nothing to draw.
        """
        return figure_of(self._results, kind)

    def to_html(
        self, path: PathLike, *, data: bool = True, title: str | None = None, date: datetime.date | str | None = None,
        words: Sequence[str] | None = None, progress: bool = True,
    ) -> None:  # fmt: skip
        """Write a report as one HTML file that needs no network.

        Parameters
        ----------
        path : path
            A file ``.html``.
        data : bool
            Write the full tables, of which the report shows the beginnings, beside it, as ``NAME-tables.json``.
        title : str, optional
            The title of the report; by default the names of the corpora.
        date : date or str, optional
            The date on the report; today by default. An empty text leaves it out.
        words : list of str, optional
            Words whose change of meaning is shown besides, with sentences of both corpora; see `shifted_words`.
        progress : bool
            Show the time that has passed if it takes more than two seconds.

        Raises
        ------
        ExistsError
            If something else than the tables of a comparison is there.
        """
        checks.ending("path", path, ".html")
        data_path = Path(path).with_name(f"{Path(path).stem}-tables.json")
        if data:
            _check_replaceable(data_path)
        with waiting("writing the report", progress=progress):
            page = self.page(data_path.name if data else "", title=title, date=date, words=words)
            if data:
                self.to_json(data_path)
            write_text(path, pages.to_html(page))

    def to_markdown(
        self, path: PathLike, *, title: str | None = None, date: datetime.date | str | None = None,
        words: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        """Write a report as Markdown, in a file whose name ends in .md, .markdown or .txt; see `to_html`."""
        checks.ending("path", path, *pages.MARKDOWN)
        write_text(path, pages.to_markdown(self.page(title=title, date=date, words=words)))

    def to_csv(self, folder: PathLike, *, escape_formulas: bool = True) -> None:
        """Write each table as a CSV file into a folder, which is created if it doesn't exist.

        Parameters
        ----------
        folder : str or path
        escape_formulas : bool
            Put an apostrophe before texts that begin with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return, since
            a spreadsheet would compute them as formulas, whoever wrote the documents (OWASP's advice against CSV
            injection). Numbers stay as they are. With False, all texts do, for programs that read the files.
        """
        checks.flag("escape_formulas", escape_formulas)
        files = {}
        for name, table in self._tables().items():
            lists = [column for column, kind in table.schema.items() if kind == pl.List(pl.String)]
            flat = table.with_columns(pl.col(lists).list.join(", ")) if lists else table
            files[f"{name}.csv"] = (without_formulas(flat) if escape_formulas else flat).write_csv()
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
            "languages": self._results.profile.languages,
            "outliers": self.outliers(),
        }

    def page(
        self, data: str = "", *, title: str | None = None, date: datetime.date | str | None = None,
        words: Sequence[str] | None = None,
    ) -> pages.Page:  # fmt: skip
        """Return the report as a page; `data` is the name of the file beside it that holds everything."""
        return comparison_page(self._results, self.verdict(), data, title=title, date=date, words=words)

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory, documents and all; see `semspace.save`."""
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            stored.write_results(self._results, draft)

    def _rows(self) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        if self._results.pairs is None:
            rows = self.distances().select(tables.DISTANCE_COLUMNS).iter_rows()
            return tables.DISTANCE_COLUMNS, [(*row[:-1], p_value(row[-1])) for row in rows]
        table = self._results.pairs.filter(pl.col("distance") == "mmd").select(_PAIR_COLUMNS)
        shown: list[tuple[object, ...]] = [(*row[:-2], p_value(row[-2]), p_value(row[-1])) for row in table.iter_rows()]
        if len(shown) > _MAX_PAIRS_SHOWN:
            omitted = (f"… {len(shown) - _MAX_PAIRS_SHOWN} more pairs", *[""] * (len(_PAIR_COLUMNS) - 1))
            shown = [*shown[: _MAX_PAIRS_SHOWN // 2], omitted, *shown[-_MAX_PAIRS_SHOWN // 2 :]]
        return _PAIR_COLUMNS, shown

    def __repr__(self) -> str:
        return f"{clip(self.verdict(), 600)}\n{text_table(*self._rows())}"

    def _repr_html_(self) -> str:
        return html_table(*self._rows(), caption=self.verdict())


def read_bundle(bundle: Bundle) -> Comparison:
    """Return the comparison in an opened bundle."""
    return Comparison(stored.read_results(bundle))


def _check_replaceable(path: Path) -> None:
    """Raise `ExistsError` if a file is there that an earlier report didn't write."""
    if not path.exists():
        return
    with path.open("rb") as file:
        if b'"schema": "semspace.comparison/' not in file.read(100):
            raise ExistsError(f"{path} exists already and isn't of a comparison; choose another name, or data=False")
