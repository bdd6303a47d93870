"""What each token adds to the vector of a text, integrated from an empty text to this one (Moeller et al. 2023).

Möller, Nikolaev & Padó (2023), "An Attribution Method for Siamese Encoders", EMNLP: the Jacobian of the encoder is
integrated along the line from the embeddings of a reference, whose words are padding, to those of the text, as
Sundararajan et al. (2017) do with gradients. The product of two such integrals divides the similarity of two texts
among pairs of tokens. They train the model so that the vector of the reference is zero; here it is a part of its own.
"""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np

from semspace.sentences.runtime import TokenBatch
from semspace.sentences.torch_runtime import TorchRuntime
from semspace.threads import torch_threads
from semspace.types import Bools1d, Doubles2d, Floats1d, Floats2d

STEPS = 24  # points of the quadrature; see `docs/explain.md`
REFERENCE = "(empty text)"
_TOKENS_AT_ONCE = 2_048


def integrated_parts(runtime: TorchRuntime, text: TokenBatch, special: Bools1d, steps: int = STEPS) -> Doubles2d:
    """Return what each token of one text adds to its pooled vector, and at the end what the reference has already.

    Parameters
    ----------
    runtime : TorchRuntime
    text : TokenBatch
        Of one text with n tokens.
    special : ndarray of bool, shape (n,)
        Which tokens are special ones; they are the same in the reference.
    steps : int
        Points of the Gauss-Legendre quadrature.

    Returns
    -------
    ndarray of float64, shape (n + 1, pooled dimensions)
        Their sum is the pooled vector of the text. The last row is that of the reference, and the error of the
        quadrature, which `steps` makes small.
    """
    places, weights = np.polynomial.legendre.leggauss(steps)
    with torch_threads():
        path = _StraightWay(runtime, text, special)
        parts = np.zeros((len(text.tokens) + 1, runtime.dim))
        jobs = list(itertools.product(np.flatnonzero(~special).tolist(), range(steps)))
        size = max(_TOKENS_AT_ONCE // len(text.tokens), 1)
        for start in range(0, len(jobs), size):
            tokens, numbers = (np.array(column) for column in zip(*jobs[start : start + size], strict=True))
            derivatives = path.derivatives(tokens, ((places[numbers] + 1) / 2).astype(np.float32))
            np.add.at(parts, tokens, derivatives * (weights[numbers] / 2)[:, None])
    whole = runtime.pooled(text, lambda _: None)[0].astype(np.float64)
    parts[-1] = whole - parts[:-1].sum(axis=0)
    return parts


class _StraightWay:
    """The way in a straight line from the embeddings of the reference to those of a text."""

    def __init__(self, runtime: TorchRuntime, text: TokenBatch, special: Bools1d) -> None:
        import torch

        self._runtime, self._n_unpooled = runtime, text.n_unpooled
        padding = np.where(special, text.tokens, runtime.padding_token)
        with torch.no_grad():
            self._reference, embedded = (runtime.embeddings(row) for row in (padding, text.tokens))
            self._step = embedded - self._reference

    def derivatives(self, tokens: Any, places: Floats1d) -> Floats2d:
        """Return the derivatives of the pooled vector at places on the way, as one token each moves on it alone."""
        import torch

        forward_ad: Any = torch.autograd.forward_ad

        tangents = torch.zeros(len(tokens), *self._step.shape, device=self._step.device)
        rows = torch.arange(len(tokens), device=self._step.device)
        chosen = torch.from_numpy(tokens).to(self._step.device)
        tangents[rows, chosen] = self._step[chosen]
        at = torch.from_numpy(places).to(self._step.device)[:, None, None]
        with torch.no_grad(), forward_ad.dual_level(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, of its own functions
            inputs = forward_ad.make_dual(self._reference + at * self._step, tangents)
            pooled = self._runtime.pooled_from_embeddings(inputs, self._n_unpooled)
            found: Floats2d = forward_ad.unpack_dual(pooled).tangent.float().cpu().numpy()
        return found
