"""``python -m benchmarks [NAME ...]``: run all benchmarks, or the named ones."""

import importlib
import sys

NAMES = ("analogies", "embed", "encode", "phrases", "tokenize", "word2vec")


def main(asked: list[str]) -> int:
    unknown = [name for name in asked if name not in NAMES]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in asked or NAMES:
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


sys.exit(main(sys.argv[1:]))
