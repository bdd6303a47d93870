"""Inverse cloze task: texts alone; a sentence is to be near to the text it was taken from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from semspace import checks
from semspace.errors import InputError
from semspace.text.sentences import split_sentences
from semspace.training.examples import Examples, read_texts
from semspace.training.objectives.multiple_negatives import MultipleNegatives

_MIN_SENTENCES = 3  # of a text: the query, and two that remain
_SENTENCES = ("last", "first", "any")


@dataclass(frozen=True, kw_only=True)
class Cloze(MultipleNegatives):
    """Find the text that a sentence was taken from (inverse cloze task; Lee et al. 2019, arXiv 1906.00300, section 4).

    Data are a `Corpus`, or texts. It adapts an encoder for search to texts without any queries yet (see also the crops
    of Izacard et al. 2022, arXiv 2112.09118).

    Parameters
    ----------
    sentence : {"last", "first", "any"}
        Which sentence is the query: in many kinds of texts the last one states a conclusion; ``"any"`` draws one.
    whole : float
        Share of the texts whose sentence isn't removed from the text, so that common words count as well.
    shortest : int
        Minimum number of characters of a query; shorter sentences, such as headings, aren't used as one.
    seed : int
        Of the sentences and texts that are drawn.

    Notes
    -----
    The other parameters are those of `MultipleNegatives`; with `hard_negatives`, the texts nearest to a sentence are
    negatives. Texts of fewer than three sentences aren't used.
    This objective can also make a good encoder worse (docs/benchmarks.md has such a case): evaluate it, with
    ``train(evaluator=...)``.

    Examples
    --------
    >>> import semspace as ss
    >>> objective = ss.training.Cloze(shortest=1, whole=0)
    >>> examples = objective.read(["Rain fell. The river rose. A bridge broke."])
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
        checks.choice("sentence", self.sentence, _SENTENCES)
        checks.number("whole", self.whole, high=1.0)
        checks.whole("shortest", self.shortest)
        checks.seed(self.seed)

    def read(self, data: Any, seed: int = 0) -> Examples:  # noqa: ARG002  (it has a seed of its own)
        """Read texts, without duplicates, and take a sentence from each."""
        texts = read_texts(data, "texts")
        rng = np.random.default_rng(self.seed)
        pairs = [pair for text in texts if (pair := self._pair(text, rng)) is not None]
        if not pairs:
            raise InputError(
                f"none of {len(texts):,} texts has {_MIN_SENTENCES} sentences, one of which has at least "
                f"{self.shortest} characters; give longer texts, or use objective='simcse' for short ones"
            )
        return Examples.from_columns([[query for query, _ in pairs], [rest for _, rest in pairs]])

    def _pair(self, text: str, rng: np.random.Generator) -> tuple[str, str] | None:
        """Return a sentence and the rest of a text; None if there are too few sentences."""
        sentences = split_sentences(text)
        candidates = [i for i, sentence in enumerate(sentences) if len(sentence) >= self.shortest]
        if len(sentences) < _MIN_SENTENCES or not candidates:
            return None
        query = candidates[{"last": -1, "first": 0}.get(self.sentence, int(rng.integers(len(candidates))))]
        keep_query = bool(rng.random() < self.whole)
        rest = " ".join(sentence for i, sentence in enumerate(sentences) if keep_query or i != query)
        return sentences[query], rest
