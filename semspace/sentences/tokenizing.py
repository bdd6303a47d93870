"""Text → token ids, by the tokenizer in a model's folder."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from semspace import checks
from semspace.errors import DamagedError, InputError
from semspace.sentences.model_config import Layout
from semspace.sentences.passages import Passage, passages, places_of
from semspace.sentences.runtime import Tokenized

_CHARACTERS = 6  # of a text are read for each token that the model can take
_AT_ONCE = 1 << 19  # characters


class Tokenizer:
    """A fast tokenizer of a model's folder, which cuts what is longer than the model reads, or than `most` tokens."""

    def __init__(self, layout: Layout, most: int | None = None) -> None:
        self._layout = layout
        self._place = layout.folder / "tokenizer.json"
        self._limit = min(layout.max_tokens, most or layout.max_tokens)
        self._tokenizer = load_tokenizer(layout)
        marks = self._tokenizer.num_special_tokens_to_add(False)
        if self._limit <= marks:
            raise DamagedError(
                f"{layout.folder} says that the model reads {self._limit} tokens, and {marks} of them mark a "
                f"text's ends; fetch the model again"
            )
        self._tokenizer.enable_truncation(self._limit, direction="left" if layout.tokenizer.from_left else "right")
        self._tokenizer.no_padding()

    def read(self, texts: list[str], blank: str = "raise") -> Tokenized:
        """Tokenise texts. Most tokenizers give every one tokens, if only those that mark its ends.

        `blank` says what to do with a text that gets none: "raise", or "skip" it.
        """
        rows: list[list[int]] = []
        cut: list[bool] = []
        for batch in _batches(texts):
            beginnings = [self._beginning(text) for text in batch]
            for text, short, encoding in zip(batch, beginnings, self._encoded(beginnings), strict=True):
                found = encoding
                if len(short) < len(text) and not encoding.overflowing:  # fewer tokens than characters let expect
                    found = self._encoded([text])[0]
                rows.append(found.ids)
                cut.append(bool(len(found.ids) >= self._limit and found.overflowing))
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        if blank == "skip":
            rows, cut = [row for row in rows if row], [one for row, one in zip(rows, cut, strict=True) if row]
            lengths = lengths[lengths > 0]
        if not lengths.min(initial=1):
            raise InputError(
                f"this model's tokenizer gives no tokens for the text {texts[int(lengths.argmin())][:40]!r}, so it has "
                f"no vector; leave it out"
            )
        starts = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=starts[1:])
        tokens = np.fromiter(chain.from_iterable(rows), np.int32, int(starts[-1]))
        return Tokenized(tokens, starts, np.array(cut, bool))

    def _encoded(self, texts: list[str]) -> list[Any]:
        found: list[Any] = self._tokenizer.encode_batch_fast(texts)
        return found

    def prompt_tokens(self, prompt: str) -> int:
        """Return how many tokens of a text are its prompt's, the mark at its beginning included.

        As in sentence-transformers: those of the prompt by itself, less a mark at its end.
        """
        found = self._encoded([prompt])[0] if prompt else None
        if found is None or not found.ids:
            return 0
        special = {token for token, one in self._tokenizer.get_added_tokens_decoder().items() if one.special}
        ends = bool(found.special_tokens_mask[-1]) or found.ids[-1] in special
        return len(found.ids) - ends

    def _beginning(self, text: str) -> str:
        """Give as much of a text as has, most likely, all the tokens that the model reads, up to the end of a word."""
        most = _CHARACTERS * self._limit
        if len(text) <= most or self._layout.tokenizer.from_left:
            return text
        end = max(text.rfind(" ", 0, most), text.rfind("\n", 0, most))
        return text[:end] if end > 0 else text

    def passages(self, texts: list[str], overlap: int, prompt: str = "") -> list[list[Passage]]:
        """Split texts at the ends of sentences into passages that fit the model together with `prompt`."""
        # A passage by itself may have a token more at either end than it had within its document.
        marks = self._whole.num_special_tokens_to_add(False) + 2
        limit = self._limit - marks - len(self._whole.encode(prompt, add_special_tokens=False))
        if limit <= overlap:
            raise InputError(
                f"overlap must be less than the {limit} tokens that a passage may have with this model; got {overlap}"
            )
        return [
            passages(text, places_of(one), limit, overlap)
            for batch in _batches(texts)
            for text, one in zip(batch, self._whole.encode_batch(batch, add_special_tokens=False), strict=True)
        ]

    @cached_property
    def _whole(self) -> Any:
        """A tokenizer that cuts nothing."""
        whole = load_tokenizer(self._layout)
        whole.no_truncation()
        whole.no_padding()
        return whole

    def check(self, vocabulary: int) -> None:
        """Raise `DamagedError` if a model that knows so many tokens isn't the one this tokenizer was made for."""
        # Those added may be of no use to the model; whether they come in a text is seen when it is encoded.
        own = max(self._tokenizer.get_vocab(with_added_tokens=False).values(), default=-1) + 1
        if own > vocabulary:
            raise DamagedError(
                f"{self._place} isn't this model's: it has {own:,} tokens, and the model knows {vocabulary:,}; "
                f"fetch the model again"
            )


def _batches(texts: list[str]) -> Iterator[list[str]]:
    """Give texts some at a time, since a tokenizer's answers take many times the room of a text."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > _AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def load_tokenizer(layout: Layout) -> Any:
    """Open tokenizer.json with the `tokenizers` library, and change what the folder's settings say."""
    tokenizers = checks.need("tokenizers", "encoders")
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(layout.folder / "tokenizer.json"))
    except Exception as problem:  # the Rust library raises Exception itself
        raise DamagedError(
            f"{layout.folder / 'tokenizer.json'} can't be read ({problem}); fetch the model again"
        ) from problem
    layout.tokenizer.apply(tokenizer, lowercase=layout.lowercase)
    return tokenizer
