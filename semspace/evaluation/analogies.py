"""Analogy questions (Mikolov et al. 2013), all of them answered in one pass over the vocabulary.

The target of 3CosAdd is a sum of three unit vectors, so its scores are sums of three rows of similarities:
``cos(d, b) - cos(d, a) + cos(d, c)``. Nineteen thousand questions use some nine hundred words, so the
similarities of those words to the vocabulary are computed once, a block of columns at a time that stays in
the cache, and each question then costs three additions a candidate, whatever the dimension. A question is
over as soon as a candidate is better than the answer that is wanted.
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
import numpy.typing as npt

from semspace import checks, queries
from semspace.bundle import PathLike
from semspace.errors import InputError
from semspace.evaluation.adapters import WordTable, word_table
from semspace.evaluation.lookup import lower
from semspace.evaluation.score import Score, UnjudgedError, notes
from semspace.evaluation.task_files import is_comment, numbered_lines, split_words
from semspace.evaluation.ties import NEAR
from semspace.threads import thread_count

Question = tuple[str, str, str, str]
Whole = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
_BLOCK = 2_048  # words of the vocabulary at a time: few enough to stay in the cache, many enough to pay a start
_ADDED, _MULTIPLIED = 2**29, 2**23  # how finely similarities, and their logarithms, become whole numbers


@dataclass(frozen=True)
class Analogies:
    """Share of questions "a is to b as c is to ?" whose first answer is right.

    As in gensim's `evaluate_word_analogies`, questions with a word outside the `most` frequent are left out and
    counted, and the three words of a question, in any case, are never its answer. Unlike there, a word is looked up
    and wanted as it is written, and in another case only where it isn't in the vocabulary. Where several words are
    equally good, and the right one among them, the question counts for one divided by their number.

    Parameters
    ----------
    name : str
    sections : sequence of (name, questions)
    method : {"3cosadd", "3cosmul"}
    most : int
        How many of the most frequent words may be answers.
    """

    name: str
    sections: Sequence[tuple[str, Sequence[Question]]]
    method: str = "3cosadd"
    most: int = 300_000

    def __post_init__(self) -> None:
        checks.choice("method", self.method, ("3cosadd", "3cosmul"))
        checks.whole("most", self.most, low=4)

    @classmethod
    def read(
        cls, path: PathLike, name: str | None = None, *, method: str = "3cosadd", most: int = 300_000
    ) -> Analogies:
        """Read questions of four words a line, under section lines that start with ``:``, if there are any.

        Words are separated by spaces, tabs, commas or semicolons. Lines that start with ``#`` and aren't four words, or
        have a space after it, are comments.
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
        """Judge a Space, an Encoder, gensim's KeyedVectors or a sentence-transformers model.

        For an encoder the answers are the words of the questions, which is easier than a whole vocabulary; the
        score's note says so.
        """
        questions = [q for _, rows in self.sections for q in rows]
        section = np.repeat(np.arange(len(self.sections)), [len(rows) for _, rows in self.sections])
        words = list(dict.fromkeys(word for q in questions for word in q))
        table = word_table(thing, words, most=self.most)
        found = table.find(words)
        numbers = np.array([[found.rows.get(word, -1) for word in q] for q in questions], np.int64).reshape(-1, 4)
        known = (numbers >= 0).all(axis=1)
        if not known.any():
            vocabulary = f"the vocabulary of {len(table.words):,}"
            raise UnjudgedError(
                f"{self.name}: no question has all its words in {vocabulary}", used=0, total=len(questions)
            )
        right = chances(table, numbers[known], self.method)
        parts = [
            (title, float(right[own].mean()), int(own.sum()))
            for i, (title, _) in enumerate(self.sections)
            if (own := section[known] == i).any()
        ]
        few = "" if len(table.words) > 5_000 else f"answers from {len(table.words):,} words only, which is easier"
        note = notes(few, found.note)
        return Score(self.name, "accuracy", float(right.mean()), len(right), len(questions), tuple(parts), note)


def chances(table: WordTable, questions: Rows, method: str = "3cosadd") -> npt.NDArray[np.float64]:
    """Return how likely the first answer to each question is the right one, from rows of a, b, c, d, shape (q, 4).

    0 or 1, or a share where several answers are equally good.
    """
    from semspace.evaluation.analogy_kernel import count_rivals

    used, terms = np.unique(questions[:, :3], return_inverse=True)
    terms = terms.reshape(-1, 3)
    own = table.vectors[used]
    answers, places = np.unique(questions[:, 3], return_inverse=True)
    plus, minus = _terms(own @ table.vectors[answers].T, method)
    a, b, c = terms.T
    wanted = (plus[b, places] + plus[c, places] - minus[a, places]).astype(np.int32)
    barred = _barred(table.words, questions)
    rivals = np.where((questions[:, :3] == questions[:, 3:]).any(axis=1), -1, 0).astype(np.int64)
    slack = int(NEAR * (_ADDED if method == "3cosadd" else _MULTIPLIED))
    threads = thread_count()
    edges = np.linspace(0, len(questions), threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(table.vectors), _BLOCK):
            sims = own @ table.vectors[start : start + _BLOCK].T
            meet = partial(count_rivals, *_terms(sims, method))
            parts = [slice(*ends) for ends in pairwise(edges)]
            work = [pool.submit(meet, terms[p], barred[p], start, wanted[p], slack, rivals[p]) for p in parts]
            for part in work:
                part.result()
    return np.where(rivals < 0, 0.0, 1 / (1.0 + np.maximum(rivals, 0)))


def _barred(words: Sequence[str], questions: Rows) -> Rows:
    """Return the rows that don't compete for the answer of each question: its four words, and other cases of the three.

    Where the answer is itself another case of one of the three, other cases compete.
    """
    used = np.unique(questions[:, :3]).tolist()
    cases: dict[str, list[int]] = {lower(words[row]): [] for row in used}
    for row, word in enumerate(words):
        if (key := lower(word)) in cases:
            cases[key].append(row)
    of = {row: cases[lower(words[row])] for row in used}
    found = []
    for *three, wanted in questions.tolist():
        other = [row for one in three for row in of[one]]
        found.append([*three, wanted, *(other if wanted not in other else [])])
    width = max(map(len, found))
    return np.array([[*rows, *[-1] * (width - len(rows))] for rows in found], np.int64)


def _terms(sims: npt.NDArray[np.float32], method: str) -> tuple[Whole, Whole]:
    """Return what is added for b and c, and what is taken away for a, so that both methods are sums.

    Scaled to whole numbers, as finely as three of them fit into 32 bits: finer than the float32 they come from.
    """
    if method == "3cosadd":
        whole = (sims * np.float32(_ADDED)).astype(np.int32)
        return whole, whole
    shifted = np.maximum((1 + sims) / 2, np.float32(1e-30))  # logarithms down to -69
    scale = np.float32(_MULTIPLIED)
    plus = (np.log(shifted) * scale).astype(np.int32)
    return plus, (np.log(shifted + np.float32(queries.EPSILON)) * scale).astype(np.int32)
