"""`Word2Vec`: a frozen set of hyper-parameters with one verb, `train`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass

from semspace import checks
from semspace.checks import FloatMatrix
from semspace.errors import InputError
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.text.tokens import Tokens
from semspace.words import gensim_engine

Engine = Callable[["Word2Vec", Tokens, bool], FloatMatrix]

# An engine takes the trainer, tokens whose whole vocabulary is to be trained, and whether to show
# progress; it returns one vector for each word, in vocabulary order.
ENGINES: dict[str, Engine] = {"gensim": gensim_engine.train}


@dataclass(frozen=True, kw_only=True)
class Word2Vec:
    """Word vectors by skip-gram or CBOW with negative sampling (Mikolov et al. 2013, arXiv 1310.4546).

    Parameters
    ----------
    dim : int
        Number of dimensions.
    window : int
        Words to each side that count as context; the size is drawn from 1 to `window` at each word.
    negatives : int
        Noise words drawn for each context word, in proportion to frequency to the power 0.75.
    min_count : int
        Words seen fewer times are left out.
    epochs : int
        Passes over the text. A small corpus wants more.
    sample : float
        Frequent words are thinned out above this share of the text (0 turns it off).
    learning_rate : float
        At the start; it falls to nearly nothing in a straight line.
    architecture : {"skipgram", "cbow"}
    threads : int, optional
        All cores by default. The same seed gives the same vectors with ``threads=1`` only.
    seed : int
    engine : {"gensim"}
        Which code does the training.

    Examples
    --------
    >>> import semspace as ss
    >>> corpus = ss.Corpus.from_texts(["the cat drinks milk", "the dog drinks water"] * 50)
    >>> words = ss.Word2Vec(dim=8, epochs=2, threads=1).train(corpus)
    >>> len(words), words.dim
    (6, 8)
    """

    dim: int = 100
    window: int = 5
    negatives: int = 5
    min_count: int = 5
    epochs: int = 5
    sample: float = 1e-3
    learning_rate: float = 0.025
    architecture: str = "skipgram"
    threads: int | None = None
    seed: int = 1
    engine: str = "gensim"

    def __post_init__(self) -> None:
        for name in ("dim", "window", "negatives", "min_count", "epochs"):
            checks.whole(name, getattr(self, name))
        checks.number("sample", self.sample, high=1.0)
        checks.number("learning_rate", self.learning_rate, open_low=True)
        checks.choice("architecture", self.architecture, ("skipgram", "cbow"))
        checks.choice("engine", self.engine, ENGINES)
        checks.seed(self.seed)
        if self.threads is not None:
            checks.whole("threads", self.threads, high=1_024)

    @property
    def thread_count(self) -> int:
        """The number of threads that will work."""
        return self.threads or os.cpu_count() or 1

    def train(self, text: Corpus | Tokens, *, progress: bool = True) -> Space:
        """Learn a vector for each word seen `min_count` times.

        Parameters
        ----------
        text : Corpus or Tokens
            A corpus is tokenised the fast way; give `Tokens` for another tokenizer.
        progress : bool
            Show a bar with words a second and time left, in a terminal or a notebook.

        Returns
        -------
        Space
            Words in order of frequency, with their ``count`` as metadata.

        Raises
        ------
        InputError
            If no word is frequent enough, or only one word is.
        """
        tokens = self._tokens(text)
        if len(tokens.vocabulary) < 2:
            raise InputError(
                f"only the word {tokens.words[0]!r} comes at least {self.min_count} times, and one word has no "
                f"neighbours; lower min_count or give more text"
            )
        vectors = ENGINES[self.engine](self, tokens, progress)
        facts = {"made_by": "Word2Vec", "trainer": asdict(self), "text": dict(tokens.provenance), "words": len(tokens)}
        return Space.from_vectors(tokens.words, vectors, tokens.vocabulary.select("count"), provenance=facts)

    def _tokens(self, text: Corpus | Tokens) -> Tokens:
        if isinstance(text, Corpus):
            return Tokens.from_corpus(text, min_count=self.min_count)
        if isinstance(text, Tokens):
            return text.at_least(self.min_count)
        raise InputError(
            f"train takes a Corpus or Tokens; got {type(text).__name__}: make one with Corpus.read or Corpus.from_texts"
        )
