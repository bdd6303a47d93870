"""Claim: groups nearer to those of people than BERTopic's, in less time, and without being told how many.

Documents that people sorted: BBC's news, and posts to twenty newsgroups of which only the body is left, without quotes
and signatures. Everybody gets the same vectors, MiniLM's, and works with its defaults; BERTopic's UMAP draws other
numbers each time. Three parts:

- quality: what everybody finds, and what semspace and BERTopic find again where the same documents come in another
  order. NMI counts outliers as a group of their own. BERTopic counts them among ``nr_topics``, so that k + 1 of these
  are k groups; its stop words stay by default, so there is a row without them. Coherence (NPMI over whole documents)
  and diversity are of each group's first ten words, one table of words for all: what isn't in it isn't counted. In
  semspace's lists phrases are passed over, and the next best words take their places.
- speed: the last of the data, each run in a process of its own, in turn. The peak of memory is the process's; what it
  took before the run, with the libraries and the documents, stands beside.
- growth: semspace alone on more and more vectors, without texts, each number in a process of its own. The vectors are
  those of Wikipedia's sentences where ``wiki1m.npy`` is in the cache, and otherwise the newsgroups'; where there are
  fewer than asked for, copies with noise follow.

Options: ``--parts quality,speed,growth``, ``--data bbc,newsgroups``, ``--rounds``, ``--sizes 10k,30k,100k,300k,1M``,
``--without "Top2Vec,semspace (ward)"``, ``--quick``.
"""

import argparse
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from benchmarks.cluster_peers import CONTENDERS, OTHERWISE, OURS, REFERENCE, TOP2VEC, Grouping
from benchmarks.labelled import READERS, Documents, documents
from benchmarks.measuring import machine, median, table
from benchmarks.vectors import cache, noisy, numbers, say, unit
from semspace.clusters.document_terms import DocumentTerms
from semspace.clusters.keywords import coherence, diversity

PARTS = ("quality", "speed", "growth")
PACKAGES = ("bertopic", "top2vec", "umap-learn", "hdbscan", "scikit-learn", "networkit", "numba")
TOP = 10  # words of each group
WARM = 6_000  # documents grouped before it counts: more than UMAP (4,096) and semspace (5,000) compare all with all
NOISE = 0.3  # of a copied vector, as a share of its length: cosine 0.96 to it
_PIECE = 50_000


@dataclass(frozen=True)
class Measured:
    """What one contender found, and how long it took."""

    name: str
    found: Grouping
    seconds: float


def main(words: Sequence[str] = ()) -> None:
    options = read_options(words)
    print(f"\n## Groups of documents\n\n{machine(*PACKAGES)}", flush=True)
    for part in options.parts:
        {"quality": quality, "speed": speed, "growth": growth}[part](options)


def read_options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks cluster")
    parser.add_argument("--parts", type=names_of(PARTS), default=PARTS, help=f"of {', '.join(PARTS)}")
    parser.add_argument("--data", type=names_of(READERS), default=tuple(READERS), help=f"of {', '.join(READERS)}")
    parser.add_argument("--rounds", type=int, default=3, help="runs whose median is the speed")
    parser.add_argument("--sizes", type=numbers, default=numbers("10k,30k,100k,300k,1M"))
    parser.add_argument("--without", type=names_of(CONTENDERS), default=(), help=f"of {', '.join(CONTENDERS)}")
    parser.add_argument("--quick", action="store_true", help="BBC's news, one round, 10k vectors")
    options = parser.parse_args(list(words))
    if options.quick:
        options.data, options.rounds, options.sizes = ("bbc",), 1, [10_000]
    return options


def names_of(known: Sequence[str] | dict[str, Any]) -> Callable[[str], list[str]]:
    """Return a reader of names with commas between."""

    def read(text: str) -> list[str]:
        names = text.split(",")
        if strange := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"no {min(strange)!r}; there are {', '.join(known)}")
        return names

    return read


