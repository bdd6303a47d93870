"""`Word2Vec`: a frozen set of hyper-parameters with one verb, `train`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from semspace import checks, pools
from semspace.bundle import PathLike
from semspace.deprecation import renamed_parameters, renamed_property
from semspace.errors import InputError
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.text.tokens import Tokens, as_tokens
from semspace.threads import thread_count
from semspace.words import gensim_engine, native_engine
from semspace.words.checkpoint import WordsCheckpoint
from semspace.words.job import Engine, Job, Task
from semspace.words.pretrained import check_start
from semspace.words.subwords import Subwords
from semspace.words.vocabulary import Vocabulary

BACKENDS: dict[str, Engine] = {"native": native_engine.train, "gensim": gensim_engine.train}
_MOST_NEGATIVES = 64  # the kernels unroll their loops over them
_MOST_THREADS = 1_024


@renamed_parameters(engine="backend")
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
        Noise words drawn for each word, in proportion to frequency to the power 0.75; 64 at most.
    min_count : int
        Words seen fewer times are left out.
    epochs : int
        Passes over the text. A small corpus wants more.
    sample : float
        Frequent words are thinned out above this share of the text (0 turns it off).
    learning_rate : float
        At the start; it falls to nearly nothing in a straight line.
    architecture : {"skipgram", "cbow"}
    subword : bool or Subwords
        Learn the runs of a word's letters as well (Bojanowski et al. 2017, arXiv 1607.04606), so that unseen words get
        vectors; ``True`` is ``Subwords(minn=3, maxn=6)``.
    threads : int, optional
        All cores by default.
    deterministic : bool
        Give the same vectors every time for the same seed and the same number of threads, at some cost of time. With
        one thread they are the same in any case.
    seed : int
    backend : {"native", "gensim"}
        Which code does the training: semspace's own, or gensim's for a cross-check, with the same parameters.

    Notes
    -----
    The native backend follows word2vec.c but for one thing: all neighbours of a word share its noise words (Ji et al.
    2016, arXiv 1604.04661), so that each row of the matrices comes from memory once a window.

    By default threads write to the same matrices without waiting for one another (Hogwild; Niu et al. 2011). With
    `deterministic`, each predicts words of its own, from copies of the vectors that become one again every few
    thousand words: that agrees with people a little less, and takes about a third more time where the cores share a
    cache; where they don't, it is the faster way (docs/benchmarks.md).

    Examples
    --------
    >>> import semspace as ss
    >>> corpus = ss.Corpus.from_texts(["the cat drinks milk", "the dog drinks water"] * 50)
    >>> words = ss.Word2Vec(dim=8, epochs=2, threads=1).train(corpus)
    >>> len(words), words.dim, len(words.history)
    (6, 8, 2)
    """

    dim: int = 100
    window: int = 5
    negatives: int = 5
    min_count: int = 5
    epochs: int = 5
    sample: float = 1e-3
    learning_rate: float = 0.025
    architecture: str = "skipgram"
    subword: bool | Subwords = False
    threads: int | None = None
    deterministic: bool = False
    seed: int = 0
    backend: str = "native"

    def __post_init__(self) -> None:
        for name in ("dim", "window", "min_count", "epochs"):
            checks.whole(name, getattr(self, name))
        checks.whole("negatives", self.negatives, high=_MOST_NEGATIVES)
        checks.number("sample", self.sample, high=1.0)
        checks.number("learning_rate", self.learning_rate, open_low=True)
        checks.choice("architecture", self.architecture, ("skipgram", "cbow"))
        checks.choice("backend", self.backend, BACKENDS)
        checks.seed(self.seed)
        if self.threads is not None:
            checks.whole("threads", self.threads, high=_MOST_THREADS)
        checks.flag("deterministic", self.deterministic)
        if not isinstance(self.subword, Subwords):
            checks.flag("subword", self.subword, other="a Subwords")

    engine = renamed_property("engine", "backend")

    @property
    def _thread_count(self) -> int:
        """The number of threads that will work."""
        return self.threads or thread_count()

    @renamed_parameters(start="init", evaluate="evaluator")
    def train(
        self,
        text: Corpus | Tokens | Iterable[Iterable[str]],
        *,
        init: Space | None = None,
        evaluator: Task | None = None,
        checkpoint: PathLike | None = None,
        checkpoint_minutes: float = 10.0,
        resume: bool = False,
        progress: bool = True,
    ) -> Space:
        """Learn a vector for each word seen `min_count` times.

        Parameters
        ----------
        text : Corpus, Tokens, or lists of words
            A corpus is tokenised the fast way; give `Tokens` for another tokenizer, or for a text larger than memory
            (`Tokens.read`). Words in lists are kept as they are (`Tokens.from_lists`).
        init : Space, optional
            Pretrained word vectors to start from, of this library or another tool (`read_vectors`). All of its words
            are kept, however rare they are in this text, and new words are added.
        evaluator : task, optional
            Scores the vectors after each epoch, for example ``evaluation.WordPairs.read("pairs.tsv")``; see ``history``
            of the result.
        checkpoint : path, optional
            Keep what is reached in this directory, every `checkpoint_minutes` and at the end. It stays until you
            delete it.
        checkpoint_minutes : float
        resume : bool
            Go on from the checkpoint, if there is one yet. The result is the one an uninterrupted training would
            have had, wherever that is the same every time.
        progress : bool
            Show a bar with words a second, time left and loss, in a terminal or a notebook.

        Returns
        -------
        Space
            Words in order of frequency, with their ``count`` as metadata. Its ``history`` tells loss (mean over all
            pairs of an epoch, each taken before the step it causes), speed and score of each epoch. With `subword`, it
            takes unseen words.

        Raises
        ------
        InputError
            If fewer than two words are frequent enough, the start or the checkpoint doesn't fit, or the disk is full.
        ExistsError
            If a checkpoint is there already and `resume` isn't given.

        Warns
        -----
        SemspaceWarning
            If no word had a neighbour in some epoch, or in none, so that hardly anything was learnt.
        """
        kept = WordsCheckpoint(checkpoint, checkpoint_minutes, resume)
        if init is not None:
            check_start(init, self.dim, self._subwords)
        if evaluator is not None and not callable(getattr(evaluator, "score", None)):
            raise InputError(
                f"evaluator must be a task with a score, such as evaluation.WordPairs.read(path); "
                f"got {type(evaluator).__name__}"
            )
        pools.need_polars("training")
        tokens = self._tokens(text, init)
        vocabulary = Vocabulary.of(tokens, self.min_count, init)
        job = Job(self, tokens, vocabulary, init, evaluator, kept, progress)
        trained = BACKENDS[self.backend](job)
        job.warn_idle(trained)
        return job.space(trained)

    @property
    def _subwords(self) -> Subwords | None:
        """The scheme of subwords, where there are any."""
        return self.subword if isinstance(self.subword, Subwords) else Subwords() if self.subword else None

    def _tokens(self, text: Corpus | Tokens | Iterable[Iterable[str]], init: Space | None) -> Tokens:
        # Words that `init` knows count however rare they are here.
        return as_tokens(text, min_count=1 if init is not None else self.min_count)
