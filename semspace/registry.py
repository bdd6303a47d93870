"""Which module reads a saved value of each kind: names only, so that opening one value imports no other's code.

The kind stands in the value's manifest. A module named here has a function ``read_bundle(bundle)``.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

READERS: Final = {
    "autoencoder": "semspace.latent.autoencoder",
    "calibration": "semspace.calibration.calibration",
    "bridge": "semspace.latent.bridges",
    "clustering": "semspace.clusters.clustering",
    "comparison": "semspace.comparison.comparison",
    "corpus": "semspace.text.corpus",
    "dimensions": "semspace.latent.dimensions",
    "encoder": "semspace.sentences.transformer",
    "factor-analysis": "semspace.latent.factor_analysis",
    "gan": "semspace.latent.gan",
    "headed-encoder": "semspace.sentences.headed_encoder",
    "index": "semspace.index.index",
    "outliers": "semspace.anomalies.result",
    "pca": "semspace.latent.pca",
    "phrasebook": "semspace.text.phrases",
    "projection": "semspace.projections.projection",
    "routed-encoder": "semspace.sentences.routed_encoder",
    "space": "semspace.space",
    "sparse-autoencoder": "semspace.latent.sparse_autoencoder",
    "sparse-encoder": "semspace.sparse.sparse_encoder",
    "sparse-index": "semspace.sparse.sparse_index",
    "static-encoder": "semspace.sentences.static_encoder",
    "text-decoder": "semspace.decoders.text_model",
    "tokens": "semspace.text.tokens",
    "vae": "semspace.latent.vae",
    "truncation": "semspace.latent.truncation",
}

# Kinds of encoder that lie inside the bundle of a space.
ENCODER_READERS: Final = {
    "bridged": "semspace.latent.bridged_encoder",
    "corrected": "semspace.corrections.corrected_encoder",
    "latent": "semspace.latent.latent_encoder",
    "static": "semspace.sentences.static_encoder",
    "subwords": "semspace.words.subwords",
    "word-average": "semspace.sentences.word_average",
}

# Kinds of checkpoint, and the call that resumes each.
CHECKPOINTS: Final = {
    "checkpoint": "Word2Vec(...).train(text, checkpoint={path!r}, resume=True)",
    "latent-checkpoint": "Autoencoder(...).train(space, checkpoint={path!r}, resume=True), or another latent trainer",
    "encoder-checkpoint": "EncoderTrainer(...).train(data, checkpoint={path!r}, resume=True)",
}


def reader(module: str) -> Callable[..., Any]:
    """Return the function `read_bundle` of a module named in these tables; this imports the module."""
    loaded = import_module(module)
    if hasattr(loaded, "read_bundle"):
        return loaded.read_bundle  # type: ignore[no-any-return]
    owner = next(value for value in vars(loaded).values() if value is not None and _reads(value, module))
    return owner.from_bundle  # type: ignore[no-any-return]


def _reads(value: object, module: str) -> bool:
    return getattr(value, "__module__", None) == module and hasattr(value, "from_bundle")
