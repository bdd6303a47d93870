"""Claim: distances of corpora with p-values come ten times as fast as by straightforward means, and are equal.

First, posts of 20 Newsgroups, two of its groups of groups (``comp.*`` and ``rec.*``): the unbiased MMD² with a Gaussian
kernel and the energy distance, each with 999 permutations, and the Fréchet distance. The peers: scikit-learn's pairwise
kernels, permuted by indexing, as one writes it in a notebook; hyppo's MMD and Energy, which test the same hypotheses by
statistics of their own (99 permutations, once, times 999 / 99); POT's Bures-Wasserstein distance, without a p-value.
All alternate in one run. Values are compared with those of scikit-learn and POT.

Second, the whole of `compare` (distances, groups, words, copies, counterparts, profiles) on two corpora of many
sentences of Wikipedia, vectors given: seconds, and memory at the peak, each size in a process of its own. Beyond 40,000
sentences, vectors are those of the first 40,000 with noise (a cosine of 0.86 to what they copy).

Options: ``--size 1000`` (of a side, in the first part), ``--rounds 3``, ``--sizes 20k,200k`` (of a side, in the
second), ``--quick``.
"""

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.labelled import documents
from benchmarks.measuring import alternate, machine, median, table
from benchmarks.vectors import noisy, number, numbers, say, texts, wikipedia

PERMUTATIONS = 999
HYPPO = 99  # permutations of hyppo's, which take minutes: its time is multiplied to what 999 would take
ENCODED = 40_000  # sentences; encoding hundreds of thousands would take longer than everything else


