"""`TextDecoder`: hyper-parameters with one verb, `train`, whose result writes a sentence for a vector."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass

import numpy as np

from semspace import checks
from semspace.decoders.byte_pairs import N_BYTES
from semspace.decoders.examples import TextExamples, encode_examples, sentences_of
from semspace.decoders.text_model import TextDecoderModel
from semspace.errors import InputError, SemspaceWarning
from semspace.files import PathLike
from semspace.latent.checkpoint import LatentCheckpoint
from semspace.latent.neural_trainer import check_fit_parameters, training_identity
from semspace.text.corpus import Corpus
from semspace.text_encoder import TextEncoder, reads_texts
from semspace.training.precision import use_bfloat16

_PRECISIONS = ("auto", "float32", "bfloat16")
_HEAD_DIM = 64


@dataclass(frozen=True, kw_only=True)
class TextDecoder:
    """Trains a model that writes a sentence for a vector: the way back of a sentence encoder.

    It is a small causal transformer that reads the vector as the first places of its input, and it learns to write each
    sentence of a corpus from the sentence's vector. What it writes is then improved with the encoder as judge: see
    `TextDecoderModel.decode`.

    Parameters
    ----------
    layers : int
    dim : int
        Of the hidden states; a multiple of 64.
    vocabulary : int
        Tokens of its tokenizer, which is trained on the corpus.
    min_words, max_words : int
        Sentences of a corpus that are learned from, in words between spaces.
    max_tokens : int
        Of a sentence; longer ones are left out.
    epochs : int
        Passes over the sentences, at most.
    batch_size : int
        Sentences of a step.
    learning_rate : float
        The highest; it falls to zero by half a cosine.
    held_out : float
        Share of the sentences that is only used for evaluation; 0 for none.
    patience : int, optional
        Stop after this number of epochs in which the loss of the sentences held out was no lower than before. In any
        case the model is that of the epoch in which it was lowest.
    precision : {"auto", "float32", "bfloat16"}
        For multiplying matrices. ``"auto"`` uses bfloat16 on a processor with instructions for it; weights are float32
        in any case.
    threads : int, optional
        All cores by default.
    seed : int

    Notes
    -----
    The loss in ``history`` is the mean negative log-likelihood of a token, in nats, given the vector.

    Examples
    --------
    >>> import semspace as ss
    >>> words = ss.Space.from_vectors(["cats", "dogs", "sleep", "run"], [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> encoder = ss.WordAverage(words, frequencies="zipf", remove_common=False)
    >>> corpus = ss.Corpus([f"{who} {what} {when}" for who in ("cats", "dogs") for what in ("sleep", "run")
    ...                     for when in ("today", "now", "here", "often", "again")])
    >>> trainer = ss.TextDecoder(layers=1, dim=64, vocabulary=300, min_words=2, epochs=20, batch_size=8)
    >>> decoder = trainer.train(corpus, encoder, progress=False)
    >>> len(decoder.decode(encoder.encode(["cats sleep"]), progress=False))
    1
    """

    layers: int = 4
    dim: int = 256
    vocabulary: int = 6_000
    min_words: int = 5
    max_words: int = 20
    max_tokens: int = 48
    epochs: int = 2
    batch_size: int = 64
    learning_rate: float = 1.5e-3
    held_out: float = 0.01
    patience: int | None = 2
    precision: str = "auto"
    threads: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("layers", "dim", "min_words", "max_tokens"):
            checks.whole(name, getattr(self, name))
        if self.dim % _HEAD_DIM:
            raise InputError(f"dim must be a multiple of {_HEAD_DIM}, the dimensions of a head; got {self.dim}")
        checks.whole("vocabulary", self.vocabulary, low=N_BYTES + 4)
        checks.whole("max_words", self.max_words, low=self.min_words)
        checks.choice("precision", self.precision, _PRECISIONS)
        check_fit_parameters(self)

    def train(
        self,
        corpus: Corpus,
        encoder: TextEncoder,
        *,
        checkpoint: PathLike | None = None,
        checkpoint_minutes: float = 10.0,
        resume: bool = False,
        progress: bool = True,
    ) -> TextDecoderModel:
        """Train on the sentences of a corpus and their vectors.

        Parameters
        ----------
        corpus : Corpus
            Its texts are split into sentences; those of `min_words` to `max_words` are used, each once.
        encoder : Encoder
            Whose vectors the decoder reads, and which judges what it writes.
        checkpoint : path, optional
            Directory to which the state of the training is written every `checkpoint_minutes` and at the end. It
            stays until you delete it.
        checkpoint_minutes : float
        resume : bool
            Resume from the checkpoint, if there is one, with the result of an uninterrupted training.
        progress : bool
            Show a progress bar with the loss and the time left.

        Returns
        -------
        TextDecoderModel

        Raises
        ------
        InputError
            If there are too few sentences, the loss becomes NaN in the first epoch, or the checkpoint is of another
            training.
        MissingExtraError
            If torch isn't installed.
        ExistsError
            If a checkpoint exists and `resume` is False.

        Warns
        -----
        SemspaceWarning
            If the loss became NaN in a later epoch: the model is that of the best epoch before.
        """
        checks.flag("progress", progress)
        checks.need("torch", "transformers")
        checks.need("tokenizers", "transformers")
        if not isinstance(corpus, Corpus):
            raise InputError(f"train takes a Corpus; got {type(corpus).__name__}: use ss.Corpus(texts)")
        if not (hasattr(encoder, "encode") and hasattr(encoder, "fingerprint") and reads_texts(encoder)):
            raise InputError(
                f"train takes the encoder of the vectors; got {type(encoder).__name__}: use ss.Encoder.load(name)"
            )
        saved = LatentCheckpoint(checkpoint, checkpoint_minutes, resume)
        if saved.wanted:
            precision = "bfloat16" if use_bfloat16(self.precision) else "float32"  # "auto" differs among machines
            data = {"corpus": corpus.fingerprint, "encoder": encoder.fingerprint}
            saved.bind(training_identity(self, **data, precision=precision))
        sentences = sentences_of(corpus, self.min_words, self.max_words)
        examples = encode_examples(sentences, encoder, self.vocabulary, self.max_tokens, progress=progress)
        return self._fitted(examples, encoder, corpus, saved, progress=progress)

    def _fitted(
        self, examples: TextExamples, encoder: TextEncoder, corpus: Corpus, saved: LatentCheckpoint, *, progress: bool
    ) -> TextDecoderModel:
        from semspace.decoders.learner import TextLearner
        from semspace.latent.fitting import FitLoop, FitOptions, split

        rows, held_out = split(len(examples), self.held_out, self.seed)
        options = FitOptions(self.epochs, self.batch_size, self.learning_rate, self.patience, self.seed, self.threads)
        learner = TextLearner(
            examples,
            layers=self.layers,
            dim=self.dim,
            max_tokens=self.max_tokens,
            bfloat16=use_bfloat16(self.precision),
            seed=self.seed,
        )
        fit = FitLoop(learner, rows, held_out, options, saved, progress=progress).run()
        if fit.failure:
            warnings.warn(
                f"{fit.failure}; the model is that of the best epoch before it: lower learning_rate (now "
                f"{self.learning_rate:g})",
                SemspaceWarning,
                stacklevel=3,
            )
        made = {
            "made_by": "TextDecoder",
            "trainer": asdict(self),
            "sentences": len(examples),
            "corpus": corpus.fingerprint,
            "history": fit.history.plain(),
            "stopped": fit.stopped or fit.failure,
        }
        weights = {name: np.array(value.detach().numpy()) for name, value in learner.net.named_parameters()}
        return TextDecoderModel(weights, examples.tokenizer, encoder, self.layers, self.max_tokens, made)
