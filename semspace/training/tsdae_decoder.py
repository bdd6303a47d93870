"""The decoder of TSDAE: it tells a text from its vector, by the encoder's own layers (Wang et al. 2021)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from semspace.errors import InputError
from semspace.training.packing import Packing
from semspace.training.student import Row, Student

_AT_ONCE = 1_024  # tokens foretold together: each has a number for every token that the model knows


class Teller:
    """The encoder's layers, in which each token sees those before it, and the vector; to be used as a torch module.

    Parameters
    ----------
    student : Student
        Whose layers and token table it tells with; they aren't among its own parameters.

    Raises
    ------
    InputError
        If the model isn't made as BERT is.
    """

    def __init__(self, student: Student) -> None:
        import torch
        from torch import nn

        _check(student)
        self.student, dim = student, student.dim
        eps = float(student.model.config.layer_norm_eps)
        looking = [
            nn.ModuleDict({"value": nn.Linear(dim, dim), "out": nn.Linear(dim, dim), "norm": nn.LayerNorm(dim, eps)})
            for _ in student.model.encoder.layer
        ]
        self.own: Any = nn.ModuleDict(
            {"looking": nn.ModuleList(looking), "last": nn.Linear(dim, dim), "norm": nn.LayerNorm(dim, eps)}
        )
        self.own.register_parameter("bias", nn.Parameter(torch.zeros(len(student.table.weight))))
        self.own.to(student.device)

    def parameters(self) -> Iterator[Any]:
        """Give its own weights."""
        found: Iterator[Any] = self.own.parameters()
        return found

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Give its own weights by name."""
        found: Iterator[tuple[str, Any]] = self.own.named_parameters()
        return found

    def __call__(self, vectors: Any, rows: Sequence[Row]) -> Any:
        """Give the mean cross-entropy of the tokens of texts, told from their vectors, shape (len(rows), dim or less).

        Fewer dimensions are the first ones, of an encoder whose vectors may be cut there; the rest counts as zero.
        """
        import torch
        from torch.nn.functional import pad

        order = np.argsort([len(row) for row in rows], kind="stable")
        kept = [rows[i] for i in order]
        seen = vectors.index_select(0, torch.from_numpy(order).to(vectors.device))
        seen = pad(seen, (0, self.student.dim - seen.shape[1]))
        with torch.autocast(self.student.device, torch.bfloat16, enabled=self.student.bfloat16):
            states = self.told(seen, [row[:-1] for row in kept])
            return self._missed(states, np.concatenate([row[1:] for row in kept]).astype(np.int64))

    def told(self, seen: Any, rows: list[Row]) -> Any:
        """Run the layers over texts, the shortest first, shape (tokens, dim)."""
        import torch

        student = self.student
        lengths = np.array([len(row) for row in rows], np.int64)
        packed = Packing.of(lengths, student.device, causal=True)
        tokens = torch.from_numpy(np.concatenate(rows).astype(np.int64)).to(student.device)
        each = seen.repeat_interleave(torch.from_numpy(lengths).to(student.device), dim=0).unsqueeze(0)
        states = student.model.embeddings(
            inputs_embeds=student.table.vectors(tokens).unsqueeze(0),
            position_ids=(packed.positions + student.shift).unsqueeze(0),
        )
        drop = student.model.embeddings.dropout
        for layer, looking in zip(student.model.encoder.layer, self.own["looking"], strict=True):
            states = layer.attention(states, None, packing=packed)[0]
            states = looking["norm"](states + drop(looking["out"](looking["value"](each))))
            states = layer.feed_forward_chunk(states)
        return states[0]

    def _missed(self, states: Any, tokens: npt.NDArray[np.int64]) -> Any:
        """Give the mean cross-entropy, some tokens at a time so that memory is bounded."""
        import torch
        from torch.utils.checkpoint import checkpoint

        wanted = torch.from_numpy(tokens).to(states.device)
        if len(wanted) <= _AT_ONCE:
            return self._summed(states, wanted) / len(wanted)
        parts = [
            checkpoint(self._summed, states[i : i + _AT_ONCE], wanted[i : i + _AT_ONCE], use_reentrant=False)
            for i in range(0, len(wanted), _AT_ONCE)
        ]
        return torch.stack(parts).sum() / len(wanted)

    def _summed(self, states: Any, wanted: Any) -> Any:
        from torch.nn.functional import cross_entropy, gelu, linear

        found = self.own["norm"](gelu(self.own["last"](states)))
        return cross_entropy(linear(found, self.student.table.weight, self.own.bias).float(), wanted, reduction="sum")


def _check(student: Student) -> None:
    layers = getattr(getattr(student.model, "encoder", None), "layer", None)
    parts = all(hasattr(layer, "attention") and hasattr(layer, "feed_forward_chunk") for layer in layers or ())
    if not layers or not parts or not student.packed:
        raise InputError(
            f"TSDAE needs a model of BERT's kind (BERT, RoBERTa, XLM-R), whose layers can decode too; got a "
            f"{student.model.config.model_type}: use objective='simcse'"
        )
