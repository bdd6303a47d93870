"""Claims: word vectors at least five times as fast as by gensim and fastText, as good, in memory that doesn't grow.

Text: Wikipedia AA, 16.3 million words that come five times or more, numbered (semspace) or joined by spaces (gensim,
fastText) beforehand. Everybody gets the same hyper-parameters and two threads. gensim reads the text from a file
(`corpus_file`), its faster way, and only its `train` is timed; fastText has no such call, so its time has in it that it
reads the text and counts its words, some 4 %.
"""

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import fasttext
import gensim
import numpy as np

import semspace as ss
from benchmarks.measuring import data, machine, median, table
from benchmarks.tokenize import peak, repeated, texts_of
from semspace.words.chunks import keep_probabilities

SOURCE = "wikipedia/wiki2015-AA.jsonl.gz"
THREADS = 2
ROUNDS = 3
PART = 2_000_000  # words for the table of speeds
DIMS = (100, 128, 200, 256, 300)
SEEDS = (1, 2, 3)
EPOCHS = 3
COPIES = 60
TASKS = ("wordsim353", "simlex999", "men3000")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tokens = ss.Tokens.read(data(SOURCE), min_count=5, progress=False)
        warm_up()
        speed(beginning(tokens, PART), folder)
        quality(tokens, folder)
        whole_way(folder)
        memory(folder)


# -- contenders -------------------------------------------------------------------------------------------


def ours(tokens: ss.Tokens, **options: Any) -> ss.Space:
    return ss.Word2Vec(**{"threads": THREADS, "min_count": 1, "epochs": 1, **options}).train(tokens, progress=False)


def by_gensim(text: Any, words: int, **options: Any) -> tuple[gensim.models.Word2Vec, float]:
    """Train; give the model and the seconds of its `train`."""
    cbow = options.pop("architecture", "skipgram") == "cbow"
    epochs = options.pop("epochs", 1)
    given = {"corpus_file": str(text)} if isinstance(text, Path) else {"corpus_iterable": text}
    model = gensim.models.Word2Vec(
        vector_size=options.pop("dim", 100), sg=int(not cbow), min_count=1, workers=THREADS, epochs=epochs, **options
    )
    model.build_vocab(**given)
    start = perf_counter()
    model.train(**given, total_words=words, total_examples=model.corpus_count, epochs=epochs)
    return model, perf_counter() - start


def by_fasttext(text: Path, **options: Any) -> float:
    start = perf_counter()
    fasttext.train_unsupervised(
        str(text), model="skipgram", ws=5, neg=5, t=1e-3, lr=0.025, minCount=1, maxn=0, bucket=0, epoch=1,
        thread=THREADS, verbose=0, **options,
    )  # fmt: skip
    return perf_counter() - start


def warm_up() -> None:
    """Compile before the clock runs."""
    tokens = ss.Tokens.from_corpus(ss.Corpus.from_texts(["some words and some others"] * 9))
    for architecture in ("skipgram", "cbow"):
        for deterministic in (False, True):
            ours(tokens, architecture=architecture, deterministic=deterministic)


def beginning(tokens: ss.Tokens, words: int) -> ss.Tokens:
    """Take the first documents of so many words, with the vocabulary as it is."""
    documents = int(np.searchsorted(tokens.offsets, words))
    offsets = np.array(tokens.offsets[: documents + 1])
    return ss.Tokens(np.array(tokens.ids[: offsets[-1]]), offsets, tokens.vocabulary)


def joined(tokens: ss.Tokens, path: Path) -> Path:
    """Write the words, at most 1,000 a line: gensim drops what a line has beyond 10,000."""
    words = np.array(tokens.words, dtype=object)
    with open(path, "w", encoding="utf-8") as file:
        for document in tokens.documents():
            for start in range(0, len(document), 1_000):
                file.write(" ".join(words[document[start : start + 1_000]]) + "\n")
    return path


# -- speed ------------------------------------------------------------------------------------------------


