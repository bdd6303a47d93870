"""`choose_encoder`: encoders ranked by how well they do on some texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from semspace import checks
from semspace.errors import InputError, SemspaceError
from semspace.evaluation.neighbor_labels import NearestLabel
from semspace.evaluation.opening import name_of, opened
from semspace.evaluation.score import Score
from semspace.evaluation.task_reading import Task
from semspace.files import PathLike
from semspace.progress import track
from semspace.selection import own_tasks
from semspace.selection.clocked import ClockedEncoder
from semspace.selection.encoder_choice import EncoderChoice, RankedEncoder
from semspace.selection.weight_bytes import weight_bytes
from semspace.sentences.cross_encoder import CrossEncoder
from semspace.text.corpus import Corpus

METHODS = ("halves", "titles", "bm25", "cross_encoder")
_TITLES = ("title", "headline", "heading", "subject")  # columns that hold titles, in any case
_VOTERS = 5  # nearest documents that vote for a label
_TOLD = {
    "halves": "the first half of each of {n:,} texts must find its second half",
    "titles": "the title of each of {n:,} texts must find its text",
    "bm25": "{n:,} texts must find the texts that BM25 ranks first",
    "cross_encoder": "{n:,} texts must find the texts that the cross-encoder prefers",
}


def choose_encoder(
    encoders: Sequence[Any] | Mapping[str, Any],
    corpus: Corpus | Sequence[str] | None,
    labels: str | Sequence[object] | Mapping[str, object] | Task | None = None,
    *,
    method: str | None = None,
    title: str | None = None,
    cross_encoder: PathLike | own_tasks.Judge | None = None,
    sample: int = 1_000,
    seed: int = 0,
    progress: bool = True,
) -> EncoderChoice:
    """Rank encoders by how well they do on your texts, with intervals, a paired test, speed and size.

    Without labels, they are judged by what texts give for free; docs/evaluation.md says how well that predicts the
    order on labelled tasks. Don't judge an encoder on the texts that it was trained on: it knows them by heart.

    Parameters
    ----------
    encoders : list, or mapping of names to encoders
        Names or paths, as `Encoder.load` takes them, or encoders: also models of sentence-transformers and model2vec,
        and whatever has a method `encode`.
    corpus : Corpus or list of str
        Texts of the kind that you will search or sort; each distinct text counts once. It may be None if `labels` is a
        task.
    labels : str, sequence, mapping or task, optional
        The labels of the documents: the name of a column, one for each document (None where there is none), or a
        mapping of ids to labels. The score is then the share of documents whose label the five nearest others vote for
        (`evaluation.NearestLabel`). Or a task of `semspace.evaluation`, such as a `Retrieval`.
    method : {"halves", "titles", "bm25", "cross_encoder"}, optional
        How to judge without labels. ``"halves"``: the first half of each text must find its second half.
        ``"titles"``: the title must find the text. ``"bm25"``: a text must find those that BM25 ranks first, which says
        how much an encoder does as a search for words. ``"cross_encoder"``: it must find those that a cross-encoder
        prefers among the ones that BM25 ranks first. By default ``"titles"`` if `title` is given, else ``"halves"``,
        which predicted the order on labelled sets best. All are nDCG@10.
    title : str, optional
        The column of titles, for the method ``"titles"``; by default ``title``, ``headline``, ``heading`` or
        ``subject``, if there is one.
    cross_encoder : path or CrossEncoder, optional
        For the method of this name.
    sample : int
        The largest number of documents that are encoded, drawn at random.
    seed : int
        For the sample, and for intervals and tests.
    progress : bool

    Returns
    -------
    EncoderChoice
        `best` is the name of the best, `encoder` the encoder itself, `as_good` also has those that can't be told from
        it.

    Raises
    ------
    InputError
        If there is no encoder, too few texts, no such column, or none of the encoders can be scored.

    Examples
    --------
    >>> import numpy as np, semspace as ss
    >>> words = ["sun", "sky", "cup", "mug"]
    >>> good = ss.WordAverage(ss.Space.from_vectors(words, [[1, 0.1], [1, 0], [0, 1], [0.1, 1]]), frequencies="zipf")
    >>> poor = ss.WordAverage(ss.Space.from_vectors(words, [[1, 0], [0, 1], [1, 0.1], [0, 1]]), frequencies="zipf")
    >>> texts = ["sun sun", "sky sun", "sky sky sun", "sun sky sun", "cup mug", "cup cup", "mug cup cup", "mug mug"]
    >>> labels = ["light"] * 4 + ["dishes"] * 4
    >>> choice = ss.choose_encoder({"good": good, "poor": poor}, texts, labels, progress=False)
    >>> choice.best
    'good'
    """
    checks.seed(seed)
    checks.flag("progress", progress)
    checks.whole("sample", sample, low=own_tasks.LEAST)
    if method is not None:
        checks.choice("method", method, METHODS)
    named = _named(encoders)
    task, told = _task(corpus, labels, method, title, cross_encoder, sample, seed)
    models = {name: opened(encoder) for name, encoder in named.items()}
    judged = [
        _judged(name, model, task, seed)
        for name, model in track(models.items(), "encoders", len(models), unit="encoder", progress=progress)
    ]
    if not any(one.score.evaluated for one in judged):
        reasons = "; ".join(dict.fromkeys(one.score.note for one in judged))
        raise InputError(f"none of the {len(judged)} encoders can be scored: {reasons}")
    ranked = sorted(judged, key=lambda one: -one.score.value if one.score.evaluated else math.inf)
    best = ranked[0]
    behind = [None, *(best.score.compare(one.score) if one.score.evaluated else None for one in ranked[1:])]
    told = told.format(n=best.score.used)
    return EncoderChoice(
        tuple(replace(one, behind=difference) for one, difference in zip(ranked, behind, strict=True)),
        f"{told} ({best.score.metric})",
    )


def _named(encoders: Sequence[Any] | Mapping[str, Any]) -> dict[str, Any]:
    """Return the encoders by name; of several of one name, the later ones have a number."""
    if isinstance(encoders, Mapping):
        pairs = [(str(name), one) for name, one in encoders.items()]
    elif isinstance(encoders, (str, Path)) or not isinstance(encoders, Sequence):
        raise InputError(f"encoders must be a list, such as ['all-MiniLM-L6-v2', mine]; got {encoders!r:.60}")
    else:
        pairs = [(name_of(one) or type(one).__name__, one) for one in encoders]
    if not pairs:
        raise InputError("encoders is empty; give the names of those that you would use")
    named: dict[str, Any] = {}
    for name, one in pairs:
        unused = (f"{name} ({number})" for number in range(2, len(pairs) + 2))
        named[name if name not in named else next(other for other in unused if other not in named)] = one
    return named


def _task(
    corpus: Corpus | Sequence[str] | None,
    labels: Any,
    method: str | None,
    title: str | None,
    cross_encoder: Any,
    sample: int,
    seed: int,
) -> tuple[Task, str]:
    """Return the task by which encoders are judged, and what it is in words."""
    if callable(getattr(labels, "score", None)) and not isinstance(labels, type):
        return labels, f"{labels.name}, {{n:,}} items"
    if corpus is None:
        raise InputError("corpus is None; give the texts that encoders are to be judged on, or a task as labels=")
    texts = corpus if isinstance(corpus, Corpus) else Corpus.from_texts(corpus)
    if labels is not None:
        for name, value in (("method", method), ("title", title), ("cross_encoder", cross_encoder)):
            if value is not None:
                raise InputError(f"{name} has no effect with labels; leave it out")
        return _labelled(texts, labels, sample, seed)
    chosen = method or ("halves" if title is None else "titles")
    if title is not None and chosen != "titles":
        raise InputError(f"title has no effect with method={chosen!r}; leave it out")
    column = _title_column(texts, title)
    if chosen == "titles" and column is None:
        raise InputError(
            f"method 'titles' needs a column of titles; pass title=NAME. The columns are {', '.join(texts.columns)}"
        )
    if (chosen == "cross_encoder") != (cross_encoder is not None):
        raise InputError("method='cross_encoder' and cross_encoder=, a folder or a CrossEncoder, go together")
    some = _drawn(Corpus(texts.frame.unique("text", keep="first", maintain_order=True)), sample, seed)
    if chosen == "titles":
        return own_tasks.titles(some, str(column)), _TOLD[chosen]
    if chosen == "cross_encoder":
        judge = cross_encoder if callable(getattr(cross_encoder, "score", None)) else CrossEncoder.load(cross_encoder)
        return own_tasks.cross_encoder(some, judge), _TOLD[chosen]
    return (own_tasks.halves if chosen == "halves" else own_tasks.bm25)(some), _TOLD[chosen]


def _labelled(corpus: Corpus, labels: Any, sample: int, seed: int) -> tuple[Task, str]:
    """Return the task of finding the labels of documents by their neighbours'."""
    if isinstance(labels, str):
        if labels not in corpus.columns:
            raise InputError(checks.missing_column("labels", labels, corpus.columns))
        values = corpus.frame[labels].to_list()
    elif isinstance(labels, Mapping):
        by_text = {checks.id_text(id): label for id, label in labels.items()}
        values = [by_text.get(id) for id in corpus.ids]
    else:
        if not isinstance(labels, Iterable) or type(labels).__name__ == "DataFrame":
            raise InputError(
                f"labels must be the name of a column, a list, a mapping of ids to labels, or a task; got "
                f"{type(labels).__name__}"
            )
        values = list(labels)
        if len(values) != len(corpus):
            raise InputError(f"labels must hold one for each of {len(corpus):,} documents; got {len(values):,}")
    frame = pl.DataFrame({
        "id": corpus.ids, "text": corpus.texts, "label": [None if one is None else str(one) for one in values]
    })  # fmt: skip
    known = frame.filter(pl.col("label").is_not_null()).unique("text", keep="first", maintain_order=True)
    kinds = known["label"].n_unique()
    if len(known) <= _VOTERS or kinds < 2:
        raise InputError(
            f"labels must be known of more than {_VOTERS} distinct texts, and of two kinds; they are of {len(known):,} "
            f"and of {kinds}"
        )
    some = _drawn(Corpus(known), sample, seed).frame
    task = NearestLabel("labels", tuple(some.select("text", "label").rows()), _VOTERS)
    return task, f"the {_VOTERS} nearest of {{n:,}} labelled texts vote for the label of each"


def _drawn(corpus: Corpus, sample: int, seed: int) -> Corpus:
    """Return at most `sample` documents, in random order."""
    drawn = corpus.sample(min(sample, len(corpus)), seed=seed)
    return Corpus(drawn.frame.sample(fraction=1.0, shuffle=True, seed=seed))


def _title_column(corpus: Corpus, title: str | None) -> str | None:
    if title is None:
        by_name = {column.casefold(): column for column in reversed(corpus.columns)}
        return next((by_name[name] for name in _TITLES if name in by_name), None)
    if title not in corpus.columns:
        raise InputError(checks.missing_column("title", title, corpus.columns))
    return title


def _judged(name: str, model: Any, task: Task, seed: int) -> RankedEncoder:
    clocked = ClockedEncoder(model)
    try:
        score = replace(task.score(clocked), seed=seed)
    except SemspaceError as problem:
        score = Score(task.name, "", math.nan, 0, 0, note=f"not scored: {problem}", seed=seed)
    return RankedEncoder(name, model, score, None, clocked.speed, clocked.dim, weight_bytes(model))
