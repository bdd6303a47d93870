"""The decoder of TSDAE: it reconstructs a text from its vector, with the encoder's own layers (Wang et al. 2021)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from semspace.errors import InputError
from semspace.training.packing import Packing
from semspace.training.student import Student
from semspace.types import Int32s1d, Ints1d

_LOGIT_ROWS = 1_024  # tokens predicted together: each has a logit for every token of the vocabulary


class TSDAEDecoder:
    """The encoder's layers with causal attention and access to the text's vector; used as a torch module.

    Parameters
    ----------
    student : Student
        Its layers and token embeddings are used, and aren't among the decoder's own parameters.

    Raises
    ------
    InputError
        If the model's layers aren't those of BERT.
    """

    def __init__(self, student: Student) -> None:
        import torch
        from torch import nn

        _check_architecture(student)
        self.student, dim = student, student.dim
        eps = float(student.model.config.layer_norm_eps)
        # The names of the parts are in checkpoints.
        cross_attention = [
            nn.ModuleDict({"value": nn.Linear(dim, dim), "out": nn.Linear(dim, dim), "norm": nn.LayerNorm(dim, eps)})
            for _ in student.model.encoder.layer
        ]
        self.modules: Any = nn.ModuleDict(
            {"looking": nn.ModuleList(cross_attention), "last": nn.Linear(dim, dim), "norm": nn.LayerNorm(dim, eps)}
        )
        self.modules.register_parameter("bias", nn.Parameter(torch.zeros(len(student.embeddings.weight))))
        self.modules.to(student.device)

    def parameters(self) -> Iterator[Any]:
        """Iterate over the decoder's own parameters."""
        parameters: Iterator[Any] = self.modules.parameters()
        return parameters

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the decoder's own parameters with their names."""
        parameters: Iterator[tuple[str, Any]] = self.modules.named_parameters()
        return parameters

    def __call__(self, vectors: Any, token_rows: Sequence[Int32s1d]) -> Any:
        """Return the mean cross-entropy of the tokens of texts, predicted from their vectors and the tokens before.

        Vectors of shape (texts, dim or less): fewer dimensions are the leading ones (matryoshka); the others are zero.
        """
        import torch
        from torch.nn.functional import pad

        order = np.argsort([len(row) for row in token_rows], kind="stable")
        sorted_rows = [token_rows[i] for i in order]
        memory = vectors.index_select(0, torch.from_numpy(order).to(vectors.device))
        memory = pad(memory, (0, self.student.dim - memory.shape[1]))
        with torch.autocast(self.student.device, torch.bfloat16, enabled=self.student.bfloat16):
            states = self.decode(memory, [row[:-1] for row in sorted_rows])
            return self._cross_entropy(states, np.concatenate([row[1:] for row in sorted_rows]).astype(np.int64))

    def decode(self, memory: Any, token_rows: list[Int32s1d]) -> Any:
        """Return the states of the tokens of texts, which come shortest first, shape (tokens, dim)."""
        import torch

        student = self.student
        lengths = np.array([len(row) for row in token_rows], np.int64)
        packing = Packing.from_lengths(lengths, student.device, causal=True)
        tokens = torch.from_numpy(np.concatenate(token_rows).astype(np.int64)).to(student.device)
        repeated = memory.repeat_interleave(torch.from_numpy(lengths).to(student.device), dim=0).unsqueeze(0)
        states = student.model.embeddings(
            inputs_embeds=student.embeddings.lookup(tokens).unsqueeze(0),
            position_ids=(packing.positions + student.first_position).unsqueeze(0),
        )
        dropout = student.model.embeddings.dropout
        for layer, cross in zip(student.model.encoder.layer, self.modules["looking"], strict=True):
            states = layer.attention(states, None, packing=packing)[0]
            states = cross["norm"](states + dropout(cross["out"](cross["value"](repeated))))
            states = layer.feed_forward_chunk(states)
        return states[0]

    def _cross_entropy(self, states: Any, tokens: Ints1d) -> Any:
        """Return the mean cross-entropy, of a limited number of tokens at a time to bound memory."""
        import torch
        from torch.utils.checkpoint import checkpoint

        targets = torch.from_numpy(tokens).to(states.device)
        if len(targets) <= _LOGIT_ROWS:
            return self._cross_entropy_sum(states, targets) / len(targets)
        sums = [
            checkpoint(
                self._cross_entropy_sum,
                states[i : i + _LOGIT_ROWS],
                targets[i : i + _LOGIT_ROWS],
                use_reentrant=False,
            )
            for i in range(0, len(targets), _LOGIT_ROWS)
        ]
        return torch.stack(sums).sum() / len(targets)

    def _cross_entropy_sum(self, states: Any, targets: Any) -> Any:
        from torch.nn.functional import cross_entropy, gelu, linear

        features = self.modules["norm"](gelu(self.modules["last"](states)))
        logits = linear(features, self.student.embeddings.weight, self.modules.bias).float()
        return cross_entropy(logits, targets, reduction="sum")


def _check_architecture(student: Student) -> None:
    layers = getattr(getattr(student.model, "encoder", None), "layer", None)
    has_parts = all(hasattr(layer, "attention") and hasattr(layer, "feed_forward_chunk") for layer in layers or ())
    if not layers or not has_parts or not student.is_packed:
        raise InputError(
            f"TSDAE needs a model with BERT's layers (BERT, RoBERTa, XLM-R), which it also uses to decode; got a "
            f"{student.model.config.model_type}: use objective='simcse'"
        )
