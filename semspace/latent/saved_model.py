"""A latent model on disk: its arrays and facts in a bundle, its own or that of a space encoded with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from semspace.bundle import Bundle, Draft
from semspace.errors import DamagedError
from semspace.files import digest
from semspace.schema import Facts
from semspace.types import ArrayXd

OWN_PREFIX = "model-"  # of the files in a model's own bundle


@dataclass(frozen=True)
class ModelParts:
    """What a model consists of, as it is saved.

    Parameters
    ----------
    kind : str
        Under which `registry.READERS` names the module that reads it.
    arrays : mapping of str to ndarray
    facts : mapping
        Plain values on which its results depend.
    provenance : mapping
        How it was made; its results don't depend on it.
    """

    kind: str
    arrays: Mapping[str, ArrayXd]
    facts: Mapping[str, Any]
    provenance: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything on which the model's results depend."""
        shapes = {name: [str(array.dtype), *array.shape] for name, array in self.arrays.items()}
        facts = json.dumps([self.kind, dict(self.facts), shapes], sort_keys=True).encode()
        parts = (self.arrays[name] for name in sorted(self.arrays))
        return digest(facts, *(np.ascontiguousarray(part).data.cast("B") for part in parts))

    def write(self, draft: Draft, prefix: str = OWN_PREFIX) -> dict[str, Any]:
        """Write the arrays into a bundle as PREFIX-NAME.npy; return the entry of the model for the manifest."""
        for name, array in self.arrays.items():
            draft.array(prefix + name, array)
        return {
            "kind": self.kind,
            "prefix": prefix,
            "facts": dict(self.facts),
            "provenance": dict(self.provenance),
        }


@dataclass(frozen=True)
class SavedModel:
    """A model in an opened bundle, under an entry of the manifest that `ModelParts.write` returned."""

    bundle: Bundle
    entry: Facts

    @property
    def facts(self) -> Facts:
        """The plain values on which the model's results depend."""
        return self.entry.facts("facts")

    @property
    def provenance(self) -> dict[str, Any]:
        """How the model was made."""
        return self.entry.mapping("provenance")

    def array(self, name: str, *shape: int | None) -> ArrayXd:
        """Return an array of finite float32 of this shape (None: any length)."""
        file = self.entry.text("prefix") + name
        array = self.bundle.array(file, dtype=np.float32, shape=shape)
        if not np.isfinite(array).all():
            raise DamagedError(f"{self.bundle.folder / file}.npy holds NaN or infinity; train the model again")
        return array
