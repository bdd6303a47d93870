"""Semantic analysis of text: train vectors, search, cluster and compare corpora.

Every public name is imported from its module when it is first used, so ``import semspace`` is quick.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from semspace.deprecation import RenamedModules
from semspace.version import __version__ as __version__

# Public name → the module that defines it.
_HOMES = {
    "Assignment": "semspace.clusters.assigned",
    "AssociationTest": "semspace.associations.association_test",
    "Calibration": "semspace.calibration.calibration",
    "Clustering": "semspace.clusters.clustering",
    "Comparison": "semspace.comparison.comparison",
    "Corpus": "semspace.text.corpus",
    "CrossEncoder": "semspace.sentences.cross_encoder",
    "Encoder": "semspace.sentences.encoder",
    "EncoderChoice": "semspace.selection.encoder_choice",
    "EncoderTrainer": "semspace.training.trainer",
    "Expression": "semspace.expressions.expression",
    "History": "semspace.history",
    "Index": "semspace.index.index",
    "IndexReport": "semspace.index.report",
    "MaxSim": "semspace.sentences.max_sim",
    "Neighbors": "semspace.neighbors",
    "Outliers": "semspace.anomalies.result",
    "PhraseModel": "semspace.text.phrases",
    "Phrases": "semspace.text.phrases",
    "Projection": "semspace.projections.projection",
    "QualityCard": "semspace.projections.card",
    "Relation": "semspace.associations.word_relation",
    "RelationAccuracy": "semspace.associations.word_relation",
    "SearchExplanation": "semspace.explanations.search_explanation",
    "Score": "semspace.evaluation.score",
    "Scores": "semspace.evaluation.score",
    "SemspaceError": "semspace.errors",
    "SemspaceWarning": "semspace.errors",
    "SemanticAxis": "semspace.associations.named_axis",
    "SoftCosine": "semspace.word_measures.soft_cosine",
    "SentenceVectorizer": "semspace.integrations.scikit_learn",
    "SimilarityExplanation": "semspace.explanations.similarity_explanation",
    "Space": "semspace.space",
    "SpaceReport": "semspace.geometry.report",
    "SparseEncoder": "semspace.sparse.sparse_encoder",
    "SparseIndex": "semspace.sparse.sparse_index",
    "StaticEncoder": "semspace.sentences.static_encoder",
    "Subwords": "semspace.words.subwords",
    "DecodedTexts": "semspace.decoders.decoded",
    "TextDecoder": "semspace.decoders.text_decoder",
    "TextDecoderModel": "semspace.decoders.text_model",
    "Tokens": "semspace.text.tokens",
    "TransformerEncoder": "semspace.sentences.transformer",
    "Word2Vec": "semspace.words.word2vec",
    "WordAverage": "semspace.sentences.word_average",
    "WordMovers": "semspace.word_measures.word_movers",
    "WordExplanation": "semspace.explanations.word_explanation",
    "axis": "semspace.associations.named_axis",
    "choose_encoder": "semspace.selection.choosing",
    "cluster": "semspace.clusters.cluster",
    "compare": "semspace.comparison.compare",
    "debias": "semspace.associations.debiasing",
    "distill": "semspace.sentences.distill",
    "evaluate": "semspace.evaluation.evaluate",
    "explain": "semspace.explanations.explaining",
    "explain_results": "semspace.explanations.explaining",
    "explain_words": "semspace.explanations.words",
    "from_gensim": "semspace.formats.gensim_bridge",
    "join": "semspace.index.joining",
    "load": "semspace.saving",
    "outliers": "semspace.anomalies.outliers",
    "project": "semspace.projections.project",
    "read_vectors": "semspace.formats.vectors",
    "recommend": "semspace.index.recommendation",
    "relation": "semspace.associations.word_relation",
    "relative_norm_distance": "semspace.associations.norm_distance",
    "save": "semspace.saving",
    "term": "semspace.expressions.expression",
    "to_gensim": "semspace.formats.gensim_bridge",
    "warmup": "semspace.precompilation",
    "weat": "semspace.associations.association_test",
    "write_vectors": "semspace.formats.vectors",
}
_RENAMED = {"Phrasebook": "PhraseModel"}  # old name → new name, until 0.3
_RENAMED_MODULES = {
    "semspace.comparison.parts": "semspace.comparison.partition",
    "semspace.evaluation.things": "semspace.evaluation.adapters",
    "semspace.sentences.reference": "semspace.sentences.lazy_encoder",
}
_ROOMS = ("corpora", "errors", "evaluation", "integrations", "latent", "report", "scale", "training")

__all__ = [
    "Assignment",
    "AssociationTest",
    "Calibration",
    "Clustering",
    "Comparison",
    "Corpus",
    "CrossEncoder",
    "DecodedTexts",
    "Encoder",
    "EncoderChoice",
    "EncoderTrainer",
    "Expression",
    "History",
    "Index",
    "IndexReport",
    "MaxSim",
    "Neighbors",
    "Outliers",
    "PhraseModel",
    "Phrases",
    "Projection",
    "QualityCard",
    "Relation",
    "RelationAccuracy",
    "Score",
    "Scores",
    "SearchExplanation",
    "SemanticAxis",
    "SemspaceError",
    "SemspaceWarning",
    "SentenceVectorizer",
    "SimilarityExplanation",
    "SoftCosine",
    "Space",
    "SpaceReport",
    "SparseEncoder",
    "SparseIndex",
    "StaticEncoder",
    "Subwords",
    "TextDecoder",
    "TextDecoderModel",
    "Tokens",
    "TransformerEncoder",
    "Word2Vec",
    "WordAverage",
    "WordExplanation",
    "WordMovers",
    "axis",
    "choose_encoder",
    "cluster",
    "compare",
    "corpora",
    "debias",
    "distill",
    "errors",
    "evaluate",
    "evaluation",
    "explain",
    "explain_results",
    "explain_words",
    "from_gensim",
    "integrations",
    "join",
    "latent",
    "load",
    "outliers",
    "project",
    "read_vectors",
    "recommend",
    "relation",
    "relative_norm_distance",
    "report",
    "save",
    "scale",
    "term",
    "to_gensim",
    "training",
    "warmup",
    "weat",
    "write_vectors",
]

if TYPE_CHECKING:
    from semspace import corpora, errors, evaluation, integrations, latent, report, scale, training
    from semspace.anomalies.outliers import outliers
    from semspace.anomalies.result import Outliers
    from semspace.associations.association_test import AssociationTest, weat
    from semspace.associations.debiasing import debias
    from semspace.associations.named_axis import SemanticAxis, axis
    from semspace.associations.norm_distance import relative_norm_distance
    from semspace.associations.word_relation import Relation, RelationAccuracy, relation
    from semspace.calibration.calibration import Calibration
    from semspace.clusters.assigned import Assignment
    from semspace.clusters.cluster import cluster
    from semspace.clusters.clustering import Clustering
    from semspace.comparison.compare import compare
    from semspace.comparison.comparison import Comparison
    from semspace.decoders.decoded import DecodedTexts
    from semspace.decoders.text_decoder import TextDecoder
    from semspace.decoders.text_model import TextDecoderModel
    from semspace.errors import SemspaceError, SemspaceWarning
    from semspace.evaluation.evaluate import evaluate
    from semspace.evaluation.score import Score, Scores
    from semspace.explanations.explaining import explain, explain_results
    from semspace.explanations.search_explanation import SearchExplanation
    from semspace.explanations.similarity_explanation import SimilarityExplanation
    from semspace.explanations.word_explanation import WordExplanation
    from semspace.explanations.words import explain_words
    from semspace.expressions.expression import Expression, term
    from semspace.formats.gensim_bridge import from_gensim, to_gensim
    from semspace.formats.vectors import read_vectors, write_vectors
    from semspace.geometry.report import SpaceReport
    from semspace.history import History
    from semspace.index.index import Index
    from semspace.index.joining import join
    from semspace.index.recommendation import recommend
    from semspace.index.report import IndexReport
    from semspace.integrations.scikit_learn import SentenceVectorizer
    from semspace.neighbors import Neighbors
    from semspace.precompilation import warmup
    from semspace.projections.card import QualityCard
    from semspace.projections.project import project
    from semspace.projections.projection import Projection
    from semspace.saving import load, save
    from semspace.selection.choosing import choose_encoder
    from semspace.selection.encoder_choice import EncoderChoice
    from semspace.sentences.cross_encoder import CrossEncoder
    from semspace.sentences.distill import distill
    from semspace.sentences.encoder import Encoder
    from semspace.sentences.max_sim import MaxSim
    from semspace.sentences.static_encoder import StaticEncoder
    from semspace.sentences.transformer import TransformerEncoder
    from semspace.sentences.word_average import WordAverage
    from semspace.space import Space
    from semspace.sparse.sparse_encoder import SparseEncoder
    from semspace.sparse.sparse_index import SparseIndex
    from semspace.text.corpus import Corpus
    from semspace.text.phrases import PhraseModel, Phrases
    from semspace.text.tokens import Tokens
    from semspace.training.trainer import EncoderTrainer
    from semspace.word_measures.soft_cosine import SoftCosine
    from semspace.word_measures.word_movers import WordMovers
    from semspace.words.subwords import Subwords
    from semspace.words.word2vec import Word2Vec

sys.meta_path.append(RenamedModules(_RENAMED_MODULES))


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        from semspace.deprecation import warn_renamed

        warn_renamed(f"semspace.{name}", f"semspace.{_RENAMED[name]}")
        return __getattr__(_RENAMED[name])
    if name in _ROOMS:
        return import_module(f"semspace.{name}")
    if name not in _HOMES:
        from semspace.peer_names import unknown_attribute

        raise unknown_attribute("module 'semspace'", "semspace", name)
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
