"""`NetworkPair`: what models of two networks have in common, one from vectors to codes and one back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from semspace.latent.model import LatentModel
from semspace.latent.neural_trainer import Standardization
from semspace.latent.residual_map import ResidualMap
from semspace.latent.saved_model import SavedModel
from semspace.types import ArrayXd, Floats2d


@dataclass(frozen=True, eq=False, repr=False)
class NetworkPair(LatentModel):
    """Two networks on standardized vectors; the base of `AutoencoderModel`, `VAEModel` and `GANModel`.

    Parameters
    ----------
    encoder, decoder : ResidualMap
    standardization : Standardization
    """

    encoder: ResidualMap
    decoder: ResidualMap
    standardization: Standardization

    @property
    def dim(self) -> int:
        """Number of dimensions of a code."""
        return self.decoder.n_in

    @property
    def width(self) -> int:
        """Number of dimensions of a vector."""
        return self.decoder.n_out

    def _encode(self, vectors: Floats2d) -> Floats2d:
        return self.encoder(self.standardization.apply(vectors))

    def _decode(self, codes: Floats2d) -> Floats2d:
        return self.standardization.undo(self.decoder(codes))

    def _arrays(self) -> dict[str, ArrayXd]:
        networks = self.encoder.arrays("encoder") | self.decoder.arrays("decoder")
        return {**networks, "mean": self.standardization.mean}

    def _facts(self) -> dict[str, Any]:
        return {"scale": self.standardization.scale}


def read_networks(saved: SavedModel, outputs: int = 1) -> tuple[ResidualMap, ResidualMap, Standardization]:
    """Read encoder, decoder and standardization; the encoder has so many `outputs` for each dimension of a code."""
    decoder = ResidualMap.read(saved, "decoder")
    encoder = ResidualMap.read(saved, "encoder", n_in=decoder.n_out, n_out=outputs * decoder.n_in)
    mean, scale = saved.array("mean", decoder.n_out), saved.facts.number("scale", low=1e-30)
    return encoder, decoder, Standardization(mean, scale)
