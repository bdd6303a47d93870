"""What an index knows of the space it was built from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semspace.bundle import Bundle, open_bundle
from semspace.errors import DamagedError, ReplacedError, SemspaceError
from semspace.replacement import target_of
from semspace.sentences.lazy_encoder import EncoderReference, remembered
from semspace.space import Space
from semspace.text_encoder import TextEncoder, encoder_facts


class SpaceSource:
    """The encoder, provenance and fingerprint of the space that an index was built from.

    Parameters
    ----------
    encoder : optional
    provenance : mapping
    fingerprint : str, optional
        Of the space; computed from `space`, when it is needed, where that is given.
    space : Space, optional
        The space itself, where it is in memory.
    bundle : Bundle, optional
        Where the encoder is read from at its first use, unless `encoder` is given.
    """

    def __init__(
        self,
        encoder: TextEncoder | None = None,
        provenance: Mapping[str, Any] | None = None,
        *,
        fingerprint: str | None = None,
        space: Space | None = None,
        bundle: Bundle | None = None,
    ) -> None:
        self.provenance = dict(provenance or {})
        self.space = space
        self._encoder = encoder
        self._fingerprint = fingerprint
        self._bundle = bundle if encoder is None else None

    @classmethod
    def on_server(cls, facts: Mapping[str, Any]) -> SpaceSource:
        """Return what a server was told by `server_facts`; its encoder is opened at the first text."""
        saved = facts.get("encoder")
        encoder = (
            EncoderReference(saved["name"], saved["dim"], saved["fingerprint"], saved.get("max_tokens"))
            if saved
            else None
        )
        return cls(encoder, facts.get("provenance"))

    def server_facts(self, fingerprint: str) -> dict[str, Any]:
        """Return what a server is told of points whose space has this fingerprint."""
        encoder = self.encoder
        return {
            "fingerprint": fingerprint,
            "encoder": encoder and encoder_facts(encoder),
            "provenance": self.provenance,
        }

    @property
    def encoder(self) -> TextEncoder | None:
        """The encoder of the space."""
        if self._bundle is not None:
            self._encoder = _encoder_of(self._bundle)
            self._bundle = None
        return self._encoder

    def keep_encoder_of(self, before: SpaceSource) -> None:
        """Keep the encoder of an earlier source, which may be loaded, where this one has the same."""
        known, own = before.known_encoder, self.encoder
        if known is not None and own is not None and encoder_facts(known) == encoder_facts(own):
            self._encoder = known

    @property
    def known_encoder(self) -> TextEncoder | None:
        """The encoder, if it has been read; for printing."""
        return self._encoder

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the space; None where it isn't known."""
        return self._fingerprint if self.space is None else self.space.fingerprint


def _encoder_of(bundle: Bundle) -> TextEncoder | None:
    """Read the encoder of a saved index."""
    encoder, dim = _remembered(bundle), bundle.meta.facts("space")["dim"]
    if encoder is not None and encoder.dim != dim:
        raise DamagedError(
            f"{bundle.folder} has points in {dim} dimensions, and an encoder of {encoder.dim}; build the index again, "
            "or restore it"
        )
    return encoder


def _remembered(bundle: Bundle) -> TextEncoder | None:
    """Read the encoder, from the index that has replaced this one if it has the same."""
    try:
        return remembered(bundle)
    except ReplacedError as problem:
        try:
            newer = open_bundle(target_of(bundle.folder), bundle.kind)
        except SemspaceError:
            raise problem from None
        if newer.meta.facts("space")["encoder"] != bundle.meta.facts("space")["encoder"]:
            raise
        return remembered(newer)
