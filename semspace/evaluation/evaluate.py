"""`evaluate`: the scores of a thing on several tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from semspace import checks
from semspace.corpora import gensim_file, judgements, load
from semspace.deprecation import renamed_parameters
from semspace.errors import InputError, MissingFileError, SemspaceError
from semspace.evaluation import task_files
from semspace.evaluation.analogies import Analogies
from semspace.evaluation.document_similarity import DocumentSimilarity
from semspace.evaluation.score import NotEvaluatedError, Score, Scores
from semspace.evaluation.sts import STS, TABLE_SUFFIXES, has_titles
from semspace.evaluation.word_pairs import WordPairs


class Task(Protocol):
    """Anything with a name and a method `score`; see `semspace.evaluation` for those that exist."""

    @property
    def name(self) -> str:
        """The name of the task."""

    def score(self, thing: Any) -> Score:
        """Score a thing."""


# Tasks whose data are in installed packages.
TASKS: dict[str, Callable[[], Task]] = {
    "wordsim353": lambda: WordPairs.read(gensim_file("wordsim353.tsv"), "wordsim353"),
    "simlex999": lambda: WordPairs.read(gensim_file("simlex999.txt"), "simlex999"),
    "google-analogies": lambda: Analogies.read(gensim_file("questions-words.txt"), "google-analogies"),
    "lee-documents": lambda: DocumentSimilarity("lee-documents", load("lee"), judgements()),
}
WORD_TASKS = ("wordsim353", "simlex999", "google-analogies")


@renamed_parameters(on="tasks")
def evaluate(thing: Any, tasks: str | Path | Task | Sequence[str | Path | Task] = WORD_TASKS) -> Scores:
    """Score vectors against human judgement, on one task or several.

    If a task can't be scored, for example because fewer than three of its word pairs are known, its score is NaN and
    the note says why.

    Parameters
    ----------
    thing : Space, Encoder, gensim KeyedVectors or sentence-transformers model
    tasks : name, path, task, or several
        Names: ``"wordsim353"``, ``"simlex999"`` (word pairs, Spearman), ``"google-analogies"`` (accuracy) and
        ``"lee-documents"`` (50 news texts, Spearman). A path: of word pairs (two words and a rating a line), of
        analogies (four words a line, under ``: section`` lines or not), or of rated sentences (a table with columns
        ``sentence1``, ``sentence2``, ``score``). Or tasks of your own: see `semspace.evaluation`.

    Raises
    ------
    InputError
        If none of the tasks can be scored, or a file isn't a task; files are read before anything is scored.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["cup", "mug", "sun", "sky"], [[1, 0], [1, 0.1], [0, 1], [1, 2]])
    >>> task = ss.evaluation.WordPairs("mine", [("cup", "mug", 9), ("sun", "sky", 7), ("cup", "sun", 1)])
    >>> ss.evaluate(space, task)["mine"].coverage
    1.0
    """
    chosen = _chosen(tasks)
    scores, problems = [], []
    for task in chosen:
        try:
            scores.append(task.score(thing))
        except SemspaceError as problem:
            problems.append(problem)
            used, total = (problem.used, problem.total) if isinstance(problem, NotEvaluatedError) else (0, 0)
            reason = str(problem).removeprefix(f"{task.name}: ")
            scores.append(Score(task.name, "", float("nan"), used, total, note=f"not scored: {reason}"))
    if len(problems) == len(chosen):
        raise _of_all(problems)
    return Scores(tuple(scores))


def _chosen(tasks: str | Path | Task | Sequence[str | Path | Task]) -> list[Task]:
    """Return the tasks that are named or given."""
    if not isinstance(tasks, Iterable) and not hasattr(tasks, "score") and not isinstance(tasks, Path):
        raise InputError(f"tasks must be a name, a path, a task, or several of them; got {type(tasks).__name__}")
    several = [tasks] if isinstance(tasks, (str, Path)) or hasattr(tasks, "score") else list(tasks)
    if not several:
        raise InputError(f"tasks is empty; give one of {', '.join(TASKS)}, a path, or a task")
    return [task_of(task) for task in several]


def _of_all(problems: Sequence[SemspaceError]) -> SemspaceError:
    """Create the error raised if none of the tasks can be scored."""
    different = list(dict.fromkeys(map(str, problems)))
    if len(different) == 1:
        return problems[0]
    return InputError(f"none of the {len(problems)} tasks can be scored: {'; '.join(different)}")


def task_of(task: str | Path | Task | object) -> Task:
    """Return the task of a name or a path; a task as it is."""
    if isinstance(task, (str, Path)):
        if Path(task).is_file():
            return _read(Path(task))
        if str(task) not in TASKS:
            if isinstance(task, Path) or "/" in task or Path(task).suffix:
                raise MissingFileError(f"no file at {task}; check the path, or name one of {', '.join(TASKS)}")
            raise checks.unknown("task", task, TASKS, where=f"the built-in ones ({', '.join(TASKS)})")
        return TASKS[str(task)]()
    if isinstance(task, type) or not callable(getattr(task, "score", None)):
        raise InputError(f"a task must be a name or have a score method; got {type(task).__name__}")
    return task  # type: ignore[return-value]


def _read(path: Path) -> Task:
    """Read a task from a file, whose kind is detected from its beginning."""
    if path.name.lower().removesuffix(".gz").endswith(TABLE_SUFFIXES):
        return STS.read(path)
    rows = [
        line
        for _, line in task_files.numbered_lines(path)
        if not task_files.is_comment(line, fits=task_files.is_row(line))
    ]
    first = rows[0] if rows else ""
    if first.startswith(":") or (task_files.split_words(first, 4) and not task_files.rated(rows)):
        return Analogies.read(path)
    return STS.read(path) if has_titles(first) else WordPairs.read(path)
