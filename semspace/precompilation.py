"""`warmup`: compile every kernel beforehand, by doing a small piece of each work."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semspace import checks
from semspace.errors import SemspaceWarning
from semspace.files import PathLike
from semspace.progress import track
from semspace.similarity.byte_screen import ByteScreen
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.types import ArrayXd

if TYPE_CHECKING:
    from semspace.index.index import Index

_WORDS = ["sun", "moon", "star", "tree", "leaf", "root", "ship", "boat", "sail", "law", "tax", "vote"]
_TEXTS = 48
_POINTS = 2_000  # so many that a graph of them is searched
_DIM = 32  # of points, and of the heads of the transformer


def warmup(model: PathLike | None = None, *, progress: bool = True) -> dict[str, float]:
    """Compile every kernel, so that no later call has to wait for it.

    Kernels are compiled for this processor when they are first called, and kept on disk (``NUMBA_CACHE_DIR``). This
    takes up to a few minutes, once on a machine; afterwards it loads them in seconds. Call it when a container is
    built, or when a service starts.

    Parameters
    ----------
    model : str or path, optional
        An encoder to load, too; its fastest backend is measured now instead of at its first use.
    progress : bool

    Returns
    -------
    dict of str to float
        What was done, and how many seconds each took.

    Raises
    ------
    InputError
        If there is no such model.
    MissingExtraError
        If a library that the model needs isn't installed.

    Examples
    --------
    >>> import semspace as ss
    >>> sorted(ss.warmup(progress=False))[:3]
    ['clustering', 'comparison', 'encoders']
    """
    from semspace.kernels import first_call

    steps: dict[str, Callable[[Path], object]] = dict(_STEPS)
    checks.flag("progress", progress)
    if model is not None:
        steps = {str(model): lambda _: _load(model), **steps}
    seconds = {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), first_call.announced():
        warnings.simplefilter("ignore", SemspaceWarning)
        for name, step in track(steps.items(), "compiling kernels", len(steps), unit="step", progress=progress):
            start = time.perf_counter()
            step(Path(folder))
            seconds[name] = time.perf_counter() - start
    return seconds


def _load(model: PathLike) -> None:
    from semspace.sentences.encoder import Encoder

    Encoder.load(model).encode([" ".join(_WORDS)], progress=False)


def _texts() -> Corpus:
    """Return short texts, those of each third from other words."""
    rng = np.random.default_rng(0)
    thirds = [_WORDS[start : start + 4] for start in (0, 4, 8)]
    return Corpus.from_texts([" ".join(rng.choice(thirds[row % 3], 12)) for row in range(_TEXTS)])


def _points(n: int = _POINTS) -> Space:
    rng = np.random.default_rng(0)
    return Space.from_vectors([str(row) for row in range(n)], rng.normal(size=(n, _DIM)))


def _words(folder: Path) -> None:
    from semspace.saving import load
    from semspace.text.phrases import Phrases
    from semspace.text.tokens import Tokens
    from semspace.words.word2vec import Word2Vec

    more = [f"word{row % 700} word{row % 400}" for row in range(2_000)]  # many words keep several threads busy
    tokens = Tokens.from_corpus(Corpus.from_texts([*_texts().texts, *more]), min_count=1, progress=False)
    for scoring in ("default", "npmi"):
        Phrases(min_count=1, threshold=0.1, scoring=scoring).train(tokens, progress=False).apply(tokens)
    settings: dict[str, Any] = {"dim": 8, "epochs": 1, "min_count": 1}
    ways: tuple[Mapping[str, Any], ...] = (
        {}, {"deterministic": True, "threads": 2}, {"architecture": "cbow"}, {"subword": True},
        {"architecture": "cbow", "subword": True},
    )  # fmt: skip
    for number, way in enumerate(ways):
        words = Word2Vec(**settings, **way).train(tokens, progress=False)
        words.save(folder / f"words{number}")
        load(folder / f"words{number}").most_similar("sun")
    ByteScreen.of(words.vectors, words.norms).nearest(
        words.vectors, words.norms, words.vectors[0], 1, names=words.ids, skip=[0], allowed=None
    )
    words.encode(["sunny"])
    words.analogy("sun", "moon", "ship", method="3cosmul")


def _files(folder: Path) -> None:
    from semspace.formats.vectors import read_vectors, write_vectors

    for format in ("word2vec", "word2vec-binary", "glove"):
        write_vectors(_points(20), folder / format, format=format)
        read_vectors(folder / format, format=format, progress=False)


def _index(folder: Path) -> None:
    from semspace.index.index import Index

    space = _points()
    for name, code_bytes in (("exact", None), ("codes", 64), ("sketches", 128)):  # walked by the one or the other
        place = folder / name
        settings: dict[str, Any] = {} if code_bytes is None else {"code_bytes": code_bytes}
        with Index.build(space, "hnsw" if settings else "exact", progress=False, **settings) as built:
            _ask(built, space)
            built.save(place)
        with Index.open(place) as opened:
            _ask(opened, space)
        with Index.open(place, writable=True) as index:
            _ask(index, space)
            index.duplicates(0.5, progress=False)
            index.add(["new"], space.vectors[:1] + 1)
            _ask(index, space)
            index.search(id="new")
            index.delete(["new"])
            _ask(index, space)
            index.diversify(id="0")
    Index.build(space, "hnsw", progress=False).to_hnswlib(folder / "graph.bin")
    taken_over = Index.from_hnswlib(folder / "graph.bin", space="cosine")
    _ask(taken_over, space)
    taken_over.save(folder / "taken over")
    with Index.open(folder / "taken over", writable=True) as index:
        _ask(index, space)
        index.delete(["0"])
        _ask(index, space)
    space.quantize("binary")


def _ask(index: Index, space: Space) -> None:
    """Search in all ways; whether arrays may be written to differs between an index in memory and one on disk."""
    for condition in (None, "id <> '4'", "id < '5'", "id < '11'"):  # all, nearly all, half of them, few
        index.search(space.vectors[0], where=condition)
        for several in (5, 20):
            index.search_batch(list(space.vectors[:several]), where=condition)


def _encoders(_: Path) -> None:
    from semspace.inference import architectures, forward
    from semspace.sentences.distill import distill
    from semspace.sentences.word_average import WordAverage

    words = Space.from_vectors(_WORDS, _points(len(_WORDS)).vectors)
    average = WordAverage.from_corpus(words, _texts(), frequencies="zipf")
    average.embed(_texts(), progress=False)
    if find_spec("tokenizers"):
        distill(average, _texts(), dim=2, sentences=0, progress=False).embed(_texts(), progress=False)
    tokens, starts = np.arange(40, dtype=np.int32) % 30, np.array([0, 7, 40], np.int64)
    for precision in _precisions():
        model = architectures.build(_CONFIG, _weight, 64, precision)
        for poolings in (np.array([0], np.int64), np.array([1, 2], np.int64)):
            vectors = np.empty((2, len(poolings) * _CONFIG["hidden_size"]), np.float32)
            scratch = forward.create_workspace(model)
            forward.encode_tokens(model, tokens, starts, 0, 2, poolings, 0, scratch, vectors)
            states = np.empty((len(tokens), _CONFIG["hidden_size"]), np.float32)
            forward.encode_states(model, tokens, starts, 0, 2, scratch, states)


def _precisions() -> Iterable[str]:
    """Return the precisions in which this processor computes a transformer."""
    from semspace.sentences.kernel_runtime import PRECISIONS, runs_here

    return [one for several in PRECISIONS.values() for one in several if runs_here(one)]


_CONFIG: dict[str, Any] = {
    "model_type": "bert", "hidden_size": 4 * _DIM, "num_attention_heads": 4, "num_hidden_layers": 1,
    "intermediate_size": 8 * _DIM,
}  # fmt: skip


def _weight(name: str) -> ArrayXd:
    """Return random weights of the transformer `_CONFIG`."""
    if not name.startswith(("embeddings.", "encoder.layer.0.")):
        raise KeyError(name)
    hidden, units = _CONFIG["hidden_size"], _CONFIG["intermediate_size"]
    outputs = units if "intermediate.dense" in name else hidden
    inputs = units if name == "encoder.layer.0.output.dense.weight" else hidden
    is_vector = name.endswith("bias") or "LayerNorm" in name
    shape = (outputs,) if is_vector else (64, hidden) if "embeddings" in name else (outputs, inputs)
    weights: ArrayXd = np.random.default_rng(0).normal(0, 0.02, shape).astype(np.float32)
    return weights


def _clustering(folder: Path) -> None:
    from semspace.clusters.all_pairs import nearest_of_all_pairs
    from semspace.clusters.cluster import cluster
    from semspace.saving import load

    nearest_of_all_pairs(np.full((2_000, 64), 0.125, np.float32), 3)  # more than one tile
    documents = _documents()
    for way in ({}, {"n_clusters": 3}, {"method": "ward", "n_clusters": 3}, {"outliers": 0.1}):
        groups = cluster(documents, progress=False, **way)
    groups.save(folder / "groups")
    load(folder / "groups").assign(documents.vectors[:3])
    with suppress(ImportError):
        groups.to_html(folder / "groups.html")


def _comparison(_: Path) -> None:
    from semspace.comparison.compare import compare

    documents = _documents()
    halves = [documents.select(documents.ids[part].tolist()) for part in (slice(0, None, 2), slice(1, None, 2))]
    compare(*halves, permutations=99, resamples=99, references=False, progress=False)


def _documents() -> Space:
    from semspace.sentences.word_average import WordAverage

    words = Space.from_vectors(_WORDS, _points(len(_WORDS)).vectors)
    return WordAverage(words, frequencies="zipf").embed(_texts(), progress=False)


def _word_measures(_: Path) -> None:
    from semspace.word_measures.word_movers import WordMovers

    movers = WordMovers(Space.from_vectors(_WORDS, _points(len(_WORDS)).vectors), _texts())
    movers.search(" ".join(_WORDS[:3]))
    movers.flows(_WORDS[0], _WORDS[1])


def _evaluation(folder: Path) -> None:
    from semspace.evaluation.evaluate import evaluate

    questions = folder / "analogies.txt"
    questions.write_text(": sky\n" + "".join(f"{' '.join(_WORDS[row : row + 4])}\n" for row in range(8)))
    evaluate(Space.from_vectors(_WORDS, _points(len(_WORDS)).vectors), questions)


_STEPS: dict[str, Callable[[Path], object]] = {
    "encoders": _encoders,
    "index": _index,
    "word vectors": _words,
    "files of vectors": _files,
    "clustering": _clustering,
    "comparison": _comparison,
    "evaluation": _evaluation,
    "word measures": _word_measures,
}
