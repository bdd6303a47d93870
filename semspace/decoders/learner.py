"""What one step of a text decoder's training does. Only trainings import this, which needs torch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from semspace.decoders.byte_pairs import PADDING
from semspace.decoders.examples import TextExamples
from semspace.decoders.network import DecoderNetwork
from semspace.decoders.token_loss import TokenLoss
from semspace.latent.fitting import Learner, adam
from semspace.types import Ints1d

_TOKENS_AT_ONCE = 4_096  # that go through the network together, the padding counted


class TextLearner(Learner):
    """A network that predicts each token of a sentence from its vector and the tokens before.

    The rows of the training are numbers of sentences. The loss is the mean negative log-likelihood of a token, in nats.

    Parameters
    ----------
    examples : TextExamples
    layers, dim, max_tokens : int
        See `TextDecoder`.
    bfloat16 : bool
        Multiply matrices in bfloat16.
    seed : int
    """

    def __init__(
        self, examples: TextExamples, *, layers: int, dim: int, max_tokens: int, bfloat16: bool, seed: int
    ) -> None:
        self.examples, self.bfloat16 = examples, bfloat16
        width = examples.vectors.shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = self.network = DecoderNetwork(
                examples.vocabulary, width, layers=layers, dim=dim, max_tokens=max_tokens
            )
        self.optimizers = {"net": adam(self.net, betas=(0.9, 0.98))}

    def loss(self, rows: torch.Tensor, generator: torch.Generator, done: float) -> torch.Tensor:  # noqa: ARG002
        """Return the mean loss of the tokens of some sentences."""
        losses, count = [], 0
        for sentences in self._pieces(rows.numpy()):
            tokens = self._padded(sentences)
            vectors = torch.from_numpy(self.examples.vectors[sentences])
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bfloat16):
                hidden = self.network(vectors, tokens[:, :-1])
            there = torch.nonzero((tokens != PADDING).flatten()).squeeze(1)
            rows = hidden.flatten(0, 1).index_select(0, there).to(torch.bfloat16 if self.bfloat16 else torch.float32)
            right = tokens.flatten()[there]
            losses.append(TokenLoss.apply(rows, self.network.tokens.weight, right))  # type: ignore[no-untyped-call]
            count += len(there)
        return torch.stack(losses).sum() / count

    def _pieces(self, rows: Ints1d) -> Iterator[Ints1d]:
        """Cut a batch into sentences of similar lengths, so that little is padding."""
        lengths = np.diff(self.examples.offsets)[rows]
        order = np.argsort(lengths, kind="stable")
        start = 0
        while start < len(order):
            end = start + 1
            while end < len(order) and (end + 1 - start) * lengths[order[end]] <= _TOKENS_AT_ONCE:
                end += 1
            yield rows[order[start:end]]
            start = end

    def _padded(self, sentences: Ints1d) -> torch.Tensor:
        offsets = self.examples.offsets
        starts, lengths = offsets[sentences], offsets[sentences + 1] - offsets[sentences]
        places = np.arange(lengths.max())
        there = places < lengths[:, None]
        inside = np.minimum(starts[:, None] + places, len(self.examples.tokens) - 1)
        return torch.from_numpy(np.where(there, self.examples.tokens[inside], PADDING))
