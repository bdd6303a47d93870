"""Tasks by name and from files: those of installed packages, suites of them, files and folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from semspace import checks
from semspace.corpora import gensim_file, judgements, load
from semspace.errors import InputError, MissingFileError, SemspaceError
from semspace.evaluation import task_files
from semspace.evaluation.analogies import Analogies
from semspace.evaluation.categorization import Categorization
from semspace.evaluation.clustering import Groups
from semspace.evaluation.document_similarity import DocumentSimilarity
from semspace.evaluation.neighbor_labels import NearestLabel
from semspace.evaluation.pair_classification import PairClassification
from semspace.evaluation.retrieval import Retrieval
from semspace.evaluation.retrieval_folder import is_retrieval_folder
from semspace.evaluation.score import Score
from semspace.evaluation.sts import STS, TABLE_SUFFIXES, has_titles, rating_title
from semspace.evaluation.word_pairs import WordPairs

_SUFFIXES = (".txt", ".tsv", ".csv", *TABLE_SUFFIXES)  # of files in a folder; other files aren't tasks
_ABOUT = {"readme", "source", "license", "licence"}  # words in the names of files about other files


class Task(Protocol):
    """Anything with a name and a method `score`; see `semspace.evaluation` for those that exist."""

    @property
    def name(self) -> str:
        """The name of the task."""

    def score(self, thing: Any) -> Score:
        """Score a thing."""


def _posts() -> tuple[Any, list[str]]:
    corpus = load("newsgroups-sample")
    return corpus, corpus.frame["newsgroup"].to_list()


def _post_labels() -> Task:
    corpus, labels = _posts()
    return NearestLabel("newsgroups-labels", tuple(zip(corpus.texts, labels, strict=True)))


def _post_groups() -> Task:
    corpus, labels = _posts()
    return Groups("newsgroups-groups", dict(zip(corpus.ids, labels, strict=True)), corpus)


# Tasks whose data are in installed packages.
TASKS: dict[str, Callable[[], Task]] = {
    "wordsim353": lambda: WordPairs.read(gensim_file("wordsim353.tsv"), "wordsim353"),
    "simlex999": lambda: WordPairs.read(gensim_file("simlex999.txt"), "simlex999"),
    "google-analogies": lambda: Analogies.read(gensim_file("questions-words.txt"), "google-analogies"),
    "lee-documents": lambda: DocumentSimilarity("lee-documents", load("lee"), judgements()),
    "newsgroups-labels": _post_labels,
    "newsgroups-groups": _post_groups,
}
SUITES = {
    "words": ("wordsim353", "simlex999", "google-analogies"),
    "texts": ("lee-documents", "newsgroups-labels", "newsgroups-groups"),
}

Tasks = str | Path | Task | Sequence[str | Path | Task]


def tasks_of(tasks: Tasks) -> list[Task]:
    """Return the tasks that are named or given: a suite and a folder are several."""
    if not isinstance(tasks, Iterable) and not hasattr(tasks, "score") and not isinstance(tasks, Path):
        raise InputError(f"tasks must be a name, a path, a task, or several of them; got {type(tasks).__name__}")
    several = [tasks] if isinstance(tasks, (str, Path)) or hasattr(tasks, "score") else list(tasks)
    if not several:
        raise InputError(f"tasks is empty; give one of {_known()}, a path, or a task")
    return [one for task in several for one in _expanded(task)]


def task_of(task: str | Path | Task | object) -> Task:
    """Return the task of a name or a path; a task as it is."""
    if isinstance(task, (str, Path)):
        if Path(task).is_file():
            return _read(Path(task))
        if Path(task).is_dir() and is_retrieval_folder(Path(task)):
            return Retrieval.read(task)
        if str(task) not in TASKS:
            raise _unknown(task)
        return TASKS[str(task)]()
    if isinstance(task, type) or not callable(getattr(task, "score", None)):
        raise InputError(f"a task must be a name or have a score method; got {type(task).__name__}")
    return task  # type: ignore[return-value]


def _expanded(task: str | Path | Task | object) -> list[Task]:
    if isinstance(task, (str, Path)):
        if Path(task).is_dir() and not is_retrieval_folder(Path(task)):
            return _of_folder(Path(task))
        if str(task) in SUITES and not Path(task).is_file():
            return [task_of(name) for name in SUITES[str(task)]]
    return [task_of(task)]


def _of_folder(folder: Path) -> list[Task]:
    """Read the task files of a folder and of the folders in it, in the order of their names."""
    tasks: list[Task] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            tasks += [Retrieval.read(path)] if is_retrieval_folder(path) else []
        elif path.name.lower().removesuffix(".gz").endswith(_SUFFIXES) and not _is_about(path):
            tasks.append(_read(path))
    if not tasks:
        raise InputError(f"{folder} holds no task: no file that ends in {', '.join(_SUFFIXES)}, and no retrieval task")
    return tasks


def _is_about(path: Path) -> bool:
    return not _ABOUT.isdisjoint(re.split(r"[^a-z]+", path.name.lower()))


def _known() -> str:
    return f"{', '.join(TASKS)}, or the suites {', '.join(SUITES)}"


def _unknown(task: str | Path) -> SemspaceError:
    if isinstance(task, Path) or "/" in task or Path(task).suffix:
        return MissingFileError(f"no file at {task}; check the path, or name one of {_known()}")
    names = TASKS if checks.nearest_spellings(task, TASKS) else SUITES
    return checks.unknown("task", task, names, where=f"the built-in ones ({_known()})")


def _read(path: Path) -> Task:
    """Read a task from a file, whose kind is detected from its beginning."""
    if path.name.lower().removesuffix(".gz").endswith(TABLE_SUFFIXES):
        return _pairs_of(path)
    rows = [
        line
        for _, line in task_files.numbered_lines(path)
        if not task_files.is_comment(line, fits=task_files.is_row(line))
    ]
    first = rows[0] if rows else ""
    if first.startswith(":") or (task_files.split_words(first, 4) and not task_files.rated(rows)):
        return Analogies.read(path)
    if has_titles(first):
        return _pairs_of(path)
    return Categorization.read(path) if task_files.in_twos(rows) else WordPairs.read(path)


def _pairs_of(path: Path) -> Task:
    """Read pairs of texts: a column ``label`` of 0 and 1 makes a pair classification, anything else similarity."""
    table = STS.read(path)
    labels = {rating for *_, rating in table.pairs}
    is_labelled = labels == {0.0, 1.0} and task_files.plain_name(rating_title(path)) == "label"
    return PairClassification.of(table, path) if is_labelled else table
