"""A transformer run by torch in float32: the reference that faster runtimes are held against."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from semspace import checks
from semspace.checks import FloatMatrix
from semspace.errors import DamagedError
from semspace.sentences.layout import Layout
from semspace.sentences.runtime import Tokenized
from semspace.threads import torch_threads

_BATCH_TOKENS = 4_096  # padded tokens run through the model at a time


class TorchRuntime:
    """Any architecture that transformers knows, on a GPU where torch sees one."""

    kind = "torch"

    def __init__(self, layout: Layout) -> None:
        self._pooling = layout.pooling
        self._model = load_model(layout)
        self._device = _device()
        self._model.to(self._device)
        self.engine = f"torch float32 on {self._device}"
        self.dim = int(self._model.config.hidden_size)
        self.vocabulary = int(self._model.get_input_embeddings().num_embeddings)

    def pooled(self, texts: Tokenized, done: Callable[[int], object]) -> FloatMatrix:
        """Run texts of about the same length together, the longest first."""
        if texts.tokens.max(initial=0) >= self.vocabulary:
            raise DamagedError(
                f"the tokenizer isn't this model's: it gives a token {texts.tokens.max()}, and the model knows "
                f"{self.vocabulary:,}; fetch the model again"
            )
        rows = np.split(texts.tokens, texts.starts[1:-1])
        vectors = np.empty((len(rows), self.dim), np.float32)
        with torch_threads():
            for batch in _batches(np.diff(texts.starts).tolist()):
                vectors[batch] = self._run([rows[i] for i in batch])
                done(len(batch))
        return vectors

    def _run(self, rows: Sequence[Any]) -> FloatMatrix:
        import torch

        longest = max(len(row) for row in rows)
        ids = np.zeros((len(rows), longest), np.int64)
        mask = np.zeros((len(rows), longest), np.int64)
        for line, row in enumerate(rows):
            ids[line, : len(row)] = row
            mask[line, : len(row)] = 1
        with torch.inference_mode():
            attention = torch.from_numpy(mask).to(self._device)
            given = torch.from_numpy(ids).to(self._device)
            states = self._model(input_ids=given, attention_mask=attention).last_hidden_state
            vectors: FloatMatrix = _pool(states, attention, self._pooling).float().cpu().numpy()
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


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _pool(states: Any, mask: Any, how: str) -> Any:
    if how == "cls":
        return states[:, 0]
    weights = mask.unsqueeze(-1).to(states.dtype)
    if how == "max":
        return states.masked_fill(weights == 0, float("-inf")).max(dim=1).values
    return (states * weights).sum(dim=1) / weights.sum(dim=1)


def load_model(layout: Layout) -> Any:
    """Open a model's weights with transformers, in float32, without running any code that comes with it."""
    torch = checks.need("torch", "transformers")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")  # in a notebook, of a bar that isn't shown
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
    except (OSError, ValueError, KeyError, RuntimeError, safetensors.SafetensorError) as problem:
        raise DamagedError(f"the model in {layout.folder} can't be opened ({problem}); fetch it again") from problem
    finally:
        if shown:
            logging.enable_progress_bar()
    return model.eval()
