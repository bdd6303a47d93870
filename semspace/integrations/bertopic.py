"""`bertopic_pipeline`: an encoder as BERTopic's ``embedding_model``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semspace.sentences.encoder import Encoder


def bertopic_pipeline(encoder: Encoder) -> Any:
    """Return a scikit-learn pipeline of the encoder alone, which BERTopic takes as ``embedding_model=``.

    BERTopic recognises embedding models by their classes. For an object of any other class, it uses a model of its own
    without a warning.
    """
    from sklearn.pipeline import make_pipeline

    from semspace.integrations.scikit_learn import SentenceVectorizer

    return make_pipeline(SentenceVectorizer(encoder))
