"""`CrossEncoder`: a transformer that reads a query and a text together and scores how well they fit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from semspace import checks
from semspace.display import clip
from semspace.errors import DamagedError, InputError, MissingFileError, SemspaceError
from semspace.files import PathLike, resolved_path
from semspace.sentences.torch_runtime import check_layers, quiet
from semspace.threads import torch_threads
from semspace.types import Floats1d

_BATCH = 32  # pairs run through the model at a time
_MIN_TOKENS = 8  # of a pair: three mark where its parts begin and end
_MAX_TOKENS = 512  # where the folder names no limit


class CrossEncoder:
    """Scores pairs of a query and a text by a model of transformers with one output; see `CrossEncoder.load`.

    More exact than comparing vectors, since each word of one text is read in view of the other, and much slower: each
    pair is run through the model. So it ranks what another search has found (Nogueira & Cho 2019).

    Attributes
    ----------
    name : str
        The folder.
    """

    metric, share = "cross-encoder", 1.0

    def __init__(self, name: str, tokenizer: Any, model: Any, max_tokens: int) -> None:
        self.name = name
        self._tokenizer, self._model, self._max_tokens = tokenizer, model, max_tokens

    @classmethod
    def load(cls, folder: PathLike) -> CrossEncoder:
        """Load a cross-encoder from a folder, as transformers and sentence-transformers save one.

        No code that comes with the model is run, and weights must be safetensors.

        Parameters
        ----------
        folder : path

        Raises
        ------
        MissingFileError
            If there is no such folder, or no model in it.
        InputError
            If the model doesn't have one output.
        DamagedError
            If it can't be read.
        MissingExtraError
            If torch or transformers isn't installed.
        """
        place = resolved_path(folder)
        if not place.is_dir():
            found = "is a file" if place.exists() else "isn't there"
            raise MissingFileError(
                f"{place} {found}; give the folder of a cross-encoder, which isn't looked for by its name"
            )
        if not (place / "config.json").is_file():
            raise MissingFileError(
                f"there is no cross-encoder in {place}: it has no file config.json; give the folder that holds it"
            )
        checks.need("torch", "transformers")
        transformers = checks.need("transformers", "transformers")
        config = _read_config(place)
        n_outputs = _outputs(place, config)
        if n_outputs != 1:
            raise InputError(
                f"a cross-encoder that ranks has one output, and the model in {place} has {n_outputs}; give one that "
                f"was trained for ranking, such as those called ms-marco"
            )
        options = {"local_files_only": True, "trust_remote_code": False}
        try:
            check_layers(place, config)
            with quiet(transformers):
                tokenizer = transformers.AutoTokenizer.from_pretrained(str(place), **options)
                model = transformers.AutoModelForSequenceClassification.from_pretrained(
                    str(place), use_safetensors=True, **options
                ).eval()
                positions = int(getattr(model.config, "max_position_embeddings", _MAX_TOKENS))
                limit = min(int(tokenizer.model_max_length), positions, _MAX_TOKENS)
                if limit < _MIN_TOKENS:
                    raise ValueError(f"it reads {limit} tokens at most")
                encoder = cls(str(place), tokenizer, model, limit)
                tried = encoder.score("red", ["red", "red wine and other words", "longer " * limit])
        except (MemoryError, SemspaceError):
            raise
        except BaseException as problem:  # the libraries below have many of their own
            if not isinstance(problem, Exception) and type(problem).__name__ != "PanicException":
                raise
            what = clip(" ".join(str(problem).split()), 300) or type(problem).__name__
            raise DamagedError(f"the model in {place} can't be opened ({what}); download it again") from problem
        if not np.isfinite(tried).all():
            raise DamagedError(f"the model in {place} returns scores that aren't finite; download it again")
        return encoder

    def score(self, query: str, texts: Sequence[str]) -> Floats1d:
        """Return the score of a query with each of n texts, float32 of shape (n,): a probability, from 0 to 1.

        It is the logistic function of the model's output, as in sentence-transformers. Longer texts than the model
        reads are cut.
        """
        import torch

        texts = checks.strings("texts", texts)
        scores = np.empty(len(texts), np.float32)
        order = np.argsort([-len(text) for text in texts], kind="stable")
        with torch_threads(), torch.inference_mode():
            for start in range(0, len(texts), _BATCH):
                some = order[start : start + _BATCH]
                pairs = self._tokenizer(
                    [query] * len(some), [texts[i] for i in some], padding=True, truncation="longest_first",
                    max_length=self._max_tokens, return_tensors="pt",
                )  # fmt: skip
                outputs = self._model(**pairs).logits[:, 0].float()
                scores[some] = torch.sigmoid(outputs).numpy()
        return scores

    def __repr__(self) -> str:
        return f"CrossEncoder({self.name!r})"


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("it isn't an object")
    except (OSError, ValueError, RecursionError) as problem:
        raise DamagedError(f"{folder / 'config.json'} can't be read ({problem}); download the model again") from problem
    return config


def _outputs(folder: Path, config: Mapping[str, Any]) -> int:
    """Return the number of outputs of a model of transformers, as its configuration says."""
    try:
        labels = config.get("num_labels", len(config["id2label"]) if "id2label" in config else 2)
        return int(labels)
    except (ValueError, TypeError) as problem:
        raise DamagedError(f"{folder / 'config.json'} can't be read ({problem}); download the model again") from problem
