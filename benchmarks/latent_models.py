"""Latent models on sentence vectors: what few dimensions, or few active features, keep, and how long training takes.

``python -m benchmarks latent_models [--points N] [--seeds N] [--dims 16,32] [--models pca,vae,...]``: trained on
100,000 sentences of Wikipedia, evaluated on 10,000 others. Times are CPU seconds of the training, in one thread.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np

import semspace as ss
from benchmarks.latent_data import HELD_OUT, SENTENCES, load
from semspace import queries

QUERIES, K = 1_000, 10
TRAINERS: dict[str, Any] = {
    "pca": ss.latent.PCA(),
    "factors": ss.latent.FactorAnalysis(),
    "autoencoder": ss.latent.Autoencoder(threads=1),
    "denoising": ss.latent.DenoisingAutoencoder(threads=1),
    "vae": ss.latent.VAE(threads=1),
    "gan": ss.latent.GAN(threads=1),
    "sparse": ss.latent.SparseAutoencoder(threads=1),
}
ONE_SEED = ("pca", "factors", "denoising", "gan", "sparse")  # without chance, or too slow for several
ONE_DIM = ("denoising", "gan", "factors")  # only of the last number of dimensions
Vectors = np.ndarray


def main(asked: list[str] | None = None) -> None:
    """Print a row for each model, number of dimensions and seed."""
    options = arguments(asked)
    training, test = load(most=options.points), load(held_out=True, most=options.test_points)
    space = ss.Space.from_vectors(range(len(training)), training)
    neighbours = nearest(test)
    print(f"{len(training):,} vectors to train on, {len(test):,} others to evaluate on.\n")
    print("| model | dim | seed | variance kept | overlap@10 of codes | of reconstructions | epochs | CPU s |")
    print("|---|---|---|---|---|---|---|---|")
    dims = [int(dim) for dim in options.dims.split(",")]
    for name in options.models.split(","):
        sparse = name == "sparse"
        for dim in [TRAINERS[name].dim] if sparse else dims[-1:] if name in ONE_DIM else dims:
            for seed in range(1 if name in ONE_SEED and not options.every_seed else options.seeds):
                trainer = _trainer(name, dim, seed, options.epochs)
                row = [name, str(dim), str(seed), *measured(trainer, space, test, neighbours)]
                print("| " + " | ".join(row) + " |", flush=True)


def _trainer(name: str, dim: int, seed: int, epochs: int | None) -> Any:
    trainer = replace(TRAINERS[name], dim=dim)
    chosen = {"seed": seed, "epochs": epochs or getattr(trainer, "epochs", None)}
    return replace(trainer, **{option: value for option, value in chosen.items() if hasattr(trainer, option)})


def arguments(asked: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latent_models", description=__doc__)
    parser.add_argument("--points", type=int, default=SENTENCES)
    parser.add_argument("--test-points", type=int, default=HELD_OUT)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--every-seed", action="store_true", help="also of the models that are trained once")
    parser.add_argument("--dims", default="16,32")
    parser.add_argument("--epochs", type=int, help="by default each model's own")
    parser.add_argument("--models", default=",".join(TRAINERS))
    return parser.parse_args(asked)


def measured(trainer: Any, space: ss.Space, test: Vectors, neighbours: Vectors) -> list[str]:
    """Return the cells of a row: what one model keeps of vectors that it wasn't trained on."""
    start = time.process_time()
    model = trainer.train(space, **({"progress": False} if hasattr(trainer, "epochs") else {}))
    seconds = time.process_time() - start
    codes = model.encode(test)
    back = model.decode(codes)
    lost = np.square(test - back).sum() / np.square(test - space.vectors.mean(axis=0)).sum()
    overlaps = [overlap(nearest(some), neighbours) for some in (codes, back)]
    return [f"{1 - lost:.3f}", *(f"{value:.3f}" for value in overlaps), str(len(model.history)), f"{seconds:.0f}"]


def nearest(vectors: Vectors) -> Vectors:
    """Return the rows of the 10 nearest points, by cosine, of each of the first 1,000."""
    points = queries.unit(vectors, floor=queries.TINY)
    scores = points[:QUERIES] @ points.T
    own = np.arange(len(scores))
    scores[own, own] = -np.inf
    return np.argpartition(-scores, K, axis=1)[:, :K]


def overlap(found: Vectors, true: Vectors) -> float:
    """Return the mean share of the true neighbours that are found."""
    return float(np.mean([len(set(a) & set(b)) / K for a, b in zip(found.tolist(), true.tolist(), strict=True)]))


if __name__ == "__main__":
    main()
