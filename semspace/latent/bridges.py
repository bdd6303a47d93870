"""`bridge`: vectors of one encoder in another's space, so that a corpus need not be encoded again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, queries, schema
from semspace.bundle import Bundle, create_bundle
from semspace.display import html_table, text_table
from semspace.errors import InputError
from semspace.files import PathLike
from semspace.latent import bridge_maps
from semspace.latent.bridge_maps import Recipe, VectorMap
from semspace.latent.bridge_recall import KeptRecall, kept_recall, query_rows
from semspace.latent.bridged_encoder import BridgedEncoder, map_fingerprint, read_map, reference, saved_facts, write_map
from semspace.progress import bar
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.text_encoder import TextEncoder
from semspace.types import Floats2d, Ints1d

KIND = "bridge"
_LEAST = 100  # pairs
_FOLDS = 5
_CHOOSING = 500  # pairs that are searched with, to choose between the methods


@dataclass(frozen=True, eq=False, repr=False)
class Bridge:
    """A map from the vectors of one encoder to the space of another; `ss.latent.bridge` fits one.

    Parameters
    ----------
    map : VectorMap
        From directions to directions: vectors that come by it have length 1.
    source, target : TextEncoder, optional
        The encoder whose vectors are mapped, and the one whose space they are mapped to.
    recall_of_queries : KeptRecall
        The share of the true ten nearest that a mapped query finds among vectors of `target`. True are those that
        `target` finds with its own query. Measured with pairs that the map wasn't fitted to.
    recall_of_documents : KeptRecall
        The share that a query of `target` finds among mapped vectors; true are those among its own vectors.
    unmapped_recall : KeptRecall
        The share that `source` finds by itself, without a bridge, with its own queries among its own vectors.
    tried : mapping of str to float
        The recall of each method that was tried, in its best setting: the mean of both.
    recipe : Recipe
        The method that was taken, with its setting.
    n_pairs : int
    provenance : mapping
    """

    map: VectorMap
    source: TextEncoder | None
    target: TextEncoder | None
    recall_of_queries: KeptRecall
    recall_of_documents: KeptRecall
    unmapped_recall: KeptRecall
    tried: Mapping[str, float]
    recipe: Recipe
    n_pairs: int
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Number of dimensions of the vectors that are mapped."""
        return self.map.width

    @property
    def dim(self) -> int:
        """Number of dimensions of the space that they are mapped to."""
        return self.map.dim

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the map and the fingerprints of both encoders."""
        return map_fingerprint(self.map, self.source, self.target)

    @property
    def encoder(self) -> BridgedEncoder:
        """An encoder of texts into the space of `target`, which only needs `source`: for an index of `target`.

        ``ss.Index.open("old.index", encoder=bridge.encoder)`` searches an index of the old encoder's vectors with the
        new encoder.
        """
        if self.source is None or self.target is None:
            raise InputError(
                "this bridge was fitted to vectors without their encoders, so it can't encode texts; fit it to "
                "encoders, or to spaces that have one"
            )
        return BridgedEncoder(self.map, self.source, self.target.name, self.target.fingerprint)

    @overload
    def encode(self, x: Space) -> Space: ...

    @overload
    def encode(self, x: npt.ArrayLike) -> npt.NDArray[np.float32]: ...

    def encode(self, x: Space | npt.ArrayLike) -> Space | npt.NDArray[np.float32]:
        """Map vectors of `source` to the space of `target`.

        Parameters
        ----------
        x : Space or array-like of shape (n, width)
            A space must have been made by `source`, if its encoder is known.

        Returns
        -------
        Space or ndarray of float32, shape (n, dim)
            Of length 1. The space keeps ids and metadata; its encoder is `target`, and its provenance names the bridge.

        Raises
        ------
        InputError
            If the vectors are those of another encoder, or have another width.
        """
        vectors = x.vectors if isinstance(x, Space) else checks.matrix("x", x)
        if isinstance(x, Space) and x.encoder is not None and self.source is not None:
            _check_same("the space", x.encoder, self.source)
        if vectors.shape[1] != self.width:
            raise InputError(
                f"this bridge maps vectors of {self.width} dimensions to {self.dim}; got {vectors.shape[1]} dimensions"
            )
        checks.finite_rows("the vector", vectors, x.ids if isinstance(x, Space) else None)
        images = self.map.apply(vectors)
        if not isinstance(x, Space):
            return images
        provenance = {"made_by": "bridge", "bridge": self.fingerprint, "from": dict(x.provenance)}
        return Space(x.ids, images, x.metadata, self.target, provenance)

    def to_dict(self) -> dict[str, Any]:
        """Return what was measured as plain values."""
        return {
            "method": str(self.recipe),
            "pairs": self.n_pairs,
            "width": self.width,
            "dim": self.dim,
            **{f"recall_of_{what}": vars(kept) for what, kept in self._recalls()},
            "tried": dict(self.tried),
        }

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each recall: of what, its value and interval, and documents."""
        rows = [(what, kept.value, kept.low, kept.high, kept.n_documents) for what, kept in self._recalls()]
        return pl.DataFrame(rows, ["of", "recall", "low", "high", "documents"], orient="row")

    def _recalls(self) -> list[tuple[str, KeptRecall]]:
        return [
            ("queries", self.recall_of_queries),
            ("documents", self.recall_of_documents),
            ("source_alone", self.unmapped_recall),
        ]

    def _rows(self) -> list[tuple[str, str]]:
        names = ["unknown" if encoder is None else encoder.name for encoder in (self.source, self.target)]
        return [
            ("from, to", f"{names[0]} ({self.width}), {names[1]} ({self.dim})"),
            ("map", f"{self.recipe}, fitted to {self.n_pairs:,} pairs"),
            ("recall@10 of mapped queries", str(self.recall_of_queries)),
            ("recall@10 of mapped documents", str(self.recall_of_documents)),
            ("recall@10 of the first alone", str(self.unmapped_recall)),
            ("tried", ", ".join(f"{name} {value:.3f}" for name, value in self.tried.items())),
        ]

    def __repr__(self) -> str:
        return text_table(("bridge", ""), self._rows(), width=120)

    def _repr_html_(self) -> str:
        return html_table(("bridge", ""), self._rows())

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory; of both encoders, the names and fingerprints are saved."""
        facts = {
            "source": saved_facts(self.source),
            "target": saved_facts(self.target),
            "recalls": {what: vars(kept) for what, kept in self._recalls()},
            "tried": dict(self.tried),
            "recipe": vars(self.recipe),
            "pairs": self.n_pairs,
            "provenance": dict(self.provenance),
        }
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            draft.meta["bridge"] = facts
            write_map(draft, self.map)


def read_bundle(bundle: Bundle) -> Bridge:
    """Read the bridge in an opened bundle."""
    facts = bundle.meta.facts("bridge")
    with schema.reading(f"the bridge in {bundle.folder}"):
        recalls = {what: _recall(facts.facts("recalls").facts(what)) for what in facts.facts("recalls")}
        tried, recipe = facts.facts("tried"), facts.facts("recipe")
        return Bridge(
            read_map(bundle),
            reference(facts, "source"),
            reference(facts, "target"),
            recalls["queries"],
            recalls["documents"],
            recalls["source_alone"],
            {name: tried.number(name) for name in tried},
            Recipe(recipe.text("method"), recipe.number("penalty"), recipe.whole("rank")),
            facts.whole("pairs", low=1),
            facts.mapping("provenance"),
        )


def _recall(facts: schema.Facts) -> KeptRecall:
    value, low, high, slope = (facts.number(name) for name in ("value", "low", "high", "slope"))
    return KeptRecall(value, low, high, facts.whole("n_documents", low=1), slope)


def bridge(
    a: TextEncoder | Space,
    b: TextEncoder | Space,
    pairs: Sequence[str] | Corpus | None = None,
    *,
    seed: int = 0,
    progress: bool = True,
) -> Bridge:
    """Fit a map from the vectors of one encoder to the space of another.

    When the model changes, some thousand texts are encoded by both, and not the whole corpus again. There are two ways
    to use the map, and the bridge says beforehand how many of the true ten nearest each keeps:

    * from the new encoder to the old one: ``Index.open("old.index", encoder=bridge(new, old, texts).encoder)`` searches
      what is there with queries of the new encoder, and the index stays as it is;
    * from the old encoder to the new one: ``bridge(old, new, texts).encode(space)`` is the corpus in the new space.

    An orthogonal map, ridge regressions, also of low rank, and a network with one hidden layer of random weights are
    fitted, all in closed form. The one is taken that keeps the most of the true ten nearest, over five parts of the
    pairs, each mapped by what was fitted to the other four.

    Parameters
    ----------
    a, b : encoder or Space
        What maps, and what it maps to. Encoders encode `pairs` as documents. Spaces hold vectors of the same ids,
        already encoded, of any origin.
    pairs : list of str, or Corpus, optional
        Texts of the kind that will be searched, at least 100 different ones, better some thousand. For spaces, the ids
        to use: all that they share if None.
    seed : int
        Of the parts, the queries, and the network.
    progress : bool

    Returns
    -------
    Bridge

    Raises
    ------
    InputError
        If there are fewer than 100 pairs, or only one of `a` and `b` is a space.

    References
    ----------
    Vejendla (2025). Drift-Adapter: A practical approach to near zero-downtime embedding model upgrades in vector
    databases. EMNLP, arXiv 2509.23471.

    Examples
    --------
    >>> import numpy as np, semspace as ss
    >>> rng = np.random.default_rng(0)
    >>> old, turn = rng.normal(size=(300, 8)), np.linalg.qr(rng.normal(size=(8, 8)))[0]
    >>> a, b = ss.Space.from_vectors(range(300), old), ss.Space.from_vectors(range(300), old @ turn)
    >>> across = ss.latent.bridge(a, b)
    >>> across.recipe.method, across.recall_of_queries.value
    ('orthogonal', 1.0)
    """
    checks.seed(seed)
    checks.flag("progress", progress)
    first, second = _paired_vectors(a, b, pairs)
    x, y = _distinct_directions(first, second)
    folds = np.random.default_rng(seed).permutation(len(x)) % _FOLDS
    tried, images, recipe = _best_recipe(x, y, folds, seed, progress=progress)
    rows = query_rows(len(x), seed)
    return Bridge(
        map=bridge_maps.fitted(x, y, recipe, seed),
        source=a.encoder if isinstance(a, Space) else a,
        target=b.encoder if isinstance(b, Space) else b,
        recall_of_queries=kept_recall(images, y, y, rows),
        recall_of_documents=kept_recall(y, images, y, rows),
        unmapped_recall=kept_recall(x, x, y, rows),
        tried=tried,
        recipe=recipe,
        n_pairs=len(x),
        provenance={"made_by": "bridge", "seed": seed},
    )


def _best_recipe(
    x: Floats2d, y: Floats2d, folds: Ints1d, seed: int, *, progress: bool
) -> tuple[dict[str, float], Floats2d, Recipe]:
    """Return the recall of each method, and images of all pairs by the best recipe, which is the third.

    The setting of a method is the one whose images have the highest mean cosine to the true vectors.
    """
    rows = query_rows(len(x), seed)[:_CHOOSING]
    by_method = bridge_maps.recipes(x.shape[1], y.shape[1], len(x))
    tried: dict[str, float] = {}
    best_images, best_recipe = y, Recipe("orthogonal")
    with bar("fitting the bridge", sum(map(len, by_method.values())), unit="map", progress=progress) as shown:
        for method, options in by_method.items():
            closest, closest_images, closest_recipe = -np.inf, y, options[0] if options else best_recipe
            for recipe, images in bridge_maps.held_out_images(x, y, options, folds, seed):
                cosine = float(np.einsum("ij,ij->i", images, y).mean())
                if cosine > closest:
                    closest, closest_images, closest_recipe = cosine, images, recipe
                shown.update(1)
            if not options:
                continue
            of_queries = kept_recall(closest_images, y, y, rows, trend=False).value
            of_documents = kept_recall(y, closest_images, y, rows, trend=False).value
            recall = (of_queries + of_documents) / 2
            if recall > max(tried.values(), default=-1.0):
                best_images, best_recipe = closest_images, closest_recipe
            tried[method] = recall
    return tried, best_images, best_recipe


def _paired_vectors(
    a: TextEncoder | Space, b: TextEncoder | Space, pairs: Sequence[str] | Corpus | None
) -> tuple[Floats2d, Floats2d]:
    """Return the vectors of the same texts by both, shapes (n, width) and (n, dim)."""
    if isinstance(a, Space) != isinstance(b, Space):
        raise InputError("bridge takes two encoders and texts, or two spaces with the same ids; got one of each")
    if isinstance(a, Space) and isinstance(b, Space):
        chosen = pairs.ids.to_list() if isinstance(pairs, Corpus) else pairs
        ids = [id for id in a if id in b] if chosen is None else checks.ids("pairs", chosen)
        _check_enough(len(ids), "shared ids" if pairs is None else "ids")
        return a[ids], b[ids]
    if not (hasattr(a, "encode_documents") and hasattr(b, "encode_documents")):
        odd = a if not hasattr(a, "encode_documents") else b
        raise InputError(f"bridge takes two encoders or two spaces; got {type(odd).__name__}")
    if pairs is None:
        raise InputError("bridge needs pairs=, some thousand texts that both encoders encode")
    if isinstance(pairs, Corpus):
        pairs = pairs.texts.to_list()
    texts = list(dict.fromkeys(text for text in checks.strings("pairs", pairs) if text.strip()))
    _check_enough(len(texts), "different texts")
    assert not isinstance(a, Space)
    assert not isinstance(b, Space)
    if a.fingerprint == b.fingerprint:
        raise InputError(f"both encoders are {a.name!r} with the same fingerprint, so there is nothing to bridge")
    return a.encode_documents(texts), b.encode_documents(texts)


def _check_enough(n: int, what: str) -> None:
    if n < _LEAST:
        raise InputError(f"bridge needs at least {_LEAST} pairs, better some thousand; got {n} {what}")


def _distinct_directions(a: Floats2d, b: Floats2d) -> tuple[Floats2d, Floats2d]:
    """Return pairs as unit vectors, each pair once: with copies, a text would be fitted to and measured with."""
    x, y = queries.unit(np.asarray(a, np.float32)), queries.unit(np.asarray(b, np.float32))
    first = np.unique(np.concatenate([x, y], axis=1), axis=0, return_index=True)[1]
    first.sort()
    _check_enough(len(first), "different pairs")
    return x[first], y[first]


def _check_same(what: str, got: TextEncoder, needed: TextEncoder) -> None:
    if got.fingerprint != needed.fingerprint:
        raise InputError(
            f"{what} was made by {got.name!r} with fingerprint {got.fingerprint[:8]}, and this bridge leads from "
            f"{needed.name!r} with {needed.fingerprint[:8]}; fit a bridge from that encoder"
        )
