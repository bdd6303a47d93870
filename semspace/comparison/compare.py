"""`compare`: two or more corpora in, one `Comparison` out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from semspace import checks, pools
from semspace.comparison.arguments import check_corpora, check_models, check_plan
from semspace.comparison.assemble import compare_samples
from semspace.comparison.comparison import Comparison
from semspace.comparison.plan import build_samples, plan_samples
from semspace.comparison.settings import ComparisonSettings, WordModels
from semspace.deprecation import renamed_parameters
from semspace.sentences.encoder import Encoder
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.threads import limited


@renamed_parameters(cuts="bins", unit="groups", k="n_clusters", long="long_texts", min_duplicate="min_duplicate_score")
def compare(
    *corpora: Corpus | Space,
    by: str | None = None,
    bins: Any = None,
    encoder: Encoder | None = None,
    spaces: Sequence[Space] | None = None,
    words: WordModels = None,
    names: Sequence[str] | None = None,
    groups: str | None = None,
    long_texts: str = "pool",
    n_clusters: int | None = None,
    permutations: int = 999,
    resamples: int = 499,
    min_duplicate_score: float = 0.9,
    references: bool = True,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = True,
) -> Comparison:
    """Compare corpora: how they differ in meaning, how sure that is, what drives it, what they share and are like.

    Give two or more corpora, or one corpus and the column `by` which it is divided.

    Parameters
    ----------
    *corpora : Corpus or Space
        A space of documents, as `Encoder.embed` returns it, has its texts with it; a corpus is encoded first.
    by : str, optional
        Column of the metadata of one corpus: its parts are compared, one for each value.
    bins : number, date, text, or list of them, optional
        Edges between the periods into which a column of numbers or times is divided: ``by="year", bins=1945``
        compares the documents before 1945 with the rest. Years and dates
        may be written out ("c. 1850", "31.12.1929", "1850s"); see docs/conditions.md.
    encoder : Encoder, optional
        Encoder of the corpora; by default that of a space that is given.
    spaces : sequence of Space, optional
        The corpora, already encoded by one encoder, with the same ids.
    words : Word2Vec, (Space, Space) or bool, optional
        Word vectors that tell which words mean different things in two corpora: a trainer, or two trained word spaces.
        By default a trainer that suits the amount of text; False leaves this analysis out.
    names : sequence of str, optional
        Names of the corpora; by default A, B, …, or the column's values.
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
        Permutations for each p-value, 99 to 99,999; the smallest p-value is ``1 / (permutations + 1)``.
    resamples : int
        Bootstrap resamples for each interval, 99 to 99,999.
    min_duplicate_score : float
        Cosine from which two documents count as duplicates in meaning.
    references : bool
        Also measure the distances between texts known to be near or far, by the same encoder: some seconds, the first
        time.
    seed : int
        The same seed gives the same results.
    threads : int, optional
        Maximum number of threads; by default all that the process may use.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If a corpus has fewer than four documents or groups, spaces come from different encoders, a column doesn't exist
        or can't be divided, or a group is in two corpora: before anything is encoded.

    Examples
    --------
    >>> import numpy as np
    >>> import semspace as ss
    >>> rng = np.random.default_rng(0)
    >>> a, b = (ss.Space.from_vectors([str(i) for i in range(40)], rng.normal(at, 1, (40, 5))) for at in (0, 1))
    >>> ss.compare(a, b).distance("mmd").p_value
    0.001
    """
    pools.need_polars("a comparison")
    check_corpora(corpora, by, bins, names)
    check_models(corpora, encoder, spaces, words)
    checks.whole("permutations", permutations, low=99, high=99_999)
    checks.whole("resamples", resamples, low=99, high=99_999)
    checks.number("min_duplicate_score", min_duplicate_score, low=-1.0, high=1.0)
    checks.choice("long_texts", long_texts, ("cut", "passages", "pool"))
    checks.flag("references", references)
    checks.seed(seed)
    if n_clusters is not None:
        checks.whole("n_clusters", n_clusters)
    options: dict[str, Any] = {
        "by": by,
        "bins": bins,
        "groups": groups,
        "names": names,
        "encoder": encoder,
        "spaces": spaces,
        "long_texts": long_texts,
    }
    plan = plan_samples(corpora, **options)
    check_plan(plan, words, n_clusters)
    word_models: Any = tuple(words) if isinstance(words, list) else words
    settings = ComparisonSettings(
        words=word_models,
        n_clusters=n_clusters,
        permutations=permutations,
        resamples=resamples,
        min_duplicate_score=min_duplicate_score,
        references=references,
        seed=seed,
        progress=progress,
    )
    with limited(threads):
        samples = build_samples(corpora, **options, progress=progress, plan=plan)
        return Comparison(compare_samples(samples, settings))
