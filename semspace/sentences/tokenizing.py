"""`ModelTokenizer`: text → tokens, by the tokenizer in a model's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from semspace import checks
from semspace.errors import DamagedError, InputError
from semspace.sentences.model_config import ModelConfig
from semspace.sentences.passages import Passage, passages, token_spans
from semspace.sentences.runtime import TokenBatch
from semspace.sentences.tokenizer_errors import tokenizer_errors
from semspace.types import Ints2d

# Characters of a text that are tokenised at first, for each token that the model reads.
_CHARACTERS_PER_TOKEN = 6
# Number of characters that are tokenised at a time: encodings take many times the memory of a text.
_BATCH_CHARACTERS = 1 << 19


class ModelTokenizer:
    """The tokenizer of a model, which truncates texts to what the model reads.

    Parameters
    ----------
    config : ModelConfig
    max_tokens : int, optional
        Truncate texts to this number of tokens, if the model reads more.
    threads : int, optional
        With a number, texts are tokenised one after the other in the calling thread.
    """

    def __init__(self, config: ModelConfig, max_tokens: int | None = None, threads: int | None = None) -> None:
        self._config, self._threads = config, threads
        self._path = config.folder / "tokenizer.json"
        self._max_tokens = min(config.max_tokens, max_tokens or config.max_tokens)
        self._tokenizer = load_tokenizer(config)
        n_special = self._tokenizer.num_special_tokens_to_add(False)
        if self._max_tokens <= n_special < config.max_tokens:
            raise InputError(
                f"max_tokens must be a whole number from {n_special + 1} to {config.max_tokens}, since {n_special} "
                f"special tokens stand at the ends of a text; got {self._max_tokens}"
            )
        if self._max_tokens <= n_special:
            raise DamagedError(
                f"{config.folder} says that the model reads {self._max_tokens} tokens, but {n_special} of them are "
                f"special tokens at the ends of a text; download the model again"
            )
        direction = "left" if config.tokenizer.truncate_left else "right"
        self._tokenizer.enable_truncation(self._max_tokens, direction=direction)
        self._tokenizer.no_padding()

    def read(self, texts: list[str], blank: str = "raise") -> TokenBatch:
        """Tokenise texts.

        Parameters
        ----------
        texts : list of str
        blank : {"raise", "skip"}
            What to do with a text without tokens; most tokenizers add special tokens, so that there is none.
        """
        rows: list[list[int]] = []
        truncated: list[bool] = []
        for encoding in self._encodings(texts, self._encode):
            rows.append(encoding.ids)
            truncated.append(self._is_truncated(encoding))
        if blank == "skip":
            truncated = [flag for row, flag in zip(rows, truncated, strict=True) if row]
            rows = [row for row in rows if row]
        return _batch_of(texts, rows, truncated)

    def read_spans(self, texts: list[str]) -> tuple[TokenBatch, list[str], Ints2d]:
        """Tokenise texts; also return their tokens as strings, and where each stands, int64 of shape (tokens, 2).

        ``text[start:end]`` is what a token was made of; that of a special token is empty.
        """
        ids: list[list[int]] = []
        truncated: list[bool] = []
        tokens: list[str] = []
        spans: list[tuple[int, int]] = []
        for encoding in self._encodings(texts, self._encode_with_spans):
            ids.append(encoding.ids)
            truncated.append(self._is_truncated(encoding))
            tokens += encoding.tokens
            spans += encoding.offsets
        batch = _batch_of(texts, ids, truncated)
        return batch, tokens, np.array(spans, np.int64).reshape(-1, 2)

    def _encodings(self, texts: list[str], encode: Callable[[list[str]], list[Any]]) -> Iterator[Any]:
        """Iterate over the encodings of texts, of which only the beginnings are tokenised where that is enough."""
        for batch in _batches(texts):
            beginnings = [self._beginning(text) for text in batch]
            for text, beginning, encoding in zip(batch, beginnings, encode(beginnings), strict=True):
                is_short = len(beginning) < len(text) and not encoding.overflowing  # its tokens are unusually long
                yield encode([text])[0] if is_short else encoding

    def _is_truncated(self, encoding: Any) -> bool:
        return bool(len(encoding.ids) >= self._max_tokens and encoding.overflowing)

    @tokenizer_errors()
    def _encode(self, texts: list[str]) -> list[Any]:
        if self._threads is not None:  # the library's own threads can't be limited
            return [self._tokenizer.encode_batch_fast([text])[0] for text in texts]
        encodings: list[Any] = self._tokenizer.encode_batch_fast(texts)
        return encodings

    @tokenizer_errors()
    def _encode_with_spans(self, texts: list[str]) -> list[Any]:
        if self._threads is not None:
            return [self._tokenizer.encode_batch([text])[0] for text in texts]
        encodings: list[Any] = self._tokenizer.encode_batch(texts)
        return encodings

    def prompt_tokens(self, prompt: str) -> int:
        """Return the number of leading tokens of a text that belong to its prompt, with the first special token.

        As in sentence-transformers, these are the tokens of the prompt alone, without a special token at its end.
        """
        encoding = self._encode([prompt])[0] if prompt else None
        if encoding is None or not encoding.ids:
            return 0
        special = {number for number, token in self._tokenizer.get_added_tokens_decoder().items() if token.special}
        ends_special = bool(encoding.special_tokens_mask[-1]) or encoding.ids[-1] in special
        return len(encoding.ids) - ends_special

    def _beginning(self, text: str) -> str:
        """Return the beginning of a text, up to the end of a word, that most likely has all tokens the model reads."""
        limit = _CHARACTERS_PER_TOKEN * self._max_tokens
        if len(text) <= limit or self._config.tokenizer.truncate_left:
            return text
        end = max(text.rfind(" ", 0, limit), text.rfind("\n", 0, limit))
        return text[:end] if end > 0 else text

    @tokenizer_errors()
    def passages(self, texts: list[str], overlap: int, prompt: str = "") -> list[list[Passage]]:
        """Split texts at the ends of sentences into passages that fit the model together with `prompt`."""
        tokenizer = self._untruncated
        # A passage alone may have one more token at either end than within its document.
        reserved = tokenizer.num_special_tokens_to_add(False) + 2
        limit = self._max_tokens - reserved - len(tokenizer.encode(prompt, add_special_tokens=False))
        if limit <= overlap:
            raise InputError(
                f"overlap must be less than the {limit} tokens that a passage may have with this model; got {overlap}"
            )
        return [
            passages(text, token_spans(encoding), limit, overlap)
            for batch in _batches(texts)
            for text, encoding in zip(batch, tokenizer.encode_batch(batch, add_special_tokens=False), strict=True)
        ]

    @cached_property
    def _untruncated(self) -> Any:
        """The tokenizer without truncation."""
        tokenizer = load_tokenizer(self._config)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def check(self, vocabulary_size: int) -> None:
        """Raise `DamagedError` if the tokenizer has more tokens than the model knows."""
        # Added tokens are left out: a model may not use them, and a text that contains one is checked when encoded.
        size = max(self._tokenizer.get_vocab(with_added_tokens=False).values(), default=-1) + 1
        if size > vocabulary_size:
            raise DamagedError(
                f"{self._path} doesn't belong to this model: it has {size:,} tokens, but the model knows "
                f"{vocabulary_size:,}; download the model again"
            )


def _batch_of(texts: list[str], rows: list[list[int]], truncated: list[bool]) -> TokenBatch:
    """Return the tokens of texts as a batch, or raise `InputError` where a text has none."""
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    if not lengths.min(initial=1):
        raise InputError(
            f"this model's tokenizer returns no tokens for the text {texts[int(lengths.argmin())][:40]!r}, so the "
            f"text has no vector; leave it out"
        )
    starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    tokens = np.fromiter(chain.from_iterable(rows), np.int32, int(starts[-1]))
    return TokenBatch(tokens, starts, np.array(truncated, bool))


def _batches(texts: list[str]) -> Iterator[list[str]]:
    """Iterate over batches of texts of about `_BATCH_CHARACTERS` characters."""
    batch: list[str] = []
    n_characters = 0
    for text in texts:
        if batch and n_characters + len(text) > _BATCH_CHARACTERS:
            yield batch
            batch, n_characters = [], 0
        batch.append(text)
        n_characters += len(text)
    if batch:
        yield batch


def load_tokenizer(config: ModelConfig) -> Any:
    """Open ``tokenizer.json`` with the `tokenizers` library, and apply the settings of the model's folder."""
    tokenizers = checks.need("tokenizers", "encoders")
    path = config.folder / "tokenizer.json"
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as problem:  # the Rust library raises Exception itself
        raise DamagedError(f"{path} can't be read ({problem}); download the model again") from problem
    config.tokenizer.apply(tokenizer, lowercase=config.lowercase)
    return tokenizer