def speed(tokens: ss.Tokens, folder: Path, dims: tuple[int, ...] = DIMS, rounds: int = ROUNDS) -> None:
    """Compare words a second, one epoch."""
    text, n = joined(tokens, folder / "part.txt"), len(tokens)
    lists = [line.split() for line in text.read_text(encoding="utf-8").splitlines()]
    cases: list[tuple[str, dict[str, Any]]] = [(f"skip-gram, dim {dim}", {"dim": dim}) for dim in dims]
    cases.append(("CBOW, dim 100", {"dim": 100, "architecture": "cbow"}))
    peers: dict[str, Callable[[dict[str, Any]], float]] = {
        "semspace": lambda options: ours(tokens, **options).history[0].seconds,
        "deterministic": lambda options: ours(tokens, deterministic=True, **options).history[0].seconds,
        "gensim": lambda options: by_gensim(text, n, **options)[1],
    }
    only_first: dict[str, Callable[[dict[str, Any]], float]] = {
        "gensim, lists": lambda options: by_gensim(lists, n, **options)[1],
        "fastText": lambda options: by_fasttext(text, **options),
    }
    rows, limits = [], []
    flops, copied = fused_multiply_adds(), copy_bandwidth()
    for case, options in cases:
        all_peers = {**peers, **(only_first if case == cases[0][0] else {})}
        seconds: dict[str, list[float]] = {name: [] for name in all_peers}
        for _ in range(rounds):
            for name, run in all_peers.items():
                seconds[name].append(run(dict(options)))
        own = median(seconds["semspace"])
        ratios = [
            median([s / o for s, o in zip(seconds[name], seconds["semspace"], strict=True)]) for name in all_peers
        ]
        for name, ratio in zip(all_peers, ratios, strict=True):
            if name != "semspace":
                rate = n / median(seconds[name]) / 1e6
                shown = f"**{ratio:.1f}×**" if name != "deterministic" else f"{ratio:.2f}× the time"
                rows.append([case, name, f"{rate:.2f} M/s", f"{n / own / 1e6:.2f} M/s", shown])
        limits.append(share_of_peaks(case, options, tokens, own, flops, copied))
    print(f"\n## Speed of training\n\n{machine('gensim', 'fasttext-numpy2', 'numba')}; medians of {rounds}\n")
    print(table(["", "against", "its words a second", "semspace", "ratio"], rows))
    print(f"\nThe first {n:,} words, one epoch; ratios are medians over the rounds.\n")
    print("\n## Of what the machine can do\n")
    print(
        f"Measured: {flops / 1e9:,.0f} GFLOP/s of float32 (BLAS), {copied / 1e9:.1f} GB/s copied (read and written).\n"
    )
    print(table(["", "arithmetic", "of the peak", "rows moved", "of the copy bandwidth"], limits))


def share_of_peaks(
    case: str, options: dict[str, Any], tokens: ss.Tokens, seconds: float, flops: float, copied: float
) -> list[str]:
    """Say what arithmetic a training does a second, and what rows it reads and writes, were none in a cache."""
    dim, cbow = options["dim"], options.get("architecture") == "cbow"
    pairs = ours(tokens, **options).history[0].pairs
    counts = np.bincount(tokens.ids, minlength=len(tokens.vocabulary))
    centres = float((counts * keep_probabilities(tokens.vocabulary["count"].to_numpy(), 1e-3)).sum())
    size = 6  # five noise words, and the one that was there
    neighbours = 6 if cbow else pairs / centres  # half of twice five, and one: the reach is drawn
    done = (pairs * size * dim * 6) if not cbow else pairs * (size * dim * 6 + neighbours * dim * 2)
    targets = 1 + 5 / 2 if cbow else size  # in CBOW two words in a row share their noise
    moved = (pairs if cbow else centres) * (neighbours + targets) * dim * 4 * 2
    return [
        case,
        f"{done / seconds / 1e9:.0f} GFLOP/s",
        f"{done / seconds / flops:.0%}",
        f"{moved / seconds / 1e9:.1f} GB/s",
        f"{moved / seconds / copied:.0%}",
    ]


def fused_multiply_adds(n: int = 3_000) -> float:
    """Measure the floating-point operations a second of a matrix product, two a fused multiply-add."""
    a = np.random.default_rng(0).random((n, n), np.float32)
    best = min(timed(lambda: a @ a) for _ in range(5))
    return 2 * n**3 / best


def copy_bandwidth(size: int = 400_000_000) -> float:
    """Measure the bytes read and written a second by all threads copying."""
    pairs = [(np.ones(size, np.uint8), np.zeros(size, np.uint8)) for _ in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        best = min(timed(lambda: list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), pairs))) for _ in range(5))
    return 2 * size * THREADS / best


