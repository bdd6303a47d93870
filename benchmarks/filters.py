"""Claim: a search among the points that a condition picks finds what it promises, faster than any other way.

Points are picked in three manners: at random; clustered (those nearest to one of them); opposed to the queries (which
are the hundred nearest to one of them, and what is picked lies farthest from it). Conditions pick 50, 10, 1, 0.1 and
0.01 %. semspace is asked as a user asks it, with its own parameters, and its recall is held against the 95 % asked for.
The peers get the least parameters at which they find as much: hnswlib with a callback of Python (the quickest there is,
a look into a list); hnswlib asked for more neighbours, and for more still where too few are picked; faiss with a
bitmap; a walk of two hops as ACORN-1 makes it, compiled, over faiss' graph; and all that are picked compared by numpy.
Their lists, bitmaps and copies of the picked vectors are made beforehand; semspace reads the condition.

Queries of a slow way are fewer, so that no run takes long; speeds are queries a second.

Options: ``--sizes 100k``, ``--data``, ``--vectors FILE`` (unit vectors, .npy; the first 2,000 are asked with),
``--shares 50,10,1,0.1,0.01``, ``--picks random,clustered,opposed``, ``--rounds``, ``--threads``, ``--quick``,
``--fewer`` (one peer: the callback).
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache as remembered
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar

import numpy as np

from benchmarks.acorn import lowest_layer, two_hops
from benchmarks.contenders import NONE, Contender, Faiss, Hnswlib, Semspace, packages
from benchmarks.index import smallest
from benchmarks.measuring import alternate, machine, median, table
from benchmarks.vectors import HELD_OUT, KINDS, NEAREST, Vectors, nearest, number, numbers, recall, say, unit

TARGET = 0.95
ASKED, AGAINST, FEWEST, SINGLE = 400, 100, 20, 50  # queries: in all, opposed, of a slow way at least, one in a call
SECONDS = 0.25  # that a run of a way takes at most, if it has more than `FEWEST` queries
PICKS = ("random", "clustered", "opposed")
SHARES = (50.0, 10.0, 1.0, 0.1, 0.01)  # per cent
REFERENCE = "hnswlib, callback"
OURS = "semspace, where"


class Way:
    """A way to ask for the nearest among some."""

    name: ClassVar[str]
    kind: ClassVar[type[Contender]]
    tuned: ClassVar[bool] = True

    def __init__(self, one: Any, base: np.ndarray, picked: np.ndarray, where: str) -> None:
        self.one, self.base, self.picked, self.where = one, base, picked, where

    def search(self, queries: np.ndarray, ef: int) -> np.ndarray:
        raise NotImplementedError

    def numbers(self, found: np.ndarray) -> np.ndarray:
        return np.asarray(found).astype(np.int64)


class Ours(Way):
    name, kind, tuned = OURS, Semspace, False

    def search(self, queries: np.ndarray, ef: int) -> np.ndarray:  # noqa: ARG002
        return self.one.search(queries, NEAREST, None, where=self.where)

    def numbers(self, found: np.ndarray) -> np.ndarray:
        found = self.one.numbers(found)
        return np.pad(found, ((0, 0), (0, NEAREST - found.shape[1])), constant_values=NONE)


class Callback(Way):
    name, kind = REFERENCE, Hnswlib

    def __init__(self, one: Any, base: np.ndarray, picked: np.ndarray, where: str) -> None:
        super().__init__(one, base, picked, where)
        self.allowed = picked.tolist().__getitem__

    def search(self, queries: np.ndarray, ef: int) -> np.ndarray:
        return self.one.search(queries, NEAREST, ef, allowed=self.allowed)


class PostFilter(Way):
    """hnswlib asked for as many as hold the wanted on the mean, and for four times more where they don't."""

    name, kind = "hnswlib, post-filter", Hnswlib

    def search(self, queries: np.ndarray, ef: int) -> np.ndarray:
        found = np.full((len(queries), NEAREST), NONE)
        rest, many = np.arange(len(queries)), int(np.ceil(ef / self.picked.mean()))
        wanted = min(NEAREST, int(self.picked.sum()))
        while len(rest):
            many = min(many, len(self.picked))
            near = self.one.search(queries[rest], many, many).astype(np.int64)
            kept = self.picked[near] & (near != NONE)
            first = np.argsort(~kept, axis=1, kind="stable")[:, :NEAREST]
            own = np.where(np.take_along_axis(kept, first, 1), np.take_along_axis(near, first, 1), NONE)
            found[rest, : own.shape[1]] = own
            rest = rest[kept.sum(axis=1) < wanted] if many < len(self.picked) else rest[:0]
            many *= 4
        return found


