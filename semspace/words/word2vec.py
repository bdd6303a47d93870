"""`Word2Vec`: the hyper-parameters of word vectors, with the method `train`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from semspace import checks, pools
from semspace.deprecation import renamed_parameters, renamed_property
from semspace.errors import InputError
from semspace.files import PathLike, digest
from semspace.peer_names import answers_peer_attributes, answers_peer_parameters
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.text.tokens import Tokens, as_tokens
from semspace.threads import thread_count
from semspace.words.checkpoint import WordsCheckpoint
from semspace.words.gensim_engine import train_with_gensim
from semspace.words.hyperparameters import Hyperparameters
from semspace.words.job import Backend, Evaluator, Job, warn_idle_epochs
from semspace.words.native_engine import train_natively
from semspace.words.pretrained import check_init
from semspace.words.subwords import Subwords
from semspace.words.vocabulary import TrainingVocabulary

BACKENDS: dict[str, Backend] = {"native": train_natively, "gensim": train_with_gensim}
_MAX_NEGATIVES = 64  # the kernels unroll their loops over them
_MAX_THREADS = 1_024


@answers_peer_attributes
@renamed_parameters(engine="backend")
@answers_peer_parameters
@dataclass(frozen=True, kw_only=True)
class Word2Vec:
    """Word vectors by skip-gram or CBOW with negative sampling (Mikolov et al. 2013, arXiv 1310.4546).

    Parameters
    ----------
    dim : int
        Number of dimensions.
    window : int
        Maximum distance of context words; the actual size is drawn from 1 to `window` at each word.
    negatives : int
        Negative samples for each word, drawn in proportion to frequency to the power 0.75; 64 at most.
    min_count : int
        Words that occur fewer times are left out.
    epochs : int
        Passes over the text. A small corpus needs more.
    sample : float
        Subsampling threshold of frequent words, as a share of the text; 0 disables subsampling.
    learning_rate : float
        The initial learning rate; it decreases linearly to nearly zero.
    architecture : {"skipgram", "cbow"}
    subword : bool or Subwords
        Also learn vectors of character n-grams (Bojanowski et al. 2017, arXiv 1607.04606), so that unseen words get
        vectors; ``True`` is ``Subwords(minn=3, maxn=6)``.
    threads : int, optional
        All cores by default.
    deterministic : bool
        Return the same vectors every time for the same seed and number of threads, at some cost of time. With one
        thread they are the same in any case.
    seed : int
    backend : {"native", "gensim"}
        Which code does the training: semspace's own, or gensim's (``semspace[gensim]``) for a cross-check, with the
        same parameters.

    Notes
    -----
    The native backend follows word2vec.c with one exception: all neighbours of a word share its negative samples (Ji et
    al. 2016, arXiv 1604.04661), so that each row of the matrices is read from memory once per window.

    By default threads update the same matrices without locks (Hogwild; Niu et al. 2011). With `deterministic`, each
    thread predicts words of its own, from copies of the vectors that are merged every few thousand words: the result
    agrees slightly less with human judgement, and takes about a third more time where the cores share a cache; where
    they don't, it takes less time (docs/benchmarks.md).

    Examples
    --------
    >>> import semspace as ss
    >>> corpus = ss.Corpus.from_texts(["the cat drinks milk", "the dog drinks water"] * 50)
    >>> words = ss.Word2Vec(dim=8, epochs=2, sample=0, threads=1).train(corpus)
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
        checks.whole("negatives", self.negatives, high=_MAX_NEGATIVES)
        checks.number("sample", self.sample, high=1.0)
        checks.number("learning_rate", self.learning_rate, open_low=True)
        checks.choice("architecture", self.architecture, ("skipgram", "cbow"))
        checks.choice("backend", self.backend, BACKENDS)
        if self.backend == "gensim":
            checks.need("gensim", "gensim")
        checks.seed(self.seed)
        if self.threads is not None:
            checks.whole("threads", self.threads, high=_MAX_THREADS)
        checks.flag("deterministic", self.deterministic)
        if not isinstance(self.subword, Subwords):
            checks.flag("subword", self.subword, other="a Subwords")

    engine = renamed_property("engine", "backend")

    @property
    def _thread_count(self) -> int:
        """The number of threads that will be used."""
        return self.threads or thread_count()

    @renamed_parameters(start="init", evaluate="evaluator")
    @answers_peer_parameters
    def train(
        self,
        text: Corpus | Tokens | Iterable[Iterable[str]],
        *,
        init: Space | None = None,
        evaluator: Evaluator | None = None,
        checkpoint: PathLike | None = None,
        checkpoint_minutes: float = 10.0,
        resume: bool = False,
        progress: bool = True,
    ) -> Space:
        """Learn a vector for each word that occurs at least `min_count` times.

        Parameters
        ----------
        text : Corpus, Tokens, or lists of words
            A corpus is split by the fast tokenizer; give `Tokens` for another one, or for a text larger than memory
            (`Tokens.read`). Words in lists are taken as they are (`Tokens.from_lists`).
        init : Space, optional
            Pretrained word vectors to start from, of this library or another tool (`read_vectors`). All of its words
            are kept, however rare they are in this text, and new words are added.
        evaluator : task, optional
            Scores the vectors after each epoch, for example ``evaluation.WordPairs.read("pairs.tsv")``; see ``history``
            of the result.
        checkpoint : path, optional
            Directory to which the state of the training is written every `checkpoint_minutes` and at the end. It
            stays until you delete it.
        checkpoint_minutes : float
        resume : bool
            Resume from the checkpoint, if there is one. The result is that of an uninterrupted training wherever the
            training is deterministic.
        progress : bool
            Show a progress bar with words per second, time left and loss.

        Returns
        -------
        Space
            The words in order of frequency, with their ``count`` as metadata. Its ``history`` has the loss (the mean
            over all pairs of an epoch, each computed before its update), speed and score of each epoch. With
            `subword`, the space encodes unseen words.

        Raises
        ------
        InputError
            If fewer than two words are frequent enough, `init` or the checkpoint doesn't match, or the disk is full.
        ExistsError
            If a checkpoint exists and `resume` is False.

        Warns
        -----
        SemspaceWarning
            If no word had a neighbour in some epoch or in all, so that hardly anything was learnt.
        """
        saved = WordsCheckpoint(checkpoint, checkpoint_minutes, resume)
        if init is not None:
            check_init(init, self.dim, self._subwords)
        if evaluator is not None and not callable(getattr(evaluator, "score", None)):
            raise InputError(
                f"evaluator must be a task with a score, such as evaluation.WordPairs.read(path); "
                f"got {type(evaluator).__name__}"
            )
        pools.need_polars("training")
        # Words of `init` are kept however rare they are in the text.
        tokens = as_tokens(text, min_count=1 if init is not None else self.min_count)
        vocabulary = TrainingVocabulary.create(tokens, self.min_count, init)
        if saved.wanted:
            saved.bind(self._identity(tokens, vocabulary, init))
        job = Job(
            self._hyperparameters,
            {
                "made_by": "Word2Vec",
                "trainer": asdict(self),
                "threads": self._thread_count,
                "text": dict(tokens.provenance),
                "words": len(tokens),
            },
            tokens,
            vocabulary,
            init,
            evaluator,
            saved,
            progress,
        )
        trained = BACKENDS[self.backend](job)
        warn_idle_epochs(job, trained.idle_epochs, stacklevel=5)
        return job.space(trained)

    @property
    def _subwords(self) -> Subwords | None:
        """The subwords to learn, or None."""
        return self.subword if isinstance(self.subword, Subwords) else Subwords() if self.subword else None

    @property
    def _hyperparameters(self) -> Hyperparameters:
        """The parameters that a backend needs."""
        return Hyperparameters(
            dim=self.dim,
            window=self.window,
            negatives=self.negatives,
            min_count=self.min_count,
            epochs=self.epochs,
            sample=self.sample,
            learning_rate=self.learning_rate,
            cbow=self.architecture == "cbow",
            subwords=self._subwords,
            threads=self._thread_count,
            deterministic=self.deterministic,
            seed=self.seed,
        )

    def _identity(self, tokens: Tokens, vocabulary: TrainingVocabulary, init: Space | None) -> dict[str, Any]:
        """Return what must be the same for a training to resume: the parameters, the text, the pretrained vectors."""
        words = json.dumps([vocabulary.words, vocabulary.counts.tolist()]).encode()
        facts = {
            **asdict(self),
            "words of the text": len(tokens),
            "documents": len(tokens.offsets) - 1,
            "vocabulary": digest(words)[:16],
            "init": None if init is None else init.fingerprint[:16],
        }
        del facts["threads"]
        if self.deterministic:  # otherwise the number of threads may change
            facts["threads"] = self._thread_count
        identity: dict[str, Any] = json.loads(json.dumps(facts))
        return identity
