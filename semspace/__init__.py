"""semspace: text goes in, becomes points with names in one space, and every question of meaning is asked of it.

Names are loaded when they are first used, so ``import semspace`` costs little.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from semspace.version import __version__ as __version__

# Public name → the module that holds it. A heavy library is loaded by the first use of a name that needs it.
_HOMES = {
    "Clustering": "semspace.clusters.clustering",
    "Comparison": "semspace.comparison.comparison",
    "Corpus": "semspace.text.corpus",
    "Encoder": "semspace.sentences.encoder",
    "EncoderTrainer": "semspace.training.trainer",
    "Index": "semspace.index.index",
    "Neighbors": "semspace.neighbors",
    "PhraseModel": "semspace.text.phrases",
    "Phrases": "semspace.text.phrases",
    "Score": "semspace.evaluation.score",
    "SemspaceError": "semspace.errors",
    "SentenceVectorizer": "semspace.integrations.scikit_learn",
    "Space": "semspace.space",
    "StaticEncoder": "semspace.sentences.static_encoder",
    "Subwords": "semspace.words.subwords",
    "Tokens": "semspace.text.tokens",
    "Word2Vec": "semspace.words.word2vec",
    "WordAverage": "semspace.sentences.word_average",
    "cluster": "semspace.clusters.cluster",
    "compare": "semspace.comparison.compare",
    "distill": "semspace.sentences.distill",
    "evaluate": "semspace.evaluation.evaluate",
    "from_gensim": "semspace.formats.gensim_bridge",
    "load": "semspace.saving",
    "read_vectors": "semspace.formats.vectors",
    "save": "semspace.saving",
    "to_gensim": "semspace.formats.gensim_bridge",
    "write_vectors": "semspace.formats.vectors",
}
_RENAMED = {"Phrasebook": "PhraseModel"}  # old name → new name, until 0.3
_ROOMS = ("corpora", "errors", "evaluation", "integrations", "latent", "report", "training")

__all__ = [
    "Clustering",
    "Comparison",
    "Corpus",
    "Encoder",
    "EncoderTrainer",
    "Index",
    "Neighbors",
    "PhraseModel",
    "Phrases",
    "Score",
    "SemspaceError",
    "SentenceVectorizer",
    "Space",
    "StaticEncoder",
    "Subwords",
    "Tokens",
    "Word2Vec",
    "WordAverage",
    "cluster",
    "compare",
    "corpora",
    "distill",
    "errors",
    "evaluate",
    "evaluation",
    "from_gensim",
    "integrations",
    "latent",
    "load",
    "read_vectors",
    "report",
    "save",
    "to_gensim",
    "training",
    "write_vectors",
]

if TYPE_CHECKING:
    from semspace import corpora, errors, evaluation, integrations, latent, report, training
    from semspace.clusters.cluster import cluster
    from semspace.clusters.clustering import Clustering
    from semspace.comparison.compare import compare
    from semspace.comparison.comparison import Comparison
    from semspace.errors import SemspaceError
    from semspace.evaluation.evaluate import evaluate
    from semspace.evaluation.score import Score
    from semspace.formats.gensim_bridge import from_gensim, to_gensim
    from semspace.formats.vectors import read_vectors, write_vectors
    from semspace.index.index import Index
    from semspace.integrations.scikit_learn import SentenceVectorizer
    from semspace.neighbors import Neighbors
    from semspace.saving import load, save
    from semspace.sentences.distill import distill
    from semspace.sentences.encoder import Encoder
    from semspace.sentences.static_encoder import StaticEncoder
    from semspace.sentences.word_average import WordAverage
    from semspace.space import Space
    from semspace.text.corpus import Corpus
    from semspace.text.phrases import PhraseModel, Phrases
    from semspace.text.tokens import Tokens
    from semspace.training.trainer import EncoderTrainer
    from semspace.words.subwords import Subwords
    from semspace.words.word2vec import Word2Vec


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        from semspace.deprecation import warn_renamed

        warn_renamed(f"semspace.{name}", f"semspace.{_RENAMED[name]}")
        return __getattr__(_RENAMED[name])
    if name in _ROOMS:
        return import_module(f"semspace.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'semspace' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
