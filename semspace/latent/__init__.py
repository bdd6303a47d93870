"""The latent lab: smaller spaces and the way back, points told in words, ways between them.

Names are imported when they are first used, so that one of them brings in only what it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semspace.latent.autoencoder import Autoencoder, AutoencoderModel, DenoisingAutoencoder
    from semspace.latent.bridges import Bridge, bridge
    from semspace.latent.compression.measuring import tradeoff
    from semspace.latent.compression.rescoring import search_with_rescoring
    from semspace.latent.compression.table import Tradeoff, TradeoffRow
    from semspace.latent.descriptions import Descriptions, describe, vocabulary
    from semspace.latent.dimension_names import describe_dimensions
    from semspace.latent.dimensions import Dimensions
    from semspace.latent.explanation import Explanation
    from semspace.latent.factor_analysis import FactorAnalysis, FactorAnalysisModel
    from semspace.latent.gan import GAN, GANModel
    from semspace.latent.generation.comparing import compare_generators
    from semspace.latent.generation.judging import sample_quality
    from semspace.latent.generation.mixture import GaussianMixture, GaussianMixtureModel
    from semspace.latent.generation.quality import GeneratorComparison, SampleQuality
    from semspace.latent.model import LatentModel, LatentTrainer
    from semspace.latent.paths import Path, path
    from semspace.latent.pca import PCA, PCAModel
    from semspace.latent.sparse_autoencoder import SparseAutoencoder, SparseAutoencoderModel
    from semspace.latent.truncation import Truncation, TruncationModel
    from semspace.latent.vae import VAE, VAEModel

# Public name → the module that defines it. No module has the name of a function: an attribute can't be both.
_MODULES = {
    "Autoencoder": "autoencoder",
    "AutoencoderModel": "autoencoder",
    "DenoisingAutoencoder": "autoencoder",
    "FactorAnalysis": "factor_analysis",
    "FactorAnalysisModel": "factor_analysis",
    "SparseAutoencoder": "sparse_autoencoder",
    "SparseAutoencoderModel": "sparse_autoencoder",
    "GAN": "gan",
    "GANModel": "gan",
    "GaussianMixture": "generation.mixture",
    "GaussianMixtureModel": "generation.mixture",
    "GeneratorComparison": "generation.quality",
    "SampleQuality": "generation.quality",
    "VAE": "vae",
    "VAEModel": "vae",
    "Bridge": "bridges",
    "Descriptions": "descriptions",
    "Dimensions": "dimensions",
    "Explanation": "explanation",
    "LatentModel": "model",
    "LatentTrainer": "model",
    "PCA": "pca",
    "PCAModel": "pca",
    "Path": "paths",
    "bridge": "bridges",
    "Tradeoff": "compression.table",
    "TradeoffRow": "compression.table",
    "Truncation": "truncation",
    "TruncationModel": "truncation",
    "compare_generators": "generation.comparing",
    "describe": "descriptions",
    "describe_dimensions": "dimension_names",
    "path": "paths",
    "sample_quality": "generation.judging",
    "search_with_rescoring": "compression.rescoring",
    "tradeoff": "compression.measuring",
    "vocabulary": "descriptions",
}
__all__ = [
    "GAN",
    "PCA",
    "VAE",
    "Autoencoder",
    "AutoencoderModel",
    "Bridge",
    "DenoisingAutoencoder",
    "Descriptions",
    "Dimensions",
    "Explanation",
    "FactorAnalysis",
    "FactorAnalysisModel",
    "GANModel",
    "GaussianMixture",
    "GaussianMixtureModel",
    "GeneratorComparison",
    "LatentModel",
    "LatentTrainer",
    "PCAModel",
    "Path",
    "SampleQuality",
    "SparseAutoencoder",
    "SparseAutoencoderModel",
    "Tradeoff",
    "TradeoffRow",
    "Truncation",
    "TruncationModel",
    "VAEModel",
    "bridge",
    "compare_generators",
    "describe",
    "describe_dimensions",
    "path",
    "sample_quality",
    "search_with_rescoring",
    "tradeoff",
    "vocabulary",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'semspace.latent' has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"semspace.latent.{_MODULES[name]}"), name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
