"""`recommend`: points of a space for someone who likes some of them."""

from __future__ import annotations

from collections.abc import Sequence

from semspace.errors import InputError
from semspace.index.index import Index
from semspace.neighbors import Neighbors
from semspace.queries import Query
from semspace.space import Space


def recommend(
    space: Space, like: Sequence[Query] | Query, dislike: Sequence[Query] | Query = (), k: int = 10, *, where: str |
    None = None, among: Sequence[str] | None = None, method: str = "density", diversity: float = 0.0, metric: str =
    "cosine",
) -> Neighbors:  # fmt: skip
    """Find points of a space for someone who likes some examples and not others, without these examples.

    Every point is compared. An `Index` has the same method, which is faster for many points: see `Index.recommend`
    for the parameters.

    Parameters
    ----------
    space : Space
    metric : {"cosine", "dot", "euclidean"}

    Raises
    ------
    InputError
        If nothing is liked, or a parameter can't be used.
    UnknownIdError
        If an example is neither an id nor, where the space has an encoder, a text.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["cat", "dog", "car", "bus"], [[1, 0], [1, 0.2], [0, 1], [0.2, 1]])
    >>> ss.recommend(space, like=["cat"], dislike=["bus"], k=2).ids
    ('dog', 'car')
    """
    if not isinstance(space, Space):
        raise InputError(f"recommend takes a Space; got {type(space).__name__}: an Index has a method of this name")
    index = Index.build(space, "exact", metric=metric)
    return index.recommend(like, dislike, k, where=where, among=among, method=method, diversity=diversity)
