"""A transformer encoder run by torch in float32: the reference that faster runtimes are held against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from semspace import checks
from semspace.checks import FloatMatrix
from semspace.errors import DamagedError
from semspace.progress import Bar
from semspace.sentences.base import Encoded, Encoder
from semspace.sentences.layout import Layout, read_layout

_BATCH_TOKENS = 4_096  # padded tokens run through the model at a time


class TransformerEncoder(Encoder):
    """Tokenise, run the transformer, pool, and scale, as the model's folder says.

    Parameters
    ----------
    folder : Path
        In sentence-transformers' layout.
    name : str
        How the model is called in messages and provenance.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.layout = read_layout(folder)
        self.name = name
        self.max_tokens = self.layout.max_tokens
        self.fingerprint = self.layout.fingerprint
        self._tokenizer = _load_tokenizer(self.layout)
        self._model = _load_model(self.layout)
        self.dim = int(self._model.config.hidden_size)

    def encode_block(self, texts: list[str], shown: Bar) -> Encoded:
        """Encode up to a block of texts, the longest first."""
        read = [self.layout.prompt + text for text in texts]
        encodings = self._tokenizer.encode_batch([text.lower() for text in read] if self.layout.lowercase else read)
        rows = [np.array(encoding.ids, np.int64) for encoding in encodings]
        vectors = np.empty((len(texts), self.dim), np.float32)
        for batch in _batches([len(row) for row in rows]):
            vectors[batch] = self._run([rows[i] for i in batch])
            shown.update(len(batch))
        return Encoded(vectors, sum(bool(encoding.overflowing) for encoding in encodings))

    def _run(self, rows: Sequence[Any]) -> FloatMatrix:
        import torch

        longest = max(len(row) for row in rows)
        ids = np.zeros((len(rows), longest), np.int64)
        mask = np.zeros((len(rows), longest), np.int64)
        for line, row in enumerate(rows):
            ids[line, : len(row)] = row
            mask[line, : len(row)] = 1
        with torch.inference_mode():
            attention = torch.from_numpy(mask)
            states = self._model(input_ids=torch.from_numpy(ids), attention_mask=attention).last_hidden_state
            pooled = _pool(states, attention, self.layout.pooling)
            if self.layout.normalize:
                pooled = torch.nn.functional.normalize(pooled, dim=1)
        vectors: FloatMatrix = pooled.numpy()
        return vectors


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Group texts of about the same length, longest first, so that little is padded."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batch: list[int] = []
    for i in order:
        longest = lengths[batch[0]] if batch else lengths[i]
        if batch and (len(batch) + 1) * longest > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _pool(states: Any, mask: Any, how: str) -> Any:
    if how == "cls":
        return states[:, 0]
    weights = mask.unsqueeze(-1).to(states.dtype)
    if how == "max":
        return states.masked_fill(weights == 0, float("-inf")).max(dim=1).values
    return (states * weights).sum(dim=1) / weights.sum(dim=1)


def _load_tokenizer(layout: Layout) -> Any:
    tokenizers = checks.need("tokenizers", "transformers")
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(layout.folder / "tokenizer.json"))
    except Exception as problem:  # the Rust library raises Exception itself
        raise DamagedError(
            f"{layout.folder / 'tokenizer.json'} can't be read ({problem}); fetch the model again"
        ) from problem
    tokenizer.enable_truncation(layout.max_tokens)
    tokenizer.no_padding()
    return tokenizer


def _load_model(layout: Layout) -> Any:
    torch = checks.need("torch", "transformers")
    transformers = checks.need("transformers", "transformers")
    safetensors = checks.need("safetensors", "transformers")
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # a bar for a tenth of a second
    try:
        model = transformers.AutoModel.from_pretrained(
            str(layout.folder),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
        )
    except (OSError, ValueError, KeyError, safetensors.SafetensorError) as problem:
        raise DamagedError(f"the model in {layout.folder} can't be opened ({problem}); fetch it again") from problem
    finally:
        if shown:
            logging.enable_progress_bar()
    return model.eval()
