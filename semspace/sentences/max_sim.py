"""`MaxSim`: how well the tokens of a query are matched by those of a text (late interaction)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.errors import InputError
from semspace.sentences.prompts import document_prompt, query_prompt
from semspace.sentences.token_states import TokenStates
from semspace.types import Floats1d, Floats2d


class MaxSim:
    """The mean over a query's tokens of the highest cosine to a token of the text (ColBERT, Khattab & Zaharia 2020).

    Both are seen by the last layer of an encoder, which need not have been trained for it. A text is encoded when it is
    ranked, so this takes as long as encoding the texts.

    Parameters
    ----------
    encoder : Encoder
        A transformer.
    share : float
        The share of this score in the final one, above 0 and at most 1; the rest is the score of the search before.
        A half is best with all-MiniLM-L6-v2, which wasn't trained for comparing tokens (on the claims of SciFact for
        training, nDCG@10 .750; alone it has .721, and the hybrid search before it .737).

    Examples
    --------
    >>> import semspace as ss
    >>> reranker = ss.MaxSim(ss.Encoder.load("all-MiniLM-L6-v2"))
    >>> scores = reranker.score("how do cats sleep?", ["Cats sleep curled up.", "The bank raised its rates."])
    >>> bool(scores[0] > scores[1])
    True
    """

    metric = "maxsim"

    def __init__(self, encoder: Any, *, share: float = 0.5) -> None:
        if not hasattr(encoder, "token_states"):
            raise InputError(
                f"maxsim compares the states of tokens, which {type(encoder).__name__} doesn't have; use a space of a "
                f"transformer, such as Encoder.load('all-MiniLM-L6-v2')"
            )
        self.encoder, self.share = encoder, checks.number("share", share, high=1.0, open_low=True)

    def score(self, query: str, texts: Sequence[str]) -> Floats1d:
        """Return the score of each of n texts, float32 of shape (n,), from -1 to 1."""
        texts = checks.strings("texts", texts)
        [asked] = _directions(self.encoder.token_states([query], prompt=query_prompt(self._prompts)))
        return np.array([max_sim(asked, one) for one in self.text_states(texts)], np.float32)

    def text_states(self, texts: Sequence[str]) -> list[Floats2d]:
        """Return the states of the tokens of each text, of length 1; a subclass may keep them."""
        return _directions(self.encoder.token_states(texts, prompt=document_prompt(self._prompts)))

    @property
    def _prompts(self) -> Any:
        return getattr(self.encoder, "prompts", {})


def max_sim(query: Floats2d, text: Floats2d) -> float:
    """Return the mean over query tokens of the highest product with a token of the text, both of length 1.

    Parameters
    ----------
    query, text : ndarray of float32, shape (tokens, dim)
        The states of the tokens, such as ``encode_tokens(..., normalize_embeddings=True)`` gives.

    Raises
    ------
    InputError
        If they aren't matrices with the same number of dimensions, or one has no token.
    """
    query, text = _states("query", query), _states("text", text)
    if query.shape[1] != text.shape[1]:
        raise InputError(
            f"the states of query and text must have the same number of dimensions; got {query.shape[1]} and "
            f"{text.shape[1]}: encode both with one encoder"
        )
    return float((query @ text.T).max(axis=1).mean())


def _states(name: str, value: Any) -> Floats2d:
    """Return states of at least one token, or raise `InputError`."""
    if hasattr(value, "states"):
        raise InputError(f"{name} must be a matrix of states; got {type(value).__name__}: give its .states")
    states = checks.matrix(name, value)
    if not len(states):
        raise InputError(f"{name} must hold the states of at least one token; got shape {states.shape}")
    return states


def _directions(found: TokenStates) -> list[Floats2d]:
    """Return the states of the tokens of each text that are pooled, scaled to length 1."""
    return [queries.unit(states[found.n_unpooled :], floor=queries.TINY) for states in found]
