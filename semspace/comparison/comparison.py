"""`Comparison`: how two corpora differ, how sure we are, and what drives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.bundle import PathLike, write_text
from semspace.clusters.clustering import Clustering
from semspace.comparison.distances import Distance
from semspace.comparison.page import comparison_page
from semspace.display import clip, html_table, p_value, text_table
from semspace.report import page as pages
from semspace.space import Space
from semspace.text.corpus import Corpus

_SURE = 0.05
SCHEMA = "semspace.comparison/1"
_DISTANCE_COLUMNS = ("distance", "value", "low", "high", "by_chance", "p_value")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Two corpora held against each other; made by `semspace.compare`.

    Parameters
    ----------
    names : (str, str)
        What the two corpora are called.
    corpora : (Corpus, Corpus)
    spaces : (Space, Space)
        Their documents, in one space of meaning.
    answers : tuple of Distance
    witness : ndarray of float64, shape (m + n,)
        For each document of the first corpus, then of the second: how much nearer it is to the first.
    contrast, overlap, shares : polars.DataFrame
        What `words`, `duplicates` and `groups` return.
    grouping : Clustering
        Of both corpora together, the first one's documents first.
    provenance : mapping
    """

    names: tuple[str, str]
    corpora: tuple[Corpus, Corpus]
    spaces: tuple[Space, Space]
    answers: tuple[Distance, ...]
    witness: npt.NDArray[np.float64]
    contrast: pl.DataFrame
    overlap: pl.DataFrame
    shares: pl.DataFrame
    grouping: Clustering
    provenance: Mapping[str, Any]

    def distance(self, name: str) -> Distance:
        """Return one answer to how far apart: ``"mmd"``, ``"energy"`` or ``"classifier"``."""
        known = {answer.name: answer for answer in self.answers}
        return known[checks.choice("distance", name, known)]

    def distances(self) -> pl.DataFrame:
        """Return all distances: ``distance``, ``value``, ``low``, ``high``, ``by_chance``, ``p_value``.

        ``low`` to ``high`` is the 95 % interval of the value, and ``by_chance`` is what the value exceeds in 5 % of
        random splits of both corpora together.
        """
        return pl.DataFrame(self._distance_rows(), schema=list(_DISTANCE_COLUMNS), orient="row")

    def words(self) -> pl.DataFrame:
        """Return the words that set the corpora apart; see `semspace.comparison.words.word_contrast`."""
        return self.contrast

    def groups(self) -> pl.DataFrame:
        """Return the groups of both corpora with their shares; see `semspace.comparison.shares.group_shares`."""
        return self.shares

    def duplicates(self) -> pl.DataFrame:
        """Return pairs across the corpora that say nearly the same: ``a``, ``b``, ``score`` (cosine)."""
        return self.overlap

    def documents(self) -> pl.DataFrame:
        """Return all documents: ``corpus``, ``id``, ``text``, ``witness``; those most like the first corpus first.

        The witness (Gretton et al. 2012, section 2.3) is the mean kernel of a document to the first corpus less
        that to the second: the two ends of the table are what holds the corpora apart.
        """
        parts = [
            corpus.frame.select(pl.lit(name).alias("corpus"), "id", "text")
            for name, corpus in zip(self.names, self.corpora, strict=True)
        ]
        table = pl.concat(parts).with_columns(pl.Series("witness", self.witness))
        return table.sort(["witness", "corpus", "id"], descending=[True, False, False])

    def verdict(self) -> str:
        """Say in plain words how far apart the corpora are, and how sure that is."""
        a, b = self.names
        telling = self.distance("classifier")
        # The smaller of two p-values, doubled, is a p-value for both tests together (Bonferroni).
        p = min(1.0, 2 * min(self.distance("mmd").p_value, self.distance("energy").p_value))
        if p >= _SURE:
            return (
                f"No difference in meaning between {a} and {b} could be shown (p = {p_value(p)}): random splits of "
                f"both together come as far apart. That doesn't prove them alike: more text may tell."
            )
        found = f"{a} and {b} differ in meaning: were both from one source, a difference like this would come with a "
        found += f"probability of {p:.2g} at most. "
        if telling.p_value >= _SURE:
            return found + "How much can't be said: a classifier trained on half of the texts can't tell the others."
        how = "slight" if telling.value < 0.7 else "clear" if telling.value < 0.9 else "strong"
        return found + (
            f"The difference is {how}: given one unseen text of each, a classifier tells which is which in "
            f"{telling.value:.0%} of cases (50% would be guessing)."
        )

    # -- ways out -----------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values; the schema is described in ``docs/formats.md``."""
        return {
            "schema": SCHEMA,
            "names": list(self.names),
            "sizes": [len(corpus) for corpus in self.corpora],
            "verdict": self.verdict(),
            "distances": [asdict(answer) for answer in self.answers],
            "groups": self.shares.to_dicts(),
            "words": self.contrast.to_dicts(),
            "documents": self.documents().drop("text").to_dicts(),
            "duplicates": self.overlap.to_dicts(),
            "provenance": dict(self.provenance),
        }

    def to_json(self, path: PathLike) -> None:
        """Write everything as JSON."""
        write_text(path, pages.to_json(self.to_dict()))

    def to_html(self, path: PathLike) -> None:
        """Write a report as one HTML file that needs no network."""
        write_text(path, pages.to_html(self.page()))

    def to_markdown(self, path: PathLike) -> None:
        """Write a report as Markdown."""
        write_text(path, pages.to_markdown(self.page()))

    def page(self) -> pages.Page:
        """Return the report as a page, to be written or put together with other sections."""
        return comparison_page(self)

    def _distance_rows(self) -> list[tuple[object, ...]]:
        return [(d.name, d.value, *d.interval, d.by_chance, d.p_value) for d in self.answers]

    def _shown(self) -> list[tuple[object, ...]]:
        return [(d.name, d.value, *d.interval, d.by_chance, p_value(d.p_value)) for d in self.answers]

    def __repr__(self) -> str:
        return f"{clip(self.verdict(), 400)}\n{text_table(_DISTANCE_COLUMNS, self._shown())}"

    def _repr_html_(self) -> str:
        return html_table(_DISTANCE_COLUMNS, self._shown(), caption=self.verdict())
