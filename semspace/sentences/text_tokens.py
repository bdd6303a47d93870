"""`TextTokens`: the tokens of one text, with the characters that each stands for and its state."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from semspace.display import clip, html_table, text_table
from semspace.types import Bools1d, Floats2d, Int32s1d, Ints2d


@dataclass(frozen=True, eq=False, repr=False)
class TextTokens:
    """What `Encoder.encode_tokens` returns of a text with n tokens, special tokens and those of a prompt included.

    Parameters
    ----------
    tokens : tuple of n str
    ids : ndarray of int32, shape (n,)
        Their numbers in the model's vocabulary.
    spans : ndarray of int64, shape (n, 2)
        Token i stands for ``text[start:end]``; -1 where it doesn't stand in the text, as special tokens and those of a
        prompt don't.
    states : ndarray of float32, shape (n, hidden)
        The last hidden states, before pooling.
    pooled : ndarray of bool, shape (n,)
        Which of them the model pools; with some models, the tokens of a prompt are left out.
    truncated : bool
        Whether the text is longer than the model reads.
    """

    tokens: tuple[str, ...]
    ids: Int32s1d
    spans: Ints2d
    states: Floats2d
    pooled: Bools1d
    truncated: bool = False

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.tokens)

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with ``token``, ``id``, ``start``, ``end`` and ``pooled``; without the states."""
        return pl.DataFrame(
            {
                "token": list(self.tokens),
                "id": self.ids,
                "start": self.spans[:, 0],
                "end": self.spans[:, 1],
                "pooled": self.pooled,
            }
        )

    def __repr__(self) -> str:
        frame = self.to_frame()
        return f"{self._title()}\n{text_table(frame.columns, list(frame.iter_rows()))}"

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        return html_table(frame.columns, list(frame.iter_rows()), caption=self._title())

    def _title(self) -> str:
        words = clip(" ".join(self.tokens), 40)
        return f"{len(self)} tokens, states of {self.states.shape[1]} dimensions: {words}"