# -- quality ------------------------------------------------------------------------------------------------------


def quality(options: argparse.Namespace) -> None:
    every = [documents(name) for name in options.data]
    names = [name for name in CONTENDERS if name not in options.without]
    warmed([name for name in (OURS, REFERENCE, TOP2VEC) if name in names], max(every, key=len))
    for one in every:
        words = words_of(one.texts)
        measured, failed = tried(names, one)
        print(f"\n### {one.name}: {len(one):,} documents, {one.k} groups\n")
        headers = ["", "groups", "factor off", "NMI", "NMI without outliers", "ARI", "outliers", "seconds"]
        headers += [f"share of {REFERENCE}'s time", "coherence", "diversity"]
        print(table(headers, [row(each, one, words, seconds_of(measured, REFERENCE)) for each in measured]))
        for note in [*failed, *(short(each, words) for each in measured)]:
            print(note, end="")
        found_again([each for each in measured if each.name in (OURS, REFERENCE)], one)


def warmed(names: Sequence[str], one: Documents) -> None:
    """Load and compile what has to be."""
    for name in names:
        say(f"{name} is being warmed up on {min(WARM, len(one)):,} documents")
        tried([name], first(one))


def first(one: Documents) -> Documents:
    """Return some documents, any."""
    return one.take(np.random.default_rng(1).permutation(len(one))[:WARM])


def tried(names: Sequence[str], one: Documents) -> tuple[list[Measured], list[str]]:
    """Run contenders; give what they found, and what is to be said of those that failed."""
    measured, failed = [], []
    for name in names:
        say(f"{one.name}: {name} groups {len(one):,} documents")
        begun = perf_counter()
        try:
            found = CONTENDERS[name](one)
        except Exception as problem:  # whatever a peer raises, the others are to be measured
            if name.startswith(OURS):
                raise
            failed.append(f"\n{name} failed: {type(problem).__name__}: {problem}\n")
        else:
            measured.append(Measured(name, found, perf_counter() - begun))
    return measured, failed


def words_of(texts: list[str]) -> DocumentTerms:
    """Return which single words each text holds: the one table that everybody's words are measured on."""
    counted = CountVectorizer(binary=True, dtype=np.float32)
    holds = counted.fit_transform(texts)
    words = tuple(counted.get_feature_names_out().tolist())
    return DocumentTerms(words, holds, np.zeros(len(words), bool))


def best(found: Grouping, words: DocumentTerms) -> list[list[str]]:
    """Return the first ten of each group's words that the table has."""
    every = found.words() if found.words is not None else []
    return [[word for word in own if word in words.columns][:TOP] for own in every]


def row(one: Measured, documents: Documents, words: DocumentTerms, reference: float) -> list[str]:
    found, told = one.found, best(one.found, words)
    inside = found.labels >= 0
    outliers = 1 - inside.mean()
    return [
        one.name,
        str(found.k),
        f"{max(found.k / documents.k, documents.k / max(1, found.k)):.2f}",
        f"**{normalized_mutual_info_score(documents.labels, found.labels):.3f}**",
        f"{normalized_mutual_info_score(documents.labels[inside], found.labels[inside]):.3f}" if outliers else "–",
        f"{adjusted_rand_score(documents.labels, found.labels):.3f}",
        f"{outliers:.1%}" if outliers else "–",
        f"{one.seconds:,.1f}",
        f"{one.seconds / reference:.3f}",
        f"{np.nanmean(coherence(words, told)):.3f}" if told else "–",
        f"{diversity(told):.3f}" if told else "–",
    ]


def seconds_of(every: Sequence[Measured], name: str) -> float:
    return next((one.seconds for one in every if one.name == name), math.nan)


