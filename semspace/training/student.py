"""`Student`: a transformer in torch that is being trained: tokens go in, vectors with gradients come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from semspace import queries
from semspace.sentences.model_config import Layout
from semspace.sentences.parity import SENTENCES
from semspace.sentences.runtime import Tokenized
from semspace.sentences.tokenizing import Tokenizer
from semspace.training import packing
from semspace.training.embedding_table import TokenTable
from semspace.types import Floats2d

Row = npt.NDArray[np.int32]
_AT_ONCE = 8_192  # tokens encoded together, where nothing is learnt
_SAME = 1e-4  # how far packed vectors may be from padded ones


class Student:
    """A transformer with its pooling, and the table of its tokens.

    Parameters
    ----------
    model : torch module
        From transformers.
    layout : Layout
        Pooling, lengths, and the folder of the tokenizer.
    max_tokens : int, optional
        Cut texts here while training.
    freeze_embeddings : bool
        Leave the token vectors as they are.
    dropout : float, optional
        Other than the model's own.
    bfloat16 : bool
        Multiply in bfloat16 (autocast).
    """

    def __init__(
        self,
        model: Any,
        layout: Layout,
        *,
        max_tokens: int | None = None,
        freeze_embeddings: bool = False,
        dropout: float | None = None,
        bfloat16: bool = False,
    ) -> None:
        import torch

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = model.to(self.device)
        self.layout, self.bfloat16 = layout, bfloat16
        self.dim = int(model.config.hidden_size)
        self.tokenizer = Tokenizer(layout, max_tokens)
        self._whole = Tokenizer(layout)
        if getattr(model, "pooler", None) is not None:
            model.pooler.requires_grad_(False)  # pooling is ours; this part is kept for whoever opens the folder
        embedding = model.get_input_embeddings()
        self.tokenizer.check(int(embedding.num_embeddings))
        self.table = TokenTable(embedding.weight, frozen=freeze_embeddings)
        if dropout is not None:
            for module in model.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = dropout
        self.shift = _first_position(model.config)
        self.packed = self._can_pack()

    @property
    def weights(self) -> list[Any]:
        """Everything that is trained but the token table."""
        return [one for one in self.model.parameters() if one.requires_grad]

    def vectors(self, rows: Sequence[Row]) -> Any:
        """Give the pooled vectors of token rows, tensor (len(rows), dim), in their order."""
        import torch

        lengths = np.array([len(row) for row in rows], np.int64)
        order = np.argsort(lengths, kind="stable")
        back = torch.from_numpy(np.argsort(order)).to(self.device)
        run = self._packed if self.packed else self._padded
        with torch.autocast(self.device, torch.bfloat16, enabled=self.bfloat16):
            found = run([rows[i] for i in order], lengths[order])
        return found.float().index_select(0, back)

    def _packed(self, rows: Sequence[Row], lengths: npt.NDArray[np.int64]) -> Any:
        import torch

        packed = packing.Packing.of(lengths, self.device)
        tokens = torch.from_numpy(np.concatenate(rows).astype(np.int64)).to(self.device)
        states = self.model(
            inputs_embeds=self.table.vectors(tokens).unsqueeze(0),
            position_ids=(packed.positions + self.shift).unsqueeze(0),
            packing=packed,
        ).last_hidden_state[0]
        parts = []
        for block in packed.blocks:
            spread = packing.spread(states[block.first : block.last].float(), block)
            filled = torch.ones(block.texts, block.longest, device=self.device, dtype=torch.bool)
            parts.append(_pooled(spread, filled if block.mask is None else block.mask[:, 0, 0], self.layout.pooling))
        return torch.cat(parts)

    def _padded(self, rows: Sequence[Row], lengths: npt.NDArray[np.int64]) -> Any:
        """Run texts as every transformer takes them, those of about the same length together."""
        import torch

        parts: list[Any] = []
        for block in packing.Packing.of(lengths, self.device).blocks:
            first = sum(part.shape[0] for part in parts)
            own = np.concatenate(rows[first : first + block.texts]).astype(np.int64)
            tokens = packing.spread(torch.from_numpy(own).to(self.device), block)
            filled = torch.ones_like(tokens, dtype=torch.bool) if block.mask is None else block.mask[:, 0, 0]
            states = self.model(
                inputs_embeds=self.table.vectors(tokens), attention_mask=filled.long()
            ).last_hidden_state
            parts.append(_pooled(states.float(), filled, self.layout.pooling))
        return torch.cat(parts)

    def _can_pack(self) -> bool:
        """Tell whether the model gives the same vectors without padding, and have it run so if it does."""
        import torch

        rows = self.rows(self.tokenizer.read(list(SENTENCES), blank="skip"))
        self.model.eval()
        packing.register()
        with torch.inference_mode():
            self.packed = False
            wanted = self.vectors(rows)
            before = self.model.config._attn_implementation
            if not getattr(self.model, "_can_set_attn_implementation", lambda: True)():  # transformers would warn
                return False
            try:
                self.model.set_attn_implementation(packing.NAME)
                self.packed = True
                same = float((self.vectors(rows) - wanted).abs().max()) < _SAME
            except (TypeError, ValueError, AssertionError, RuntimeError, IndexError):
                same = False
            if not same:
                self.model.set_attn_implementation(before)
        return same

    # -- as an encoder, while it learns --------------------------------------------------------------------

    @staticmethod
    def rows(texts: Tokenized) -> list[Row]:
        """Cut flat tokens into those of each text."""
        return np.split(texts.tokens, texts.starts[1:-1])

    def encode(self, texts: Sequence[str]) -> Floats2d:
        """Encode texts as the model is now, as long as it reads them, float32 of shape (n, dim)."""
        return self.encode_rows(self.rows(self._whole.read(list(texts))))

    def encode_cut(self, texts: Sequence[str]) -> Floats2d:
        """Encode texts as they are seen in training, where they may be cut earlier."""
        return self.encode_rows(self.rows(self.tokenizer.read(list(texts))))

    def encode_rows(self, rows: Sequence[Row]) -> Floats2d:
        """Encode rows of tokens as the model is now."""
        import torch

        vectors = np.empty((len(rows), self.dim), np.float32)
        order = np.argsort([len(row) for row in rows], kind="stable")
        with self.judged(), torch.inference_mode():
            for part in portions([rows[i] for i in order], _AT_ONCE):
                vectors[order[part]] = self.vectors([rows[i] for i in order[part]]).cpu().numpy()
        if self.layout.normalize:
            queries.unit(vectors, floor=queries.TINY, out=vectors)
        return vectors

    @contextmanager
    def judged(self) -> Iterator[None]:
        """Turn dropout off for a while."""
        learning = self.model.training
        self.model.eval()
        try:
            yield
        finally:
            self.model.train(learning)


def portions(rows: Sequence[Row], most: int) -> Iterator[slice]:
    """Cut rows into runs of up to `most` tokens."""
    first, tokens = 0, 0
    for i, row in enumerate(rows):
        if i > first and tokens + len(row) > most:
            yield slice(first, i)
            first, tokens = i, 0
        tokens += len(row)
    yield slice(first, len(rows))


def _pooled(states: Any, filled: Any, how: str) -> Any:
    """Make one vector of each text's states, shape (texts, longest, dim)."""
    if how == "cls":
        return states[:, 0]
    if how == "max":
        return states.masked_fill(~filled.unsqueeze(-1), float("-inf")).amax(dim=1)
    weights = filled.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(dim=1) / weights.sum(dim=1)


def _first_position(config: Any) -> int:
    """Give the number of a text's first position: RoBERTa's kin keep some for padding."""
    from semspace.sentences.model_config import PADDED_POSITIONS

    return int(config.pad_token_id or 0) + 1 if config.model_type in PADDED_POSITIONS else 0
