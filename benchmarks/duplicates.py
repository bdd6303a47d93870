"""Claim: near-duplicates are found at least ten times as fast as by sentence-transformers, and 99 % of its pairs.

Vectors: MiniLM's of Wikipedia's sentences, of which 2 % are copies of others with a little noise. The peer is
`paraphrase_mining_embeddings`, which compares all with all, with its defaults except that it may return more pairs than
500,000 where there are many vectors; those below the least score are dropped. semspace asks an index (of more than
100,000 points its graph, else all pairs are compared); building it is shown beside. "exact" compares all pairs at every
size, with no index to build.

Above ``--peer-limit`` the peer isn't run to its end: its own code goes through some blocks of queries against all
vectors, the first two of which aren't counted (its list of pairs fills up), and the time of a block is multiplied by
the number of blocks. What semspace finds is compared with all pairs of as many vectors then, found by comparing them
with all. ``--whole`` runs the peer to its end at every size.

Options: ``--sizes 20k,100k,500k``, ``--data``, ``--rounds``, ``--threads``, ``--peer-limit``, ``--whole``, ``--quick``,
``--peers-only``.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.contenders import Semspace
from benchmarks.measuring import alternate, machine, median, table
from benchmarks.vectors import KINDS, noisy, number, numbers, say

MIN_SCORE = 0.9
PLANTED, NOISE = 0.02, 0.2  # a fiftieth are copies, at a cosine of 0.98 to what they copy
BLOCK = 5_000  # the peer's query_chunk_size, its default
CORPUS_BLOCK = 100_000  # the peer's corpus_chunk_size, its default
PAIRS = 500_000  # the peer's max_pairs, its default
BLOCKS, UNCOUNTED = 6, 2
MORE_ROUNDS = 100_000  # above this size everything is run once


class StopAskingError(Exception):
    """Raised by the score function to end the peer's run."""


@dataclass
class Measured:
    """What was measured on one number of vectors; `found` are pairs, the smaller number first."""

    size: int
    theirs: float
    scaled: bool
    truth: set[int]
    build: float = math.nan
    ours: float = math.nan
    exact: float = math.nan
    found: set[int] | None = None
    exactly: set[int] | None = None


