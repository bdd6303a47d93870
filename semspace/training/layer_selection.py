"""A transformer without some of its layers, and the choice of the layers to keep."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from semspace import queries
from semspace.errors import InputError
from semspace.training.base_model import InitialModel
from semspace.training.student import Student
from semspace.types import Floats2d

# Up to this many choices of layers are all compared; where there are more, layers are dropped one by one.
_MAX_CHOICES = 64


def count_layers(base: InitialModel) -> int:
    """Return how many layers a model has."""
    return len(_find_layers(base)[1])


def keep_layers(base: InitialModel, layers: Sequence[int]) -> InitialModel:
    """Return the model with these of its layers only, in this order, as DistilBERT starts (Sanh et al. 2019)."""
    import torch

    model = copy.deepcopy(base.model)
    parent, module_list, name = _find_layers(base._replace(model=model))
    setattr(parent, name, torch.nn.ModuleList([module_list[i] for i in layers]))
    model.config.num_hidden_layers = len(layers)
    return base._replace(model=model, name=f"{base.name}, layers {', '.join(map(str, layers))}")


def select_layers(base: InitialModel, n_layers: int, texts: list[str], vectors: Floats2d) -> tuple[int, ...]:
    """Return the layers that, without the others, agree best with the cosines between the vectors of some texts."""
    student = Student(copy.deepcopy(base.model), base.layout, freeze_embeddings=True, dropout=0.0)
    parent, module_list, name = _find_layers(base._replace(model=student.model))
    token_rows = student.split_rows(student.tokenizer.read(texts))
    upper = np.triu_indices(len(texts), 1)
    target_cosines = (vectors @ vectors.T)[upper]

    def agreement(layers: tuple[int, ...]) -> float:
        setattr(parent, name, type(module_list)([module_list[i] for i in layers]))
        encoded = student.encode_tokens(token_rows)
        queries.unit(encoded, floor=queries.TINY, out=encoded)
        return float(np.corrcoef((encoded @ encoded.T)[upper], target_cosines)[0, 1])

    remaining: tuple[int, ...] = tuple(range(len(module_list)))
    while len(remaining) > n_layers:
        remaining = max(_choices(remaining, n_layers), key=agreement)
    return remaining


def _choices(layers: tuple[int, ...], n_layers: int) -> Iterator[tuple[int, ...]]:
    """Iterate over all choices of `n_layers` layers, or of one layer less than there are, if those are too many."""
    yield from combinations(layers, n_layers if comb(len(layers), n_layers) <= _MAX_CHOICES else len(layers) - 1)


def _find_layers(base: InitialModel) -> tuple[Any, Any, str]:
    """Return the module whose child is the list of a model's layers, the list, and the child's name."""
    import torch

    n_layers = int(base.model.config.num_hidden_layers)
    for parent in base.model.modules():
        for name, child in parent.named_children():
            if isinstance(child, torch.nn.ModuleList) and len(child) == n_layers and n_layers > 1:
                return parent, child, name
    raise InputError(
        f"{base.name} is a {base.model.config.model_type} with {n_layers} layer{'s' * (n_layers != 1)}, of which none "
        f"can be dropped; give another base, or a SmallTransformer"
    )
