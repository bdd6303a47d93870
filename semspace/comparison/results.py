"""`ComparisonResults`: everything that a comparison found, as its methods, its page and its files need it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from semspace.clusters.clustering import Clustering
from semspace.comparison.contrasts.semantic_shift import ShiftedWords
from semspace.comparison.distances.estimate import Distance, TwoSampleResult
from semspace.comparison.overlap.counterparts import Counterparts, coverage
from semspace.comparison.overlap.duplicates import Duplicates, overlap_counts
from semspace.comparison.profiles.profile import Profile
from semspace.comparison.samples import Samples
from semspace.comparison.settings import ComparisonSettings
from semspace.errors import InputError
from semspace.types import Doubles1d


@dataclass(frozen=True, eq=False)
class ComparisonResults:
    """What a comparison found; made by `semspace.comparison.assemble.compare_samples`.

    Parameters
    ----------
    samples : Samples
        The documents, and the corpus of each.
    two_sample : TwoSampleResult, optional
        Of two corpora: their distances.
    pairs : polars.DataFrame, optional
        Of several corpora: the distances of each pair.
    references : polars.DataFrame
        Distances between texts known to be near or far.
    witness : ndarray of float64, shape (n,)
        The witness function of each document.
    words : polars.DataFrame
        Words that set the corpora apart.
    shifted_words : ShiftedWords, optional
        Words that mean different things, if they were looked for.
    clustering : Clustering
        Of all documents together.
    clusters : polars.DataFrame
        Each cluster with its share of each corpus.
    duplicates : Duplicates
    counterparts : Counterparts
    profile : Profile
    settings : ComparisonSettings
    """

    samples: Samples
    two_sample: TwoSampleResult | None
    pairs: pl.DataFrame | None
    references: pl.DataFrame
    witness: Doubles1d
    words: pl.DataFrame
    shifted_words: ShiftedWords | None
    clustering: Clustering
    clusters: pl.DataFrame
    duplicates: Duplicates
    counterparts: Counterparts
    profile: Profile
    settings: ComparisonSettings

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the corpora."""
        return self.samples.names

    @cached_property
    def overlap(self) -> pl.DataFrame:
        """How many documents of each corpus have a duplicate in another."""
        return overlap_counts(self.duplicates, self.samples.corpus_ids, self.names)

    @cached_property
    def coverage(self) -> pl.DataFrame:
        """How many documents of each corpus have a counterpart in another."""
        return coverage(self.counterparts, self.samples.corpus_ids, self.names)

    def of_two(self, what: str) -> TwoSampleResult:
        """Return the distances of two corpora, or raise `InputError` if there are more."""
        if self.two_sample is None:
            raise InputError(
                f"{what} is of two corpora, and here are {len(self.names)}; see distances(), matrix(), or "
                f"pair({self.names[0]!r}, {self.names[1]!r})"
            )
        return self.two_sample

    def distance(self, name: str) -> Distance:
        """Return the distance of that name between two corpora."""
        return next(distance for distance in self.of_two("distance").distances if distance.name == name)
