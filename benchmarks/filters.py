"""Claim: a search among the points that a condition picks is faster than hnswlib's, however few it picks.

A column ``share`` of random whole numbers from 0 to 99 lies beside MiniLM's vectors of Wikipedia's sentences, so the
conditions pick 1, 10 and 50 % of the points, and which ones has nothing to do with where they lie. Peers: hnswlib with
a callback of Python (the quickest there is, a look into a list), hnswlib asked for more neighbours of which those that
aren't picked are thrown away, and faiss with a bitmap. Each gets the least parameters at which it finds 95 % of the ten
nearest that are picked. The peers' lists and bitmaps are made beforehand; semspace reads the condition in each call.

Options: ``--sizes 100k``, ``--data``, ``--rounds``, ``--quick``, ``--peers-only``, ``--fewer`` (one
peer: the callback).
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache as remembered
from typing import Any, ClassVar

import numpy as np

from benchmarks.contenders import NONE, Contender, Faiss, Hnswlib, Semspace, packages
from benchmarks.index import smallest
from benchmarks.measuring import alternate, machine, median, table
from benchmarks.vectors import KINDS, NEAREST, Vectors, nearest, numbers, recall, say

SHARES = (1, 10, 50)  # per cent
TARGET = 0.95
SINGLE = 100  # queries asked one in a call
SLACK = (1.0, 1.25, 1.5, 2.0, 3.0, 5.0)  # how many times k / share neighbours are asked for before throwing away
REFERENCE = "hnswlib, callback"


class Way:
    """A way to ask for the nearest among some."""

    name: ClassVar[str]
    levels: ClassVar[tuple[float, ...]] = (1.0,)
    most: ClassVar[int] = 5_120

    def __init__(self, one: Any, picked: np.ndarray, where: str) -> None:
        self.one, self.picked, self.where = one, picked, where

    def search(self, queries: np.ndarray, ef: int, level: float) -> np.ndarray:
        raise NotImplementedError

    def numbers(self, found: np.ndarray) -> np.ndarray:
        return np.asarray(found).astype(np.int64)


class Ours(Way):
    name = "semspace, where"

    def search(self, queries: np.ndarray, ef: int, level: float) -> np.ndarray:  # noqa: ARG002
        return self.one.search(queries, NEAREST, ef, where=self.where)

    def numbers(self, found: np.ndarray) -> np.ndarray:
        return self.one.numbers(found)


class OursByDefault(Ours):
    """Ours with its own parameters, as a user asks it."""

    name = "semspace, where, its own ef"
    most = NEAREST

    def search(self, queries: np.ndarray, ef: int, level: float) -> np.ndarray:  # noqa: ARG002
        return self.one.search(queries, NEAREST, None, where=self.where)


class Callback(Way):
    name = REFERENCE

    def __init__(self, one: Any, picked: np.ndarray, where: str) -> None:
        super().__init__(one, picked, where)
        self.allowed = picked.tolist().__getitem__

    def search(self, queries: np.ndarray, ef: int, level: float) -> np.ndarray:  # noqa: ARG002
        return self.one.search(queries, NEAREST, ef, allowed=self.allowed)


class ThrownAway(Way):
    """hnswlib asked for more than are wanted; `level` times as many as would do on the mean."""

    name = "hnswlib, more asked for"
    levels = SLACK

    def search(self, queries: np.ndarray, ef: int, level: float) -> np.ndarray:
        many = min(int(np.ceil(NEAREST * level / self.picked.mean())), len(self.picked))
        found = self.one.search(queries, many, max(ef, many)).astype(np.int64)
        kept = self.picked[found] & (found != NONE)
        first = np.argsort(~kept, axis=1, kind="stable")[:, :NEAREST]
        return np.where(np.take_along_axis(kept, first, 1), np.take_along_axis(found, first, 1), NONE)


class Bitmap(Way):
    name = "faiss HNSWFlat, bitmap"

    def __init__(self, one: Any, picked: np.ndarray, where: str) -> None:
        import faiss

        super().__init__(one, picked, where)
        self.bits = np.packbits(picked, bitorder="little")
        self.selector = faiss.IDSelectorBitmap(self.bits)

    def search(self, queries: np.ndarray, ef: int, level: float) -> np.ndarray:  # noqa: ARG002
        return self.one.search(queries, NEAREST, ef, selector=self.selector)


WAYS: dict[type[Contender], tuple[type[Way], ...]] = {
    Semspace: (Ours, OursByDefault),
    Hnswlib: (Callback, ThrownAway),
    Faiss: (Bitmap,),
}


@dataclass(frozen=True)
class Setting:
    """A way to ask with the parameters to use, and the recall they reach."""

    way: Way
    ef: int
    level: float
    recall: float

    def __str__(self) -> str:
        used = "" if isinstance(self.way, OursByDefault) else f", ef {self.ef}"
        more = f", {self.level:g} × k / share" if len(self.way.levels) > 1 else ""
        return ("" if self.recall >= TARGET else "not reached: ") + f"{self.recall:.4f}{used}{more}"

    def ask(self, queries: np.ndarray) -> np.ndarray:
        return self.way.search(queries, self.ef, self.level)

    def one_by_one(self, queries: np.ndarray) -> None:
        for query in queries[:SINGLE]:
            self.way.search(query[None], self.ef, self.level)


def main(words: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks filters")
    parser.add_argument("--sizes", type=numbers, default=numbers("100k"))
    parser.add_argument("--data", default="sentences", choices=KINDS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="for building; searches take one")
    parser.add_argument("--peers-only", action="store_true")
    parser.add_argument("--fewer", action="store_true", help="only ours and hnswlib's callback")
    parser.add_argument("--quick", action="store_true", help="20k vectors, two rounds")
    options = parser.parse_args(list(words))
    if options.quick:
        options.sizes, options.rounds = [20_000], 2
    print(
        f"\n## Searches with a condition\n\n{machine(*packages(WAYS))}; one thread, medians of {options.rounds} rounds"
    )
    for size in options.sizes:
        measure(KINDS[options.data](size), options)


def measure(vectors: Vectors, options: argparse.Namespace) -> None:
    shares = np.random.default_rng(4).integers(0, 100, len(vectors.base))
    if options.fewer:
        WAYS.pop(Faiss, None)
        WAYS[Hnswlib] = (Callback,)
    kinds = [kind for kind in WAYS if not (options.peers_only and kind is Semspace)]
    contenders = {kind: built(kind, vectors, shares, options.threads) for kind in kinds}
    print(f"\n### {vectors.name}: {len(vectors.base):,} vectors\n")
    headers = ["picked", "search", "recall@10", f"q/s (ratio to {REFERENCE})", "q/s, one query a call (ratio)"]
    rows = [row for share in SHARES for row in filtered(vectors, shares, share, contenders, options.rounds)]
    print(table(headers, rows), flush=True)


def built(kind: type[Contender], vectors: Vectors, shares: np.ndarray, threads: int) -> Contender:
    say(f"{vectors.name}, {len(vectors.base):,}: {kind.name} is being built")
    one = kind()
    if isinstance(one, Semspace):
        import polars as pl

        one.build(vectors.base, threads, pl.DataFrame({"share": shares}))
    else:
        one.build(vectors.base, threads)
    return one


def filtered(
    vectors: Vectors, shares: np.ndarray, share: int, contenders: dict[type[Contender], Contender], rounds: int
) -> Iterator[list[str]]:
    """Measure all ways to ask under one condition: a row for each."""
    picked = shares < share
    truth = np.flatnonzero(picked)[nearest(vectors.base[picked], vectors.queries)]
    settings = {}
    for kind, one in contenders.items():
        for way in WAYS[kind]:
            settings[way.name] = chosen(way(one, picked, f"share < {share}"), vectors.queries, truth)
            say(f"{share} %: {way.name}: {settings[way.name]}")
    batch = raced({name: lambda s=one: s.ask(vectors.queries) for name, one in settings.items()}, rounds)
    single = raced({name: lambda s=one: s.one_by_one(vectors.queries) for name, one in settings.items()}, rounds)
    for name, one in settings.items():
        speeds = (len(vectors.queries), batch), (SINGLE, single)
        cells = [f"{many / took[name]:,.0f} (**{took[REFERENCE] / took[name]:.2f}×**)" for many, took in speeds]
        yield [f"{share} %, {picked.sum():,}", name, str(one), *cells]


def raced(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    alternate(runs, 1)
    return {name: median(times) for name, times in alternate(runs, rounds)[0].items()}


def chosen(way: Way, queries: np.ndarray, truth: np.ndarray) -> Setting:
    """Find the parameters that reach the target soonest, or those that come nearest to it."""
    tried = [_least(way, level, queries, truth) for level in way.levels]
    reached = [setting for setting in tried if setting.recall >= TARGET]
    if not reached:
        return max(tried, key=lambda setting: setting.recall)
    times = alternate({str(i): lambda s=one: s.ask(queries) for i, one in enumerate(reached)}, 2)[0]
    return min(zip(reached, times.values(), strict=True), key=lambda pair: median(pair[1]))[0]


def _least(way: Way, level: float, queries: np.ndarray, truth: np.ndarray) -> Setting:
    @remembered
    def at(ef: int) -> float:
        return recall(way.numbers(way.search(queries, ef, level)), truth)

    ef = smallest(at, TARGET, most=way.most) or way.most
    return Setting(way, ef, level, at(ef))