def main(words: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks compare")
    parser.add_argument("--size", type=number, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=numbers, default=numbers("20k,200k"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--whole", type=number, help="compare two corpora of this size, and print what it took as JSON")
    options = parser.parse_args(words)
    if options.whole:
        whole(options.whole)
        return
    if options.quick:
        options.size, options.rounds, options.sizes = 300, 1, [2_000]
    print(f"\n{machine('scikit-learn', 'hyppo', 'POT')}\n")
    against_peers(options.size, options.rounds)
    print()
    rows = []
    for size in options.sizes:
        say(f"two corpora of {size:,}")
        command = [sys.executable, "-m", "benchmarks", "compare", "--whole", str(size)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        rows.append([f"2 × {size:,}", *(f"{found[name]:.1f}" for name in ("distances", "all")), f"{found['peak']:.2f}"])
    print(table(["sentences, vectors given", "distances, s", "all of `compare`, s", "peak, GB"], rows))


def against_peers(size: int, rounds: int) -> None:
    posts = documents("newsgroups")
    names = np.unique([label.split(".")[0] for label in _labels()], return_inverse=True)
    assert len(names[1]) == len(posts)
    draw = np.random.default_rng(0)
    a, b = (
        posts.vectors[np.sort(draw.permutation(np.flatnonzero(names[0][names[1]] == name))[:size])]
        for name in ("comp", "rec")
    )
    warm_up()
    contenders = {
        "semspace": lambda: ours(a, b),
        "scikit-learn, permuted by indexing: MMD": lambda: straightforward(a, b, "rbf"),
        "the same: energy distance": lambda: straightforward(a, b, "energy"),
        "POT: Fréchet, no p-value": lambda: bures(a, b),
    }
    seconds, results = alternate(contenders, rounds)
    slow, found = alternate({f"hyppo: {name}": lambda name=name: hyppo(name, a, b) for name in ("MMD", "Energy")}, 1)
    seconds |= {name: [one * PERMUTATIONS / HYPPO for one in times] for name, times in slow.items()}
    results |= found
    mine = results["semspace"]
    own = median(seconds["semspace"])
    others = [name for name in seconds if name != "semspace"]
    theirs = {
        "scikit-learn, permuted by indexing: MMD": mine["mmd"],
        "the same: energy distance": mine["energy"],
        "POT: Fréchet, no p-value": mine["frechet"],
    }
    rows = [["semspace: MMD (two kernels), energy, subjects, with intervals and witness", f"{own:.2f}", "", ""]]
    for name in others:
        time = median(seconds[name])
        same = f"{abs(results[name][0] - theirs[name]):.1e}" if name in theirs else "another statistic"
        ratio = f"{time / own:.1f}×" if "POT" not in name else ""
        rows.append([name, f"{time:.2f}", ratio, same])
    together = sum(median(seconds[name]) for name in others[:2])
    print(
        f"Two corpora of {size:,}, 384 dimensions, {PERMUTATIONS} permutations, medians of {rounds} alternating runs.\n"
    )
    print(table(["what", "seconds", "to semspace", "difference of the value"], rows))
    print(f"\nMMD and energy distance, straightforward, to semspace's: {together / own:.1f}×")


def _labels() -> list[str]:
    from benchmarks.labelled import READERS

    return [label for _, _, label in READERS["newsgroups"]()]


def warm_up() -> None:
    """Compile what is compiled on the first call, so that a run measures the work."""
    draw = np.random.default_rng(0)
    ours(*(draw.standard_normal((40, 8)).astype(np.float32) for _ in range(2)))


def ours(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    from semspace.comparison.distances.frechet import frechet_distance
    from semspace.two_sample.kernel_tests import KERNELS, sum_kernels

    of = np.repeat([0, 1], [len(a), len(b)])
    found = sum_kernels(np.concatenate([a, b]), of, seed=0, progress=False)
    tested = found.test([0], [1], permutations=PERMUTATIONS, resamples=499, seed=0)
    found.witness([0], [1])
    values = dict(zip(KERNELS, tested.values.tolist(), strict=True))
    return {**values, "frechet": frechet_distance(a, b), "p_value": tested.p_of_all}


def straightforward(a: np.ndarray, b: np.ndarray, kind: str) -> tuple[float, float]:
    """Compute the kernel of all pairs once, and index it anew for each permutation."""
    from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel

    from semspace.two_sample.kernel_tests import median_distance

    union = np.concatenate([a, b]).astype(np.float64)
    if kind == "rbf":
        kernel = rbf_kernel(union, gamma=1 / median_distance(np.concatenate([a, b]), 0))
    else:
        kernel = -euclidean_distances(union)
    np.fill_diagonal(kernel, 0)
    m, n = len(a), len(b)

    def value(order: np.ndarray) -> float:
        x, y = order[:m], order[m:]
        aa, bb, ab = kernel[np.ix_(x, x)].sum(), kernel[np.ix_(y, y)].sum(), kernel[np.ix_(x, y)].sum()
        return float(aa / (m * (m - 1)) + bb / (n * (n - 1)) - 2 * ab / (m * n))

    draw = np.random.default_rng(0)
    observed = value(np.arange(m + n))
    reached = sum(value(draw.permutation(m + n)) >= observed for _ in range(PERMUTATIONS))
    return observed, (1 + reached) / (1 + PERMUTATIONS)


def hyppo(name: str, a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    from hyppo import ksample

    x, y = a.astype(np.float64), b.astype(np.float64)
    found: Any = getattr(ksample, name)().test(x, y, reps=HYPPO, workers=2, auto=False, random_state=0)
    return float(found[0]), float(found[1])


def bures(a: np.ndarray, b: np.ndarray) -> tuple[float, None]:
    import ot

    x, y = a.astype(np.float64), b.astype(np.float64)
    little = 1e-12 * np.eye(x.shape[1])  # without it, rounding makes roots of negative numbers, and the answer NaN
    found = ot.gaussian.bures_wasserstein_distance(
        x.mean(axis=0), y.mean(axis=0), np.cov(x.T) + little, np.cov(y.T) + little
    )
    return float(found) ** 2, None


def vectors_of(rows: int) -> np.ndarray:
    """Return MiniLM's vectors of sentences; beyond 40,000, copies with noise, which are no near-duplicates."""
    if rows <= ENCODED:
        return np.asarray(wikipedia(ENCODED)[:rows])
    own = np.asarray(wikipedia(ENCODED)[:ENCODED])
    draw = np.random.default_rng(0)
    return np.concatenate([noisy(own, 0.6, draw) for _ in range(-(-rows // ENCODED))])[:rows]


def whole(size: int) -> None:
    """Compare two corpora of sentences once, in this process."""
    import semspace as ss
    from semspace.comparison.distances.estimate import two_sample_result
    from semspace.comparison.plan import build_samples
    from semspace.two_sample.kernel_tests import sum_kernels

    vectors, sentences = vectors_of(2 * size), texts(2 * size)
    warm_up()
    spaces = [
        ss.Space.from_vectors([str(row) for row in range(size)], vectors[part], {"text": sentences[part]})
        for part in (slice(0, size), slice(size, 2 * size))
    ]
    del vectors, sentences
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = perf_counter()
    samples = build_samples(
        spaces, by=None, bins=None, groups=None, names=None, encoder=None, spaces=None, long_texts="cut", progress=False
    )
    two_sample_result(
        samples,
        sum_kernels(samples.vectors, samples.corpus_ids, seed=0, progress=False),
        permutations=PERMUTATIONS,
        resamples=499,
        seed=0,
    )
    apart = perf_counter() - start
    start = perf_counter()
    ss.compare(*spaces, permutations=PERMUTATIONS, progress=False)
    found = {
        "distances": apart,
        "all": perf_counter() - start,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "before": before / 1e6,
    }
    print(json.dumps(found))
