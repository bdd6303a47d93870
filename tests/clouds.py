"""Clouds of points to compare, with texts beside them."""

import numpy as np

import semspace as ss
from semspace.comparison.plan import build_samples


def clouds(m=40, n=50, shift=0.0, dim=5, seed=0):
    draw = np.random.default_rng(seed)
    a, b = draw.normal(size=(m, dim)), draw.normal(size=(n, dim)) + shift
    return a.astype(np.float32), b.astype(np.float32)


def space_of(vectors, text=None, ids=None, **columns):
    """A space whose documents say the text and their number; or without texts, where none is given."""
    ids = [str(i) for i in range(len(vectors))] if ids is None else ids
    if text is not None:
        columns["text"] = [f"{text} {i}" for i in range(len(vectors))]
    return ss.Space.from_vectors(ids, vectors, columns or None)


def joined(*given, **options):
    """The samples that `compare` makes of what it is given."""
    names = ("by", "bins", "groups", "names", "encoder", "spaces")
    chosen = {name: options.pop(name, None) for name in names}
    return build_samples(given, **chosen, long_texts=options.pop("long_texts", "pool"), progress=False, **options)


def two_of(a, b):
    """Two clouds in one array, and whose each point is."""
    return np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
