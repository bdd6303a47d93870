"""``python -m benchmarks [NAME [--OPTION ...] ...]``: run all benchmarks, or the named ones with their options."""

import importlib
import sys

from benchmarks import latent

NAMES = (
    "analogies", "associations", "calibrate", "choose_encoder", "cluster", "compare", "duplicates", "embed", "encode",
    "explain", "filters", "first_hour", "first_use", "honesty", "hubs", "hybrid", "index", "latent", "memory",
    "phrases", "queries", "scale", "static", "strangers", "tokenize", "train_encoder", "versions", "word2vec",
    "word_measures",
)  # fmt: skip
ALONE = tuple(f"latent_{part}" for part in latent.PARTS)  # by name only, since "latent" runs them


def main(asked: list[str]) -> int:
    if asked[:1] in (["--help"], ["-h"]):
        print(f"{__doc__}\n\nThere are {', '.join((*NAMES, *ALONE))}.")
        return 0
    runs: list[tuple[str, list[str]]] = []
    for word in asked:
        if word in (*NAMES, *ALONE):
            runs.append((word, []))
        elif runs and (runs[-1][1] or word.startswith("--")):
            runs[-1][1].append(word)
        else:
            print(f"no benchmark {word!r}; there are {', '.join((*NAMES, *ALONE))}", file=sys.stderr)
            return 2
    for name, options in runs or [(name, []) for name in NAMES]:
        sys.argv = [f"benchmarks {name}", *options]  # for those that read it where they aren't given options
        given = [options] if options or name in ALONE else []
        importlib.import_module(f"benchmarks.{name}").main(*given)
    return 0


sys.exit(main(sys.argv[1:]))
