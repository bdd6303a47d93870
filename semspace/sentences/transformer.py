"""A transformer encoder: tokenise, run the transformer, pool, and scale, as the model's folder says."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from semspace import checks
from semspace.bundle import Bundle, PathLike, writing
from semspace.errors import DamagedError
from semspace.progress import Bar
from semspace.sentences import choice, parity
from semspace.sentences.base import RUNTIMES, Encoded, Encoder
from semspace.sentences.curve import TrainingHistory
from semspace.sentences.folder import KIND, copy_model, history_of
from semspace.sentences.layout import read_layout
from semspace.sentences.passages import Passage
from semspace.sentences.runtime import Tokenized
from semspace.sentences.tokenizing import Tokenizer


class TransformerEncoder(Encoder):
    """A transformer from a folder in sentence-transformers' layout.

    Parameters
    ----------
    folder : Path
    name : str
        How the model is called in messages and provenance.
    runtime : {"auto", "fast", "exact", "torch"}
        See `Encoder.load`.

    Attributes
    ----------
    runtime : {"fast", "exact", "torch"}
        The one that was chosen.
    why : str
        What it runs on, how near it comes to the reference, and why nothing faster was chosen.
    history : TrainingHistory
        How it was trained; empty where it wasn't trained by `EncoderTrainer`.
    """

    def __init__(self, folder: Path, name: str, runtime: str = "auto") -> None:
        checks.choice("runtime", runtime, RUNTIMES)
        self._root = folder
        self.layout = read_layout(folder)
        self.name = name
        self.max_tokens = self.layout.max_tokens
        self.fingerprint = self.layout.fingerprint
        self.prompts = self.layout.prompts
        self.normalizes = self.layout.normalize
        self.tokenizer = Tokenizer(self.layout)
        self._runtime, self.why = choice.choose(
            self.layout,
            runtime,
            lambda: self.tokenizer.read(list(parity.SENTENCES), blank="skip"),
            self.tokenizer.check,
        )
        self.runtime = self._runtime.kind
        self.engine = self._runtime.engine
        self.dim = self._runtime.dim

    @cached_property
    def history(self) -> TrainingHistory:
        """How it was trained; empty where it wasn't trained by `EncoderTrainer`.

        Raises
        ------
        DamagedError
            If what the folder says of it was altered.
        """
        return history_of(self._root)

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a folder that `Encoder.load`, `load` and sentence-transformers open; whole or not at all.

        Its vectors are the same, and so is its fingerprint; the history stays with it.

        Parameters
        ----------
        path : path
        overwrite : bool
            Replace a semspace value that is there.

        Raises
        ------
        ExistsError
            If `path` is taken.
        """
        with writing(path, KIND, overwrite=overwrite) as draft:
            copy_model(self.layout, self.dim, self._root, draft.folder)
            draft.meta.update(dim=self.dim)

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> TransformerEncoder:
        """Open what `save`, or a training, has written."""
        encoder = cls(bundle.folder, str(bundle.folder.resolve()))
        bundle.unchanged()  # its files are found by their paths
        return encoder

    def prepare(self, texts: list[str]) -> Tokenized:
        """Tokenise a block of texts."""
        return self.tokenizer.read(texts)

    def passages(self, texts: list[str], overlap: int) -> list[list[Passage]]:
        """Split texts at the ends of sentences into passages that the model can read."""
        return self.tokenizer.passages(texts, overlap, self.document_prompt)

    def encode_block(self, prepared: Tokenized, shown: Bar) -> Encoded:
        """Run a block of tokenised texts."""
        vectors = self._runtime.pooled(prepared, shown.update)
        if not np.isfinite(vectors).all():
            raise DamagedError(f"the model {self.name} gives vectors that aren't numbers; fetch it again")
        if self.layout.normalize:
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
        return Encoded(vectors, prepared.cut)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._root, self.name, self.runtime)  # opened again where it is unpickled, by joblib say

    def __repr__(self) -> str:
        known = f"dim={self.dim}, max_tokens={self.max_tokens}, runtime={self.runtime!r}"
        return f"{type(self).__name__}({self.name!r}, {known})"
