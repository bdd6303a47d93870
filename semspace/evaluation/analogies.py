"""Analogy questions (Mikolov et al. 2013), all answered in one pass over the vocabulary.

The target of 3CosAdd is a sum of three unit vectors, so its scores are sums of three rows of similarities:
``cos(d, b) - cos(d, a) + cos(d, c)``. The 19,000 questions of the usual file use some 900 words, so the similarities of
those words to the vocabulary are computed once, in blocks of columns that stay in the cache, and each question then
costs three additions for each candidate, whatever the dimension. A question is decided as soon as a candidate is better
than the right answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.errors import InputError
from semspace.evaluation.adapters import WordTable, word_table
from semspace.evaluation.lookup import lower
from semspace.evaluation.score import NotEvaluatedError, Score, notes
from semspace.evaluation.task_checks import check_sections
from semspace.evaluation.task_files import is_comment, numbered_lines, split_words
from semspace.evaluation.task_measure import TaskMeasure
from semspace.evaluation.ties import TOLERANCE
from semspace.files import PathLike
from semspace.threads import thread_count
from semspace.types import Doubles1d, Floats2d, Int32s2d, Ints2d

Question = tuple[str, str, str, str]
_WORDS_PER_BLOCK = 2_048  # of the vocabulary: few enough to stay in the cache, many enough to be worth a task
_ADD_SCALE, _MULTIPLY_SCALE = 2**29, 2**23  # integers for a similarity of 1, and for a logarithm of 1


@dataclass(frozen=True)
class Analogies:
    """Share of questions "a is to b as c is to ?" whose first answer is right.

    As in gensim's `evaluate_word_analogies`, questions with a word outside the `most` frequent are left out, and the
    three words of a question, in any case, are never its answer. Unlike there, a word is looked up as it is written,
    and with other capital letters only if it isn't in the vocabulary. If several words have the best score, the right
    one among them, the question counts for one divided by their number.

    Parameters
    ----------
    name : str
    sections : sequence of (name, questions)
    method : {"3cosadd", "3cosmul"}
    most : int
        Number of the most frequent words that may be answers.
    """

    name: str
    sections: Sequence[tuple[str, Sequence[Question]]]
    method: str = "3cosadd"
    most: int = 300_000

    def __post_init__(self) -> None:
        checks.choice("method", self.method, ("3cosadd", "3cosmul"))
        check_sections(self.name, self.sections)
        checks.whole("most", self.most, low=4)

    @classmethod
    def read(
        cls, path: PathLike, name: str | None = None, *, method: str = "3cosadd", most: int = 300_000
    ) -> Analogies:
        """Read questions of four words a line, under section lines that start with ``:``, if there are any.

        Words are separated by spaces, tabs, commas or semicolons. Lines that start with ``#`` are comments if a space
        follows or they aren't four words.
        """
        file = Path(path)
        sections: list[tuple[str, list[Question]]] = []
        for number, line in numbered_lines(path):
            if line.startswith(":"):
                sections.append((line[1:].strip(), []))
                continue
            words = split_words(line, 4)
            if is_comment(line, fits=words is not None):
                continue
            if words is None:
                raise InputError(f"{file}, line {number}: expected four words; got {line[:60]!r}")
            if not sections:
                sections.append(("all", []))
            sections[-1][1].append((words[0], words[1], words[2], words[3]))
        return cls(name or file.stem, tuple((title, tuple(rows)) for title, rows in sections), method, most)

    def score(self, thing: Any) -> Score:
        """Score a Space, an Encoder, gensim's KeyedVectors, or another model.

        For an encoder the candidates are the words of the questions, which is easier than a whole vocabulary; the note
        of the score says so.
        """
        questions = [q for _, rows in self.sections for q in rows]
        section = np.repeat(np.arange(len(self.sections)), [len(rows) for _, rows in self.sections])
        words = list(dict.fromkeys(word for q in questions for word in q))
        table = word_table(thing, words, most=self.most)
        matches = table.find(words)
        numbers = np.array([[matches.rows.get(word, -1) for word in q] for q in questions], np.int64).reshape(-1, 4)
        usable = (numbers >= 0).all(axis=1)
        if not usable.any():
            vocabulary = f"the vocabulary of {len(table.words):,}"
            raise NotEvaluatedError(
                f"{self.name}: no question has all its words in {vocabulary}", used=0, total=len(questions)
            )
        right = answer_probabilities(table, numbers[usable], self.method)
        parts = [
            (title, float(right[chosen].mean()), int(chosen.sum()))
            for i, (title, _) in enumerate(self.sections)
            if (chosen := section[usable] == i).any()
        ]
        few = "" if len(table.words) > 5_000 else f"answers from {len(table.words):,} words only, which is easier"
        note = notes(few, matches.note)
        measure = TaskMeasure("accuracy", "mean", right, items=np.flatnonzero(usable))
        return Score.of(self.name, [measure], len(right), len(questions), tuple(parts), note)


def answer_probabilities(table: WordTable, questions: Ints2d, method: str = "3cosadd") -> Doubles1d:
    """Return the probability that the best answer to each question is right, from rows of a, b, c, d, shape (q, 4).

    It is 0 or 1, or a fraction if several answers have the best score.
    """
    from semspace.evaluation.analogy_kernel import count_rivals

    used, terms = np.unique(questions[:, :3], return_inverse=True)
    terms = terms.reshape(-1, 3)
    used_vectors = table.vectors[used]
    answers, answer_columns = np.unique(questions[:, 3], return_inverse=True)
    plus, minus = _terms(used_vectors @ table.vectors[answers].T, method)
    a, b, c = terms.T
    expected = (plus[b, answer_columns] + plus[c, answer_columns] - minus[a, answer_columns]).astype(np.int32)
    barred = _barred(table.words, questions)
    rivals = np.where((questions[:, :3] == questions[:, 3:]).any(axis=1), -1, 0).astype(np.int64)
    tolerance = int(TOLERANCE * (_ADD_SCALE if method == "3cosadd" else _MULTIPLY_SCALE))
    threads = thread_count()
    edges = np.linspace(0, len(questions), threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(table.vectors), _WORDS_PER_BLOCK):
            sims = used_vectors @ table.vectors[start : start + _WORDS_PER_BLOCK].T
            count = partial(count_rivals, *_terms(sims, method))
            parts = [slice(*ends) for ends in pairwise(edges)]
            work = [pool.submit(count, terms[p], barred[p], start, expected[p], tolerance, rivals[p]) for p in parts]
            for part in work:
                part.result()
    return np.where(rivals < 0, 0.0, 1 / (1.0 + np.maximum(rivals, 0)))


def _barred(words: Sequence[str], questions: Ints2d) -> Ints2d:
    """Return the rows that can't be the answer of each question: its four words, and other cases of the first three.

    If the right answer is itself another case of one of the three, other cases may be answers.
    """
    used = np.unique(questions[:, :3]).tolist()
    cases: dict[str, list[int]] = {lower(words[row]): [] for row in used}
    for row, word in enumerate(words):
        if (key := lower(word)) in cases:
            cases[key].append(row)
    cases_of = {row: cases[lower(words[row])] for row in used}
    barred = []
    for *three, answer in questions.tolist():
        others = [row for word in three for row in cases_of[word]]
        barred.append([*three, answer, *(others if answer not in others else [])])
    width = max(map(len, barred))
    return np.array([[*rows, *[-1] * (width - len(rows))] for rows in barred], np.int64)


def _terms(sims: Floats2d, method: str) -> tuple[Int32s2d, Int32s2d]:
    """Return what is added for b and c, and what is subtracted for a, so that both methods are sums.

    The terms are integers, scaled so that the sum of three fits into 32 bits, which is finer than float32.
    """
    if method == "3cosadd":
        terms = (sims * np.float32(_ADD_SCALE)).astype(np.int32)
        return terms, terms
    shifted = np.maximum((1 + sims) / 2, np.float32(1e-30))  # logarithms down to -69
    scale = np.float32(_MULTIPLY_SCALE)
    plus = (np.log(shifted) * scale).astype(np.int32)
    return plus, (np.log(shifted + np.float32(queries.EPSILON)) * scale).astype(np.int32)