def short(one: Measured, words: DocumentTerms) -> str:
    """Return a note on how many groups had fewer than ten words to measure."""
    few = sum(len(own) < TOP for own in best(one.found, words))
    if not few:
        return ""
    return f"\n{one.name}: {few} groups have fewer than {TOP} words in the table; those they have are measured.\n"


def found_again(every: Sequence[Measured], one: Documents) -> None:
    """Group the same documents in another order, and compare."""
    order = np.random.default_rng(2).permutation(len(one))
    rows = []
    for before in every:
        measured, failed = tried([before.name], one.take(order))
        print(*failed, end="")
        for after in measured:
            labels = np.empty_like(after.found.labels)
            labels[order] = after.found.labels
            scores = [normalized_mutual_info_score(one.labels, each) for each in (before.found.labels, labels)]
            same = adjusted_rand_score(before.found.labels, labels)
            rows.append([before.name, f"**{same:.3f}**", *(f"{score:.3f}" for score in scores)])
            rows[-1] += [str(before.found.k), str(after.found.k)]
    headers = ["", "ARI between two runs", "NMI", "NMI, shuffled", "groups", "groups, shuffled"]
    print(f"\n{one.name}, the same documents in another order:\n\n{table(headers, rows)}", flush=True)


# -- speed, each run in a process of its own ----------------------------------------------------------------------


def speed(options: argparse.Namespace) -> None:
    data = options.data[-1]
    names = [name for name in (OURS, REFERENCE) if name not in options.without]
    one = documents(data)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            say(f"{data}: a process runs {name}")
            runs[name].append(in_process("speed", name=name, data=data))
    reference = {
        what: median([run[what] for run in runs.get(REFERENCE, [])] or [math.nan])
        for what in ("first", "seconds", "again")
    }
    print(f"\n### Speed: {data}, {len(one):,} documents, keywords included; medians of {options.rounds} processes\n")
    headers = [
        "",
        "first call of a process, s",
        f"faster than {REFERENCE}",
        "second call, s",
        f"faster than {REFERENCE}",
        "with other parameters, s",
        f"faster than {REFERENCE}",
        "NMI, from … to",
        "groups",
        "peak of memory",
        "before the run",
    ]
    print(table(headers, [speed_row(name, every, reference) for name, every in runs.items()]), flush=True)


def speed_row(name: str, runs: list[dict[str, float]], reference: dict[str, float]) -> list[str]:
    def middle(what: str) -> float:
        return median([run[what] for run in runs])

    scores, groups = [run["nmi"] for run in runs], sorted({int(run["groups"]) for run in runs})
    return [
        name,
        f"{middle('first'):,.1f}",
        f"**{reference['first'] / middle('first'):.1f}×**",
        f"{middle('seconds'):,.1f}",
        f"**{reference['seconds'] / middle('seconds'):.1f}×**",
        f"{middle('again'):,.1f}",
        f"**{reference['again'] / middle('again'):.1f}×**",
        f"{min(scores):.3f}–{max(scores):.3f}",
        ", ".join(map(str, groups)),
        f"{middle('peak'):,.0f} MB",
        f"{middle('before'):,.0f} MB",
    ]


def in_process(part: str, **what: Any) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.cluster", json.dumps({"part": part, **what})]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(said.strip().split("\n")[-1])


def child(part: str, **what: Any) -> None:
    """Measure in this process, and print what came of it."""
    print(json.dumps({"speed": one_speed, "growth": one_size}[part](**what)))


def one_speed(name: str, data: str) -> dict[str, float]:
    """Group three times: as somebody's script does, libraries loaded and compiled in passing, and once more.

    Then with other parameters, where semspace gets the space that it had before, as one who tries some does; BERTopic
    keeps nothing between calls.
    """
    one = documents(data)
    before = memory("VmRSS")
    begun = perf_counter()
    CONTENDERS[name](one)
    at_first = perf_counter() - begun
    begun = perf_counter()
    found = CONTENDERS[name](one)
    seconds = perf_counter() - begun
    nmi = float(normalized_mutual_info_score(one.labels, found.labels))
    peak, again = memory("VmHWM"), OTHERWISE[name](one)
    return {
        "first": at_first, "seconds": seconds, "again": again, "before": before, "peak": peak, "nmi": nmi,
        "groups": found.k,
    }  # fmt: skip


