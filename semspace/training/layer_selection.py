"""A transformer with some of its layers dropped, and the choice of those it can best do without."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from semspace import queries
from semspace.errors import InputError
from semspace.training.base_model import Base
from semspace.training.student import Student
from semspace.types import Floats2d

_ALL = 64  # choices are all tried where there are no more than these; else layers are dropped one by one
Layers = tuple[int, ...]


def count(base: Base) -> int:
    """Give how many layers a model has."""
    return len(_place(base)[1])


def kept(base: Base, layers: Sequence[int]) -> Base:
    """Give the model with these of its layers only, in this order, as DistilBERT starts (Sanh et al. 2019)."""
    import torch

    model = copy.deepcopy(base.model)
    owner, stack, name = _place(base._replace(model=model))
    setattr(owner, name, torch.nn.ModuleList([stack[i] for i in layers]))
    model.config.num_hidden_layers = len(layers)
    return base._replace(model=model, name=f"{base.name}, layers {', '.join(map(str, layers))}")


def best(base: Base, number: int, texts: list[str], vectors: Floats2d) -> Layers:
    """Choose the layers that, by themselves, come nearest to the cosines between the vectors of some texts."""
    student = Student(copy.deepcopy(base.model), base.layout, freeze_embeddings=True, dropout=0.0)
    owner, stack, name = _place(base._replace(model=student.model))
    rows = student.rows(student.tokenizer.read(texts))
    upper = np.triu_indices(len(texts), 1)
    wanted = (vectors @ vectors.T)[upper]

    def agreement(layers: Layers) -> float:
        setattr(owner, name, type(stack)([stack[i] for i in layers]))
        found = student.encode_rows(rows)
        queries.unit(found, floor=queries.TINY, out=found)
        return float(np.corrcoef((found @ found.T)[upper], wanted)[0, 1])

    left: Layers = tuple(range(len(stack)))
    while len(left) > number:
        left = max(_tries(left, number), key=agreement)
    return left


def _tries(left: Layers, number: int) -> Iterator[Layers]:
    """Give all choices of so many of the layers left, or those with one layer less where there are too many."""
    yield from combinations(left, number if comb(len(left), number) <= _ALL else len(left) - 1)


def _place(base: Base) -> tuple[Any, Any, str]:
    """Find the list of a model's layers: what holds it, the list, and by which name it is held."""
    import torch

    total = int(base.model.config.num_hidden_layers)
    for owner in base.model.modules():
        for name, part in owner.named_children():
            if isinstance(part, torch.nn.ModuleList) and len(part) == total and total > 1:
                return owner, part, name
    raise InputError(
        f"{base.name} is a {base.model.config.model_type} of {total} layer{'s' * (total != 1)} none of which can be "
        f"dropped; give another base, or a SmallTransformer"
    )
