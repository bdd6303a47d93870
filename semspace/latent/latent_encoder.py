"""`LatentEncoder`: encodes a text by the encoder of a space, and its vector by a latent model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from semspace.bundle import Bundle, Draft
from semspace.errors import InputError
from semspace.files import digest
from semspace.registry import READERS, reader
from semspace.text_encoder import TextEncoder, encode_documents, encode_queries, encoder_entry, reads_texts
from semspace.types import Floats2d

if TYPE_CHECKING:
    from semspace.latent.model import LatentModel

KIND = "latent"


@dataclass(frozen=True)
class LatentEncoder:
    """The encoder of a space that a latent model has encoded.

    It also keeps the way back: ``space.encoder.model.decode(space)``.

    Parameters
    ----------
    model : LatentModel
    base : optional
        The encoder of the space that was encoded. Without one, this encoder takes no texts.
    """

    model: LatentModel
    base: TextEncoder | None

    @property
    def takes_texts(self) -> bool:
        """Whether it encodes texts: whether there is a first encoder that does."""
        return reads_texts(self.base)

    @property
    def name(self) -> str:
        """The names of encoder and model, such as ``all-MiniLM-L6-v2 + pca``."""
        return " + ".join([*([] if self.base is None else [self.base.name]), self.model.kind])

    @property
    def dim(self) -> int:
        """Number of dimensions of a code."""
        return self.model.dim

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over those of encoder and model."""
        return digest(f"{'' if self.base is None else self.base.fingerprint} {self.model.fingerprint}".encode())

    def encode(self, texts: list[str]) -> Floats2d:
        """Encode texts that are neither queries nor documents, float32 of shape (n, dim)."""
        if self.base is None:
            raise InputError("this encoder takes no texts: the space that was encoded had no encoder; give vectors")
        return self.model.encode(self.base.encode(texts))

    def encode_queries(self, texts: list[str]) -> Floats2d:
        """Encode queries, float32 of shape (n, dim)."""
        return self.model.encode(encode_queries(texts, self.base))

    def encode_documents(self, texts: list[str]) -> Floats2d:
        """Encode documents, float32 of shape (n, dim)."""
        return self.model.encode(encode_documents(texts, self.base))

    @property
    def _depth(self) -> int:
        """Number of encoders, one around the other, that are saved with their space."""
        return 1 + int(getattr(self.base, "_depth", 0))

    def _write_into(self, draft: Draft, fingerprint: str) -> dict[str, Any]:
        """Write the model, and the first encoder, into the bundle of a space; return its manifest entries."""
        return {
            "kind": KIND,
            "model": self.model.parts.write(draft, f"latent-{self._depth}-"),
            "base": encoder_entry(self.base, draft, fingerprint),
        }


def read_bundle(bundle: Bundle, base: TextEncoder | None) -> LatentEncoder:
    """Read the encoder in the bundle of a space; `base` is the first encoder, which was read already."""
    entry = bundle.meta.facts("space").facts("encoder").facts("model")
    return LatentEncoder(reader(READERS[entry.text("kind")])(bundle, entry), base)
