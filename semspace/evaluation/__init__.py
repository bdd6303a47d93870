"""Scores of vectors against human judgement: tasks, and `evaluate`, which runs several. Doesn't depend on reports."""

from semspace.evaluation.analogies import Analogies
from semspace.evaluation.categorization import Categorization
from semspace.evaluation.clustering import Groups
from semspace.evaluation.document_similarity import DocumentSimilarity
from semspace.evaluation.evaluate import evaluate
from semspace.evaluation.neighbor_labels import NearestLabel
from semspace.evaluation.pair_classification import PairClassification
from semspace.evaluation.retrieval import Retrieval
from semspace.evaluation.score import Score, Scores
from semspace.evaluation.score_comparison import ScoreComparison, ScoreDifference
from semspace.evaluation.sts import STS
from semspace.evaluation.word_pairs import WordPairs

__all__ = [
    "STS",
    "Analogies",
    "Categorization",
    "DocumentSimilarity",
    "Groups",
    "NearestLabel",
    "PairClassification",
    "Retrieval",
    "Score",
    "ScoreComparison",
    "ScoreDifference",
    "Scores",
    "WordPairs",
    "evaluate",
]
