"""Hard negatives: texts near to an anchor that aren't its positives, found with the project's own index."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from semspace import queries
from semspace.index.index import Index
from semspace.progress import track
from semspace.space import Space
from semspace.training.examples import MISSING, Examples
from semspace.types import Floats2d, Int32s2d

_N_CANDIDATES = 50  # nearest texts that are considered for each anchor
_ANCHORS_PER_BLOCK = 512  # anchors searched together


def mine_hard_negatives(
    examples: Examples, encode: Callable[[list[str]], Floats2d], *, n: int, margin: float, progress: bool = False
) -> Int32s2d:
    """Find `n` hard negatives for the anchor of each example.

    Candidates are the second texts of all examples. One is taken if its cosine with the anchor is below `margin` times
    that of the positive ("TopK-PercPos" of Moreira et al. 2024, arXiv 2407.15831); the nearest first.

    Parameters
    ----------
    examples : Examples
    encode : callable
        Maps texts to vectors.
    n : int
        Hard negatives for each example.
    margin : float
    progress : bool
        Show a bar.

    Returns
    -------
    ndarray of int32, shape (len(examples), n)
        Numbers of texts; `MISSING` where fewer were found.
    """
    documents, document_of = np.unique(examples.rows[:, 1], return_inverse=True)
    anchors, anchor_of = np.unique(examples.rows[:, 0], return_inverse=True)
    document_vectors = queries.unit(encode([examples.texts[i] for i in documents]))
    anchor_vectors = queries.unit(encode([examples.texts[i] for i in anchors]))
    index = Index.build(Space.from_vectors([str(i) for i in documents], document_vectors), progress=progress)
    negatives = np.full((len(examples), n), MISSING, np.int32)
    order = np.argsort(anchor_of, kind="stable")
    blocks = np.array_split(order, -(-len(order) // _ANCHORS_PER_BLOCK))
    for block in track(blocks, "mining hard negatives", len(blocks), unit="block", progress=progress):
        vectors = anchor_vectors[anchor_of[block]]
        nearest, cosines = index.knn_query(vectors, k=min(_N_CANDIDATES + 1, len(documents)))
        limits = margin * np.einsum("ij,ij->i", vectors, document_vectors[document_of[block]])
        for row, candidates, scores, limit in zip(block.tolist(), documents[nearest], cosines, limits, strict=True):
            positives = examples.positives[int(anchors[anchor_of[row]])]
            chosen = [i for i in candidates[scores < limit].tolist() if i not in positives][:n]
            negatives[row, : len(chosen)] = chosen
    return negatives
