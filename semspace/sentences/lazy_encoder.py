"""An encoder that is only a name until a text comes: what a saved space remembers of its encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from semspace.bundle import Bundle
from semspace.errors import DamagedError, InputError
from semspace.registry import ENCODER_READERS, reader
from semspace.schema import Facts
from semspace.text_encoder import TextEncoder
from semspace.types import Floats2d

if TYPE_CHECKING:
    from semspace.sentences.encoder import Encoder
    from semspace.sentences.token_states import TokenStates
    from semspace.space import Space
    from semspace.text.corpus import Corpus


@dataclass(frozen=True)
class EncoderReference:
    """Name, width and fingerprint of an encoder; it is found and checked at the first text.

    With `one_text` it is loaded for a single text, by what starts fastest.
    """

    name: str
    dim: int
    fingerprint: str
    shortened: int | None = None  # where it cuts texts, if earlier than it would by itself
    one_text: bool = False

    @cached_property
    def opened(self) -> Encoder:
        """The encoder itself; it is loaded when it is first asked for."""
        from semspace.sentences.load import load_encoder

        options: dict[str, Any] = {} if self.shortened is None else {"max_tokens": self.shortened}
        encoder = load_encoder(self.name, one_text=self.one_text, **options)
        if encoder.fingerprint != self.fingerprint:
            raise InputError(
                f"this space was made with an encoder {self.name!r} of fingerprint {self.fingerprint[:8]}, and the one "
                f"found here has {encoder.fingerprint[:8]}; their vectors can't be compared: encode the texts again"
            )
        return encoder

    @property
    def prompts(self) -> Mapping[str, str]:
        """The prompts of the encoder referred to."""
        return self.opened.prompts

    def embed(self, corpus: Corpus, **settings: Any) -> Space:
        """Encode a corpus with the encoder referred to; see `Encoder.embed`."""
        return self.opened.embed(corpus, **settings)

    def encode(self, texts: list[str]) -> Floats2d:
        """Encode texts with the encoder referred to, float32 of shape (n, dim)."""
        vectors: Floats2d = self.opened.encode(texts)
        return vectors

    def encode_documents(self, texts: list[str]) -> Floats2d:
        """Encode documents with the encoder referred to, float32 of shape (n, dim)."""
        vectors: Floats2d = self.opened.encode_documents(texts)
        return vectors

    def encode_queries(self, texts: list[str]) -> Floats2d:
        """Encode questions with the encoder referred to, float32 of shape (n, dim)."""
        vectors: Floats2d = self.opened.encode_queries(texts)
        return vectors

    def token_states(self, texts: Sequence[str], *, prompt: str = "") -> TokenStates:
        """Return the states of the tokens of texts with the encoder referred to; see `Encoder.token_states`."""
        return self.opened.token_states(texts, prompt=prompt)


def for_one_text(encoder: TextEncoder | None) -> TextEncoder | None:
    """Return the encoder of a saved space as it is best loaded for a single text; others as they are."""
    return replace(encoder, one_text=True) if isinstance(encoder, EncoderReference) else encoder


def remembered(bundle: Bundle) -> TextEncoder | None:
    """Return the encoder of a saved space, or of an index's space; None if it has none."""
    if not bundle.meta.facts("space")["encoder"]:
        return None
    facts = bundle.meta.facts("space").facts("encoder")
    if facts.get("kind") is None:
        shortened = facts.whole("max_tokens", low=1) if "max_tokens" in facts else None
        return EncoderReference(facts.text("name"), facts.whole("dim", low=1), facts.text("fingerprint"), shortened)
    kind = facts.text("kind")
    if kind not in ENCODER_READERS:
        raise DamagedError(
            f"{bundle.folder} has an encoder {kind!r}, which this semspace doesn't know; upgrade semspace"
        )
    read = reader(ENCODER_READERS[kind])
    encoder: TextEncoder = read(bundle, _base_of(bundle)) if "base" in facts else read(bundle)
    if encoder.dim != facts.whole("dim"):
        raise DamagedError(
            f"{bundle.folder} has an encoder of {encoder.dim} dimensions, which should have {facts['dim']}; save the "
            f"value again"
        )
    return encoder


def _base_of(bundle: Bundle) -> TextEncoder | None:
    """Return the encoder whose vectors the encoder of a saved space encodes again."""
    space = bundle.meta.facts("space")
    base = {**space, "encoder": space.facts("encoder")["base"]}
    return remembered(replace(bundle, meta=Facts({"space": base}, f"{bundle.folder}, its first encoder,")))
