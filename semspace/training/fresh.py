"""`SmallTransformer`: a new transformer from nothing: its tokenizer from the texts, its token table from words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semspace import checks
from semspace.sentences.layout import Layout
from semspace.space import Space


@dataclass(frozen=True, kw_only=True)
class SmallTransformer:
    """Sizes of a new transformer (a BERT; Devlin et al. 2019).

    Parameters
    ----------
    layers : int
    dim : int
        Of its vectors; a multiple of `heads`.
    heads : int
    intermediate : int, optional
        Width of its feed-forward layers; four times `dim` by default.
    vocabulary : int
        Most tokens of its WordPiece tokenizer, which is trained on the texts.
    max_tokens : int
        Longest text in tokens.
    """

    layers: int = 3
    dim: int = 256
    heads: int = 8
    intermediate: int | None = None
    vocabulary: int = 20_000
    max_tokens: int = 128

    def __post_init__(self) -> None:
        for name in ("layers", "dim", "heads"):
            checks.whole(name, getattr(self, name))
        checks.whole("vocabulary", self.vocabulary, low=100)
        checks.whole("max_tokens", self.max_tokens, low=8)
        if self.intermediate is not None:
            checks.whole("intermediate", self.intermediate)


def grow(
    sizes: SmallTransformer, texts: list[str], start: Space | None, seed: int, scratch: Path
) -> tuple[Layout, Any]:
    """Make a new transformer for some texts: a tokenizer of their words, and weights drawn by `seed`."""
    raise NotImplementedError
