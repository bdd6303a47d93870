"""`compare`: two or more corpora in, one `Comparison` out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from semspace import checks, pools
from semspace.clusters.cluster import cluster
from semspace.clusters.clustering import Clustering
from semspace.comparison.comparison import Comparison
from semspace.comparison.contrasts.cluster_shares import cluster_shares
from semspace.comparison.contrasts.semantic_shift import Meanings, shifted_words
from semspace.comparison.contrasts.word_contrasts import word_contrast
from semspace.comparison.contrasts.word_counts import word_counts
from semspace.comparison.distances.estimate import Answers, answers, none_at_all
from semspace.comparison.distances.pairwise import distances_of_pairs
from semspace.comparison.distances.references import references
from semspace.comparison.distances.two_sample import Evidence, evidence
from semspace.comparison.overlap.counterparts import counterparts, coverage
from semspace.comparison.overlap.duplicates import overlap_counts, shared_documents
from semspace.comparison.profiles.profile import profile
from semspace.comparison.samples import Plan, Rows, Samples, planned, samples_of
from semspace.deprecation import renamed_parameters
from semspace.errors import InputError, SemspaceError, SemspaceWarning
from semspace.sentences.encoder import Encoder
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.words.word2vec import Word2Vec

_WORDS_OF_EACH = 2_000  # that are kept of each of several corpora
_GROUPED = 20_000  # documents among which groups are found; the others join them
_LETTERS_LEARNT = 2_500_000  # of each corpus, for what words mean: some 400,000 words
Words = Word2Vec | tuple[Space, Space] | bool | None


@dataclass(frozen=True)
class Settings:
    """How corpora are compared; see `compare`."""

    words: Words
    n_clusters: int | None
    permutations: int
    resamples: int
    min_duplicate_score: float
    references: bool
    seed: int
    progress: bool


@renamed_parameters(cuts="bins", unit="groups", k="n_clusters", long="long_texts", min_duplicate="min_duplicate_score")
def compare(
    *given: Corpus | Space,
    by: str | None = None,
    bins: Any = None,
    encoder: Encoder | None = None,
    spaces: Sequence[Space] | None = None,
    words: Words = None,
    names: Sequence[str] | None = None,
    groups: str | None = None,
    long_texts: str = "pool",
    n_clusters: int | None = None,
    permutations: int = 999,
    resamples: int = 499,
    min_duplicate_score: float = 0.9,
    references: bool = True,
    seed: int = 0,
    progress: bool = True,
) -> Comparison:
    """Say how corpora differ in meaning, how sure that is, what drives it, what they share and what they are like.

    Give two or more corpora, or one and the column it is to be divided by.

    Parameters
    ----------
    *given : Corpus or Space
        A space of documents, as `Encoder.embed` makes, brings its texts along; a corpus is encoded first.
    by : str, optional
        Column of the one corpus's metadata: its parts are compared, one for each value.
    bins : number, date, text, or list of them, optional
        Edges between the periods into which a column of numbers or times is divided: ``by="year", bins=1945``
        compares the documents before 1945 with the rest. Years and dates
        may be written out ("c. 1850", "31.12.1929", "1850s"); see docs/conditions.md.
    encoder : Encoder, optional
        What puts the corpora into one space; not needed where a space is given, whose encoder serves.
    spaces : sequence of Space, optional
        The corpora, encoded already by one encoder, with their ids.
    words : Word2Vec, (Space, Space) or bool, optional
        With what it is found out which words mean different things in two corpora: a trainer, or two spaces of words
        that are there already. By default a trainer fit for the amount of text; False leaves the question out.
    names : sequence of str, optional
        What the corpora are called; A, B, … or the column's values if not given.
    groups : str, optional
        Column that says which documents belong together, such as the book that a paragraph is from. Documents of one
        group resemble each other, so they are permuted and resampled together; without it, all documents are taken to
        be independent.
    long_texts : {"pool", "cut", "passages"}
        How texts longer than the encoder reads are encoded; see `Encoder.embed`. With ``"passages"``, the passages of
        one document are a group by default.
    n_clusters : int, optional
        Number of clusters to find among all documents; by default it is chosen, see `cluster`.
    permutations : int
        Random splits behind each p-value, 99 to 99,999; the smallest p-value is ``1 / (permutations + 1)``.
    resamples : int
        Samples drawn anew behind each interval, 99 to 99,999.
    min_duplicate_score : float
        Cosine from which two documents count as near-duplicates in meaning.
    references : bool
        Measure also texts that are known to be near and far, by the same encoder: some seconds, the first time.
    seed : int
        The same seed gives the same answers.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If a corpus has fewer than four documents or groups, spaces come from different encoders, a column isn't there
        or can't be cut, or a group is in two corpora: before anything is encoded.

    Examples
    --------
    >>> import numpy as np
    >>> import semspace as ss
    >>> draw = np.random.default_rng(0)
    >>> a, b = (ss.Space.from_vectors([str(i) for i in range(40)], draw.normal(at, 1, (40, 5))) for at in (0, 1))
    >>> ss.compare(a, b).distance("mmd").p_value
    0.001
    """
    pools.need_polars("a comparison")
    _check_given(given, by, bins, encoder, spaces, names, words)
    checks.whole("permutations", permutations, low=99, high=99_999)
    checks.whole("resamples", resamples, low=99, high=99_999)
    checks.number("min_duplicate_score", min_duplicate_score, low=-1.0, high=1.0)
    checks.choice("long_texts", long_texts, ("cut", "passages", "pool"))
    checks.flag("references", references)
    checks.seed(seed)
    if n_clusters is not None:
        checks.whole("n_clusters", n_clusters)
    options: dict[str, Any] = {
        "by": by, "bins": bins, "groups": groups, "names": names, "encoder": encoder, "spaces": spaces,
        "long_texts": long_texts,
    }  # fmt: skip
    plan = planned(given, **options)
    _check_planned(plan, words, n_clusters)
    samples = samples_of(given, **options, progress=progress, plan=plan)
    chosen: Any = words  # two spaces may come in a list
    settings = Settings(
        tuple(chosen) if isinstance(chosen, list) else words,
        n_clusters,
        permutations,
        resamples,
        min_duplicate_score,
        references,
        seed,
        progress,
    )
    return compared(samples, settings)


def compared(samples: Samples, settings: Settings) -> Comparison:
    """Compare samples."""
    seed, progress = settings.seed, settings.progress
    two = samples.corpora == 2
    with ThreadPoolExecutor(1) as beside:  # groups are found on one core, mostly, and everything else on another
        grouping = beside.submit(
            cluster, samples.space(), n_clusters=settings.n_clusters, max_points=_GROUPED, seed=seed, progress=False
        )
        found = evidence(samples.vectors, samples.of, samples.units, seed=seed, progress=progress)
        told = None if not two else none_at_all() if samples.same else _answers(samples, found, settings)
        pairs = None if two else _pairs(samples, found, settings)
        shared = shared_documents(
            samples.texts, samples.vectors, samples.of, min_score=settings.min_duplicate_score, progress=progress
        )
        near = counterparts(samples.vectors, samples.of, progress=progress)
        contrast = _contrasts(samples)
        likeness = profile(samples.names, samples.texts, samples.vectors, samples.of, seed=seed, progress=progress)
        if likeness.languages_differ():
            warnings.warn(
                "the corpora are mainly in different languages, which alone may hold them apart; see profiles()",
                SemspaceWarning,
                stacklevel=3,
            )
        moved = _meanings(samples, settings)
        groups = grouping.result()
    return Comparison(
        samples=samples,
        answers=told,
        pairs=pairs,
        scale=_scale(samples, found, settings),
        witness=_witness(samples, found),
        contrast=contrast,
        moved=moved,
        grouping=groups,
        shares=_shares(samples, groups),
        shared=shared,
        overlap=overlap_counts(shared, samples.of, samples.names),
        near=near,
        coverage=coverage(near, samples.of, samples.names),
        profile=likeness,
        settings=settings,
    )


def _check_given(
    given: Sequence[object], by: object, bins: object, encoder: object, spaces: object, names: object, words: object
) -> None:
    for one in given:
        if not isinstance(one, (Corpus, Space)):
            raise InputError(
                f"compare takes corpora or spaces; got {type(one).__name__}: see Corpus.read, Encoder.embed"
            )
    if by is None and len(given) < 2:
        raise InputError(
            f"compare takes two or more corpora, or one with by=, the column to divide it by; got {len(given)}"
        )
    if by is not None and (len(given) != 1 or not isinstance(by, str)):
        raise InputError(f"by= names a column of one corpus; got {len(given)} corpora and by={by!r}")
    if bins is not None and by is None:
        raise InputError("bins= divides the column by=; give by= too")
    if encoder is not None and spaces is not None:
        raise InputError("compare needs either encoder= or spaces= of the corpora, and not both")
    if encoder is not None and not isinstance(encoder, Encoder):
        raise InputError(f"encoder must be an Encoder; got {type(encoder).__name__}: see Encoder.load")
    if spaces is not None and not _all_of(Space, spaces, len(given)):
        raise InputError(f"spaces must be {len(given)} Spaces, one for each corpus")
    if spaces is not None and not all(isinstance(one, Corpus) for one in given):
        raise InputError("spaces= goes with corpora; a Space in place of a corpus needs none")
    if names is not None and not _all_of(str, names):
        raise InputError(f"names must be strings, one for each corpus; got {names!r}")
    if not (words is None or isinstance(words, (Word2Vec, bool)) or _all_of(Space, words, 2)):
        raise InputError(f"words must be a Word2Vec, two Spaces of words, or False; got {words!r:.60}")


def _check_planned(plan: Plan, words: object, n_clusters: int | None) -> None:
    if len(plan.names) > 2 and isinstance(words, (tuple, list)):
        raise InputError("words: two spaces of words go with two corpora; give a Word2Vec, or leave words out")
    if n_clusters is not None and n_clusters > plan.documents:
        raise InputError(f"n_clusters must be at most the number of documents, {plan.documents:,}; got {n_clusters}")


def _all_of(kind: type, given: object, count: int | None = None) -> bool:
    fits = isinstance(given, (tuple, list)) and (count is None or len(given) == count)
    return fits and all(isinstance(one, kind) for one in given)  # type: ignore[attr-defined]


def _answers(samples: Samples, found: Evidence, settings: Settings) -> Answers:
    return answers(samples, found, permutations=settings.permutations, resamples=settings.resamples, seed=settings.seed)


def _pairs(samples: Samples, found: Evidence, settings: Settings) -> pl.DataFrame:
    return distances_of_pairs(
        samples,
        found,
        permutations=settings.permutations,
        resamples=settings.resamples,
        seed=settings.seed,
        progress=settings.progress,
    )


def _scale(samples: Samples, found: Evidence, settings: Settings) -> pl.DataFrame:
    none = pl.DataFrame(schema={"between": pl.String, "distance": pl.String, "value": pl.Float64})
    if not settings.references or samples.encoder is None or samples.corpora > 2:
        return none
    try:
        return references(samples.encoder, found.kernels, seed=settings.seed)
    except SemspaceError:  # a saved space remembers its encoder by name, which may be gone
        return none


def _contrasted(samples: Samples) -> list[tuple[int, list[int]]]:
    """Say which corpus is held against which: the first against the second, or each of several against the rest."""
    if samples.corpora == 2:
        return [(0, [1])]
    return [(own, [other for other in range(samples.corpora) if other != own]) for own in range(samples.corpora)]


def _witness(samples: Samples, found: Evidence) -> Any:
    value = np.full(len(samples), np.nan)
    for own, rest in _contrasted(samples):
        witness = found.witness([own], rest)
        # The middle between both: a dense corpus is nearer to everything, so that 0 would be no border.
        sides = [witness[samples.of == own], witness[np.isin(samples.of, rest)]]
        middle = np.mean([np.nanmean(side) for side in sides])
        rows = slice(None) if samples.corpora == 2 else samples.rows(own)
        value[rows] = witness[rows] - middle
    return value


def _contrasts(samples: Samples) -> pl.DataFrame:
    counts = word_counts(pl.Series([""] * len(samples)) if samples.texts is None else samples.texts)
    tables = []
    for own, rest in _contrasted(samples):
        first, second = samples.of == own, np.isin(samples.of, rest)
        table = word_contrast(counts, first, second, units=samples.units)
        tables.append(_titled(samples, own, table))
    return tables[0] if samples.corpora == 2 else pl.concat([table.head(_WORDS_OF_EACH) for table in tables])


def _shares(samples: Samples, groups: Clustering) -> pl.DataFrame:
    tables = []
    for own, rest in _contrasted(samples):
        first, second = samples.of == own, np.isin(samples.of, rest)
        tables.append(_titled(samples, own, cluster_shares(groups, first, second, samples.units)))
    return pl.concat(tables)


def _titled(samples: Samples, own: int, table: pl.DataFrame) -> pl.DataFrame:
    """Say of a table of several whose it is."""
    if samples.corpora == 2:
        return table
    return table.select(pl.lit(samples.names[own]).alias("corpus"), pl.all())


def _meanings(samples: Samples, settings: Settings) -> Meanings | None:
    if samples.corpora > 2 or samples.texts is None or settings.words is False or samples.same:
        return None
    trainer = settings.words if isinstance(settings.words, Word2Vec) else None
    spaces = settings.words if isinstance(settings.words, tuple) else None
    # Learning takes in proportion to the text; whoever gives a trainer gets all of the text learnt.
    most = None if trainer or spaces else _LETTERS_LEARNT
    kept = [_some(samples, corpus, most, settings.seed) for corpus in (0, 1)]
    a, b = (samples.texts.gather(rows) for rows in kept)
    units = None if samples.units is None else samples.units[np.concatenate(kept)]
    found = shifted_words(
        a, b, words=trainer, spaces=spaces, units=units, seed=settings.seed, progress=settings.progress
    )
    left = len(samples) - len(a) - len(b)
    note = f"{found.note} It rests on a random {len(a) + len(b):,} of {len(samples):,} documents; words= takes all."
    return Meanings(found.table, note.strip()) if left else found


def _some(samples: Samples, corpus: int, most: int | None, seed: int) -> Rows:
    """Choose documents of a corpus, of so many letters together."""
    assert samples.texts is not None
    rows = np.arange(len(samples))[samples.rows(corpus)]
    if most is None:
        return rows
    mixed = np.random.default_rng(seed).permutation(rows)
    letters = np.cumsum(samples.texts.gather(mixed).str.len_chars().to_numpy())
    return np.sort(mixed[: max(int(np.searchsorted(letters, most)), 1)])
