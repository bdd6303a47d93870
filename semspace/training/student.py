"""`Student`: a transformer in torch that is being trained: tokens in, vectors with gradients out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from semspace import queries
from semspace.sentences.model_config import PADDED_POSITIONS, ModelConfig
from semspace.sentences.parity import SENTENCES
from semspace.sentences.runtime import TokenBatch
from semspace.sentences.tokenizing import ModelTokenizer
from semspace.training.embedding_table import EmbeddingTable
from semspace.training.lora import add_lora
from semspace.training.packing import ATTENTION_NAME, Packing, pad_block, register_attention
from semspace.types import Floats2d, Int32s1d, Ints1d

_ENCODED_TOKENS = 8_192  # of a forward pass without gradients
_PACKING_TOLERANCE = 1e-4  # largest difference between an element of a packed and of a padded vector


class Student:
    """A transformer with its pooling and its token embeddings.

    Parameters
    ----------
    model : torch module
        From transformers.
    layout : ModelConfig
        Pooling, lengths, and the folder of the tokenizer.
    max_tokens : int, optional
        Truncate texts to this length in training.
    freeze_embeddings : bool
        Don't train the token embeddings.
    lora_rank : int, optional
        Train matrices of this rank beside the linear layers, and nothing else of the model.
    dropout : float, optional
        Replaces the model's own.
    bfloat16 : bool
        Multiply matrices in bfloat16 (autocast).
    """

    def __init__(
        self,
        model: Any,
        layout: ModelConfig,
        *,
        max_tokens: int | None = None,
        freeze_embeddings: bool = False,
        lora_rank: int | None = None,
        dropout: float | None = None,
        bfloat16: bool = False,
    ) -> None:
        import torch

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = model.to(self.device)
        self.layout, self.bfloat16 = layout, bfloat16
        self.dim = int(model.config.hidden_size)
        self.tokenizer = ModelTokenizer(layout, max_tokens)
        self._full_tokenizer = ModelTokenizer(layout)
        if lora_rank is not None:
            add_lora(self.model, lora_rank)
        if getattr(model, "pooler", None) is not None:
            model.pooler.requires_grad_(False)  # it isn't used here, but saved for whoever opens the folder
        embedding = model.get_input_embeddings()
        self.tokenizer.check(int(embedding.num_embeddings))
        self.embeddings = EmbeddingTable(embedding.weight, frozen=freeze_embeddings)
        if dropout is not None:
            for module in model.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = dropout
        self.first_position = _first_position(model.config)
        self.is_packed = self._enable_packing()

    @property
    def weights(self) -> list[Any]:
        """All trained parameters but the token embeddings."""
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    def forward(self, token_rows: Sequence[Int32s1d]) -> Any:
        """Return the pooled vectors of rows of tokens, a tensor of shape (rows, dim), with gradients."""
        import torch

        lengths = np.array([len(row) for row in token_rows], np.int64)
        order = np.argsort(lengths, kind="stable")
        inverse = torch.from_numpy(np.argsort(order)).to(self.device)
        run = self._forward_packed if self.is_packed else self._forward_padded
        with torch.autocast(self.device, torch.bfloat16, enabled=self.bfloat16):
            vectors = run([token_rows[i] for i in order], lengths[order])
        return vectors.float().index_select(0, inverse)

    def _forward_packed(self, token_rows: Sequence[Int32s1d], lengths: Ints1d) -> Any:
        import torch

        packing = Packing.from_lengths(lengths, self.device)
        tokens = torch.from_numpy(np.concatenate(token_rows).astype(np.int64)).to(self.device)
        states = self.model(
            inputs_embeds=self.embeddings.lookup(tokens).unsqueeze(0),
            position_ids=(packing.positions + self.first_position).unsqueeze(0),
            packing=packing,
        ).last_hidden_state[0]
        parts = []
        for block in packing.blocks:
            padded = pad_block(states[block.first : block.last].float(), block)
            filled = torch.ones(block.n_texts, block.max_length, device=self.device, dtype=torch.bool)
            parts.append(_pool(padded, filled if block.mask is None else block.mask[:, 0, 0], self.layout.pooling))
        return torch.cat(parts)

    def _forward_padded(self, token_rows: Sequence[Int32s1d], lengths: Ints1d) -> Any:
        """Run texts of similar length together, padded, as any transformer takes them."""
        import torch

        parts: list[Any] = []
        for block in Packing.from_lengths(lengths, self.device).blocks:
            first = sum(part.shape[0] for part in parts)
            flat = np.concatenate(token_rows[first : first + block.n_texts]).astype(np.int64)
            tokens = pad_block(torch.from_numpy(flat).to(self.device), block)
            filled = torch.ones_like(tokens, dtype=torch.bool) if block.mask is None else block.mask[:, 0, 0]
            states = self.model(
                inputs_embeds=self.embeddings.lookup(tokens), attention_mask=filled.long()
            ).last_hidden_state
            parts.append(_pool(states.float(), filled, self.layout.pooling))
        return torch.cat(parts)

    def _enable_packing(self) -> bool:
        """Switch to packed attention if the model returns the same vectors with it; return whether it does."""
        import torch

        token_rows = self.split_rows(self.tokenizer.read(list(SENTENCES), blank="skip"))
        self.model.eval()
        register_attention()
        with torch.inference_mode():
            self.is_packed = False
            padded_vectors = self.forward(token_rows)
            implementation = self.model.config._attn_implementation
            if not getattr(self.model, "_can_set_attn_implementation", lambda: True)():  # transformers would warn
                return False
            try:
                self.model.set_attn_implementation(ATTENTION_NAME)
                self.is_packed = True
                difference = float((self.forward(token_rows) - padded_vectors).abs().max())
            except (TypeError, ValueError, AssertionError, RuntimeError, IndexError):
                difference = np.inf
            agrees = difference < _PACKING_TOLERANCE
            if not agrees:
                self.model.set_attn_implementation(implementation)
        return agrees

    # -- encoding without gradients ------------------------------------------------------------------------

    @staticmethod
    def split_rows(texts: TokenBatch) -> list[Int32s1d]:
        """Return the tokens of each text."""
        return np.split(texts.tokens, texts.starts[1:-1])

    def encode(self, texts: Sequence[str]) -> Floats2d:
        """Return the vectors of texts under the present weights, float32 of shape (n, dim); `max_tokens` is ignored."""
        return self.encode_tokens(self.split_rows(self._full_tokenizer.read(list(texts))))

    def encode_truncated(self, texts: Sequence[str]) -> Floats2d:
        """Return the vectors of texts under the present weights, truncated to `max_tokens` as in training."""
        return self.encode_tokens(self.split_rows(self.tokenizer.read(list(texts))))

    def encode_tokens(self, token_rows: Sequence[Int32s1d]) -> Floats2d:
        """Return the vectors of rows of tokens under the present weights."""
        import torch

        vectors = np.empty((len(token_rows), self.dim), np.float32)
        order = np.argsort([len(row) for row in token_rows], kind="stable")
        with self.eval_mode(), torch.inference_mode():
            for part in micro_batches([token_rows[i] for i in order], _ENCODED_TOKENS):
                vectors[order[part]] = self.forward([token_rows[i] for i in order[part]]).cpu().numpy()
        if self.layout.normalize:
            queries.unit(vectors, floor=queries.TINY, out=vectors)
        return vectors

    @contextmanager
    def eval_mode(self) -> Iterator[None]:
        """Switch dropout off inside a ``with`` block."""
        was_training = self.model.training
        self.model.eval()
        try:
            yield
        finally:
            self.model.train(was_training)


def micro_batches(token_rows: Sequence[Int32s1d], max_tokens: int) -> Iterator[slice]:
    """Iterate over slices of consecutive rows of up to `max_tokens` tokens together."""
    first, n_tokens = 0, 0
    for i, row in enumerate(token_rows):
        if i > first and n_tokens + len(row) > max_tokens:
            yield slice(first, i)
            first, n_tokens = i, 0
        n_tokens += len(row)
    yield slice(first, len(token_rows))


def _pool(states: Any, filled: Any, pooling: str) -> Any:
    """Return the vectors of texts from their tokens' states, shape (n_texts, max_length, dim)."""
    if pooling == "cls":
        return states[:, 0]
    if pooling == "max":
        return states.masked_fill(~filled.unsqueeze(-1), float("-inf")).amax(dim=1)
    weights = filled.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(dim=1) / weights.sum(dim=1)


def _first_position(config: Any) -> int:
    """Return the position of a text's first token: RoBERTa and its relatives reserve the first ones for padding."""
    return int(config.pad_token_id or 0) + 1 if config.model_type in PADDED_POSITIONS else 0
