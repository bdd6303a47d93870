"""The two kinds of side of a sparse encoder: a transformer with SpladePooling, and a weight for each token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from semspace.errors import DamagedError, InputError
from semspace.files import digest
from semspace.remembered import remembered_digest
from semspace.sentences import parity, runtime_selection
from semspace.sentences.model_config import FILL_MASK, ModelConfig, read_states_config
from semspace.sentences.modules import MODULES, Module, SentenceConfig, read_json
from semspace.sentences.pooling import UNLIMITED
from semspace.sentences.tokenizer_settings import TOKENIZER_CONFIG, read_tokenizer_settings
from semspace.sentences.tokenizing import ModelTokenizer, load_tokenizer
from semspace.sentences.weights import Weights, weight_files
from semspace.sparse.mlm_head import MaskedLanguageHead
from semspace.threads import limited
from semspace.types import Bools1d, Floats1d, Floats2d

TRANSFORMERS, POOLING, STATIC_WEIGHTS = ("Transformer", "MLMTransformer"), "SpladePooling", "SparseStaticEmbedding"
_STRATEGIES, _ACTIVATIONS = ("max", "sum"), ("relu", "log1p_relu")
_POOLING_KEYS = ("pooling_strategy", "activation_function", "word_embedding_dimension", "embedding_dimension")
_TOKENS_AT_ONCE = 256  # tokens whose logits are in memory: 30 MB with a vocabulary of 30,000


class SparseSide(Protocol):
    """Texts → for each, a weight for every token of the vocabulary."""

    dim: int
    max_tokens: int
    fingerprint: str
    backend: str
    implementation: str
    backend_reason: str

    @property
    def tokens(self) -> list[str]:
        """The tokens of the vocabulary, by number."""

    def shorten(self, max_tokens: int) -> None:
        """Truncate texts to a number of tokens from now on."""

    def weights(self, texts: list[str]) -> tuple[Iterator[Floats1d], Bools1d]:
        """Return the weights of each text, shape (dim,), one after the other; and which texts were truncated."""


def read_side(
    root: Path, modules: Sequence[Module], sentence: SentenceConfig, backend: str, threads: int | None
) -> SparseSide:
    """Open a side of a sparse encoder, or raise `InputError` if it consists of other modules."""
    kinds = [module.kind for module in modules]
    if kinds == [STATIC_WEIGHTS]:
        return StaticWeights(modules[0].folder, threads)
    if len(kinds) == 2 and kinds[0] in TRANSFORMERS and kinds[1] == POOLING:
        return SpladeSide(modules[0], modules[1], sentence, backend, threads)
    raise InputError(
        f"{root / MODULES} lists the modules {', '.join(kinds) or 'none'}; a sparse encoder is a Transformer and "
        f"{POOLING}, or {STATIC_WEIGHTS}, or these on the sides of a Router; Encoder.load opens other encoders"
    )


class SpladeSide:
    """A masked language model whose logits are pooled (SPLADE, Formal et al. 2021).

    The weight of a token is the highest ``log(1 + max(logit, 0))`` over the positions of a text, or their sum.
    """

    def __init__(
        self, module: Module, pooling: Module, sentence: SentenceConfig, backend: str, threads: int | None
    ) -> None:
        self._strategy, self._logs = _pooling(pooling)
        self._config = read_states_config(module, sentence, FILL_MASK)
        self._head = MaskedLanguageHead(self._config)
        self._threads = threads
        self._tokenizer = ModelTokenizer(self._config, threads=threads)
        self._runtime, self.backend_reason = runtime_selection.select_runtime(
            self._config,
            backend,
            lambda: self._tokenizer.read(list(parity.SENTENCES), blank="skip"),
            self._tokenizer.check,
        )
        self.backend, self.implementation = self._runtime.backend, self._runtime.implementation
        self.dim, self.max_tokens = self._head.vocabulary_size, self._config.max_tokens
        self.fingerprint = digest(f"{self._config.fingerprint} {self._strategy} {self._logs}".encode())

    @cached_property
    def tokens(self) -> list[str]:
        """The tokens of the vocabulary, by number."""
        return _tokens(load_tokenizer(self._config), self.dim)

    def shorten(self, max_tokens: int) -> None:
        """Truncate texts to a number of tokens from now on."""
        self._tokenizer = ModelTokenizer(self._config, max_tokens, self._threads)
        self.max_tokens = max_tokens
        self.fingerprint = digest(f"{self.fingerprint} {max_tokens}".encode())

    def weights(self, texts: list[str]) -> tuple[Iterator[Floats1d], Bools1d]:
        """Return the weights of each text, shape (dim,), one after the other; and which texts were truncated."""
        batch = self._tokenizer.read(texts)
        with limited(self._threads):
            states = self._runtime.states(batch)
        if not np.isfinite(states).all():
            raise DamagedError(
                f"the model in {self._config.folder} returns states that aren't finite; download it again"
            )
        parts = np.split(states, batch.starts[1:-1])
        return (self._pooled(part) for part in parts), batch.truncated

    def _pooled(self, states: Floats2d) -> Floats1d:
        """Pool the logits of one text; for the highest weight, logarithms are taken of the highest logit alone."""
        with limited(self._threads):
            pooled = np.zeros(self.dim, np.float32)
            for start in range(0, len(states), _TOKENS_AT_ONCE):
                logits = self._head.logits(states[start : start + _TOKENS_AT_ONCE])
                if self._strategy == "max":
                    np.maximum(pooled, logits.max(axis=0), out=pooled)
                else:
                    pooled += self._activated(np.maximum(logits, 0)).sum(axis=0)
        return self._activated(pooled) if self._strategy == "max" else pooled

    def _activated(self, logits: Any) -> Any:
        for _ in range(self._logs):
            logits = np.log1p(logits)
        return logits


class StaticWeights:
    """A weight for each token that stands in a text, whatever its context: the side of an "inference-free" encoder."""

    backend, implementation = "", "a weight for each token"

    def __init__(self, folder: Path, threads: int | None) -> None:
        if not (folder / "tokenizer.json").is_file():
            raise InputError(f"{folder} has no tokenizer.json; save the model again with a fast tokenizer")
        path = read_json(folder / "config.json", {}).get("path")
        if path is not None:
            raise InputError(
                f"{folder / 'config.json'} has path {path!r}, a file of weights elsewhere; save the model again with "
                f"sentence-transformers, which writes them as model.safetensors"
            )
        limit = read_json(folder / TOKENIZER_CONFIG, {}).get("model_max_length")
        is_limit = isinstance(limit, (int, float)) and not isinstance(limit, bool) and 1 <= limit < UNLIMITED
        self.max_tokens = int(limit) if is_limit else UNLIMITED
        settings = read_tokenizer_settings(folder, {})
        self._config = ModelConfig(
            folder, "mean", normalize=False, max_tokens=self.max_tokens, lowercase=False, tokenizer=settings
        )
        self._threads, self.backend_reason = threads, "no transformer"
        self._tokenizer = load_tokenizer(self._config)
        self._tokenizer.no_padding()
        with Weights(folder) as weights:
            if "weight" not in weights or weights.take("weight").ndim != 1:
                raise DamagedError(f"{weight_files(folder)[0]} has no vector 'weight'; download the model again")
            self._weights = weights.take("weight").copy()
        if not np.isfinite(self._weights).all():
            raise DamagedError(f"{weight_files(folder)[0]} holds weights that aren't finite; download the model again")
        self.dim = len(self._weights)
        files = [*weight_files(folder), folder / "tokenizer.json"]
        rest = f"{sorted(settings.changes())} {self.max_tokens}"
        self.fingerprint = digest(*(remembered_digest(path).encode() for path in files), rest.encode())
        self._truncate()

    def _truncate(self) -> None:
        direction = "left" if self._config.tokenizer.truncate_left else "right"
        self._tokenizer.enable_truncation(self.max_tokens, direction=direction)

    @cached_property
    def tokens(self) -> list[str]:
        """The tokens of the vocabulary, by number."""
        return _tokens(self._tokenizer, self.dim)

    def shorten(self, max_tokens: int) -> None:
        """Truncate texts to a number of tokens from now on."""
        self.max_tokens = max_tokens
        self.fingerprint = digest(f"{self.fingerprint} {max_tokens}".encode())
        self._truncate()

    def weights(self, texts: list[str]) -> tuple[Iterator[Floats1d], Bools1d]:
        """Return the weights of each text, shape (dim,), one after the other; and which texts were truncated."""
        encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        truncated = np.array([bool(encoding.overflowing) for encoding in encodings], np.bool_)
        return (self._present(encoding.ids) for encoding in encodings), truncated

    def _present(self, ids: list[int]) -> Floats1d:
        row = np.zeros(self.dim, np.float32)
        if ids and max(ids) >= self.dim:
            raise DamagedError(
                f"the tokenizer doesn't belong to this model: it returns the token {max(ids)}, but there are "
                f"weights of {self.dim:,}; download the model again"
            )
        row[ids] = self._weights[ids]
        return row


def _pooling(module: Module) -> tuple[str, int]:
    """Return the pooling strategy, and how many logarithms are taken; raise `InputError` for other settings."""
    config, path = module.config(needed=True), module.folder / "config.json"
    strange = next((key for key in config if key not in _POOLING_KEYS), None)
    if strange is not None:
        raise InputError(f"{path} has {strange} {config[strange]!r}, a setting of {POOLING} that semspace doesn't know")
    strategy, activation = config.get("pooling_strategy", "max"), config.get("activation_function", "relu")
    if strategy not in _STRATEGIES:
        raise InputError(f"{path} has pooling_strategy {strategy!r}; semspace supports {', '.join(_STRATEGIES)}")
    if activation not in _ACTIVATIONS:
        raise InputError(f"{path} has activation_function {activation!r}; semspace supports {', '.join(_ACTIVATIONS)}")
    return strategy, 1 + _ACTIVATIONS.index(activation)


def _tokens(tokenizer: Any, dim: int) -> list[str]:
    """Return the tokens by number; a number without a token, in a padded vocabulary, gets its number in brackets."""
    return [tokenizer.id_to_token(number) or f"[{number}]" for number in range(dim)]
