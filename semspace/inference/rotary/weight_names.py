"""How an architecture names its weights, and a reader by these names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semspace.inference.design import Dense, ReadWeight, shaped, table
from semspace.types import Floats1d, Floats2d


@dataclass(frozen=True)
class WeightNames:
    """How an architecture names its weights.

    ``{}`` is the number of a layer. A name that ends in ``#i/n`` is the i-th of n equal parts of a weight. Where there
    are several names, the first that exists is read: authors and transformers may call a weight differently.
    """

    tokens: tuple[str, ...]
    layer: tuple[str, ...]
    query: tuple[str, ...]
    key: tuple[str, ...]
    value: tuple[str, ...]
    output: tuple[str, ...]
    up: tuple[str, ...]
    down: tuple[str, ...]
    norms: tuple[tuple[str, ...], ...]
    gate: tuple[str, ...] = ()
    head_norms: tuple[str, ...] = ()
    types: str = ""
    embedding_norm: tuple[str, ...] = ()
    final_norm: str = ""


class NamedWeights:
    """Weights by several names, of which the first that exists is read."""

    def __init__(self, read: ReadWeight, shift: float) -> None:
        self._read, self._shift = read, np.float32(shift)

    def table(self, names: tuple[str, ...], width: int) -> Floats2d:
        """Return a table of vectors."""
        return table(self._read, f"{self._first(names)}.weight", width)

    def dense(self, names: tuple[str, ...], outputs: int, inputs: int) -> Dense:
        """Return a linear layer, with a bias of zeros if it has none."""
        name, part, parts = _part(self._first(names))
        rows = slice(part * outputs, (part + 1) * outputs)
        weights = shaped(self._read, f"{name}.weight", parts * outputs, inputs)[rows]
        try:
            return Dense(weights, shaped(self._read, f"{name}.bias", parts * outputs)[rows])
        except KeyError:
            return Dense(weights, np.zeros(outputs, np.float32))

    def norm(self, names: tuple[str, ...], hidden: int) -> Floats2d:
        """Return the scale and shift of a norm, shape (2, hidden); a shift of zeros if it has none."""
        try:
            shift = shaped(self._read, f"{self._first(names)}.bias", hidden)
        except KeyError:
            shift = np.zeros(hidden, np.float32)
        return np.stack([self.scale(names, hidden), shift])

    def scale(self, names: tuple[str, ...], size: int) -> Floats1d:
        """Return the scale of a norm."""
        scale: Floats1d = shaped(self._read, f"{self._first(names)}.weight", size) + self._shift
        return scale

    def _first(self, names: tuple[str, ...]) -> str:
        for name in names:
            try:
                self._read(f"{_part(name)[0]}.weight")
            except KeyError:
                continue
            return name
        raise KeyError(f"{_part(names[0])[0]}.weight")


def _part(name: str) -> tuple[str, int, int]:
    """Return a name, and which of how many parts of it is meant: "a#1/3" is the second third."""
    name, _, part = name.partition("#")
    number, _, count = part.partition("/")
    return name, int(number or 0), int(count or 1)


def without_prefix(read: ReadWeight, names: WeightNames) -> ReadWeight:
    """Return a reader of weights by their names without the prefix that they have in this model."""
    for prefix in ("", "model.", "bert.", "nomic_bert.", "gte.", "new.", "language_model."):
        for name in names.tokens:
            try:
                read(f"{prefix}{name}.weight")
            except KeyError:
                continue
            return lambda name, prefix=prefix: read(prefix + name)  # type: ignore[misc]
    raise KeyError(f"{names.tokens[0]}.weight")
