"""A transformer run by torch in float32: the reference that faster runtimes are held against."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from semspace import checks
from semspace.errors import DamagedError
from semspace.sentences.model_config import Layout
from semspace.sentences.model_files import CONFIG
from semspace.sentences.runtime import Tokenized
from semspace.sentences.weights import weight_files
from semspace.threads import torch_threads
from semspace.types import Floats2d

_BATCH_TOKENS = 4_096  # padded tokens run through the model at a time
# Of models that read with one half and write with another: the half that reads.
_READERS = {
    "t5": "T5EncoderModel",
    "mt5": "MT5EncoderModel",
    "umt5": "UMT5EncoderModel",
    "longt5": "LongT5EncoderModel",
}
# Weights that no vector is made with: BERT's own pooler, and numbers that are counted.
_UNUSED = re.compile(r"(^|\.)(pooler\.|position_ids$)")


class TorchRuntime:
    """Any architecture that transformers knows, on a GPU where torch sees one."""

    backend = "torch"

    def __init__(self, layout: Layout) -> None:
        self._poolings = layout.poolings
        self._model = load_model(layout)
        self.device = _device()
        self._model.to(self.device)
        self.implementation = f"torch float32 on {self.device}"
        self.dim = int(self._model.config.hidden_size) * len(self._poolings)
        self.vocabulary = int(self._model.get_input_embeddings().num_embeddings)

    def pooled(self, texts: Tokenized, done: Callable[[int], object]) -> Floats2d:
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
                vectors[batch] = self._run([rows[i] for i in batch], texts.unpooled)
                done(len(batch))
        return vectors

    def _run(self, rows: Sequence[Any], unpooled: int) -> Floats2d:
        import torch

        longest = max(len(row) for row in rows)
        ids = np.zeros((len(rows), longest), np.int64)
        mask = np.zeros((len(rows), longest), np.int64)
        for line, row in enumerate(rows):
            ids[line, : len(row)] = row
            mask[line, : len(row)] = 1
        with torch.inference_mode():
            attention = torch.from_numpy(mask).to(self.device)
            given = torch.from_numpy(ids).to(self.device)
            states = self._model(input_ids=given, attention_mask=attention).last_hidden_state
            pooled = torch.cat([_pool(states, attention, how, unpooled) for how in self._poolings], dim=1)
            vectors: Floats2d = pooled.float().cpu().numpy()
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


def _pool(states: Any, mask: Any, how: str, unpooled: int) -> Any:
    """Pool states (texts, longest, dim) without the first `unpooled` of each text, as sentence-transformers does."""
    import torch

    lengths = mask.sum(dim=1)
    rows = torch.arange(len(states), device=states.device)
    if how == "cls":
        return states[:, unpooled]
    if how == "lasttoken":
        return states[rows, lengths - 1]
    taken = mask.clone()
    taken[:, :unpooled] = 0
    weights = taken.unsqueeze(-1).to(states.dtype)
    if how == "max":
        return states.masked_fill(weights == 0, float("-inf")).max(dim=1).values
    if how == "weightedmean":
        weights = weights * torch.arange(1, states.shape[1] + 1, device=states.device, dtype=states.dtype)[:, None]
    total = weights.sum(dim=1)
    return (states * weights).sum(dim=1) / (total.sqrt() if how == "mean_sqrt_len_tokens" else total)


def load_model(layout: Layout) -> Any:
    """Open a model's weights with transformers, in float32, without running any code that comes with it.

    Raises
    ------
    DamagedError
        If they can't be read, or one is missing: transformers would put random numbers in its place.
    """
    torch = checks.need("torch", "transformers")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")  # in a notebook, of a bar that isn't shown
        transformers = checks.need("transformers", "transformers")
    safetensors = checks.need("safetensors", "transformers")
    kind = json.loads((layout.folder / CONFIG).read_text(encoding="utf-8")).get("model_type")
    opened_as = getattr(transformers, _READERS[kind]) if kind in _READERS else transformers.AutoModel
    try:
        with _quiet(transformers):
            model, told = opened_as.from_pretrained(
                str(layout.folder),
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError, RuntimeError, safetensors.SafetensorError) as problem:
        raise DamagedError(f"the model in {layout.folder} can't be opened ({problem}); fetch it again") from problem
    missing = sorted(name for name in told["missing_keys"] if not _UNUSED.search(name))
    if missing:
        spare = sorted(told["unexpected_keys"])
        named = f"; it has {spare[0]!r}, which the model doesn't know" if spare else ""
        raise DamagedError(
            f"{weight_files(layout.folder)[0]} has no weight {missing[0]!r}, nor {len(missing) - 1} others of the "
            f"model's{named}; its vectors would be partly random: save the model again, under transformers' names"
        )
    return model.eval()


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep a bar for a tenth of a second, and a table of what is told in an error anyway, from being shown."""
    logging = transformers.utils.logging
    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()
