"""How a comparison was computed, as a paragraph to paste into a paper: every sentence is true of this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from semspace.clusters.methods_text import algorithm_sentence
from semspace.comparison.distances.classifier import MAX_DOCUMENTS
from semspace.comparison.distances.frechet import MAX_AXES
from semspace.comparison.distances.pairwise import permutations_of_pairs
from semspace.comparison.results import ComparisonResults
from semspace.display import quoted
from semspace.report.methods import Methods, documents_sentence, software_sentence
from semspace.two_sample.exchange_blocks import MAX_BLOCKS, units_per_block
from semspace.two_sample.kernel_tests import chunk_count
from semspace.words.word2vec import Word2Vec

_MAX_NAMED = 12  # corpora that are named with their sizes


def comparison_methods(results: ComparisonResults) -> Methods:
    """Return how a comparison was computed; see `Comparison.methods`."""
    facts = results.samples.facts
    sentences = [
        _corpora(results),
        documents_sentence(_provenances(facts), results.samples.vectors.shape[1]),
        *_tests(results),
        *_clusters(results),
        _words(results),
        _shifted_words(results),
        _shared(results),
        software_sentence(facts.get("versions"), results.settings.seed),
    ]
    return Methods.of(sentences)


def _provenances(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in facts.get("sources", ()) if isinstance(one, Mapping)]


def _corpora(results: ComparisonResults) -> str:
    sizes = list(zip(results.names, results.samples.sizes, strict=True))
    named = [f"{quoted(name)} ({size:,} documents)" for name, size in sizes]
    if len(named) > _MAX_NAMED:
        return f"{len(named)} corpora of {len(results.samples):,} documents in all were compared."
    return f"{', '.join(named[:-1])} and {named[-1]} were compared."


# -- distances ------------------------------------------------------------------------------------------------


def _tests(results: ComparisonResults) -> list[str]:
    if results.samples.are_identical:
        return ["The corpora hold the very same documents, so no distance was tested."]
    if results.two_sample is None:
        return [_pairs(results), _permuted(results), _blocks(results), _chunks(results)]
    return [
        _distances(results),
        _p_value(results),
        _permuted(results),
        _blocks(results),
        _chunks(results),
        _intervals(results),
    ]


def _distances(results: ComparisonResults) -> str:
    limit = MAX_DOCUMENTS // 2
    of = f"at most {limit:,} random documents of each corpus" if max(results.samples.sizes) > limit else "the documents"
    return (
        "Distances are the squared maximum mean discrepancy with the Gaussian kernel exp(−(d/m)²), where d is the "
        "distance of two documents and m the median of these distances, and with the mean of five such kernels, whose "
        "m is from half to twice that [@gretton2012], the energy distance "
        "[@szekely2013], the squared Fréchet distance of normal distributions [@dowson1982] on at most "
        f"{MAX_AXES} principal axes, and the area under the ROC curve of a logistic regression trained on half of "
        f"{of} and evaluated on the others [@lopezpaz2017]."
    )


_COMBINED = (
    "combines the maximum mean discrepancies, the energy distance and three comparisons of the counts of topics that "
    "k-means finds [@liu2020], as one permutation test"
)


def _p_value(results: ComparisonResults) -> str:
    return f"The p-value of the difference {_COMBINED} of {results.settings.permutations:,} random permutations."


def _pairs(results: ComparisonResults) -> str:
    assert results.pairs is not None
    n_pairs = len(results.pairs.filter(distance="mmd"))
    permutations = permutations_of_pairs(results.settings.permutations, n_pairs)
    return (
        "Distances of all pairs are the squared maximum mean discrepancy with the Gaussian kernel exp(−(d/m)²), where "
        "d is the distance of two documents and m the median of these distances, and with the mean of five such "
        "kernels, whose m is from half to twice that [@gretton2012], and the "
        f"energy distance [@szekely2013]. The p-value of a pair {_COMBINED} of {permutations:,} random permutations; "
        f"q-values are false discovery rates over the {n_pairs:,} pairs [@benjamini1995]. Intervals of 95% are from "
        f"{results.settings.resamples:,} bootstrap resamples."
    )


def _permuted(results: ComparisonResults) -> str:
    units = results.samples.units
    if units is None:
        return "Documents were taken to be independent of each other."
    return f"Documents that belong together were permuted and resampled together, as {len(np.unique(units)):,} groups."


def _blocks(results: ComparisonResults) -> str:
    samples = results.samples
    n_units, smallest = _unit_counts(results)
    chunks = chunk_count(len(samples), smallest)
    if units_per_block(n_units // chunks, smallest // chunks, max(MAX_BLOCKS // chunks, 128)) == 1:
        return ""
    what = "Documents" if samples.units is None else "Groups"
    return (
        f"{what} of one corpus were assigned to blocks at random, and whole blocks were permuted [@domingoenrich2025]."
    )


def _chunks(results: ComparisonResults) -> str:
    chunks = chunk_count(len(results.samples), _unit_counts(results)[1])
    if chunks == 1:
        return ""
    return f"Kernel distances are means over {chunks:,} random parts of the corpora [@zaremba2013]."


def _unit_counts(results: ComparisonResults) -> tuple[int, int]:
    """Return how many units there are, and how many the smallest corpus has; a document is one if there are none."""
    samples = results.samples
    if samples.units is None:
        return len(samples), min(samples.sizes)
    counts = [len(np.unique(samples.units[samples.rows(corpus)])) for corpus in range(samples.n_corpora)]
    return sum(counts), min(counts)


def _intervals(results: ComparisonResults) -> str:
    return (
        f"Intervals of 95% are from bootstrap resamples ({results.settings.resamples:,}; at most 199 for the Fréchet "
        "distance); that of the classifier is at least as wide as Newcombe's [@newcombe2006]."
    )


# -- what drives it, and what is shared -----------------------------------------------------------------------


def _clusters(results: ComparisonResults) -> list[str]:
    clustering, units = results.clustering, results.samples.units
    against = "" if results.two_sample is not None else " of each corpus with the rest"
    if units is None:
        tested = (
            f"Shares of the clusters{against} were compared by Fisher's exact test, with Newcombe's intervals "
            "[@newcombe1998]"
        )
    else:
        tested = f"Shares of the clusters{against} were compared by how much they vary between groups of documents"
    return [
        f"All documents were clustered together into {len(clustering):,} clusters, without regard to their corpora.",
        algorithm_sentence(clustering.provenance, "clusters"),
        f"{tested}, and false discovery rates [@benjamini1995].",
    ]


def _words(results: ComparisonResults) -> str:
    if not len(results.words):
        return ""
    against = "" if results.two_sample is not None else " of each corpus against the rest"
    whole = "documents" if results.samples.units is None else "groups of documents"
    return (
        f"Distinctive words{against} were ranked by their log-odds ratio with an informative Dirichlet prior "
        "[@monroe2008], beside the log-likelihood ratio [@rayson2000]; their p-values approximate "
        f"those of random permutations of whole {whole}, corrected as false discovery rates [@benjamini1995]."
    )


def _shifted_words(results: ComparisonResults) -> str:
    shifted = results.shifted_words
    if shifted is None or not len(shifted.table):
        return ""
    if shifted.table["q_value"].null_count() == len(shifted.table):
        return (
            "Words that change their meaning were looked for in two given word spaces, after an orthogonal alignment "
            "[@hamilton2016]; their shifts weren't tested."
        )
    trainer = "" if isinstance(results.settings.words, Word2Vec) else " of semspace's default settings"
    return (
        f"Words that change their meaning were looked for with Word2Vec models{trainer} [@mikolov2013], one trained on "
        "each corpus and aligned orthogonally [@hamilton2016]; the shift of a word was compared with its shifts "
        "between random splits of both corpora [@dubossarsky2017], and false discovery rates [@benjamini1995] were "
        f"computed over {len(shifted.table):,} words."
    )


def _shared(results: ComparisonResults) -> str:
    words = "" if results.samples.texts is None else " by shingles of five words and MinHash [@broder1997], and"
    return (
        f"Duplicates were looked for{words} by cosines of at least {results.settings.min_duplicate_score:g}; the "
        "intervals of the shares of documents with a counterpart are Wilson's [@wilson1927]."
    )
