"""Guess, encode, correct: the sentence whose vector is nearest to the one asked for, found with the encoder as judge.

The idea is that of vec2text (Morris et al. 2023, arXiv 2310.06816), whose corrections are written by a second network
that is trained on the mistakes of the first. Here there is one network and a search. A correction keeps the beginning
of one of the best sentences so far and lets the network go on from there, towards a point that lies beyond the vector
asked for, on the side away from that sentence's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from semspace.decoders.network import DecoderNetwork
from semspace.decoders.sampling import sample
from semspace.types import Floats1d, Floats2d

KEPT = 4  # best sentences of each point that are corrected
_FIRST_TEMPERATURE, _TEMPERATURE = 0.7, 0.8
_BEYOND = (0.0, 0.5, 1.0, 1.5)  # how far beyond the vector asked for a correction aims, in errors of the sentence
_ANEW = 0.2  # share of the corrections that keep nothing of the sentence

Judge = Callable[[list[str]], Floats2d]
Text = Callable[[Sequence[Sequence[int]]], list[str]]


@dataclass(frozen=True)
class Candidate:
    """A sentence that was tried for a point.

    Parameters
    ----------
    tokens : tuple of int
    text : str
    vector : ndarray of float32, shape (width,)
    score : float
        Cosine of its vector to the point.
    """

    tokens: tuple[int, ...]
    text: str
    vector: Floats1d
    score: float


@dataclass(frozen=True)
class Search:
    """How sentences are searched for.

    Parameters
    ----------
    network : DecoderNetwork
    text : callable
        Returns the texts of tokens.
    judge : callable
        Returns the vectors of texts, of length 1.
    n_candidates : int
        Sentences tried in each round for each point.
    n_rounds : int
        Rounds of corrections after the first guesses.
    seed : int
    """

    network: DecoderNetwork
    text: Text
    judge: Judge
    n_candidates: int
    n_rounds: int
    seed: int

    def run(
        self, points: Floats2d, shown: Callable[[int], object], start: Sequence[tuple[Candidate, ...]] = ()
    ) -> list[tuple[Candidate, ...]]:
        """Return the best sentences of each point, the best first.

        The random numbers are the same for each point, so that its sentence doesn't depend on the other points.

        Parameters
        ----------
        points : ndarray of float32, shape (n, width)
            Of length 1.
        shown : callable
            Called with the number of points after each round.
        start : sequence of n tuples of Candidate
            Sentences of each point to begin with, beside the guesses; empty for none.
        """
        best = list(start) or [()] * len(points)
        for number in range(self.n_rounds + 1):
            rng = np.random.default_rng([self.seed, number])
            uniforms = rng.random((self.n_candidates, self.network.max_tokens), dtype=np.float32)
            if number == 0:
                uniforms[0] = 0  # the likeliest sentence
                goals = np.repeat(points, self.n_candidates, axis=0)
                starts: list[tuple[int, ...]] = [()] * len(goals)
            else:
                goals, starts = self._corrections(points, best, rng)
            temperature = _TEMPERATURE if number else _FIRST_TEMPERATURE
            drawn = sample(self.network, goals, starts, np.tile(uniforms, (len(points), 1)), temperature)
            best = self._judged(points, best, drawn)
            shown(len(points))
        return best

    def _corrections(
        self, points: Floats2d, best: Sequence[Sequence[Candidate]], rng: np.random.Generator
    ) -> tuple[Floats2d, list[tuple[int, ...]]]:
        """Return where each correction aims, and the tokens that it keeps."""
        ranks, cuts, anew = rng.random((3, self.n_candidates))
        beyond = rng.choice(_BEYOND, self.n_candidates)
        goals, starts = [], []
        for point, candidates in zip(points, best, strict=True):
            for number in range(self.n_candidates):
                chosen = candidates[int(ranks[number] * len(candidates))]
                goals.append(point + beyond[number] * (point - chosen.vector))
                kept = 0 if anew[number] < _ANEW else int(cuts[number] * (len(chosen.tokens) + 1))
                starts.append(chosen.tokens[:kept])
        aims = np.array(goals, dtype=np.float32)
        return aims / np.linalg.norm(aims, axis=1, keepdims=True), starts

    def _judged(
        self, points: Floats2d, best: Sequence[Sequence[Candidate]], drawn: Sequence[Sequence[int]]
    ) -> list[tuple[Candidate, ...]]:
        """Return the best of the sentences so far and the ones drawn, for each point."""
        texts = self.text(drawn)
        new = list(dict.fromkeys(texts))
        rows = {text: row for row, text in enumerate(new)}
        vectors = self.judge(new)
        kept = []
        for number, point in enumerate(points):
            seen = {candidate.text: candidate for candidate in best[number]}
            for place in range(number * self.n_candidates, (number + 1) * self.n_candidates):
                text, vector = texts[place], vectors[rows[texts[place]]]
                seen.setdefault(text, Candidate(tuple(drawn[place]), text, vector, float(vector @ point)))
            kept.append(tuple(sorted(seen.values(), key=lambda candidate: -candidate.score)[:KEPT]))
        return kept
