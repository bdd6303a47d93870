"""Maps of labelled documents by each method: the numbers of the quality card, and the time of a processor."""

import importlib.util
import time

import semspace as ss
from benchmarks.labelled import documents

CORPORA = ("bbc", "newsgroups")
_MODULES = {"pca": "sklearn", "tsne": "sklearn", "umap": "umap", "pacmap": "pacmap"}
_NUMBERS = ("trustworthiness", "continuity", "overlap", "rank_correlation", "repeatability", "chance")


def main() -> None:
    print("| corpus | method | library | " + " | ".join(_NUMBERS) + " | CPU s |")
    print("|---|---|---|" + "---:|" * (len(_NUMBERS) + 1))
    for name in CORPORA:
        found = documents(name)
        space = ss.Space.from_vectors(found.ids, found.vectors)
        for method, module in _MODULES.items():
            if importlib.util.find_spec(module) is None:
                print(f"| {name} | {method} | not installed |" + " |" * (len(_NUMBERS) + 1))
                continue
            start = time.process_time()
            map = ss.project(space, method)
            seconds = time.process_time() - start
            numbers = " | ".join(f"{getattr(map.quality, number):.3f}" for number in _NUMBERS)
            print(f"| {name} | {method} | {map.provenance['library']} | {numbers} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
