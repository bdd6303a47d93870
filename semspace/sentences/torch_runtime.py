"""A transformer run by torch: in float32, the reference for faster backends; or in bfloat16, as GPUs are fastest."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from semspace import checks
from semspace.display import clip
from semspace.errors import DamagedError, InputError
from semspace.inference import architectures
from semspace.sentences.model_config import LAYER_COUNTS, ModelConfig
from semspace.sentences.model_files import CONFIG, architecture_of
from semspace.sentences.runtime import TokenBatch
from semspace.sentences.weights import Weights, weight_files
from semspace.threads import torch_threads
from semspace.types import Floats2d, Int32s1d

# Padded tokens run through the model at a time, by kind of device.
_BATCH_TOKENS = {"cpu": 4_096, "cuda": 32_768}
PRECISIONS = ("float32", "bfloat16")
# The class of the encoder alone, for encoder-decoder models.
_ENCODER_CLASSES = {
    "t5": "T5EncoderModel",
    "mt5": "MT5EncoderModel",
    "umt5": "UMT5EncoderModel",
    "longt5": "LongT5EncoderModel",
}
# Weights that no vector depends on: BERT's own pooler, and the numbers of positions.
_FEW_LAYERS = 128  # layers may share their weights, as in ALBERT
_UNUSED = re.compile(r"(^|\.)(pooler\.|position_ids$)")


class TorchRuntime:
    """A transformer of any architecture in transformers, on a GPU if torch finds one.

    Parameters
    ----------
    config : ModelConfig
    precision : {"float32", "bfloat16"}
        Of weights and layers. States are pooled in float32 in any case.
    device : str, optional
        The device on which it runs; the GPU where torch finds one, else the processor.
    """

    backend = "torch"

    def __init__(self, config: ModelConfig, precision: str = "float32", device: str | None = None) -> None:
        torch = checks.need("torch", "transformers")
        self._poolings = config.poolings
        self._model = load_model(config)
        self.device = _device() if device is None else device
        self._model.to(self.device, dtype=getattr(torch, precision))
        self.implementation = f"torch {precision} on {self.device}"
        self.dim = int(self._model.config.hidden_size) * len(self._poolings)
        self.vocabulary_size = int(self._model.get_input_embeddings().num_embeddings)

    def pooled(self, texts: TokenBatch, on_done: Callable[[int], object]) -> Floats2d:
        """Return the vectors of texts; texts of about the same length run together, the longest first."""
        rows = self._rows(texts)
        vectors = np.empty((len(rows), self.dim), np.float32)
        with torch_threads():
            for batch in self._batches(texts):
                vectors[batch] = self._run([rows[i] for i in batch], texts.n_unpooled)
                on_done(len(batch))
        return vectors

    def states(self, texts: TokenBatch) -> Floats2d:
        """Return the last layer's state of each token, shape (tokens, hidden)."""
        import torch

        rows = self._rows(texts)
        found: list[Floats2d] = [np.empty((0, 0), np.float32)] * len(rows)
        with torch_threads(), torch.inference_mode():
            for batch in self._batches(texts):
                states, _ = self._last_layer([rows[i] for i in batch])
                for i, state in zip(batch, states.cpu().numpy(), strict=True):
                    found[i] = state[: len(rows[i])]
        return np.concatenate(found)

    @property
    def padding_token(self) -> int:
        """The number of the token that stands for nothing."""
        return int(getattr(self._model.config, "pad_token_id", None) or 0)

    def embeddings(self, tokens: Int32s1d) -> Any:
        """Return the embeddings of tokens, a tensor of shape (tokens, hidden), before positions are added."""
        import torch

        return self._model.get_input_embeddings()(torch.from_numpy(tokens.astype(np.int64)).to(self.device))

    def pooled_from_embeddings(self, embeddings: Any, n_unpooled: int) -> Any:
        """Return the pooled vectors of texts of equal length, a tensor, from one of shape (texts, tokens, hidden).

        It can be differentiated, forwards and backwards.
        """
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel

        mask = torch.ones(embeddings.shape[:2], dtype=torch.int64, device=self.device)
        with sdpa_kernel(SDPBackend.MATH):  # the others have no forward derivative
            states = self._model(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state
        return torch.cat([_pool(states, mask, how, n_unpooled) for how in self._poolings], dim=1)

    def _batches(self, texts: TokenBatch) -> Iterator[list[int]]:
        limit = _BATCH_TOKENS.get(self.device.partition(":")[0], _BATCH_TOKENS["cpu"])
        return _batches(np.diff(texts.starts).tolist(), limit)

    def _rows(self, texts: TokenBatch) -> list[Int32s1d]:
        """Return the tokens of each text, or raise `DamagedError` if the model doesn't know one."""
        if texts.tokens.max(initial=0) >= self.vocabulary_size:
            raise DamagedError(
                f"the tokenizer doesn't belong to this model: it returns the token {texts.tokens.max()}, but the model "
                f"knows {self.vocabulary_size:,}; download the model again"
            )
        return np.split(texts.tokens, texts.starts[1:-1])

    def _last_layer(self, rows: Sequence[Int32s1d]) -> tuple[Any, Any]:
        """Return the states of texts, padded to shape (texts, longest, hidden), and which of them are tokens."""
        import torch

        longest = max(len(row) for row in rows)
        ids = np.zeros((len(rows), longest), np.int64)
        mask = np.zeros((len(rows), longest), np.int64)
        for line, row in enumerate(rows):
            ids[line, : len(row)] = row
            mask[line, : len(row)] = 1
        attention = torch.from_numpy(mask).to(self.device)
        tokens = torch.from_numpy(ids).to(self.device)
        return self._model(input_ids=tokens, attention_mask=attention).last_hidden_state.float(), attention

    def _run(self, rows: Sequence[Int32s1d], n_unpooled: int) -> Floats2d:
        import torch

        with torch.inference_mode():
            states, attention = self._last_layer(rows)
            pooled = torch.cat([_pool(states, attention, how, n_unpooled) for how in self._poolings], dim=1)
            vectors: Floats2d = pooled.cpu().numpy()
        return vectors


def _batches(lengths: list[int], limit: int) -> Iterator[list[int]]:
    """Iterate over groups of texts of about the same length, the longest first, so that there is little padding.

    A group has at most `limit` padded tokens, unless one text has more.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batch: list[int] = []
    for i in order:
        longest = lengths[batch[0]] if batch else lengths[i]
        if batch and (len(batch) + 1) * longest > limit:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _pool(states: Any, mask: Any, how: str, n_unpooled: int) -> Any:
    """Pool states (texts, longest, dim) without the first `n_unpooled` of each text, as sentence-transformers does."""
    import torch

    lengths = mask.sum(dim=1)
    rows = torch.arange(len(states), device=states.device)
    if how == "cls":
        return states[:, n_unpooled]
    if how == "lasttoken":
        return states[rows, lengths - 1]
    pooled = mask.clone()
    pooled[:, :n_unpooled] = 0
    weights = pooled.unsqueeze(-1).to(states.dtype)
    if how == "max":
        return states.masked_fill(weights == 0, float("-inf")).max(dim=1).values
    if how == "weightedmean":
        weights = weights * torch.arange(1, states.shape[1] + 1, device=states.device, dtype=states.dtype)[:, None]
    total = weights.sum(dim=1)
    return (states * weights).sum(dim=1) / (total.sqrt() if how == "mean_sqrt_len_tokens" else total)


def knows(config: ModelConfig) -> bool:
    """Check whether torch and transformers are installed and have the architecture of a model."""
    if not (find_spec("torch") and find_spec("transformers")):
        return False
    from transformers import CONFIG_MAPPING

    architecture = architecture_of(config.folder)
    return architecture.get("model_type") in CONFIG_MAPPING and not architectures.needs_own_code(architecture)


def load_model(config: ModelConfig) -> Any:
    """Load a model with transformers, in float32, without running any code that comes with it.

    Raises
    ------
    DamagedError
        If the weights can't be read, or one is missing, which transformers would replace by random numbers.
    """
    torch = checks.need("torch", "transformers")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")  # in a notebook, about a bar that isn't shown
        transformers = checks.need("transformers", "transformers")
    checks.need("safetensors", "transformers")
    architecture = architecture_of(config.folder)
    if architectures.needs_own_code(architecture):
        raise InputError(
            f"{config.folder} needs its own code to run with torch (auto_map in {CONFIG}), which semspace never runs; "
            f"use backend='auto', 'fast' or 'exact', which know this architecture"
        )
    check_layers(config.folder, architecture)
    kind = str(architecture.get("model_type"))
    model_class = getattr(transformers, _ENCODER_CLASSES[kind]) if kind in _ENCODER_CLASSES else transformers.AutoModel
    try:
        with quiet(transformers):
            model, report = model_class.from_pretrained(
                str(config.folder),
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except MemoryError:
        raise
    except Exception as problem:  # the libraries below have many of their own
        what = clip(" ".join(str(problem).partition("Exception raised from")[0].split()), 300)  # torch's own stack
        if "ignore_mismatched_sizes" in what:  # and a report that nobody sees
            what = f"its weights have other shapes than {CONFIG} says"
        raise DamagedError(f"the model in {config.folder} can't be opened ({what}); download it again") from problem
    missing = sorted(name for name in report["missing_keys"] if not _UNUSED.search(name))
    if missing:
        unknown = sorted(report["unexpected_keys"])
        more = f" and lacks {len(missing) - 1} more" if len(missing) > 1 else ""
        hint = f"; it has {unknown[0]!r}, which the model doesn't know" if unknown else ""
        raise DamagedError(
            f"{weight_files(config.folder)[0]} has no weight {missing[0]!r}{more}{hint}; its vectors would be partly "
            f"random: save the model again, with the names that transformers uses"
        )
    return model.eval()


def check_layers(folder: Path, architecture: Mapping[str, Any]) -> None:
    """Raise `DamagedError` if a configuration has far more layers than weights: each would take memory before that."""
    with Weights(folder) as weights:
        n_weights = sum(1 for _ in weights)
    counts = [architecture.get(name) for name in LAYER_COUNTS]
    layers = max((count for count in counts if isinstance(count, int)), default=0)
    if layers > max(n_weights, _FEW_LAYERS):
        raise DamagedError(
            f"{folder / CONFIG} has {layers:,} layers, and {n_weights:,} weights; download the model again"
        )


@contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """Silence the progress bar of transformers, and the table of what our own error reports anyway."""
    logging = transformers.utils.logging
    had_bar, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if had_bar:
            logging.enable_progress_bar()
