"""Calibration: how far probabilities of "same" can be believed on pairs of texts that were never seen.

``python -m benchmarks calibrate [--pairs N]``: fitted to STS Benchmark train (same: a grade of 4 or more), alone and
with a hundred pairs of the new texts; judged on Quora dev and MRPC test. A cosine read as a probability is the
baseline, and isotonic regression and Platt's scaling (scikit-learn) of the same hundred pairs are peers.
"""

import argparse
import csv
import hashlib
from pathlib import Path

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

import semspace as ss
from benchmarks.measuring import data, machine, table
from benchmarks.vectors import cache
from semspace.calibration.reliability import Reliability

MODEL, SAME, HUNDRED, DRAWS, BINS = "all-MiniLM-L6-v2", 4.0, 100, 20, 15
NEW = {"Quora dev": "paraphrase/quora-dev.tsv", "MRPC test": "paraphrase/mrpc-test.tsv"}
HEADERS = ["pairs of", "probabilities", "calibration error", "by chance alone", "beyond chance", "Brier"]


def main(asked: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks calibrate", description=__doc__)
    parser.add_argument("--pairs", type=int, default=10_000, help="of each set, at most")
    options = parser.parse_args(asked)
    print(machine("scikit-learn"))
    grades, pairs = read(data("sts/stsb-train.tsv"), options.pairs)
    base = calibration(pairs, np.array(grades) >= SAME)
    rows = []
    for name, file in NEW.items():
        labels, pairs = read(data(file), options.pairs)
        rows += [[name, *row] for row in judged(base, pairs, np.array(labels) == 1)]
    print(f"\nMean of {DRAWS} draws of the {HUNDRED} pairs.\n")
    print(table(HEADERS, rows))


def judged(base: ss.Calibration, pairs: list[tuple[str, str]], labels: np.ndarray) -> list[list[str]]:
    """Return a row for each way to probabilities, judged by the pairs that it wasn't fitted to."""
    scores = scores_of(pairs)
    ways: dict[str, list[Reliability]] = {}
    for draw in range(DRAWS):
        order = np.random.default_rng(draw).permutation(len(scores))
        new, rest = order[:HUNDRED], order[HUNDRED:]
        for name, said in probabilities(base, scores, labels, new, draw).items():
            ways.setdefault(name, []).append(Reliability.of(said[rest], labels[rest], BINS))
    numbers = ("error", "error_by_chance", "error_beyond_chance", "brier")
    return [
        [name, *(f"{np.mean([getattr(one, number) for one in found]):.3f}" for number in numbers)]
        for name, found in ways.items()
    ]


def probabilities(
    base: ss.Calibration, scores: np.ndarray, labels: np.ndarray, new: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Return what each way says of all pairs; `new` are those that it may be fitted to."""
    vectors = np.column_stack([scores, np.sqrt(1 - scores**2)])
    pairs = [(np.array([1.0, 0.0]), vectors[row]) for row in new]
    space = ss.Space.from_vectors(range(2), np.eye(2))
    fitted = {
        "STS and a hundred": space.calibrate(pairs, labels[new], base=base, seed=seed),
        "a hundred alone": space.calibrate(pairs, labels[new], seed=seed),
    }
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(scores[new], labels[new])
    platt = LogisticRegression(C=1e6).fit(scores[new, None], labels[new])
    return {
        "the cosine itself": scores.clip(0, 1),
        "STS alone": base.probability(scores),
        **{name: one.probability(scores) for name, one in fitted.items()},
        "scikit-learn: isotonic, a hundred": isotonic.predict(scores),
        "scikit-learn: Platt, a hundred": platt.predict_proba(scores[:, None])[:, 1],
    }


def calibration(pairs: list[tuple[str, str]], labels: np.ndarray) -> ss.Calibration:
    scores = scores_of(pairs)
    vectors = np.column_stack([scores, np.sqrt(1 - scores**2)])
    space = ss.Space.from_vectors(range(2), np.eye(2))
    return space.calibrate([(np.array([1.0, 0.0]), one) for one in vectors], labels)


def scores_of(pairs: list[tuple[str, str]]) -> np.ndarray:
    """Return the cosine of each pair, kept for the next time."""
    path = cache() / f"pairs-{hashlib.sha256(repr(pairs).encode()).hexdigest()[:16]}.npy"
    if not path.exists():
        encoder = ss.Encoder.load(MODEL)
        texts = sorted({text for pair in pairs for text in pair})
        vectors = dict(zip(texts, encoder.encode(texts, normalize_embeddings=True), strict=True))
        np.save(path, np.array([vectors[a] @ vectors[b] for a, b in pairs], np.float64).clip(-1, 1))
    return np.load(path)


def read(path: Path, most: int) -> tuple[list[float], list[tuple[str, str]]]:
    """Return label or grade of each pair, and its texts."""
    with path.open(encoding="utf-8") as file:
        rows = [row[:3] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)][1:]
    rows = [rows[place] for place in sorted(np.random.default_rng(0).permutation(len(rows))[:most])]
    return [float(row[0]) for row in rows], [(row[1], row[2]) for row in rows]


if __name__ == "__main__":
    main()
