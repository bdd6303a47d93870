"""Small texts to train word vectors on."""

import numpy as np

import semspace as ss

KINDS = (["cat", "dog", "horse", "cow", "sheep"], ["iron", "gold", "silver", "copper", "tin"])


def two_topics(n=300):
    """Sentences of two kinds that share no word: animals with animals, metals with metals."""
    draw = np.random.default_rng(0)
    return ss.Corpus.from_texts([" ".join(draw.choice(KINDS[i % 2], 8)) for i in range(n)])