def memory(what: str) -> float:
    """Return the megabytes that this process has in memory, ``VmRSS``, or had at most, ``VmHWM``."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(rf"{what}:\s+(\d+)", status)[0]) / 1024


# -- growth -------------------------------------------------------------------------------------------------------


def growth(options: argparse.Namespace) -> None:
    sizes = sorted(options.sizes)
    runs = []
    for size in sizes:
        path = enough(size)
        say(f"a process groups {size:,} vectors")
        runs.append(in_process("growth", path=str(path), size=size))
    real = source()
    print(f"\n### Growth: semspace, vectors of {real.stem}, without texts\n")
    powers = [math.nan, *(power(*pair) for pair in pairwise(zip(sizes, runs, strict=True)))]
    headers = [
        "vectors",
        "seconds",
        "as a power of the number",
        "groups",
        "peak of memory",
        "before the run",
        "vectors alone",
    ]
    print(table(headers, [growth_row(*each) for each in zip(sizes, runs, powers, strict=True)]))
    there = len(np.load(real, mmap_mode="r"))
    if sizes[-1] > there:
        print(f"\nFrom {there:,} vectors on, copies of them follow, with noise of {NOISE} of their length.")


def growth_row(size: int, run: dict[str, float], power: float) -> list[str]:
    megabytes = [f"{run[what]:,.0f} MB" for what in ("peak", "before", "vectors")]
    grown = "–" if math.isnan(power) else f"{power:.2f}"
    return [f"{size:,}", f"{run['seconds']:,.1f}", grown, f"{run['groups']:.0f}", *megabytes]


def power(before: tuple[int, dict[str, float]], after: tuple[int, dict[str, float]]) -> float:
    return math.log(after[1]["seconds"] / before[1]["seconds"]) / math.log(after[0] / before[0])


def one_size(path: str, size: int) -> dict[str, float]:
    import semspace as ss

    vectors = np.load(path, mmap_mode="r")[:size]
    space = ss.Space.from_vectors([str(i) for i in range(size)], vectors)
    ss.cluster(ss.Space.from_vectors([str(i) for i in range(WARM)], vectors[:WARM]), progress=False)
    before = memory("VmRSS")
    begun = perf_counter()
    found = ss.cluster(space, progress=False)
    seconds = perf_counter() - begun
    megabytes = vectors.nbytes / 2**20
    return {"seconds": seconds, "groups": len(found), "peak": memory("VmHWM"), "before": before, "vectors": megabytes}


def source() -> Path:
    """Return the file of the most real vectors there are."""
    wiki = cache() / "wiki1m.npy"
    return wiki if wiki.exists() else documents("newsgroups").path


def enough(size: int) -> Path:
    """Return a file of at least so many vectors, the real ones first; what is made is kept for the next time."""
    real = np.load(source(), mmap_mode="r")
    if len(real) >= size:
        return source()
    path = cache() / f"noisy-{source().stem}-{size}.npy"
    if not path.exists():
        say(f"{size - len(real):,} noisy vectors are being made")
        draft, rng = path.with_suffix(".part"), np.random.default_rng(3)
        out = np.lib.format.open_memmap(draft, "w+", np.float32, (size, real.shape[1]))
        out[: len(real)] = real
        for start in range(len(real), size, _PIECE):
            part = out[start : start + _PIECE]
            part[:] = noisy(unit(real[rng.integers(0, len(real), len(part))]), NOISE, rng)
        out.flush()
        draft.replace(path)
    return path


if __name__ == "__main__":
    child(**json.loads(sys.argv[1]))
