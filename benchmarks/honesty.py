"""Claim: the p-values of `compare` are honest, and find what is there.

Under the null: random halves of BBC News, 200 times; the share of p-values below 0.05 should be 0.05, and lie from
0.02 to 0.08. And the same with documents dealt into few cells, as many documents are.

Power: the share of p-values below 0.05 where one corpus has a few documents of another subject. BBC News: 20 % of sport
among business, 200 documents a side, and 10 %. 20 Newsgroups: 10 % of another group, 400 a side, over pairs of groups
drawn by chance.

Options: ``--splits 200``, ``--draws 100``, ``--quick``.
"""

import argparse
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.labelled import Documents, documents
from benchmarks.measuring import machine, table

PERMUTATIONS = 199
SURE = 0.05
NAMES = ("mmd", "mmd_multi", "energy", "frechet", "classifier", "together")
Pair = tuple[np.ndarray, np.ndarray]


def main(words: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks honesty")
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(words)
    if options.quick:
        options.splits = options.draws = 20
    bbc, posts = documents("bbc"), documents("newsgroups")
    print(f"\n{machine('scikit-learn')}; {PERMUTATIONS} permutations\n")
    rows = [
        ["null: random halves of BBC News", *shares(halves(bbc, options.splits))],
        ["null: the same, in 128 cells", *shares(halves(bbc, options.splits), cells=128)],
        ["20 % sport in business, 2 × 200", *shares(planted(bbc, 0, 3, 0.2, 200, options.draws))],
        ["10 % sport in business, 2 × 220", *shares(planted(bbc, 0, 3, 0.1, 220, options.draws))],
        ["10 % of another newsgroup, 2 × 400", *shares(mixed(posts, 0.1, 400, options.draws))],
    ]
    print(table(["share of p < 0.05", *NAMES], rows))


def halves(docs: Documents, splits: int) -> Iterator[Pair]:
    for split in range(splits):
        order = np.random.default_rng(split).permutation(len(docs))
        middle = len(docs) // 2
        yield docs.vectors[order[:middle]], docs.vectors[order[middle:]]


def planted(docs: Documents, own: int, other: int, share: float, size: int, draws: int) -> Iterator[Pair]:
    """Return two samples of one subject, in the second of which a share is of another."""
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        yield _contaminated(docs, own, other, share, size, rng)


def mixed(docs: Documents, share: float, size: int, draws: int) -> Iterator[Pair]:
    """Plant a share of one newsgroup in another, both drawn by chance; two samples of one are disjoint."""
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        counts = np.bincount(docs.labels)
        own = rng.choice(np.flatnonzero(counts >= 2 * size - int(share * size)))
        other = rng.choice(np.setdiff1d(np.arange(docs.k), [own]))
        yield _contaminated(docs, int(own), int(other), share, size, rng)


def _contaminated(docs: Documents, own: int, other: int, share: float, size: int, rng: np.random.Generator) -> Pair:
    strange = int(share * size)
    order = rng.permutation(np.flatnonzero(docs.labels == own))
    guests = rng.choice(np.flatnonzero(docs.labels == other), strange, replace=False)
    first, second = order[:size], np.r_[order[size : 2 * size - strange], guests]
    return docs.vectors[first], docs.vectors[second]


def shares(pairs: Iterator[Pair], cells: int | None = None) -> list[str]:
    """Return the share of p-values below 0.05, for each test."""
    found = np.array([p_values(a, b, number, cells) for number, (a, b) in enumerate(pairs)])
    return [f"{share:.3f}" for share in (found < SURE).mean(axis=0)]


def p_values(a: np.ndarray, b: np.ndarray, seed: int, cells: int | None) -> list[float]:
    from semspace.comparison.distances import two_sample
    from semspace.comparison.distances.classifier import classifier_test
    from semspace.comparison.distances.frechet import permuted_distances

    of = np.repeat([0, 1], [len(a), len(b)])
    union = np.concatenate([a, b])
    whole = two_sample.MAX_BLOCKS
    try:
        two_sample.MAX_BLOCKS = cells or whole
        found = two_sample.sum_kernels(union, of, seed=seed, progress=False)
    finally:
        two_sample.MAX_BLOCKS = whole
    tested = found.test([0], [1], permutations=PERMUTATIONS, resamples=0, seed=seed)
    values, _ = permuted_distances(union, of, None, splits=PERMUTATIONS, resamples=0, seed=seed)
    judged = classifier_test(a, b, permutations=PERMUTATIONS, resamples=0, seed=seed)
    own = [tested.p_value(name) for name in NAMES[:3]]
    return [*own, float((values >= values[0] - 1e-9).mean()), judged.p_value, tested.p_of_all]
