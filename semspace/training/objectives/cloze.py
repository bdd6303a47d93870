"""Texts alone: a sentence finds the text that it was taken out of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.text.sentences import split_sentences
from semspace.training.examples import Examples, texts_of
from semspace.training.objectives.multiple_negatives import MultipleNegatives

_FEWEST = 3  # sentences of a text: one to find it by, and two that are left
_WHICH = ("last", "first", "any")


@dataclass(frozen=True, kw_only=True)
class Cloze(MultipleNegatives):
    """A sentence finds the rest of its text among the rests of others (Lee et al. 2019, arXiv 1906.00300, section 4).

    Data are a `Corpus`, or texts. It adapts an encoder for search to texts that nobody has asked anything about yet
    (see also the crops of Izacard et al. 2022, arXiv 2112.09118).

    Parameters
    ----------
    sentence : {"last", "first", "any"}
        Which sentence asks: the last says in many kinds of texts what comes of the rest; ``"any"`` draws one.
    whole : float
        Share of the texts whose sentence also stays where it was, so that common words count as well.
    shortest : int
        Sentences of fewer characters, such as headings, don't ask.
    seed : int
        Of what is drawn.

    Notes
    -----
    The other parameters are those of `MultipleNegatives`; with `hard_negatives`, a sentence is told from the texts
    nearest to it. Texts of fewer than three sentences aren't learnt from.
    It may also make a good encoder worse (docs/benchmarks.md has such a case): judge it, with ``train(evaluator=...)``.

    Examples
    --------
    >>> import semspace as ss
    >>> aim = ss.training.Cloze(shortest=1, whole=0)
    >>> examples = aim.read(["Rain fell. The river rose. A bridge broke."])
    >>> [examples.texts[i] for i in examples.rows[0]]
    ['A bridge broke.', 'Rain fell. The river rose.']
    """

    title: ClassVar[str] = "texts of three sentences or more"
    sentence: str = "last"
    whole: float = 0.1
    shortest: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.choice("sentence", self.sentence, _WHICH)
        checks.number("whole", self.whole, high=1.0)
        checks.whole("shortest", self.shortest)
        checks.seed(self.seed)

    def read(self, data: Any) -> Examples:
        """Read texts, each once, and take a sentence out of each."""
        texts = texts_of(data, "texts")
        draw = np.random.default_rng(self.seed)
        pairs = [pair for text in texts if (pair := self._pair(text, draw)) is not None]
        if not pairs:
            raise InputError(
                f"none of {len(texts):,} texts has {_FEWEST} sentences, one of them of {self.shortest} characters or "
                f"more; give longer texts, or learn from short ones with objective='simcse'"
            )
        return Examples.of([[asks for asks, _ in pairs], [rest for _, rest in pairs]])

    def _pair(self, text: str, draw: np.random.Generator) -> tuple[str, str] | None:
        """Give a sentence and the rest; None where there aren't enough."""
        parts = split_sentences(text)
        long = [i for i, part in enumerate(parts) if len(part) >= self.shortest]
        if len(parts) < _FEWEST or not long:
            return None
        chosen = long[{"last": -1, "first": 0}.get(self.sentence, int(draw.integers(len(long))))]
        kept = bool(draw.random() < self.whole)
        rest = " ".join(part for i, part in enumerate(parts) if kept or i != chosen)
        return parts[chosen], rest
