"""``python -m benchmarks latent_tradeoff``: bytes of a sentence against what is kept of its neighbours.

100,000 English Wikipedia sentences of 5 to 20 words, encoded by all-MiniLM-L6-v2; 500 other sentences as queries; the
STS Benchmark's test part. Chance plays a part in the k-means of product quantisation only.
"""

import argparse
import gzip
import json
import os
import random
import re
from pathlib import Path

import numpy as np

import semspace as ss
from semspace.display import cell

MODEL = "all-MiniLM-L6-v2"
SENTENCES, QUERIES = 100_000, 500


def main(options: list[str] | None = None) -> None:
    """Print the table; ``--vectors`` is a folder with ``wiki100k.npy`` and ``wiki_heldout.npy``, if there is one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=SENTENCES)
    parser.add_argument("--vectors", default="")
    given = parser.parse_args(options or [])
    data = Path(os.environ["SEMSPACE_DATA"])
    encoder = ss.Encoder.load(MODEL)
    points, queries = _vectors(encoder, data, given.n, given.vectors)
    space = ss.Space.from_vectors(range(len(points)), points, encoder=encoder)
    task = ss.evaluation.STS.read(data / "sts" / "stsb-test.tsv", "STS-B test")
    found = ss.latent.tradeoff(space, queries=queries, evaluator=task)
    print(_markdown(found))
    print(f"\nKnee: {found.knee().way}; with rescoring {found.knee('rescored').way}.", flush=True)


def _vectors(encoder: ss.Encoder, data: Path, n: int, folder: str) -> tuple[np.ndarray, np.ndarray]:
    if folder:
        return tuple(
            np.load(Path(folder) / f"{name}.npy")[:most] for name, most in (("wiki100k", n), ("wiki_heldout", QUERIES))
        )
    texts = _sentences(data / "wikipedia" / "wiki2015-AA.jsonl.gz", n + QUERIES)
    found = encoder.encode(texts)
    return found[:n], found[n:]


def _sentences(path: Path, most: int) -> list[str]:
    """Return different sentences of 5 to 20 words, in random order."""
    found: dict[str, None] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            for sentence in re.split(r"(?<=[.!?])\s+", json.loads(line)["text"].replace("\n", " ")):
                if 5 <= len(sentence.split()) <= 20 and sentence[0].isupper() and sentence.endswith("."):
                    found.setdefault(sentence)
            if len(found) >= most:
                break
    texts = list(found)[:most]
    random.Random(0).shuffle(texts)
    return texts


def _markdown(found: ss.latent.Tradeoff) -> str:
    headers, rows = found._shown()
    lines = [f"| {' | '.join(map(str, row))} |" for row in (headers, ["---"] * len(headers))]
    return "\n".join([*lines, *(f"| {' | '.join(cell(value, 60) for value in row)} |" for row in rows)])
