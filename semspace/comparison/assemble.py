"""From samples to the results of a comparison: each analysis once, and the tables of each corpus against the rest."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars as pl

from semspace.clusters.cluster import cluster_with_terms
from semspace.clusters.clustering import Clustering
from semspace.clusters.document_terms import DocumentTerms
from semspace.comparison.contrasts.cluster_shares import cluster_shares
from semspace.comparison.contrasts.semantic_shift import ShiftedWords, find_shifted_words
from semspace.comparison.contrasts.word_contrasts import word_contrast
from semspace.comparison.contrasts.word_counts import word_counts
from semspace.comparison.distances.estimate import TwoSampleResult, identical_corpora, two_sample_result
from semspace.comparison.distances.pairwise import distances_of_pairs
from semspace.comparison.distances.references import references
from semspace.comparison.document_tokens import spelling_order, take_documents
from semspace.comparison.overlap.counterparts import find_counterparts
from semspace.comparison.overlap.duplicates import find_duplicates
from semspace.comparison.profiles.profile import profile_corpora
from semspace.comparison.results import ComparisonResults
from semspace.comparison.samples import Samples
from semspace.comparison.settings import ComparisonSettings
from semspace.errors import SemspaceError, SemspaceWarning
from semspace.text.tokens import Tokens
from semspace.two_sample.kernel_tests import KernelSums, sum_kernels
from semspace.types import Doubles1d, Ints1d
from semspace.words.word2vec import Word2Vec

_WORDS_PER_CORPUS = 2_000  # rows of the table of words for each of several corpora
_MAX_CLUSTERED = 20_000  # documents that are clustered; the others are assigned to their neighbours' clusters
_MAX_TRAINING_CHARACTERS = 2_500_000  # of each corpus, for the default word model: some 400,000 words


def compare_samples(samples: Samples, settings: ComparisonSettings) -> ComparisonResults:
    """Compare the corpora of `samples`."""
    seed, progress = settings.seed, settings.progress
    tokens = samples.tokens  # before threads need them
    with ThreadPoolExecutor(1) as executor:  # clustering takes one core, mostly; everything else runs on another
        clustering_job = executor.submit(_cluster, samples, settings)
        kernel_sums = sum_kernels(samples.vectors, samples.corpus_ids, samples.units, seed=seed, progress=progress)
        two = samples.n_corpora == 2
        two_sample = _two_sample(samples, kernel_sums, settings) if two else None
        pairs = None if two else _pairs(samples, kernel_sums, settings)
        duplicates = find_duplicates(
            samples.texts,
            samples.vectors,
            samples.corpus_ids,
            min_score=settings.min_duplicate_score,
            progress=progress,
        )
        counterparts = find_counterparts(samples.vectors, samples.corpus_ids, progress=progress)
        words = _word_contrasts(samples, tokens)
        profile = profile_corpora(
            samples.names, samples.texts, samples.vectors, samples.corpus_ids, tokens=tokens, seed=seed,
            progress=progress,
        )  # fmt: skip
        if profile.languages_differ():
            warnings.warn(
                "the corpora are mainly in different languages, which alone may set them apart; see profiles()",
                SemspaceWarning,
                stacklevel=4,
            )
        shifted_words = _shifted_words(samples, tokens, settings)
        clustering = clustering_job.result()
    return ComparisonResults(
        samples=samples,
        two_sample=two_sample,
        pairs=pairs,
        references=_references(samples, kernel_sums, settings),
        witness=_witness(samples, kernel_sums),
        words=words,
        shifted_words=shifted_words,
        clustering=clustering,
        clusters=_cluster_shares(samples, clustering),
        duplicates=duplicates,
        counterparts=counterparts,
        profile=profile,
        settings=settings,
    )


def _cluster(samples: Samples, settings: ComparisonSettings) -> Clustering:
    def terms() -> DocumentTerms | None:
        return None if samples.texts is None else DocumentTerms.from_texts(samples.texts)

    return cluster_with_terms(
        samples.space(), terms, n_clusters=settings.n_clusters, max_points=_MAX_CLUSTERED, seed=settings.seed
    )


def _two_sample(samples: Samples, kernel_sums: KernelSums, settings: ComparisonSettings) -> TwoSampleResult:
    if samples.are_identical:
        return identical_corpora()
    return two_sample_result(
        samples,
        kernel_sums,
        permutations=settings.permutations,
        resamples=settings.resamples,
        seed=settings.seed,
    )


def _pairs(samples: Samples, kernel_sums: KernelSums, settings: ComparisonSettings) -> pl.DataFrame:
    return distances_of_pairs(
        samples,
        kernel_sums,
        permutations=settings.permutations,
        resamples=settings.resamples,
        seed=settings.seed,
        progress=settings.progress,
    )


def _references(samples: Samples, kernel_sums: KernelSums, settings: ComparisonSettings) -> pl.DataFrame:
    empty = pl.DataFrame(schema={"between": pl.String, "distance": pl.String, "value": pl.Float64})
    if not settings.references or samples.encoder is None or samples.n_corpora > 2:
        return empty
    try:
        return references(samples.encoder, kernel_sums.kernels, seed=settings.seed)
    except SemspaceError:  # a saved space remembers its encoder by name, which may be gone
        return empty


# -- each corpus against the rest -----------------------------------------------------------------------------


def _contrasts(samples: Samples) -> list[tuple[int, list[int]]]:
    """Return which corpus is compared with which: the first with the second, or each of several with the rest."""
    if samples.n_corpora == 2:
        return [(0, [1])]
    corpora = range(samples.n_corpora)
    return [(corpus, [other for other in corpora if other != corpus]) for corpus in corpora]


def _witness(samples: Samples, kernel_sums: KernelSums) -> Doubles1d:
    values = np.full(len(samples), np.nan)
    for corpus, rest in _contrasts(samples):
        witness = kernel_sums.witness([corpus], rest)
        # Centred between both corpora: a dense corpus is nearer to everything, so that 0 would be no border.
        sides = [witness[samples.corpus_ids == corpus], witness[np.isin(samples.corpus_ids, rest)]]
        center = np.mean([np.nanmean(side) for side in sides])
        rows = slice(None) if samples.n_corpora == 2 else samples.rows(corpus)
        values[rows] = witness[rows] - center
    return values


def _word_contrasts(samples: Samples, tokens: Tokens | None) -> pl.DataFrame:
    counts = word_counts(tokens, len(samples))
    tables = []
    for corpus, rest in _contrasts(samples):
        first, second = samples.corpus_ids == corpus, np.isin(samples.corpus_ids, rest)
        tables.append(_labelled(samples, corpus, word_contrast(counts, first, second, units=samples.units)))
    return tables[0] if samples.n_corpora == 2 else pl.concat([table.head(_WORDS_PER_CORPUS) for table in tables])


def _cluster_shares(samples: Samples, clustering: Clustering) -> pl.DataFrame:
    tables = []
    for corpus, rest in _contrasts(samples):
        first, second = samples.corpus_ids == corpus, np.isin(samples.corpus_ids, rest)
        tables.append(_labelled(samples, corpus, cluster_shares(clustering, first, second, samples.units)))
    return pl.concat(tables)


def _labelled(samples: Samples, corpus: int, table: pl.DataFrame) -> pl.DataFrame:
    """Return a table with the name of its corpus in a first column, if there are more than two corpora."""
    if samples.n_corpora == 2:
        return table
    return table.select(pl.lit(samples.names[corpus]).alias("corpus"), pl.all())


# -- words that mean different things -------------------------------------------------------------------------


def _shifted_words(samples: Samples, tokens: Tokens | None, settings: ComparisonSettings) -> ShiftedWords | None:
    if samples.n_corpora > 2 or samples.texts is None or settings.words is False or samples.are_identical:
        return None
    trainer = settings.words if isinstance(settings.words, Word2Vec) else None
    spaces = settings.words if isinstance(settings.words, tuple) else None
    # Training takes time in proportion to the text; a trainer that is given gets all of it.
    limit = None if trainer or spaces else _MAX_TRAINING_CHARACTERS
    rows = np.concatenate([_subsample(samples, corpus, limit, settings.seed) for corpus in (0, 1)])
    everything = len(rows) == len(samples)
    units: Any = None if samples.units is None else samples.units[rows]
    shifted = find_shifted_words(
        tokens if everything or tokens is None else take_documents(tokens, rows, spelling_order(tokens)),
        samples.corpus_ids[rows] == 0,
        words=trainer,
        spaces=spaces,
        units=units,
        seed=settings.seed,
        progress=settings.progress,
    )
    if everything:
        return shifted
    note = f"{shifted.note} It rests on a random {len(rows):,} of {len(samples):,} documents; words= takes all."
    return ShiftedWords(shifted.table, note.strip())


def _subsample(samples: Samples, corpus: int, max_characters: int | None, seed: int) -> Ints1d:
    """Return the rows of random documents of a corpus that have `max_characters` together."""
    assert samples.texts is not None
    rows = np.arange(len(samples))[samples.rows(corpus)]
    if max_characters is None:
        return rows
    shuffled = np.random.default_rng(seed).permutation(rows)
    characters = np.cumsum(samples.texts.gather(shuffled).str.len_chars().to_numpy())
    return np.sort(shuffled[: max(int(np.searchsorted(characters, max_characters)), 1)])
