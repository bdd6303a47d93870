"""`evaluate`: the scores of a thing on several tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from semspace import checks
from semspace.deprecation import renamed_parameters
from semspace.errors import InputError, SemspaceError
from semspace.evaluation.opening import name_of, opened
from semspace.evaluation.score import NotEvaluatedError, Score, Scores
from semspace.evaluation.task_reading import Task, tasks_of


@renamed_parameters(on="tasks")
def evaluate(thing: Any, tasks: str | Path | Task | Sequence[str | Path | Task] = "words", *, seed: int = 0) -> Scores:
    """Score vectors against human judgement, on one task or several, with 95 % intervals.

    If a task can't be scored, for example because fewer than three of its word pairs are known, its score is NaN and
    the note says why. The scores of two things are compared by ``scores.compare(others)``.

    Parameters
    ----------
    thing : Space, Encoder, gensim KeyedVectors, sentence-transformers or model2vec model, name or path
        A path is that of a saved space or of a file of vectors (word2vec, GloVe, fastText), or of a model's folder; a
        name is that of a model, as `Encoder.load` takes it.
    tasks : name, path, task, or several
        Names: ``"wordsim353"``, ``"simlex999"`` (word pairs, Spearman), ``"google-analogies"`` (accuracy),
        ``"lee-documents"`` (50 news texts, Spearman), ``"newsgroups-labels"`` (199 posts of two groups, accuracy of
        the nearest) and ``"newsgroups-groups"`` (clustering); the suite ``"words"`` is the first three of them, and
        ``"texts"`` the others. A file: of word pairs (two words and a rating a line), of analogies (four words a line,
        under ``: section`` lines or not), of categories (a category and a word a line), or of pairs of sentences (a
        table with columns ``sentence1``, ``sentence2``, ``score``; with ``label``, of 0 and 1, it is a pair
        classification).
        A folder: a retrieval task in BEIR's format, or several such files. Or tasks of your own: see
        `semspace.evaluation`.
    seed : int
        For the resamples of intervals and tests.

    Raises
    ------
    InputError
        If none of the tasks can be scored, or a file isn't a task; files are read before anything is scored.

    Notes
    -----
    Intervals are those of the bootstrap: items are drawn with replacement, a thousand times (fewer of more than 100,000
    items). Items are word pairs, questions, queries, words or documents; of ratings of all pairs of some documents,
    documents are drawn. They say how much a score would change with other items of the same kind.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["cup", "mug", "sun", "sky"], [[1, 0], [1, 0.1], [0, 1], [1, 2]])
    >>> task = ss.evaluation.WordPairs("mine", [("cup", "mug", 9), ("sun", "sky", 7), ("cup", "sun", 1)])
    >>> ss.evaluate(space, task)["mine"].coverage
    1.0
    """
    checks.seed(seed)
    chosen = tasks_of(tasks)
    named, thing = name_of(thing), opened(thing)
    scores, problems = [], []
    for task in chosen:
        try:
            scores.append(replace(task.score(thing), seed=seed))
        except SemspaceError as problem:
            problems.append(problem)
            used, total = (problem.used, problem.total) if isinstance(problem, NotEvaluatedError) else (0, 0)
            reason = str(problem).removeprefix(f"{task.name}: ")
            scores.append(Score(task.name, "", float("nan"), used, total, note=f"not scored: {reason}"))
    if len(problems) == len(chosen):
        raise _of_all(problems)
    return Scores(tuple(scores), named)


def _of_all(problems: Sequence[SemspaceError]) -> SemspaceError:
    """Create the error raised if none of the tasks can be scored."""
    different = list(dict.fromkeys(map(str, problems)))
    if len(different) == 1:
        return problems[0]
    return InputError(f"none of the {len(problems)} tasks can be scored: {'; '.join(different)}")
