"""Hard debiasing: a space without the direction in which pairs of words differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.errors import InputError
from semspace.space import Space
from semspace.space_arguments import need_space
from semspace.types import Doubles2d


def debias(
    space: Space,
    pairs: Sequence[tuple[str, str]],
    *,
    keep: Iterable[str] = (),
    equalize: Sequence[Sequence[str]] | None = None,
    n_directions: int = 1,
) -> Space:
    """Return a space of unit vectors without the direction in which pairs of words differ (hard debiasing).

    Parameters
    ----------
    space : Space
        Of words. An encoder isn't kept: the texts that it encodes would have the direction.
    pairs : list of (str, str)
        Words that differ in nothing else, such as ``("she", "he")``, ``("woman", "man")``.
    keep : list of str
        Words that have the direction by their meaning, such as ``"mother"``; they keep it. The words of the pairs
        and of `equalize` are kept or equalized in any case.
    equalize : list of lists of str, optional
        Words that are to differ in nothing else afterwards, and to lie as far from each neutral word; the pairs by
        default, `()` for none.
    n_directions : int
        Directions to take out: the leading principal components of the differences.

    Returns
    -------
    Space

    Raises
    ------
    InputError
        If a word isn't in the space, a pair isn't two different words, or there are fewer pairs than directions.

    Notes
    -----
    Bolukbasi, Chang, Zou, Saligrama & Kalai (2016). What other words share with a group isn't taken out: neighbours
    still tell it (Gonen & Goldberg 2019), so measure with `weat` before and after.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["she", "he", "nurse"], [[1, 1, 0], [1, -1, 0], [0, 1, 2]])
    >>> fair = ss.debias(space, [("she", "he")])
    >>> round(fair.similarity("nurse", "she") - fair.similarity("nurse", "he"), 6)
    0.0
    """
    need_space("debias", space)
    rows = [_rows(space, f"pair {number} of pairs", pair, 2) for number, pair in enumerate(_list("pairs", pairs))]
    checks.whole("n_directions", n_directions)
    if len(rows) < n_directions:
        raise InputError(f"{n_directions} directions need at least as many pairs; got {len(rows)}")
    sets = rows
    if equalize is not None:
        sets = [_rows(space, f"set {number} of equalize", one, None) for number, one in enumerate(equalize)]
    kept = _rows(space, "keep", list(keep), 0)
    vectors = np.asarray(space.vectors[:], np.float64)
    queries.check_directions(space.vectors[:], space.ids.tolist())
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    basis = _basis(vectors, rows, n_directions)
    neutral = np.ones(len(vectors), bool)
    neutral[[row for one in (kept, *rows, *sets) for row in one]] = False
    changed = vectors.copy()
    changed[neutral] = _unit(_without(vectors[neutral], basis), space, neutral)
    for one in sets:
        changed[one] = _equalized(vectors[one], basis)
    return replace(
        Space.from_vectors(space.ids.tolist(), changed.astype(np.float32), metadata=space.metadata),
        provenance={**space.provenance, "debiased": {"pairs": [list(pair) for pair in pairs]}},
    )


def _list(name: str, value: Any) -> list[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise InputError(f'{name} must be a list of pairs of words, such as [("she", "he")]; got {str(value)[:60]!r}')
    return list(value)


def _rows(space: Space, name: str, words: Any, exactly: int | None) -> list[int]:
    """Return the rows of some words; of `exactly` so many if that isn't 0, or at least two if it is None."""
    given = checks.strings(name, words)
    checks.unique(name, given)
    if (exactly is None and len(given) < 2) or (exactly and len(given) != exactly):
        raise InputError(f"{name} must hold {'at least two' if exactly is None else 'two'} words; got {len(given)}")
    for word in given:
        if word not in space:
            raise checks.unknown("word", word, space.ids.tolist(), where="the space")
    return [space._row(word) for word in given]


def _basis(vectors: Doubles2d, pairs: Sequence[Sequence[int]], n: int) -> Doubles2d:
    """Return the principal directions of the pairs' differences from their centres, shape (n, dim)."""
    differences = np.concatenate([vectors[pair] - vectors[pair].mean(axis=0) for pair in pairs])
    _, lengths, directions = np.linalg.svd(differences, full_matrices=False)
    if (lengths[:n] < 1e-6).any():
        raise InputError(f"the pairs have no {n} different directions; give pairs of words with different vectors")
    basis: Doubles2d = directions[:n]
    return basis


def _without(vectors: Doubles2d, basis: Doubles2d) -> Doubles2d:
    rest: Doubles2d = vectors - vectors @ basis.T @ basis
    return rest


def _unit(vectors: Doubles2d, space: Space, neutral: np.ndarray) -> Doubles2d:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if (lengths < 1e-6).any():
        word = space.ids[np.flatnonzero(neutral)[int(np.argmin(lengths))]]
        raise InputError(f"nothing is left of {word!r} without the direction; add it to keep")
    scaled: Doubles2d = vectors / lengths
    return scaled


def _equalized(vectors: Doubles2d, basis: Doubles2d) -> Doubles2d:
    """Return vectors that differ along the directions alone, of length 1."""
    center = vectors.mean(axis=0)
    shared = _without(center[None], basis)[0]
    along = (vectors - center) @ basis.T @ basis
    lengths = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    equal: Doubles2d = shared + np.sqrt(max(0.0, 1 - float(shared @ shared))) * along / lengths
    return equal
