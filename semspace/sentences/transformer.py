"""A transformer encoder: tokenise, run the transformer, pool, and scale, as the model's folder says."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.bundle import Bundle, PathLike, create_bundle
from semspace.deprecation import renamed_parameters
from semspace.errors import DamagedError, InputError, SemspaceWarning
from semspace.progress import Bar
from semspace.sentences import head, parity, runtime_selection
from semspace.sentences.blocks import EncodedBlock
from semspace.sentences.encoder import Encoder, never_changes
from semspace.sentences.export import KIND, copy_model, history_of
from semspace.sentences.model_config import Layout, read_layout
from semspace.sentences.passages import Passage
from semspace.sentences.prompts import document_prompt
from semspace.sentences.runtime import BACKENDS, Tokenized
from semspace.sentences.tokenizing import Tokenizer
from semspace.sentences.training_history import TrainingHistory

_MEANT = {"dot": "dot product", "euclidean": "Euclidean distance", "manhattan": "Manhattan distance"}


class TransformerEncoder(Encoder):
    """A transformer from a folder in sentence-transformers' layout.

    Parameters
    ----------
    folder : Path
    name : str
        How the model is called in messages and provenance.
    backend : {"auto", "fast", "exact", "torch"}
    max_tokens, threads : int, optional
        See `Encoder.load`.

    Attributes
    ----------
    backend : {"fast", "exact", "torch"}
        The backend that was chosen.
    backend_reason : str
        Its arithmetic, its agreement with the reference, and why no faster backend was chosen.
    history : TrainingHistory
        How it was trained; empty where it wasn't trained by `EncoderTrainer`.
    """

    layout: Layout
    tokenizer: Tokenizer
    _opened = False

    @renamed_parameters(runtime="backend")
    def __init__(
        self,
        folder: Path,
        name: str,
        backend: str = "auto",
        max_tokens: int | None = None,
        threads: int | None = None,
    ) -> None:
        checks.choice("backend", backend, ("auto", *BACKENDS))
        self._root, self.name, self.threads = folder, name, threads
        self._whole = read_layout(folder)
        self._read_as(self._whole if max_tokens is None else self._shorter(max_tokens))
        self.prompts = self.layout.prompts
        self.normalizes = self.layout.normalize and self.layout.truncate_dim is None
        self._runtime, self.backend_reason = runtime_selection.choose(
            self.layout,
            backend,
            lambda: self.tokenizer.read(list(parity.SENTENCES), blank="skip"),
            self.tokenizer.check,
        )
        self.backend = self._runtime.backend
        self.implementation = self._runtime.implementation
        self.device = getattr(self._runtime, "device", "cpu")
        self.dim = self.layout.width(self._runtime.dim // len(self.layout.poolings))
        if self.layout.similarity != "cosine" and not self.layout.normalize:
            warnings.warn(
                f"{name} is meant to be compared by {_MEANT[self.layout.similarity]}, which looks at the lengths of "
                f"vectors too; semspace compares by cosine unless metric= says otherwise",
                SemspaceWarning,
                stacklevel=6,  # the caller of Encoder.load
            )
        self._opened = True

    def __setattr__(self, name: str, value: object) -> None:
        if self._opened and name != "max_seq_length" and not name.startswith("_"):
            raise never_changes(self, name)
        super().__setattr__(name, value)

    def _read_as(self, layout: Layout) -> None:
        tokenizer = Tokenizer(layout)  # first, since this may fail
        self.__dict__.update(
            layout=layout, max_tokens=layout.max_tokens, fingerprint=layout.fingerprint, tokenizer=tokenizer
        )

    def _shorter(self, max_tokens: object) -> Layout:
        """Return what the folder says, texts cut earlier."""
        return replace(self._whole, max_tokens=checks.whole("max_tokens", max_tokens, high=self._whole.max_tokens))

    def _set_max_tokens(self, max_tokens: object) -> None:
        self._read_as(self._shorter(max_tokens))

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
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            copy_model(self.layout, self._runtime.dim // len(self.layout.poolings), self._root, draft.folder)
            draft.meta.update(dim=self.dim)

    def _prepare(self, texts: list[str], prompt: str = "") -> Tokenized:
        """Tokenise a block of texts, all of which begin with `prompt`."""
        read = self.tokenizer.read(texts)
        if self.layout.include_prompt or not prompt:
            return read
        unpooled = self.tokenizer.prompt_tokens(prompt)
        if unpooled + 1 >= self.max_tokens or np.diff(read.starts).min(initial=unpooled + 1) <= unpooled:
            raise InputError(
                f"the prompt {prompt[:40]!r} has {unpooled} tokens, which {self.name} leaves out of its vectors, and "
                f"of the {self.max_tokens} that it reads none are left for the text; give a shorter prompt"
            )
        return read._replace(unpooled=unpooled)

    def passages(self, texts: list[str], overlap: int) -> list[list[Passage]]:
        """Split texts at the ends of sentences into passages that the model can read."""
        return self.tokenizer.passages(texts, overlap, document_prompt(self.prompts))

    def _encode_block(self, prepared: Tokenized, bar: Bar) -> EncodedBlock:
        """Run a block of tokenised texts."""
        vectors = self._runtime.pooled(prepared, bar.update)
        if not np.isfinite(vectors).all():
            raise DamagedError(f"the model {self.name} gives vectors that aren't numbers; fetch it again")
        if self.layout.head:
            vectors = head.applied(self.layout.head, vectors)
        if self.layout.normalize:
            queries.unit(vectors, floor=queries.TINY, out=vectors)
        return EncodedBlock(vectors[:, : self.dim], prepared.cut)

    @property
    def shortened(self) -> int | None:
        """Where texts are cut, if earlier than the folder says; a saved space remembers it."""
        return self.max_tokens if self.max_tokens < self._whole.max_tokens else None

    def __reduce__(self) -> tuple[Any, ...]:  # opened again where it is unpickled, by joblib say
        return type(self), (self._root, self.name, self.backend, self.shortened, self.threads)

    def __repr__(self) -> str:
        known = f"dim={self.dim}, max_tokens={self.max_tokens}, backend={self.backend!r}"
        return f"{type(self).__name__}({self.name!r}, {known})"


def read_bundle(bundle: Bundle) -> TransformerEncoder:
    """Open a bundle that `TransformerEncoder.save` or `EncoderTrainer` wrote."""
    encoder = TransformerEncoder(bundle.folder, str(bundle.folder.resolve()))
    bundle.unchanged()  # its files are found by their paths
    return encoder
