"""Generation: samples of a VAE and a GAN, judged beside a Gaussian and a mixture of Gaussians on points held out.

``python -m benchmarks latent_generation [--points N] [--seeds N] [--dim N]``: sentences of Wikipedia.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import semspace as ss
from benchmarks.latent_data import sentence_vectors

NUMBERS = ("precision", "recall", "density", "coverage", "mmd", "p_value", "copies")


def main(asked: list[str] | None = None) -> None:
    """Print a table: the mean over the seeds, and the largest difference from it where there are several."""
    options = arguments(asked)
    vectors = np.load(sentence_vectors(), mmap_mode="r")
    found: dict[str, list[list[float]]] = {}
    for seed in range(options.seeds):
        rows = np.sort(np.random.default_rng(seed).permutation(len(vectors))[: options.points])
        space = ss.Space.from_vectors(range(len(rows)), np.array(vectors[rows]))
        start = time.process_time()
        compared = ss.latent.compare_generators(space, generators(options, seed), seed=seed, progress=False)
        for name in compared:
            found.setdefault(name, []).append([getattr(compared[name], number) for number in NUMBERS])
        n_components = compared.models["Gaussian mixture"].n_components
        print(f"seed {seed}: {time.process_time() - start:.0f} s of CPU; {n_components} components", flush=True)
    print(f"\n{compared._told()}; mean of {options.seeds} seeds (largest difference from it)\n")
    print(f"| samples of | {' | '.join(NUMBERS)} |")
    print("|---|" + "---:|" * len(NUMBERS))
    for name, values in found.items():
        means = np.mean(values, axis=0)
        apart = np.abs(np.array(values) - means).max(axis=0)
        cells = [_cell(*one) for one in zip(NUMBERS, means, apart, strict=True)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _cell(name: str, mean: float, apart: float) -> str:
    digits = 5 if name == "mmd" else 3
    return f"{mean:.{digits}f} ({apart:.{digits}f})"


def generators(options: argparse.Namespace, seed: int) -> dict[str, ss.latent.LatentTrainer]:
    """Return the trainers that are compared with the baselines."""
    dim, shared = options.dim, {"dim": options.dim, "threads": 1, "seed": seed}
    shared |= {"epochs": options.epochs} if options.epochs else {}
    return {
        f"factor analysis {dim}": ss.latent.FactorAnalysis(dim, seed=seed),
        f"VAE {dim}": ss.latent.VAE(**shared),
        f"GAN {dim}": ss.latent.GAN(**shared),
    }


def arguments(asked: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks latent_generation", description=__doc__)
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dim", type=int, default=32)
    parser.add_argument("--epochs", type=int, help="of the networks; by default each one's own")
    return parser.parse_args(asked)


if __name__ == "__main__":
    main()
