"""Latent models on sentence vectors: what 16 and 32 dimensions keep, by PCA, an autoencoder and a VAE; sparse features.

``python -m benchmarks.latent_models VECTORS.npy [--points N] [--seeds N] [--models pca,autoencoder,...]``: the last
20,000 vectors of a fixed permutation are for evaluation only. Times are CPU seconds.
"""

import argparse
import time
from dataclasses import replace

import numpy as np

import semspace as ss
from semspace import queries

QUERIES, K, TEST_POINTS = 1_000, 10, 20_000
TRAINERS = {
    "pca": ss.latent.PCA(),
    "autoencoder": ss.latent.Autoencoder(threads=1),
    "denoising": ss.latent.DenoisingAutoencoder(threads=1),
    "vae": ss.latent.VAE(threads=1),
}


def main(asked: list[str] | None = None) -> None:
    options = arguments(asked)
    vectors = np.load(options.vectors, mmap_mode="r")
    order = np.random.default_rng(0).permutation(len(vectors))
    training = np.array(vectors[order[: min(options.points, len(order) - TEST_POINTS)]])
    test = np.array(vectors[order[-TEST_POINTS:]])
    space = ss.Space.from_vectors(range(len(training)), training)
    neighbours = nearest(test)
    print(f"{len(training):,} vectors to train on, {len(test):,} others to evaluate on.\n")
    print("| model | dim | seed | variance kept | overlap@10 of codes | of reconstructions | epochs | CPU s |")
    print("|---|---|---|---|---|---|---|---|")
    for name in options.models.split(","):
        for dim in [int(dim) for dim in options.dims.split(",")]:
            for seed in range(1 if name in ("pca", "factors") else options.seeds):
                row = [name, str(dim), str(seed), *measured(name, dim, seed, space, test, neighbours, training)]
                print("| " + " | ".join(row) + " |", flush=True)


def arguments(asked: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latent_models", description=__doc__)
    parser.add_argument("vectors", help="a .npy of unit vectors, at least 30,000")
    parser.add_argument("--points", type=int, default=80_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dims", default="16,32")
    parser.add_argument("--models", default=",".join(TRAINERS))
    return parser.parse_args(asked)


def measured(name, dim, seed, space, test, neighbours, training):
    """Return the cells of a row: what one model keeps of vectors that it wasn't trained on."""
    trainer = replace(TRAINERS[name], dim=dim)
    start = time.process_time()
    if hasattr(trainer, "seed"):
        model = replace(trainer, seed=seed).train(space, progress=False)
    else:
        model = trainer.train(space)
    seconds = time.process_time() - start
    codes = model.encode(test)
    back = model.decode(codes)
    lost = np.square(test - back).sum() / np.square(test - training.mean(axis=0)).sum()
    overlaps = [overlap(nearest(some), neighbours) for some in (codes, back)]
    return [f"{1 - lost:.3f}", *(f"{value:.3f}" for value in overlaps), str(len(model.history)), f"{seconds:.0f}"]


def nearest(vectors):
    """Return the rows of the 10 nearest points, by cosine, of each of the first 1,000."""
    points = queries.unit(vectors, floor=queries.TINY)
    scores = points[:QUERIES] @ points.T
    scores[np.arange(QUERIES), np.arange(QUERIES)] = -np.inf
    return np.argpartition(-scores, K, axis=1)[:, :K]


def overlap(found, true):
    """Return the mean share of the true neighbours that are found."""
    return float(np.mean([len(set(a) & set(b)) / K for a, b in zip(found.tolist(), true.tolist(), strict=True)]))


if __name__ == "__main__":
    main()
