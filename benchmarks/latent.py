"""``python -m benchmarks latent``: what the latent lab is worth, part by part, each a Markdown table.

Options: ``--parts models,generation`` (all but ``text`` by default), ``--quick`` (small data, to see that a part runs)
and ``--seeds 3``. A part that fails is reported, and the others run.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from collections.abc import Callable

Options = list[str]


def _seeds(*quick: str, whole: Options | None = None) -> Callable[[int, bool], Options]:
    """Return what makes the options of a part that takes ``--seeds``."""
    return lambda seeds, is_quick: ["--seeds", str(seeds), *(quick if is_quick else whole or [])]


def _fixed(*quick: str) -> Callable[[int, bool], Options]:
    """Return what makes the options of a part in which chance plays none, or its own, part."""
    return lambda _, is_quick: list(quick) if is_quick else []


# Part → its options for so many seeds, whole or quick. The module is benchmarks/latent_<part>.py.
PARTS: dict[str, Callable[[int, bool], Options]] = {
    "models": _seeds("--points", "1000", "--test-points", "1000", "--epochs", "2", "--dims", "16"),
    "generation": _seeds("--points", "1500", "--epochs", "2"),
    "tradeoff": _fixed("--n", "2000", "--epochs", "1"),
    "bridge": _seeds("--pairs", "300", "--documents", "500", "--trained", "300", "--queries", "100"),
    "outliers": _seeds("--methods", "lof,knn,rank_average", "--tasks", "rare"),
    "maps": _fixed("--points", "300", "--corpora", "bbc"),
    "recommend": _seeds("--histories", "2"),
    "names": _seeds("--quick"),
    "text": _fixed("--quick"),
}
BY_NAME_ONLY = ("text",)  # its training takes up to an hour


def main(asked: list[str] | None = None) -> None:
    """Run the parts that are asked for, and stop with an error at the end if one failed."""
    options = arguments(asked)
    failed = []
    for part in options.parts:
        start = time.perf_counter(), time.process_time()
        print(f"\n# {part}\n", flush=True)
        try:
            module = importlib.import_module(f"benchmarks.latent_{part}")
            module.main(PARTS[part](1 if options.quick else options.seeds, options.quick))
        except (Exception, SystemExit):  # a part that stops, whatever for, hides no other
            failed.append(part)
            traceback.print_exc()
        seconds = time.perf_counter() - start[0], time.process_time() - start[1]
        print(f"\n{part}: {seconds[0]:.0f} s, {seconds[1]:.0f} s of CPU", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def arguments(asked: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks latent", description=__doc__)
    parser.add_argument(
        "--parts",
        type=_parts,
        default=[part for part in PARTS if part not in BY_NAME_ONLY],
        help=f"of {', '.join(PARTS)}",
    )
    parser.add_argument("--quick", action="store_true", help="small data and one seed")
    parser.add_argument("--seeds", type=int, default=3)
    return parser.parse_args(asked)


def _parts(text: str) -> list[str]:
    chosen = text.split(",")
    unknown = [part for part in chosen if part not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    return chosen


if __name__ == "__main__":
    main()