def timed(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


# -- quality ----------------------------------------------------------------------------------------------


def quality(tokens: ss.Tokens, folder: Path, seeds: tuple[int, ...] = SEEDS) -> None:
    """Compare agreement with people, over seeds."""
    lists = [line.split() for line in joined(tokens, folder / "whole.txt").read_text(encoding="utf-8").splitlines()]
    names = [*TASKS, "analogies"]
    rows = []
    for case, options in (("skip-gram", {}), ("CBOW", {"architecture": "cbow"})):
        scores: dict[str, list[list[float]]] = {"semspace": [], "deterministic": [], "gensim": []}
        seconds: dict[str, list[float]] = {name: [] for name in scores}
        for seed in seeds:
            for name in ("semspace", "deterministic"):
                space = ours(tokens, epochs=EPOCHS, seed=seed, deterministic=name == "deterministic", **options)
                scores[name].append(judged(space))
                seconds[name].append(sum(epoch.seconds for epoch in space.history))
            model, time = by_gensim(lists, len(tokens), epochs=EPOCHS, seed=seed, **options)
            scores["gensim"].append(judged(ss.from_gensim(model)))
            seconds["gensim"].append(time)
        theirs = np.mean(scores["gensim"], axis=0)
        for name, found in scores.items():
            mean = np.mean(found, axis=0)
            low, high = np.min(found, axis=0), np.max(found, axis=0)
            time = median(seconds[name])
            values = [f"{m:.4f} ({a:.3f} to {b:.3f})" for m, a, b in zip(mean, low, high, strict=True)]
            rows.append([case, name, *values, f"{time:.1f} s", f"{median(seconds['gensim']) / time:.1f}×"])
            if name != "gensim":
                rows.append(
                    [case, "less gensim", *(f"{m - t:+.4f}" for m, t in zip(mean, theirs, strict=True)), "", ""]
                )
    print(f"\n## Quality\n\n{machine('gensim', 'numba')}; {len(seeds)} seeds: mean (lowest to highest)\n")
    print(table(["", "", *names, "training", "speed"], rows))
    print(
        f"\n{len(tokens):,} words, dim 100, window 5, {EPOCHS} epochs, the same hyper-parameters for all. gensim reads "
        f"lists here: from a `corpus_file` its workers let the learning rate fall by their own share of the text only, "
        f"so that it is higher than was asked for.\n"
    )


def judged(space: ss.Space) -> list[float]:
    tasks = [ss.evaluation.WordPairs.read(data(f"words/{task}.tsv")) for task in TASKS]
    return [
        *(task.score(space).value for task in tasks),
        ss.evaluation.Analogies.read(data("analogies/questions-words.txt")).score(space).value,
    ]


# -- the whole way, and memory ----------------------------------------------------------------------------


def whole_way(folder: Path, rounds: int = 1) -> None:
    """Compare the time from raw JSONL to saved vectors, five epochs, as people usually do it."""
    contenders = {"semspace": ours_from_file, "gensim": gensim_from_file}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for i in range(rounds):
        for name, run in contenders.items():
            seconds[name].append(timed(lambda run=run, i=i, name=name: run(data(SOURCE), folder / f"{name}{i}")))
    times = {name: median(found) for name, found in seconds.items()}
    print(f"\n## From raw JSONL to saved vectors\n\n{machine('gensim', 'numba', 'polars')}; {rounds} run\n")
    rows = [[name, f"{time:.1f} s", f"**{time / times['semspace']:.1f}×**"] for name, time in times.items()]
    print(table(["", "time", "of semspace's"], rows))
    print(
        "\nWikipedia AA, skip-gram, dim 100, five epochs. gensim is simple_preprocess of each text, Word2Vec over the "
        "lists, and save.\n"
    )


def ours_from_file(path: Path, out: Path) -> None:
    ours(ss.Tokens.read(path, min_count=5, progress=False), epochs=5).save(out)


def gensim_from_file(path: Path, out: Path) -> None:
    documents = [gensim.utils.simple_preprocess(text) for text in texts_of(path)]
    gensim.models.Word2Vec(documents, vector_size=100, sg=1, min_count=5, workers=THREADS, epochs=5).save(str(out))


TRAIN = """
import sys
import semspace as ss
tokens = ss.Tokens.read(sys.argv[1], min_count=int(sys.argv[2]), progress=False)
space = ss.Word2Vec(dim=int(sys.argv[3]), epochs=1, min_count=1, threads=2).train(tokens, progress=False)
answer = [len(tokens), len(space)]
"""


def memory(folder: Path, copies: int = COPIES) -> None:
    """Measure the peak of memory of a process that reads a text and trains on it."""
    rows = []
    for times, min_count, dim in ((1, 5, 100), (copies, 5 * copies, 100), (1, 1, 300)):
        text = folder / "text.jsonl"
        repeated(data(SOURCE), text, times)
        size = text.stat().st_size
        (words, vocabulary), most, seconds = peak(TRAIN, text, min_count, dim)
        text.unlink()
        matrices = 2 * vocabulary * dim * 4 / 1e6
        most *= 1.048576  # MiB to MB
        allowed = 1.3 * matrices + 500
        rows.append(
            [
                f"{times}×, dim {dim}",
                f"{size / 1e6:,.0f} MB",
                f"{words:,}",
                f"{vocabulary:,}",
                f"{matrices:,.0f} MB",
                f"{seconds:.0f} s",
                f"**{most:,.0f} MB**",
                f"{allowed:,.0f} MB",
                f"{size / 1e6 / allowed:.1f}×",
            ]
        )
    print(f"\n## Peak of memory, from JSONL to vectors\n\n{machine('polars', 'numba')}\n")
    headers = ["Wikipedia AA", "text", "words", "vocabulary", "two matrices", "time", "peak", "allowed", "text of that"]
    print(table(headers, rows))
    print("\nAllowed are 1.3 times the two matrices and 500 MB. The whole process, libraries included; one epoch.\n")
