"""Maps of labelled documents by each method: the numbers of the quality card, and the time of a processor.

``python -m benchmarks latent_maps [--corpora bbc,newsgroups] [--points N]``: of more documents, a random sample.
"""

from __future__ import annotations

import argparse
import importlib.util
import time

import numpy as np

import semspace as ss
from benchmarks.labelled import documents

CORPORA = ("bbc", "newsgroups")
_MODULES = {"pca": "sklearn", "tsne": "sklearn", "umap": "umap", "pacmap": "pacmap"}
_NUMBERS = ("trustworthiness", "continuity", "overlap", "rank_correlation", "repeatability", "chance")


def main(asked: list[str] | None = None) -> None:
    """Print a row for each corpus and method."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks latent_maps", description=__doc__)
    parser.add_argument("--corpora", default=",".join(CORPORA))
    parser.add_argument("--points", type=int, default=5_000)
    options = parser.parse_args(asked)
    print("| corpus | method | library | " + " | ".join(_NUMBERS) + " | CPU s |")
    print("|---|---|---|" + "---:|" * (len(_NUMBERS) + 1))
    for name in options.corpora.split(","):
        every = documents(name)
        found = every.take(np.sort(np.random.default_rng(0).permutation(len(every))[: options.points]))
        space = ss.Space.from_vectors(found.ids, found.vectors)
        for method, module in _MODULES.items():
            if importlib.util.find_spec(module) is None:
                print(f"| {name} | {method} | not installed |" + " |" * (len(_NUMBERS) + 1))
                continue
            start = time.process_time()
            map = ss.project(space, method, progress=False)
            seconds = time.process_time() - start
            numbers = " | ".join(f"{getattr(map.quality, number):.3f}" for number in _NUMBERS)
            print(f"| {name} | {method} | {map.provenance['library']} | {numbers} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
