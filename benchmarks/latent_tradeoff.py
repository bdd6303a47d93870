"""``python -m benchmarks latent_tradeoff``: bytes of a sentence against what is kept of its neighbours.

100,000 English Wikipedia sentences of 5 to 20 words, encoded by all-MiniLM-L6-v2; 500 other sentences as queries; the
STS Benchmark's test part. Chance plays a part in the k-means of product quantisation, and in the training of networks,
which `benchmarks.latent_models` repeats with several seeds.
"""

from __future__ import annotations

import argparse

import semspace as ss
from benchmarks.latent_data import SENTENCES, load
from benchmarks.measuring import data
from semspace.display import cell

MODEL = "all-MiniLM-L6-v2"
QUERIES = 500
PARTS_OF_DIM = (2, 4, 8, 16)  # of PCA and truncation
NETWORK_DIMS = (48, 24)


def main(options: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks latent_tradeoff")
    parser.add_argument("--n", type=int, default=SENTENCES)
    parser.add_argument("--epochs", type=int, default=6, help="of the networks")
    given = parser.parse_args(options or [])
    points, queries = load(most=given.n), load(held_out=True, most=QUERIES)
    space = ss.Space.from_vectors(range(len(points)), points, encoder=ss.Encoder.load(MODEL))
    task = ss.evaluation.STS.read(data("sts/stsb-test.tsv"), "STS-B test")
    found = ss.latent.tradeoff(space, ways(space.dim, given.epochs), queries=queries, evaluator=task)
    print(_markdown(found))
    print(f"\nKnee: {found.knee().way}; with rescoring {found.knee('rescored').way}.", flush=True)


def ways(dim: int, epochs: int | None) -> list[object]:
    """Return precisions, models of fewer dimensions, and both."""
    latent, chosen = ss.latent, {"epochs": epochs} if epochs else {}
    reduced = [trainer(dim // part) for trainer in (latent.PCA, latent.Truncation) for part in PARTS_OF_DIM]
    networks = [trainer(dim=n, **chosen) for trainer in (latent.Autoencoder, latent.VAE) for n in NETWORK_DIMS]
    both = [(latent.PCA(dim // part), "int8") for part in PARTS_OF_DIM[:2]]
    return ["float16", "int8", "binary", "product", *reduced, *both, *networks]


def _markdown(found: ss.latent.Tradeoff) -> str:
    headers, rows = found._shown()
    lines = [f"| {' | '.join(map(str, row))} |" for row in (headers, ["---"] * len(headers))]
    return "\n".join([*lines, *(f"| {' | '.join(cell(value, 60) for value in row)} |" for row in rows)])


if __name__ == "__main__":
    main()
