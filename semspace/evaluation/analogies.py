"""Analogy questions (Mikolov et al. 2013), all of them answered in one pass over the vocabulary.

The target of 3CosAdd is a sum of three unit vectors, so its scores are sums of three rows of similarities:
``cos(d, b) - cos(d, a) + cos(d, c)``. Nineteen thousand questions use some nine hundred words, so the
similarities of those words to the vocabulary are computed once, a block of columns at a time that stays in
the cache, and each question then costs three additions a candidate, whatever the dimension.
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
from semspace.evaluation.score import Score
from semspace.evaluation.things import WordTable, word_table
from semspace.text.read import read_lines
from semspace.threads import thread_count

Question = tuple[str, str, str, str]
Whole = npt.NDArray[np.int32]
_BLOCK = 2_048  # words of the vocabulary at a time: few enough to stay in the cache, many enough to pay a start


@dataclass(frozen=True)
class Analogies:
    """Share of questions "a is to b as c is to ?" whose first answer is right.

    As in gensim's `evaluate_word_analogies`: case is ignored, questions with a word outside the `most`
    frequent are left out and counted, and the three words of a question are never its answer.

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
        """Read questions of four words a line, under section lines that start with ``:``."""
        file = Path(path)
        sections: list[tuple[str, list[Question]]] = []
        for number, line in enumerate(read_lines(path), 1):
            if line.startswith(":"):
                sections.append((line[1:].strip(), []))
                continue
            if not line.strip():
                continue
            words = line.split()
            if len(words) != 4:
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
        table = word_table(thing, [word for q in questions for word in q], most=self.most)
        rows = table.rows()
        numbers = np.array([[rows.get(word.upper(), -1) for word in q] for q in questions]).reshape(-1, 4)
        known = (numbers >= 0).all(axis=1)
        if not known.any():
            raise InputError(f"{self.name}: no question has all its words in the vocabulary of {len(table.words):,}")
        answers = answer(table, numbers[known, :3], self.method)
        capitals = [word.upper() for word in table.words]
        right = np.array(
            [got >= 0 and capitals[got] == capitals[want] for got, want in zip(answers, numbers[known, 3], strict=True)]
        )
        parts = [
            (title, float(right[own].mean()), int(own.sum()))
            for i, (title, _) in enumerate(self.sections)
            if (own := section[known] == i).any()
        ]
        note = "" if len(table.words) > 5_000 else f"answers from {len(table.words):,} words only, which is easier"
        return Score(self.name, "accuracy", float(right.mean()), len(right), len(questions), tuple(parts), note)


def answer(table: WordTable, questions: npt.NDArray[np.int64], method: str = "3cosadd") -> npt.NDArray[np.int64]:
    """Return the row of the best answer to each question, shape (q,), from rows a, b, c of shape (q, 3)."""
    from semspace.evaluation.analogy_kernel import improve

    used, numbered = np.unique(questions, return_inverse=True)
    numbered = numbered.reshape(questions.shape)
    own = table.vectors[used]
    best = np.full(len(questions), np.iinfo(np.int32).min, np.int32)
    found = np.full(len(questions), -1, np.int64)
    threads = thread_count()
    edges = np.linspace(0, len(questions), threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(table.vectors), _BLOCK):
            sims = own @ table.vectors[start : start + _BLOCK].T
            better = partial(improve, *_terms(sims, method))
            parts = [slice(*ends) for ends in pairwise(edges)]
            work = [pool.submit(better, numbered[p], questions[p], start, best[p], found[p]) for p in parts]
            for part in work:
                part.result()
    return found


def _terms(sims: npt.NDArray[np.float32], method: str) -> tuple[Whole, Whole]:
    """Return what is added for b and c, and what is taken away for a, so that both methods are sums.

    Scaled to whole numbers, as finely as three of them fit into 32 bits: finer than the float32 they come from.
    """
    if method == "3cosadd":
        whole = (sims * np.float32(2**29)).astype(np.int32)
        return whole, whole
    shifted = np.maximum((1 + sims) / 2, np.float32(1e-30))  # logarithms down to -69
    scale = np.float32(2**23)
    plus = (np.log(shifted) * scale).astype(np.int32)
    return plus, (np.log(shifted + np.float32(queries.EPSILON)) * scale).astype(np.int32)
