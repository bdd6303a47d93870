"""`ResidualMap`: a linear map plus one hidden layer, in numpy, so that a trained network is used without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from semspace.latent.saved_model import SavedModel
from semspace.types import ArrayXd, Floats1d, Floats2d

_NAMES = ("linear", "bias", "inner", "inner_bias", "outer")


@dataclass(frozen=True)
class ResidualMap:
    """The map ``x ↦ linear x + bias + outer silu(inner x + inner_bias)``, as `networks.ResidualNet` trains it.

    Parameters
    ----------
    linear : ndarray of float32, shape (n_out, n_in)
    bias : ndarray of float32, shape (n_out,)
    inner : ndarray of float32, shape (hidden, n_in)
    inner_bias : ndarray of float32, shape (hidden,)
    outer : ndarray of float32, shape (n_out, hidden)
    """

    linear: Floats2d
    bias: Floats1d
    inner: Floats2d
    inner_bias: Floats1d
    outer: Floats2d

    def __call__(self, rows: Floats2d) -> Floats2d:
        """Map rows of shape (n, n_in) to shape (n, n_out)."""
        hidden = rows @ self.inner.T + self.inner_bias
        with np.errstate(over="ignore"):  # exp of a large number is infinity, whose inverse is 0
            hidden /= 1 + np.exp(-hidden)
        mapped: Floats2d = rows @ self.linear.T + self.bias + hidden @ self.outer.T
        return mapped

    @property
    def n_in(self) -> int:
        """Number of dimensions that go in."""
        return int(self.linear.shape[1])

    @property
    def n_out(self) -> int:
        """Number of dimensions that come out."""
        return int(self.linear.shape[0])

    def arrays(self, name: str) -> dict[str, ArrayXd]:
        """Return the arrays, each named ``NAME.array``."""
        return {f"{name}.{part}": getattr(self, part) for part in _NAMES}

    @classmethod
    def of(cls, arrays: Mapping[str, ArrayXd], name: str) -> ResidualMap:
        """Create a map from the arrays of this name."""
        return cls(*(arrays[f"{name}.{part}"] for part in _NAMES))

    @classmethod
    def read(cls, saved: SavedModel, name: str, n_in: int | None = None, n_out: int | None = None) -> ResidualMap:
        """Read the map of this name; `n_in` and `n_out` are what its width must be."""
        linear = saved.array(f"{name}.linear", n_out, n_in)
        n_out, n_in = linear.shape
        bias = saved.array(f"{name}.bias", n_out)
        inner = saved.array(f"{name}.inner", None, n_in)
        inner_bias = saved.array(f"{name}.inner_bias", len(inner))
        return cls(linear, bias, inner, inner_bias, saved.array(f"{name}.outer", n_out, len(inner)))
