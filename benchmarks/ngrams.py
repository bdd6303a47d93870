"""A trigram model of words with interpolated Kneser-Ney smoothing: how fluent a sentence is, judged from outside."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable

DISCOUNT = 0.75
RARE = 2  # words seen less often count as unknown
START, END, UNKNOWN = "<s>", "</s>", "<unk>"


class TrigramModel:
    """Interpolated Kneser-Ney of order 3 (Chen & Goodman 1999), over words and marks in lower case.

    Examples
    --------
    >>> model = TrigramModel()
    >>> model.train(["the cat sat", "the cat ran", "the dog sat", "the dog ran"])
    >>> model.perplexity(["the cat sat"]) < model.perplexity(["sat cat the"])
    True
    """

    def train(self, texts: Iterable[str]) -> None:
        rows = [words(text) for text in texts]
        counts = Counter(word for row in rows for word in row)
        self.known = {word for word, count in counts.items() if count >= RARE}
        trigrams = Counter(gram for row in rows for gram in grams(self._known(row), 3))
        bigrams = Counter((b, c) for _, b, c in trigrams)  # by how many different words each follows
        unigrams = Counter(c for _, c in bigrams)
        self.levels = [_Level(trigrams), _Level(bigrams), _Level({(c,): n for c, n in unigrams.items()})]

    def perplexity(self, texts: Iterable[str]) -> float:
        """Return the perplexity of a word, with the ends of the sentences."""
        losses = [-math.log(self._share(gram)) for text in texts for gram in grams(self._known(words(text)), 3)]
        return math.exp(sum(losses) / len(losses))

    def _share(self, gram: tuple[str, ...]) -> float:
        share = 1 / (len(self.known) + 2)
        for level, length in zip(reversed(self.levels), (1, 2, 3), strict=True):
            share = level.share(gram[-length:], share)
        return share

    def _known(self, row: list[str]) -> list[str]:
        return [word if word in self.known else UNKNOWN for word in row]


class _Level:
    """Counts of n-grams of one length, and of what follows each context."""

    def __init__(self, counts) -> None:
        self.counts = counts
        self.totals, self.kinds = defaultdict(int), defaultdict(int)
        for gram, count in counts.items():
            self.totals[gram[:-1]] += count
            self.kinds[gram[:-1]] += 1

    def share(self, gram: tuple[str, ...], lower: float) -> float:
        """Return the probability of the last word after the others; `lower` is that after fewer."""
        total = self.totals.get(gram[:-1], 0)
        if not total:
            return lower
        own = max(self.counts.get(gram, 0) - DISCOUNT, 0) / total
        return own + DISCOUNT * self.kinds[gram[:-1]] / total * lower


def words(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text.lower())


def grams(row: list[str], n: int) -> list[tuple[str, ...]]:
    padded = [START] * (n - 1) + row + [END]
    return [tuple(padded[i : i + n]) for i in range(len(row) + 1)]