class Bitmap(Way):
    name, kind = "faiss, bitmap", Faiss

    def __init__(self, one: Any, base: np.ndarray, picked: np.ndarray, where: str) -> None:
        import faiss

        super().__init__(one, base, picked, where)
        self.bits = np.packbits(picked, bitorder="little")
        self.selector = faiss.IDSelectorBitmap(self.bits)

    def search(self, queries: np.ndarray, ef: int) -> np.ndarray:
        return self.one.search(queries, NEAREST, ef, selector=self.selector)


class TwoHops(Way):
    name, kind = "two hops (ACORN-1)", Faiss

    def __init__(self, one: Any, base: np.ndarray, picked: np.ndarray, where: str) -> None:
        super().__init__(one, base, picked, where)
        self.links = _links(one)
        rows = np.flatnonzero(picked)
        self.starts = np.random.default_rng(5).permutation(rows)[:32]

    def search(self, queries: np.ndarray, ef: int) -> np.ndarray:
        return two_hops(queries, self.base, self.links, self.picked, self.starts, NEAREST, ef)


class Survivors(Way):
    """All that are picked, one behind the other, by numpy."""

    name, kind, tuned = "numpy, exact", Faiss, False

    def __init__(self, one: Any, base: np.ndarray, picked: np.ndarray, where: str) -> None:
        super().__init__(one, base, picked, where)
        self.rows = np.flatnonzero(picked)
        self.among = np.ascontiguousarray(base[self.rows])

    def search(self, queries: np.ndarray, ef: int) -> np.ndarray:  # noqa: ARG002
        return self.rows[nearest(self.among, queries, min(NEAREST, len(self.rows)))]


WAYS: tuple[type[Way], ...] = (Ours, Callback, PostFilter, Bitmap, TwoHops, Survivors)


@remembered
def _links(one: Faiss) -> np.ndarray:
    return lowest_layer(one.index)


@dataclass(frozen=True)
class Setting:
    """A way to ask with the parameters to use, the recall they reach, and the queries to measure it with."""

    way: Way
    ef: int
    recall: float
    queries: np.ndarray

    def ask(self) -> np.ndarray:
        return self.way.search(self.queries, self.ef)

    def one_by_one(self) -> None:
        for query in self.queries[: self.single]:
            self.way.search(query[None], self.ef)

    @property
    def single(self) -> int:
        return min(SINGLE, len(self.queries))


@dataclass(frozen=True)
class Pick:
    """A column whose value is a point's place in an order, and the queries that are asked with it."""

    name: str
    order: np.ndarray  # place of each point
    queries: np.ndarray


