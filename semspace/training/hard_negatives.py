"""Hard negatives: what lies near to a text and isn't its partner, found with the project's own index."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from semspace import queries
from semspace.index.index import Index
from semspace.progress import track
from semspace.space import Space
from semspace.training.examples import MISSING, Examples, Numbers
from semspace.types import Floats2d

Encode = Callable[[list[str]], Floats2d]
_CANDIDATES = 50  # nearest texts that are looked at
_BLOCK = 512  # texts asked together


def mine(examples: Examples, encode: Encode, *, each: int, margin: float, progress: bool = False) -> Numbers:
    """Find texts near to the first of each example that aren't its partners.

    Candidates are the second texts of all examples. One is taken if its cosine with the first is below `margin` times
    that of the partner ("TopK-PercPos" of Moreira et al. 2024, arXiv 2407.15831); the nearest first.

    Parameters
    ----------
    examples : Examples
    encode : callable
        Texts to vectors.
    each : int
        How many for each example.
    margin : float
    progress : bool
        Show a bar.

    Returns
    -------
    ndarray of int32, shape (n, each)
        Numbers of texts; `MISSING` where fewer were found.
    """
    numbers, partner = np.unique(examples.rows[:, 1], return_inverse=True)
    firsts, first = np.unique(examples.rows[:, 0], return_inverse=True)
    documents = queries.unit(encode([examples.texts[i] for i in numbers]))
    asked = queries.unit(encode([examples.texts[i] for i in firsts]))
    index = Index.build(Space.from_vectors([str(i) for i in numbers], documents), progress=progress)
    found = np.full((len(examples), each), MISSING, np.int32)
    order = np.argsort(first, kind="stable")
    blocks = np.array_split(order, -(-len(order) // _BLOCK))
    for block in track(blocks, "looking for hard negatives", len(blocks), unit="block", progress=progress):
        near, cosines = index.knn_query(asked[first[block]], k=min(_CANDIDATES + 1, len(numbers)))
        own = np.einsum("ij,ij->i", asked[first[block]], documents[partner[block]])
        for row, candidates, scores, most in zip(block.tolist(), numbers[near], cosines, margin * own, strict=True):
            barred = examples.positives[int(firsts[first[row]])]
            good = [i for i in candidates[scores < most].tolist() if i not in barred][:each]
            found[row, : len(good)] = good
    return found
