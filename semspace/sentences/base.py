"""`Encoder`: what every encoder can do, of whatever kind."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from semspace import checks
from semspace.bundle import PathLike, place_of
from semspace.checks import FloatMatrix
from semspace.errors import InputError, SemspaceWarning
from semspace.progress import Bar, bar
from semspace.space import Space
from semspace.text.corpus import Corpus

# Texts are encoded this many at a time: enough to sort by length within, little enough to bound memory.
BLOCK = 4_096


class Encoded(NamedTuple):
    """Vectors of some texts, and how many of the texts were too long and were cut."""

    vectors: FloatMatrix
    truncated: int


class Encoder(ABC):
    """Text → vectors. Get one with `Encoder.load`.

    A subclass gives `name`, `dim`, `fingerprint`, `max_tokens` and `encode_block`.
    """

    name: str
    dim: int
    fingerprint: str
    max_tokens: int

    @staticmethod
    def load(name: PathLike) -> Encoder:
        """Load a transformer encoder.

        Parameters
        ----------
        name : str or path
            A folder in sentence-transformers' layout; the name of a model that an installed package carries
            (its code isn't run); or a model's name on the Hugging Face hub, taken from the local cache if it
            is there. Weights must be safetensors; no code that comes with a model is ever run.

        Raises
        ------
        InputError
            If no such model is found, or it can't be opened safely.
        MissingExtraError
            If torch and transformers aren't installed.
        """
        from semspace.sentences.resolve import find_model
        from semspace.sentences.transformer import TransformerEncoder

        folder = find_model(name)
        given = place_of(name)
        return TransformerEncoder(folder, name=str(given.resolve() if given.is_dir() else name))

    @abstractmethod
    def encode_block(self, texts: list[str], shown: Bar) -> Encoded:
        """Encode up to `BLOCK` texts, checked already, and move the bar on as they are done."""

    def encode(self, texts: list[str], *, progress: bool = False) -> FloatMatrix:
        """Encode texts, float32 of shape (n, dim); as in sentence-transformers.

        Parameters
        ----------
        texts : list of str
        progress : bool
            Show a bar.

        Raises
        ------
        InputError
            If `texts` is one string, or holds something else than strings.
        """
        read = checks.strings("texts", texts)
        vectors = np.empty((len(read), self.dim), np.float32)
        truncated = sum(self._fill(vectors, read, progress))
        self._warn(truncated, len(vectors))
        return vectors

    def embed(self, corpus: Corpus, *, progress: bool = True) -> Space:
        """Encode the documents of a corpus into a `Space` with the same ids and metadata.

        The texts become metadata too, so that results show them, unless they are the ids themselves. How many
        texts were longer than the model can read is in ``space.provenance["truncated"]``.
        """
        if not isinstance(corpus, Corpus):
            raise InputError(f"embed takes a Corpus; got {type(corpus).__name__}: use Corpus.from_texts, or encode")
        vectors = np.empty((len(corpus), self.dim), np.float32)
        truncated = sum(self._fill(vectors, corpus.texts.to_list(), progress))
        self._warn(truncated, len(vectors))
        vectors.setflags(write=False)
        columns = ["id", "text"] if corpus.ids.equals(corpus.texts) else ["id"]
        metadata = corpus.frame.drop(columns)
        facts = {
            "made_by": self.name,
            "text": dict(corpus.provenance),
            "corpus": corpus.fingerprint,
            "truncated": truncated,
        }
        return Space.from_vectors(corpus.ids.to_list(), vectors, metadata if metadata.width else None, self, facts)

    def _fill(self, vectors: FloatMatrix, texts: list[str], progress: bool) -> Iterator[int]:
        with bar("encoding", len(texts), unit="text", progress=progress) as shown:
            for start in range(0, len(texts), BLOCK):
                part = self.encode_block(texts[start : start + BLOCK], shown)
                vectors[start : start + BLOCK] = part.vectors
                yield part.truncated

    def _warn(self, truncated: int, total: int) -> None:
        if truncated:
            warnings.warn(
                f"{truncated:,} of {total:,} texts are longer than the {self.max_tokens} tokens {self.name} reads; "
                f"only their beginnings were encoded",
                SemspaceWarning,
                stacklevel=3,
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, dim={self.dim}, max_tokens={self.max_tokens})"