def main(words: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks duplicates")
    parser.add_argument("--sizes", type=numbers, default=numbers("20k,100k,500k"))
    parser.add_argument("--data", default="sentences", choices=KINDS)
    parser.add_argument("--rounds", type=int, default=3, help=f"up to {MORE_ROUNDS:,} vectors; above, one")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer-limit", type=number, default=number("100k"))
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--peers-only", action="store_true")
    parser.add_argument("--quick", action="store_true", help="20k vectors, one round")
    options = parser.parse_args(list(words))
    if options.quick:
        options.sizes, options.rounds = [20_000], 1
    import torch

    torch.set_num_threads(options.threads)
    every = [measure(planted(options.data, size), options) for size in sorted(options.sizes)]
    report(every, options)


def planted(kind: str, size: int) -> np.ndarray:
    """Return vectors of which 2 %, anywhere among them, are near-duplicates of others."""
    vectors, rng = KINDS[kind](size).base.copy(), np.random.default_rng(5)
    order = rng.permutation(len(vectors))
    copies, own = np.split(order, [int(len(vectors) * PLANTED)])
    vectors[copies] = noisy(vectors[rng.choice(own, len(copies))], NOISE, rng)
    vectors.setflags(write=False)
    return vectors


def measure(vectors: np.ndarray, options: argparse.Namespace) -> Measured:
    scaled = len(vectors) > options.peer_limit and not options.whole
    rounds = options.rounds if len(vectors) <= MORE_ROUNDS else 1
    runs: dict[str, Any] = {}
    build, ours = math.nan, None
    if not options.peers_only:
        ours = Semspace()
        build = built(ours, vectors, options.threads)
        runs["ours"] = lambda: ours.duplicates(MIN_SCORE)
        runs["exact"] = lambda: exactly(vectors)
    if not scaled:
        mined(vectors[:1_000])  # loads what has to be
        runs["theirs"] = lambda: mined(vectors)
    say(f"{len(vectors):,} vectors: looking for duplicates with {', '.join(runs) or 'nothing yet'}")
    seconds, results = alternate(runs, rounds)
    if scaled:
        say(f"{len(vectors):,} vectors: timing {BLOCKS} blocks of the peer")
        theirs, truth = partly(vectors), exact(vectors, BLOCKS * BLOCK)
    else:
        theirs, truth = median(seconds["theirs"]), results["theirs"]
    one = Measured(len(vectors), theirs, scaled, keys(truth, len(vectors)))
    if ours is not None:
        one.build, one.ours, one.found = build, median(seconds["ours"]), keys(results["ours"], len(vectors))
        one.exact, one.exactly = median(seconds["exact"]), keys(results["exact"], len(vectors))
    return one


def built(ours: Semspace, vectors: np.ndarray, threads: int) -> float:
    tiny = Semspace()  # compiles what has to be
    tiny.build(vectors[:2_000], threads)
    tiny.duplicates(MIN_SCORE)
    exactly(vectors[:2_000])
    say(f"{len(vectors):,} vectors: semspace is being built")
    begun = perf_counter()
    ours.build(vectors, threads)
    return perf_counter() - begun


def exactly(vectors: np.ndarray) -> np.ndarray:
    """Return the pairs that an exact index finds, (n, 2); it has nothing to build."""
    import semspace as ss

    space = ss.Space.from_vectors([str(i) for i in range(len(vectors))], vectors)
    found = ss.Index.build(space, "exact").duplicates(MIN_SCORE, progress=False)
    return np.column_stack([found["a"].to_numpy(), found["b"].to_numpy()]).astype(np.int64)


def mined(vectors: np.ndarray) -> np.ndarray:
    """Run the peer to its end; give its pairs of at least the score."""
    import torch
    from sentence_transformers.util import cos_sim, paraphrase_mining_embeddings

    most = max(PAIRS, 4 * len(vectors))
    found = paraphrase_mining_embeddings(torch.from_numpy(vectors.copy()), max_pairs=most, score_function=cos_sim)
    if len(found) == most and found[-1][0] >= MIN_SCORE:
        print(f"\nOf {len(vectors):,} vectors the peer returned its {most:,} best pairs, not all above {MIN_SCORE}.")
    return np.array([pair[1:] for pair in found if pair[0] >= MIN_SCORE], np.int64).reshape(-1, 2)


def partly(vectors: np.ndarray) -> float:
    """Return the seconds that the peer would take, from those of some blocks of its queries."""
    import torch
    from sentence_transformers.util import cos_sim, paraphrase_mining_embeddings

    calls = math.ceil(len(vectors) / CORPUS_BLOCK)  # of the score function, for one block of queries
    blocks = math.ceil(len(vectors) / BLOCK)
    if blocks <= BLOCKS:
        raise SystemExit(f"{len(vectors):,} vectors are too few for a part of the peer's run: use --whole")
    begun: list[float] = []

    def score(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        begun.append(perf_counter())
        if len(begun) > BLOCKS * calls:
            raise StopAskingError
        return cos_sim(left, right)

    try:
        paraphrase_mining_embeddings(torch.from_numpy(vectors.copy()), score_function=score)
    except StopAskingError:
        return (begun[BLOCKS * calls] - begun[UNCOUNTED * calls]) / (BLOCKS - UNCOUNTED) * len(vectors) / BLOCK
    raise SystemExit("the peer asked for fewer scores than it used to: benchmarks/duplicates.py has to follow")


def exact(vectors: np.ndarray, many: int) -> np.ndarray:
    """Return all pairs above the score of which one is among the first `many` vectors."""
    pairs = []
    for start in range(0, len(vectors), BLOCK):
        rows, columns = np.nonzero(vectors[start : start + BLOCK] @ vectors[:many].T >= MIN_SCORE)
        pairs.append(np.column_stack([rows + start, columns]))
    every = np.concatenate(pairs)
    return every[every[:, 0] != every[:, 1]]


def keys(pairs: np.ndarray, size: int) -> set[int]:
    """Return a number for each pair, the same one for both directions."""
    ordered = np.sort(pairs, axis=1)
    return set((ordered[:, 0] * size + ordered[:, 1]).tolist())


def report(every: list[Measured], options: argparse.Namespace) -> None:
    packages = machine("numba", "sentence-transformers", "torch")
    print(f"\n## Near-duplicates above a cosine of {MIN_SCORE}\n\n{packages}; {options.threads} threads\n")
    headers = ["vectors", "sentence-transformers", "semspace, index built already", "ratio"]
    headers += ["semspace, building it", "ratio with building", "pairs", "of these found by semspace", "found in all"]
    headers += ["semspace, exact", "ratio", "of the pairs found"]
    print(table(headers, [row(one) for one in every]))
    print("\nGrowth of the time, as a power of the number of vectors:\n")
    rows = [grown(one, after) for one, after in pairwise(every)]
    print(table(["from", "to", "sentence-transformers", "semspace", "semspace with building"], rows))
    if any(one.scaled for one in every):
        counted = (BLOCKS - UNCOUNTED) * BLOCK
        print(
            f"\n*: scaled up from {counted:,} queries against all; pairs are all those of {BLOCKS * BLOCK:,} vectors."
        )


def row(one: Measured) -> list[str]:
    star = "*" if one.scaled else ""
    if one.found is None:
        return [f"{one.size:,}", f"{one.theirs:,.1f} s{star}", *["–"] * 4, f"{len(one.truth):,}{star}", *["–"] * 5]
    assert one.exactly is not None
    share, exact_share = (
        len(found & one.truth) / len(one.truth) if one.truth else math.nan for found in (one.found, one.exactly)
    )
    return [
        f"{one.size:,}",
        f"{one.theirs:,.1f} s{star}",
        f"{one.ours:,.2f} s",
        f"**{one.theirs / one.ours:.1f}×**",
        f"{one.build:,.1f} s",
        f"**{one.theirs / (one.ours + one.build):.1f}×**",
        f"{len(one.truth):,}{star}",
        f"{share:.4f}",
        f"{len(one.found):,}",
        f"{one.exact:,.2f} s",
        f"**{one.theirs / one.exact:.1f}×**",
        f"{exact_share:.4f}",
    ]


def grown(one: Measured, after: Measured) -> list[str]:
    def power(before: float, later: float) -> str:
        return f"{math.log(later / before) / math.log(after.size / one.size):.2f}"

    powers = (one.theirs, after.theirs), (one.ours, after.ours), (one.ours + one.build, after.ours + after.build)
    return [f"{one.size:,}", f"{after.size:,}", *(power(*pair) for pair in powers)]
