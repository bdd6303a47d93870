"""`Reranker`: the interface of what ranks the texts found by a search again, more closely and more slowly."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from semspace.errors import InputError
from semspace.types import Floats1d

if TYPE_CHECKING:
    from semspace.text_encoder import TextEncoder

MAX_SIM = "maxsim"


@runtime_checkable
class Reranker(Protocol):
    """Scores texts against a query.

    Attributes
    ----------
    metric : str
        What its scores are.
    share : float
        The share of its score in the final one, above 0 and at most 1; the rest is the score of the search before.
    """

    metric: str
    share: float

    def score(self, query: str, texts: Sequence[str]) -> Floats1d:
        """Return the score of each of n texts, float32 of shape (n,); a higher one fits the query better."""
        ...


def get_reranker(spec: str | os.PathLike[str] | Reranker | None, encoder: TextEncoder | None) -> Reranker | None:
    """Return a reranker: ``"maxsim"`` (with the encoder given), the folder of a cross-encoder, or a given one itself.

    Raises
    ------
    InputError
        If there is no such folder, or no encoder with states of tokens.
    """
    if spec is None:
        return None
    if spec == MAX_SIM:
        from semspace.sentences.max_sim import MaxSim

        if encoder is None:
            raise InputError("rerank='maxsim' compares tokens by the encoder of the index, and this index has none")
        return MaxSim(encoder)
    if isinstance(spec, (str, os.PathLike)):
        from semspace.sentences.cross_encoder import CrossEncoder

        if not Path(spec).is_dir():
            raise InputError(
                f"rerank must be 'maxsim', the folder of a cross-encoder, or an object with metric, share and "
                f"score(query, texts); there is no folder {str(spec)!r}"
            )
        return CrossEncoder.load(spec)
    if isinstance(spec, Reranker):
        return spec
    raise InputError(
        f"rerank must be 'maxsim', the folder of a cross-encoder, or an object with metric, share and "
        f"score(query, texts); got {type(spec).__name__}"
    )
