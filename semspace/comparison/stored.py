"""The results of a comparison in a bundle: the documents' space and clustering, and a file for each table and array."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from semspace import schema
from semspace.bundle import Bundle, Draft
from semspace.clusters import clustering as clusterings
from semspace.comparison.contrasts import cluster_shares, semantic_shift, word_contrasts
from semspace.comparison.contrasts.semantic_shift import ShiftedWords
from semspace.comparison.distances.estimate import MEANINGS, Distance, TwoSampleResult
from semspace.comparison.overlap import duplicates as overlap
from semspace.comparison.overlap.counterparts import Counterparts
from semspace.comparison.overlap.duplicates import Duplicates
from semspace.comparison.profiles import languages, outliers
from semspace.comparison.profiles import profile as profiles
from semspace.comparison.profiles.profile import Profile
from semspace.comparison.results import ComparisonResults
from semspace.comparison.samples import Samples
from semspace.comparison.settings import ComparisonSettings, WordModels
from semspace.errors import DamagedError
from semspace.space import Space
from semspace.types import Doubles1d
from semspace.words.subwords import Subwords
from semspace.words.word2vec import Word2Vec

_DISTANCES: dict[str, Any] = {
    "name": pl.String,
    **dict.fromkeys(("value", "p_value", "low", "high", "by_chance", "halves_a", "halves_b"), pl.Float64),
}
_PAIRS: dict[str, Any] = {
    **dict.fromkeys(("distance", "a", "b"), pl.String),
    **dict.fromkeys(("value", "low", "high", "by_chance", "p_value", "p_of_all", "q_value"), pl.Float64),
}
_REFERENCES = {"between": pl.String, "distance": pl.String, "value": pl.Float64}
_COUNTERPARTS = {
    "other": np.int64,
    "other_score": np.float32,
    "own": np.int64,
    "own_score": np.float32,
    "yardsticks": np.float64,
    "covered": np.bool_,
}


def write_results(results: ComparisonResults, draft: Draft) -> None:
    """Write results into a bundle."""
    samples, settings = results.samples, results.settings
    clusterings.write_clustering(results.clustering, draft)  # with the space of all documents: vectors, texts, encoder
    draft.meta["comparison"] = {
        "names": list(samples.names),
        "facts": dict(samples.facts),
        "settings": {**_plain_settings(settings), "words": _write_words(settings.words, draft)},
        "p_value": None if results.two_sample is None else results.two_sample.p_value,
        "shifted_words": None if results.shifted_words is None else results.shifted_words.note,
        "duplicates_met": dict(results.duplicates.counts_met),
        "window": results.profile.window,
    }
    draft.table("documents", pl.DataFrame({"id": samples.ids, "corpus": samples.corpus_ids}))
    if samples.units is not None:
        draft.array("units", samples.units)
    if results.two_sample is not None:
        rows = [(d.name, d.value, d.p_value, *d.interval, d.by_chance, *d.halves) for d in results.two_sample.distances]
        draft.table("distances", pl.DataFrame(rows, schema=_DISTANCES, orient="row"))
    if results.pairs is not None:
        draft.table("pairs", results.pairs)
    draft.table("references", results.references)
    draft.array("witness", results.witness)
    draft.table("words", results.words)
    if results.shifted_words is not None:
        draft.table("shifted_words", results.shifted_words.table)
    draft.table("cluster_shares", results.clusters)
    draft.table("duplicates", results.duplicates.pairs)
    draft.array("twins", results.duplicates.twins)
    for name in _COUNTERPARTS:
        draft.array(f"counterparts_{name}", getattr(results.counterparts, name))
    for name in ("summary", "outliers", "languages"):
        draft.table(f"profile_{name}", getattr(results.profile, name))


def read_results(bundle: Bundle) -> ComparisonResults:
    """Return the results in an opened bundle."""
    clustering = clusterings.read_bundle(bundle)
    facts = bundle.meta.facts("comparison")
    samples = _read_samples(bundle, facts, clustering.space)
    n, n_corpora = len(samples), samples.n_corpora
    corpus = {"corpus": pl.String} if n_corpora > 2 else {}  # whose words and clusters, against the rest
    pairs = _table(bundle, "pairs", _PAIRS) if bundle.has("pairs.arrow") else None
    twins = bundle.array("twins", dtype=np.int8, shape=(n,))
    schema.within(f"{bundle.folder}, the array 'twins',", twins, 0, len(overlap.KINDS) - 1)
    return ComparisonResults(
        samples=samples,
        two_sample=_read_two_sample(bundle, facts) if pairs is None else None,
        pairs=pairs,
        references=_table(bundle, "references", _REFERENCES),
        witness=_read_witness(bundle, n),
        words=_table(bundle, "words", {**corpus, **word_contrasts.SCHEMA}, unknown=("dispersion_a", "dispersion_b")),
        shifted_words=_read_shifted_words(bundle, facts),
        clustering=clustering,
        clusters=_table(bundle, "cluster_shares", {**corpus, **cluster_shares.SCHEMA}),
        duplicates=Duplicates(_read_pairs(bundle, n), twins, facts.mapping("duplicates_met")),
        counterparts=_read_counterparts(bundle, n, n_corpora),
        profile=_read_profile(bundle, facts, n, n_corpora),
        settings=_read_settings(bundle, facts.facts("settings")),
    )


# -- documents ------------------------------------------------------------------------------------------------


def _read_samples(bundle: Bundle, facts: schema.Facts, space: Space) -> Samples:
    names, n = facts.texts("names"), len(space)
    documents = bundle.table("documents", {"id": pl.String, "corpus": pl.Int64}, rows=n)
    corpus_ids = documents["corpus"].to_numpy()
    schema.within(f"{bundle.folder}, the corpora of documents,", corpus_ids, 0, len(names) - 1)
    if len(names) < 2 or (np.bincount(corpus_ids, minlength=len(names)) == 0).any() or (np.diff(corpus_ids) < 0).any():
        raise DamagedError(f"{bundle.folder}: its documents aren't in the order of its corpora; save the value again")
    sources = facts.mapping("facts").get("sources", ())
    if not isinstance(sources, list) or not all(isinstance(source, dict) for source in sources):
        raise DamagedError(f"{bundle.folder}: its sources must be a list of objects; save the value again")
    units = bundle.array("units", dtype=np.int64, shape=(n,)) if bundle.has("units.npy") else None
    texts = None
    if space.metadata is not None and "text" in space.metadata.columns:
        schema.check_table(f"{bundle.folder}, the table of documents,", space.metadata, {"text": pl.String})
        texts = space.metadata["text"]
    return Samples(
        names, documents["id"], space.vectors, corpus_ids, texts, units, space.encoder, facts.mapping("facts")
    )


def _read_witness(bundle: Bundle, n: int) -> Doubles1d:
    """Return the witness function, a difference of means of kernels, which are small; NaN where it is unknown."""
    witness: Doubles1d = bundle.array("witness", dtype=np.float64, shape=(n,))
    schema.within(f"{bundle.folder}, the array 'witness',", witness, -1e6, 1e6, nan=True)
    return witness


def _table(
    bundle: Bundle, name: str, columns: Mapping[str, Any], *, unknown: Collection[str] = (), rows: int | None = None
) -> pl.DataFrame:
    """Return a table that has just these columns, of these types, with nulls in the columns `unknown` alone."""
    table = bundle.table(name, {column: kind for column, kind in columns.items() if column not in unknown}, rows=rows)
    if dict(table.schema) != dict(columns):
        raise DamagedError(f"{bundle.folder} has other columns in {name}.arrow than it should; save the value again")
    for column in table:
        if column.dtype.is_float() and column.is_infinite().any():
            raise DamagedError(f"{bundle.folder} has infinity in {column.name!r} of {name}.arrow; save the value again")
        if column.dtype == pl.List and column.list.eval(pl.element().is_null()).list.any().any():
            raise DamagedError(f"{bundle.folder} has nulls in {column.name!r} of {name}.arrow; save the value again")
    return table


def _read_pairs(bundle: Bundle, n: int) -> pl.DataFrame:
    """Return the pairs of duplicates, which are rows of documents."""
    table = _table(bundle, "duplicates", overlap.SCHEMA, unknown=("overlap", "containment"))
    for side in ("first", "second"):
        schema.within(f"{bundle.folder}, the column {side!r} of duplicates,", table[side].to_numpy(), 0, n - 1)
    return table


# -- results --------------------------------------------------------------------------------------------------


def _read_two_sample(bundle: Bundle, facts: schema.Facts) -> TwoSampleResult:
    table = _table(bundle, "distances", _DISTANCES, rows=len(MEANINGS))
    if table["name"].to_list() != list(MEANINGS):
        raise DamagedError(f"{bundle.folder} has other distances than {', '.join(MEANINGS)}; save the value again")
    distances = tuple(
        Distance(name, value, p, (low, high), by_chance, (halves_a, halves_b), MEANINGS[name])
        for name, value, p, low, high, by_chance, halves_a, halves_b in table.iter_rows()
    )
    return TwoSampleResult(distances, facts.number("p_value"))


def _read_shifted_words(bundle: Bundle, facts: schema.Facts) -> ShiftedWords | None:
    if facts["shifted_words"] is None:
        return None
    untested = ("expected", "p_value", "q_value")  # where the spaces were given
    table = _table(bundle, "shifted_words", semantic_shift.SCHEMA, unknown=untested)
    return ShiftedWords(table, facts.text("shifted_words"))


def _read_counterparts(bundle: Bundle, n: int, n_corpora: int) -> Counterparts:
    arrays = {
        name: bundle.array(f"counterparts_{name}", dtype=dtype, shape=(n_corpora if name == "yardsticks" else n,))
        for name, dtype in _COUNTERPARTS.items()
    }
    for name in ("other", "own"):
        schema.within(f"{bundle.folder}, the rows of counterparts,", arrays[name], 0 if name == "other" else -1, n - 1)
    return Counterparts(**arrays)


def _read_profile(bundle: Bundle, facts: schema.Facts, n: int, n_corpora: int) -> Profile:
    odd = _table(bundle, "profile_outliers", outliers.SCHEMA)
    unknown = [column for column in profiles.SCHEMA if column not in ("corpus", "documents")]
    schema.within(f"{bundle.folder}, the rows of outliers,", odd["row"].to_numpy(), 0, n - 1)
    return Profile(
        _table(bundle, "profile_summary", profiles.SCHEMA, unknown=unknown, rows=n_corpora),
        odd,
        _table(bundle, "profile_languages", languages.SCHEMA, unknown=("language",)),
        None if facts["window"] is None else facts.whole("window", low=1),
    )


# -- settings -------------------------------------------------------------------------------------------------


def _plain_settings(settings: ComparisonSettings) -> dict[str, Any]:
    names = ("n_clusters", "permutations", "resamples", "min_duplicate_score", "references", "seed", "progress")
    return {name: getattr(settings, name) for name in names}


def _write_words(words: WordModels, draft: Draft) -> Any:
    """Write the two word spaces, if there are any, and return what the manifest says of the word models."""
    if isinstance(words, Word2Vec):
        return {"trainer": asdict(words)}
    if not isinstance(words, tuple):
        return words
    for number, space in enumerate(words):
        draft.array(f"word_vectors_{number}", space.vectors)
        draft.table(f"word_ids_{number}", pl.DataFrame({"id": space.ids.tolist()}, schema={"id": pl.String}))
    return {"spaces": len(words)}


def _read_words(bundle: Bundle, value: Any) -> WordModels:
    if value is None or isinstance(value, bool):
        return value
    if "trainer" in value:
        options = dict(value["trainer"])
        if isinstance(options["subword"], dict):
            options["subword"] = Subwords(**options["subword"])
        return Word2Vec(**options)
    first, second = (
        Space.from_vectors(
            bundle.table(f"word_ids_{number}", {"id": pl.String})["id"].to_list(),
            bundle.array(f"word_vectors_{number}", dtype=np.float32, shape=(None, None)),
        )
        for number in (0, 1)
    )
    return first, second


def _read_settings(bundle: Bundle, facts: schema.Facts) -> ComparisonSettings:
    return ComparisonSettings(
        words=_read_words(bundle, facts["words"]),
        n_clusters=None if facts["n_clusters"] is None else facts.whole("n_clusters", low=1),
        permutations=facts.whole("permutations", low=0),
        resamples=facts.whole("resamples", low=0),
        min_duplicate_score=facts.number("min_duplicate_score"),
        references=facts.flag("references"),
        seed=facts.whole("seed", low=0),
        progress=facts.flag("progress") if "progress" in facts else True,
    )
