"""`BridgedEncoder`: texts encoded by one encoder, in the space of another; and how its map lies on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from semspace.bundle import Bundle, Draft
from semspace.errors import InputError
from semspace.files import digest
from semspace.latent.bridge_maps import VectorMap
from semspace.registry import ENCODER_READERS
from semspace.schema import Facts
from semspace.sentences.lazy_encoder import EncoderReference
from semspace.text_encoder import TextEncoder, encode_documents, encode_queries, encoder_facts
from semspace.types import Floats2d

KIND = "bridged"


@dataclass(frozen=True, eq=False, repr=False)
class BridgedEncoder:
    """An encoder whose vectors lie in the space of another one, by a bridge.

    Parameters
    ----------
    map : VectorMap
    source : TextEncoder
        What encodes the texts.
    target_name, target_fingerprint : str
        Of the encoder whose space it is.
    """

    map: VectorMap
    source: TextEncoder
    target_name: str
    target_fingerprint: str

    @property
    def name(self) -> str:
        """The names of both encoders."""
        return f"{self.source.name} → {self.target_name}"

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return self.map.dim

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the map and the fingerprints of both encoders: that of the bridge."""
        return _digest(self.map, self.source.fingerprint, self.target_fingerprint)

    def encode(self, texts: list[str]) -> Floats2d:
        """Encode texts, float32 of shape (n, dim), of length 1."""
        return self.map.apply(self.source.encode(texts))

    def encode_queries(self, texts: list[str]) -> Floats2d:
        """Encode queries, float32 of shape (n, dim), of length 1."""
        return self.map.apply(encode_queries(texts, self.source))

    def encode_documents(self, texts: list[str]) -> Floats2d:
        """Encode documents, float32 of shape (n, dim), of length 1."""
        return self.map.apply(encode_documents(texts, self.source))

    def __repr__(self) -> str:
        return f"BridgedEncoder({self.name!r}, dim={self.dim})"

    def _write_into(self, draft: Draft, fingerprint: str) -> dict[str, Any]:  # noqa: ARG002
        """Write the map into the bundle of a space; return its manifest entries."""
        write_map(draft, self.map)
        target = {"name": self.target_name, "fingerprint": self.target_fingerprint}
        return {"kind": KIND, "source": saved_facts(self.source), "target": target}


def read_bundle(bundle: Bundle) -> BridgedEncoder:
    """Read the encoder in the bundle of a space."""
    facts = bundle.meta.facts("space").facts("encoder")
    source, target = reference(facts, "source"), facts.facts("target")
    assert source is not None
    return BridgedEncoder(read_map(bundle), source, target.text("name"), target.text("fingerprint"))


def map_fingerprint(map: VectorMap, source: TextEncoder | None, target: TextEncoder | None) -> str:
    """Return the SHA-256 over a map and the fingerprints of both encoders."""
    known = (None if encoder is None else encoder.fingerprint for encoder in (source, target))
    return _digest(map, *known)


def _digest(map: VectorMap, source: str | None, target: str | None) -> str:
    arrays = (np.ascontiguousarray(array) for array in (map.hidden, map.weights, map.bias))
    return digest(json.dumps([source, target]).encode(), *(array.tobytes() for array in arrays))


def write_map(draft: Draft, map: VectorMap) -> None:
    """Write a map into a bundle."""
    draft.array("bridge-hidden", map.hidden)
    draft.array("bridge-weights", map.weights)
    draft.array("bridge-bias", map.bias)


def read_map(bundle: Bundle) -> VectorMap:
    """Read the map in a bundle."""
    bias = bundle.array("bridge-bias", dtype=np.float32, shape=(None,))
    hidden = bundle.array("bridge-hidden", dtype=np.float32, shape=(None, None))
    weights = bundle.array("bridge-weights", dtype=np.float32, shape=(sum(hidden.shape), len(bias)))
    return VectorMap(hidden, weights, bias)


def saved_facts(encoder: TextEncoder | None) -> dict[str, Any] | None:
    """Return what a bundle remembers of an encoder, or raise `InputError` for one that has no name to find it by."""
    if encoder is not None and (encoder.name in ENCODER_READERS or isinstance(encoder, BridgedEncoder)):
        raise InputError(
            f"a bridge is saved with the names of its encoders, and {encoder.name!r} can't be loaded by a name; keep "
            "the bridge in memory, or fit it to spaces without an encoder"
        )
    return None if encoder is None else encoder_facts(encoder)


def reference(facts: Facts, name: str) -> EncoderReference | None:
    """Return an encoder that a bundle remembers, which is found at its first text."""
    if facts.get(name) is None:
        return None
    saved = facts.facts(name)
    shortened = saved.whole("max_tokens", low=1) if "max_tokens" in saved else None
    return EncoderReference(saved.text("name"), saved.whole("dim", low=1), saved.text("fingerprint"), shortened)
