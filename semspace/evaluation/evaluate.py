"""`evaluate`: one thing on the tasks people trust, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from semspace import checks
from semspace.corpora import gensim_file, judgements, load
from semspace.errors import InputError
from semspace.evaluation.analogies import Analogies
from semspace.evaluation.documents import DocumentSimilarity
from semspace.evaluation.score import Score, Scores
from semspace.evaluation.sts import STS
from semspace.evaluation.word_pairs import WordPairs
from semspace.text.read import read_lines


class Task(Protocol):
    """Anything with a name that gives a `Score`; see `semspace.evaluation` for what there is."""

    @property
    def name(self) -> str:
        """How the task is called in a table."""

    def score(self, thing: Any) -> Score:
        """Judge a thing."""


# Tasks whose data arrives inside installed packages.
TASKS: dict[str, Callable[[], Task]] = {
    "wordsim353": lambda: WordPairs.read(gensim_file("wordsim353.tsv"), "wordsim353"),
    "simlex999": lambda: WordPairs.read(gensim_file("simlex999.txt"), "simlex999"),
    "google-analogies": lambda: Analogies.read(gensim_file("questions-words.txt"), "google-analogies"),
    "lee-documents": lambda: DocumentSimilarity("lee-documents", load("lee"), judgements()),
}
WORD_TASKS = ("wordsim353", "simlex999", "google-analogies")


def evaluate(thing: Any, on: str | Path | Task | Sequence[str | Path | Task] = WORD_TASKS) -> Scores:
    """Say how well vectors agree with people.

    Parameters
    ----------
    thing : Space, Encoder, gensim KeyedVectors or sentence-transformers model
    on : name, path, task, or several
        Names: ``"wordsim353"``, ``"simlex999"`` (word pairs, Spearman), ``"google-analogies"`` (accuracy) and
        ``"lee-documents"`` (50 news texts, Spearman). A path: of word pairs (``word TAB word TAB rating``), of
        analogies (four words a line under ``: section`` lines), or of rated sentences (a table with columns
        ``sentence1``, ``sentence2``, ``score``). Or tasks of your own: see `semspace.evaluation`.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["cup", "mug", "sun", "sky"], [[1, 0], [1, 0.1], [0, 1], [1, 2]])
    >>> task = ss.evaluation.WordPairs("mine", [("cup", "mug", 9), ("sun", "sky", 7), ("cup", "sun", 1)])
    >>> ss.evaluate(space, task)["mine"].coverage
    1.0
    """
    if not isinstance(on, Iterable) and not hasattr(on, "score") and not isinstance(on, Path):
        raise InputError(f"on must be a name, a path, a task, or several of them; got {type(on).__name__}")
    asked = [on] if isinstance(on, (str, Path)) or hasattr(on, "score") else list(on)
    return Scores(tuple(task_of(one).score(thing) for one in asked))


def task_of(one: str | Path | Task | object) -> Task:
    """Give the task that a name or a path means; a task as it is."""
    if isinstance(one, (str, Path)):
        if Path(one).is_file():
            return _read(Path(one))
        if one not in TASKS:
            raise checks.unknown("task", str(one), TASKS, where=f"the built-in ones ({', '.join(TASKS)})")
        return TASKS[str(one)]()
    if isinstance(one, type) or not callable(getattr(one, "score", None)):
        raise InputError(f"a task must be a name or have a score method; got {type(one).__name__}")
    return one  # type: ignore[return-value]


def _read(path: Path) -> Task:
    """Read a task from a file, telling by its beginning what it holds."""
    first = next((line for line in read_lines(path) if line.strip() and not line.startswith("#")), "")
    if first.startswith(":"):
        return Analogies.read(path)
    return STS.read(path) if "sentence1" in first else WordPairs.read(path)
