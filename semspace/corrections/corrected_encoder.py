"""`CorrectedEncoder`: the encoder of a space whose common directions were taken out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from semspace.bundle import Bundle, Draft
from semspace.corrections.common_directions import CommonDirections
from semspace.errors import InputError
from semspace.files import digest
from semspace.text_encoder import TextEncoder, encode_documents, encode_queries, encoder_entry, reads_texts
from semspace.types import Floats2d

KIND = "corrected"


@dataclass(frozen=True, eq=False, repr=False)
class CorrectedEncoder:
    """Encodes texts as the space before did, and corrects their vectors as those of the space were.

    Parameters
    ----------
    correction : CommonDirections
        ``space.encoder.correction.apply(vectors)`` brings other vectors into the space.
    base : optional
        The encoder of the space before. Without one, this encoder takes no texts.
    """

    correction: CommonDirections
    base: TextEncoder | None

    @property
    def takes_texts(self) -> bool:
        """Whether it encodes texts: whether there is a first encoder that does."""
        return reads_texts(self.base)

    @property
    def name(self) -> str:
        """The names of encoder and correction, such as ``all-MiniLM-L6-v2 + centered``."""
        return " + ".join([*([] if self.base is None else [self.base.name]), self.correction.method])

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return len(self.correction.mean)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the fingerprint of the first encoder and the correction."""
        first = "" if self.base is None else self.base.fingerprint
        arrays = (self.correction.mean, self.correction.directions)
        return digest(first.encode(), *(np.ascontiguousarray(array).tobytes() for array in arrays))

    def encode(self, texts: list[str]) -> Floats2d:
        """Encode texts that are neither queries nor documents, float32 of shape (n, dim)."""
        if self.base is None:
            raise InputError("this encoder takes no texts: the space that was corrected had no encoder; give vectors")
        return self.correction.apply(self.base.encode(texts))

    def encode_queries(self, texts: list[str]) -> Floats2d:
        """Encode queries, float32 of shape (n, dim)."""
        return self.correction.apply(encode_queries(texts, self.base))

    def encode_documents(self, texts: list[str]) -> Floats2d:
        """Encode documents, float32 of shape (n, dim)."""
        return self.correction.apply(encode_documents(texts, self.base))

    def __repr__(self) -> str:
        return f"CorrectedEncoder({self.name!r}, dim={self.dim})"

    @property
    def _depth(self) -> int:
        """Number of encoders, one around the other, that are saved with their space."""
        return 1 + int(getattr(self.base, "_depth", 0))

    def _write_into(self, draft: Draft, fingerprint: str) -> dict[str, Any]:
        """Write the correction, and the first encoder, into the bundle of a space; return its manifest entries."""
        draft.array(f"common-{self._depth}-mean", self.correction.mean)
        draft.array(f"common-{self._depth}-directions", self.correction.directions)
        return {"kind": KIND, "depth": self._depth, "base": encoder_entry(self.base, draft, fingerprint)}


def read_bundle(bundle: Bundle, base: TextEncoder | None) -> CorrectedEncoder:
    """Read the encoder in the bundle of a space; `base` is the first encoder, which was read already."""
    facts = bundle.meta.facts("space").facts("encoder")
    depth, dim = facts.whole("depth", low=1), facts.whole("dim", low=1)
    mean = bundle.array(f"common-{depth}-mean", dtype=np.float32, shape=(dim,))
    directions = bundle.array(f"common-{depth}-directions", dtype=np.float32, shape=(None, dim))
    return CorrectedEncoder(CommonDirections(mean, directions), base)
