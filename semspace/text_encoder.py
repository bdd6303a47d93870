"""`TextEncoder`: what a space needs of an encoder; its queries and documents, and what is saved of it."""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard, runtime_checkable

from semspace.bundle import Draft
from semspace.display import clip
from semspace.errors import InputError
from semspace.types import Floats2d


class TextEncoder(Protocol):
    """A model that encodes text into vectors: any encoder of `semspace.sentences`."""

    @property
    def name(self) -> str:
        """The name with which `Encoder.load` opens it."""

    @property
    def dim(self) -> int:
        """Number of dimensions."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that a vector depends on."""

    def encode(self, texts: list[str]) -> Floats2d:
        """Encode texts that are neither queries nor documents, float32 of shape (n, dim)."""

    def encode_queries(self, texts: list[str]) -> Floats2d:
        """Encode queries that documents are searched with, float32 of shape (n, dim)."""

    def encode_documents(self, texts: list[str]) -> Floats2d:
        """Encode documents, float32 of shape (n, dim)."""


@runtime_checkable
class StoredEncoder(Protocol):
    """An encoder that is saved in the bundle of its space; of any other, only the name is saved."""

    def _write_into(self, draft: Draft, fingerprint: str) -> dict[str, Any]:
        """Write the encoder's arrays into the bundle of a space with this fingerprint; return its manifest entries."""


def encoder_entry(encoder: TextEncoder | None, draft: Draft, fingerprint: str) -> dict[str, Any] | None:
    """Return the manifest's entry of an encoder, which is written into the bundle if it is one that is stored there."""
    if encoder is None:
        return None
    stored: dict[str, Any] = encoder._write_into(draft, fingerprint) if isinstance(encoder, StoredEncoder) else {}
    return {**encoder_facts(encoder), **stored}


def reads_texts(encoder: TextEncoder | None) -> TypeGuard[TextEncoder]:
    """Whether there is an encoder, and one that takes texts: a latent space's only does if the space before had one."""
    return encoder is not None and getattr(encoder, "takes_texts", True)


def check_encoder(encoder: object) -> None:
    """Raise `InputError` for what is neither None nor an encoder."""
    if encoder is not None and not hasattr(encoder, "dim"):
        raise InputError(
            f"encoder must be an encoder, as Encoder.load returns one; got {type(encoder).__name__}"
            + (f": give Encoder.load({encoder!r})" if isinstance(encoder, str) else "")
        )


def check_encoders(name: str, given: TextEncoder | None, own: TextEncoder | None) -> None:
    """Raise `InputError` if points come from another encoder than those they are compared with; None is trusted."""
    if given is None or own is None:
        return
    if _target(given) != _target(own):
        (first, a), (second, b) = ((one.name, _target(one)[:8]) for one in (given, own))
        is_code = getattr(given, "model", None) is not None
        remedy = "go back with model.decode(codes)" if is_code else "encode the texts with the same encoder"
        raise InputError(
            f"{name} must be of the encoder {second!r} ({b}), as the points that it is compared with; got points of "
            f"{first!r} ({a}): {remedy}"
        )


def _target(encoder: TextEncoder) -> str:
    """Return the fingerprint of the encoder in whose space the vectors of an encoder lie."""
    fingerprint: str = getattr(encoder, "target_fingerprint", None) or encoder.fingerprint
    return fingerprint


def encoder_facts(encoder: TextEncoder) -> dict[str, Any]:
    """Return what identifies an encoder, for a manifest."""
    facts = {"name": encoder.name, "dim": encoder.dim, "fingerprint": encoder.fingerprint}
    max_tokens = getattr(encoder, "shortened", None)
    return {**facts, "max_tokens": max_tokens} if max_tokens else facts


def encode_queries(texts: list[str], encoder: TextEncoder | None) -> Floats2d:
    """Return the vectors of queries, or raise `InputError` where there is no encoder, or a text is blank."""
    checked = _checked_encoder(texts, encoder, "a query")
    encode = getattr(checked, "encode_queries", checked.encode)  # some encoders only have `encode`
    vectors: Floats2d = encode(texts)
    return vectors


def encode_documents(texts: list[str], encoder: TextEncoder | None) -> Floats2d:
    """Return the vectors of documents, or raise `InputError` where there is no encoder, or a text is blank."""
    checked = _checked_encoder(texts, encoder, "a document")
    encode = getattr(checked, "encode_documents", checked.encode)
    vectors: Floats2d = encode(texts)
    return vectors


def _checked_encoder(texts: list[str], encoder: TextEncoder | None, what: str) -> TextEncoder:
    """Return the encoder, or raise `InputError` where there is none or a text is blank."""
    if not reads_texts(encoder):
        raise InputError(
            f"this space has no encoder, so it can't take the text {clip(texts[0], 40)!r}; ask by id (id=) or "
            f"vector, or make the space with encoder.embed(corpus)"
        )
    blank = next((text for text in texts if not text.strip()), None)
    if blank is not None:
        raise InputError(f"{what} must have some text; got {blank!r}")
    return encoder
