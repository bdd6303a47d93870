"""`fit_table`: a table of token vectors whose means are near to given vectors of sentences (ridge regression)."""

from __future__ import annotations

from typing import Any

import numpy as np

from semspace import queries
from semspace.progress import track
from semspace.types import Doubles2d, Floats2d

_SCALING_ROUNDS = 2  # rounds in which the sentence vectors are scaled to length 1 and the table is fitted
_GRADIENT_STEPS = 10  # steps of conjugate gradients in each round
_HELD_OUT_EVERY = 20  # every 20th sentence is held out from the fit, to measure the agreement


def fit_table(
    start: Doubles2d, shares: Any, targets: Doubles2d, prior: float, *, progress: bool = False
) -> tuple[Floats2d, dict[str, float]]:
    """Fit a table of token vectors to sentences: minimise ``|S T - Y|² + prior |T - start M|²``.

    Each row of S T is scaled to length 1. First comes the linear map M that brings the start nearest to the targets; it
    also moves tokens that occur in no sentence. Scaling makes the problem nonlinear; it is solved as a sequence of
    linear problems, each with the lengths of the previous solution.

    Parameters
    ----------
    start : ndarray, shape (tokens, dim)
    shares : sparse matrix, shape (sentences, tokens)
        The share of each token in each sentence (S).
    targets : ndarray, shape (sentences, dim)
        Vectors of length 1 (Y).
    prior : float
        How strongly tokens are held at their start, as mapped by M.
    progress : bool

    Returns
    -------
    table : ndarray of float32, shape (tokens, dim)
    agreement : dict of str to float
        Mean cosine to the targets of sentences held out from the fit, before and after it.
    """
    from scipy import sparse

    is_train = np.arange(shares.shape[0]) % _HELD_OUT_EVERY != 0
    table = _mapped(start.astype(np.float32), shares[is_train], targets[is_train])
    used = np.unique(shares[is_train].indices)  # tokens in no sentence stay as they are
    test_shares, train_shares, targets = shares[~is_train], shares[is_train][:, used], targets.astype(np.float32)
    first, change = table[used], np.zeros((len(used), table.shape[1]), np.float32)
    before = _agreement(test_shares @ start.astype(np.float32), targets[~is_train])
    rounds = range(_SCALING_ROUNDS)
    for _ in track(rounds, "fitting the table", _SCALING_ROUNDS, unit="round", progress=progress):
        norms = np.linalg.norm(train_shares @ (first + change), axis=1)
        scaled = (sparse.diags_array((1 / np.maximum(norms, 1e-6)).astype(np.float32)) @ train_shares).tocsr()
        change = _ridge(scaled, targets[is_train] - scaled @ first, prior, change)
    table[used] = first + change
    return table, {"before": before, "after": _agreement(test_shares @ table, targets[~is_train])}


def _mapped(table: Floats2d, shares: Any, targets: Floats2d) -> Floats2d:
    """Return the table times the linear map that brings its vectors of sentences nearest to their targets."""
    vectors = queries.unit(shares @ table, floor=queries.TINY)
    linear_map = np.linalg.solve(vectors.T @ vectors + np.eye(vectors.shape[1]), vectors.T @ targets)
    return np.asarray(table @ linear_map, np.float32)


def _ridge(shares: Any, targets: Floats2d, prior: float, start: Floats2d) -> Floats2d:
    """Minimise ``|S X - W|² + prior |X|²`` for all columns of X, by conjugate gradients (Jacobi preconditioning)."""
    transposed = shares.T.tocsr()
    preconditioner = 1 / (np.asarray(shares.multiply(shares).sum(axis=0)).ravel()[:, None] + prior)
    solution = start.copy()
    residual = transposed @ targets - transposed @ (shares @ solution) - prior * solution
    direction = scaled = preconditioner * residual
    power = (residual * scaled).sum(axis=0)
    for _ in range(_GRADIENT_STEPS):
        image = transposed @ (shares @ direction) + prior * direction
        step = power / np.maximum((direction * image).sum(axis=0), 1e-30)
        solution += step * direction
        residual -= step * image
        scaled = preconditioner * residual
        power, previous = (residual * scaled).sum(axis=0), power
        direction = scaled + power / np.maximum(previous, 1e-30) * direction
    return np.asarray(solution)


def _agreement(ours: Floats2d, theirs: Floats2d) -> float:
    cosines = (queries.unit(ours, floor=queries.TINY) * theirs).sum(axis=1)
    return round(float(cosines.mean()), 4) if len(cosines) else float("nan")
