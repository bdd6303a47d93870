"""`Expression`: a sum of words, texts and vectors with weights, such as king - man + woman."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from semspace.errors import InputError
from semspace.types import Floats1d

Term = tuple[float, str | Floats1d]


@dataclass(frozen=True, eq=False, repr=False)
class Expression:
    """A sum of queries: ids, texts or vectors, each with a weight.

    `term` begins one, and ``+``, ``-``, ``*`` and ``/`` continue it. `Space.most_similar`, `most_similar_batch`,
    `similarity` and `query` take it as they take a word: the unit vectors of its terms are added with their weights,
    and words that are points of the space are never their own answer.

    Parameters
    ----------
    terms : tuple of (weight, query)
        At least one; a weight is finite and not 0.

    Examples
    --------
    >>> import semspace as ss
    >>> ss.term("king") - "man" + 0.5 * ss.term("woman")
    Expression('king - man + 0.5 * woman')
    """

    terms: tuple[Term, ...]
    __array_ufunc__ = None  # an array on the left of + and - leaves the sum to this class

    def __post_init__(self) -> None:
        if not self.terms:
            raise InputError("an expression needs at least one term; begin it with semspace.term(query)")
        for weight, query in self.terms:
            if not np.isfinite(weight) or weight == 0:
                raise InputError(f"a weight must be a finite number other than 0; got {weight!r} for {_title(query)}")

    @property
    def queries(self) -> list[str | Floats1d]:
        """The ids, texts and vectors that are added, in order."""
        return [query for _, query in self.terms]

    @classmethod
    def of(
        cls, positive: Sequence[str | Floats1d | Expression], negative: Sequence[str | Floats1d | Expression]
    ) -> Expression:
        """Return the sum of some queries, less that of others."""
        terms: list[Term] = []
        for sign, queries in ((1.0, positive), (-1.0, negative)):
            for query in queries:
                own = query.terms if isinstance(query, Expression) else ((1.0, query),)
                terms += _scaled(own, sign)
        return cls(tuple(terms))

    def __add__(self, other: Any) -> Expression:
        return Expression((*self.terms, *_terms(other)))

    def __radd__(self, other: Any) -> Expression:
        return Expression((*_terms(other), *self.terms))

    def __sub__(self, other: Any) -> Expression:
        return Expression((*self.terms, *_scaled(_terms(other), -1)))

    def __rsub__(self, other: Any) -> Expression:
        return Expression((*_terms(other), *_scaled(self.terms, -1)))

    def __mul__(self, factor: Any) -> Expression:
        if isinstance(factor, bool) or not isinstance(factor, (int, float, np.number)):
            raise InputError(
                f"an expression is multiplied by a number; got {type(factor).__name__}: {str(factor)[:40]!r}"
            )
        return Expression(_scaled(self.terms, float(factor)))

    __rmul__: Callable[[Expression, Any], Expression] = __mul__

    def __truediv__(self, divisor: Any) -> Expression:
        if isinstance(divisor, bool) or not isinstance(divisor, (int, float, np.number)) or divisor == 0:
            raise InputError(
                f"an expression is divided by a number other than 0; got {type(divisor).__name__}: "
                f"{str(divisor)[:40]!r}"
            )
        return self * (1 / float(divisor))

    def __neg__(self) -> Expression:
        return Expression(_scaled(self.terms, -1))

    def __str__(self) -> str:
        signed = [("-" if weight < 0 else "+", abs(weight), _title(query)) for weight, query in self.terms]
        written = " ".join(f"{sign} {'' if size == 1 else f'{size:g} * '}{title}" for sign, size, title in signed)
        return written.removeprefix("+ ")

    def __repr__(self) -> str:
        return f"Expression({str(self)!r})"


def term(query: str | Floats1d) -> Expression:
    """Begin an expression with one query, an id, a text or a vector: ``term("king") - "man" + "woman"``.

    Parameters
    ----------
    query : str or array-like, shape (dim,)

    Returns
    -------
    Expression

    Raises
    ------
    InputError
        If it is neither a string nor a vector of numbers.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(
    ...     ["man", "woman", "king", "queen"], [[1, 0], [1, 1], [3, 0], [3, 3]])
    >>> space.most_similar(2 * ss.term("king") - "man" + "woman", k=1).ids
    ('queen',)
    """
    return Expression(_terms(query))


def _terms(query: Any) -> tuple[Term, ...]:
    """Return the terms of what is added: an expression, a string or a vector."""
    if isinstance(query, Expression):
        return query.terms
    if isinstance(query, str):
        return ((1.0, query),)
    try:
        vector = np.asarray(query)
    except ValueError:  # rows of several lengths
        vector = np.asarray(None)
    if vector.ndim != 1 or vector.dtype.kind not in "fiu":
        raise InputError(f"a term is an id, a text or a vector; got {type(query).__name__}: {str(query)[:40]!r}")
    return ((1.0, vector.astype(np.float32)),)


def _scaled(terms: tuple[Term, ...], factor: float) -> tuple[Term, ...]:
    return tuple((weight * factor, query) for weight, query in terms)


def _title(query: str | Floats1d) -> str:
    return query if isinstance(query, str) else "vector"