def main(words: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks filters")
    parser.add_argument("--sizes", type=numbers, default=numbers("100k"))
    parser.add_argument("--data", default="sentences", choices=KINDS)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--shares", type=lambda text: [float(part) for part in text.split(",")], default=list(SHARES))
    parser.add_argument("--picks", type=lambda text: text.split(","), default=list(PICKS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="for building; searches take one")
    parser.add_argument("--fewer", action="store_true", help="only ours and hnswlib's callback")
    parser.add_argument("--quick", action="store_true", help="20k vectors, one round")
    options = parser.parse_args(list(words))
    if options.quick:
        options.sizes, options.rounds = [number("20k")], 1
    used = packages(dict.fromkeys(way.kind for way in WAYS))
    print(f"\n## Searches with a condition\n\n{machine(*used)}; one thread, medians of {options.rounds} rounds")
    for size in options.sizes:
        measure(of_file(options.vectors, size) if options.vectors else KINDS[options.data](size), options)


def of_file(path: Path, size: int) -> Vectors:
    every = np.load(path, mmap_mode="r")[: size + HELD_OUT]
    return Vectors(path.stem, *(unit(np.asarray(part, np.float32)) for part in (every[HELD_OUT:], every[:HELD_OUT])),
                   later=np.empty((0, every.shape[1]), np.float32))  # fmt: skip


def picks(vectors: Vectors, names: Sequence[str]) -> list[Pick]:
    rng = np.random.default_rng(4)
    base, held_out = vectors.base, vectors.held_out
    center, aim = base[rng.integers(len(base))], held_out[rng.integers(len(held_out))]
    against = held_out[np.argsort(-(held_out @ aim))[:AGAINST]]
    every = [
        Pick("random", rng.permutation(len(base)), held_out[:ASKED]),
        Pick("clustered", _places(-(base @ center)), held_out[:ASKED]),
        Pick("opposed", _places(base @ aim), against),
    ]
    return [pick for pick in every if pick.name in names]


def _places(values: np.ndarray) -> np.ndarray:
    places = np.empty(len(values), np.int64)
    places[np.argsort(values, kind="stable")] = np.arange(len(values))
    return places


def measure(vectors: Vectors, options: argparse.Namespace) -> None:
    columns = picks(vectors, options.picks)
    ways = WAYS[:2] if options.fewer else WAYS
    contenders = {
        kind: built(kind, vectors, columns, options.threads) for kind in dict.fromkeys(way.kind for way in ways)
    }
    print(f"\n### {vectors.name}: {len(vectors.base):,} vectors\n")
    rows, ahead = [], []
    for pick in columns:
        for share in options.shares:
            more, line = filtered(vectors, pick, share, ways, contenders, options.rounds)
            rows += more
            ahead.append(line)
    headers = ["picked", "search", "recall@10, ef", f"q/s (ratio to {REFERENCE})", "q/s, one query a call (ratio)"]
    print(table(headers, rows))
    headers = ["picked", "recall", "ratio to the callback", "to the best other way", "the same, one query a call"]
    print(f"\nIn short, semspace with the parameters it has by itself, {TARGET} asked for:\n\n{table(headers, ahead)}")


def built(kind: type[Contender], vectors: Vectors, columns: Sequence[Pick], threads: int) -> Contender:
    say(f"{vectors.name}, {len(vectors.base):,}: {kind.name} is being built")
    one = kind()
    if isinstance(one, Semspace):
        import polars as pl

        one.build(vectors.base, threads, pl.DataFrame({pick.name: pick.order for pick in columns}))
    else:
        one.build(vectors.base, threads)
    return one


def filtered(
    vectors: Vectors, pick: Pick, share: float, ways: Sequence[type[Way]], contenders: dict[type[Contender], Contender],
    rounds: int,
) -> tuple[list[list[str]], list[str]]:  # fmt: skip
    """Measure all ways to ask under one condition: a row for each, and a row that compares ours."""
    many = max(round(len(vectors.base) * share / 100), 1)
    picked = pick.order < many
    near = nearest(vectors.base[picked], pick.queries, min(NEAREST, many))
    truth = np.flatnonzero(picked)[near]
    settings = {}
    for kind in ways:
        way = kind(contenders[kind.kind], vectors.base, picked, f"{pick.name} < {many}")
        settings[way.name] = chosen(way, pick.queries, truth)
        say(f"{pick.name}, {share:g} %: {way.name}: recall {settings[way.name].recall:.4f}, ef {settings[way.name].ef}")
    batch = raced({name: one.ask for name, one in settings.items()}, rounds)
    single = raced({name: one.one_by_one for name, one in settings.items()}, rounds)
    speeds = [
        {name: count(settings[name]) / took[name] for name in settings}
        for count, took in ((lambda one: len(one.queries), batch), (lambda one: one.single, single))
    ]
    title = f"{pick.name}, {share:g} %, {many:,}"
    return [*_rows(title, settings, speeds)], _ahead(title, settings, speeds)


def _rows(title: str, settings: dict[str, Setting], speeds: list[dict[str, float]]) -> Iterator[list[str]]:
    for name, one in settings.items():
        cells = [f"{speed[name]:,.0f} (**{speed[name] / speed[REFERENCE]:.2f}×**)" for speed in speeds]
        missed = "" if one.recall >= TARGET else "not reached: "
        yield [title, name, f"{missed}{one.recall:.4f}{f', {one.ef}' if one.way.tuned else ''}", *cells]


def _ahead(title: str, settings: dict[str, Setting], speeds: list[dict[str, float]]) -> list[str]:
    cells = []
    for speed in speeds:
        rivals = {name: speed[name] for name, one in settings.items() if name != OURS and one.recall >= TARGET}
        best = max(rivals, key=rivals.__getitem__, default="none reached it")
        cells.append(f"**{speed[OURS] / rivals[best]:.2f}×** {best}" if rivals else best)
    return [title, f"{settings[OURS].recall:.4f}", f"{speeds[0][OURS] / speeds[0][REFERENCE]:.1f}×", *cells]


def raced(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    return {name: median(times) for name, times in alternate(runs, rounds)[0].items()}


def chosen(way: Way, queries: np.ndarray, truth: np.ndarray) -> Setting:
    """Find the least ef that reaches the target, with as many queries as don't take long."""
    way.search(queries[:2], NEAREST)  # what is compiled or computed once
    start = perf_counter()
    way.search(queries[:FEWEST], NEAREST)
    some = int(np.clip(FEWEST * SECONDS / (perf_counter() - start), FEWEST, len(queries)))
    if not way.tuned:
        return Setting(way, NEAREST, recall(way.numbers(way.search(queries, NEAREST)), truth), queries[:some])

    @remembered
    def at(ef: int) -> float:
        return recall(way.numbers(way.search(queries[:some], ef)), truth[:some])

    most = 1_280 if some > FEWEST else 160
    ef = smallest(at, TARGET, most=most) or most
    return Setting(way, ef, at(ef), queries[:some])
