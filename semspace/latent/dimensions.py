"""`Dimensions`: what the dimensions of a latent model mean in words, and whether that holds on unseen texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, schema
from semspace import space as spaces
from semspace.bundle import Bundle, Draft, create_bundle
from semspace.clusters.document_terms import has_texts
from semspace.display import html_table, text_table
from semspace.errors import DamagedError
from semspace.files import PathLike
from semspace.latent.explanation import Explanation
from semspace.latent.firing import Ends
from semspace.latent.model import LatentModel
from semspace.latent.name_tests import NameTests
from semspace.registry import READERS, reader
from semspace.sentences.lazy_encoder import remembered
from semspace.space import Space
from semspace.types import Ints1d

KIND = "dimensions"
_ROWS_IN_PRINT = 20
_COLUMNS_IN_PRINT = (
    "dimension",
    "end",
    "name",
    "on matching",
    "on others",
    "accuracy",
    "95 %",
    "verdict",
    "strongest text",
)
_END_NAMES = {1: "+", -1: "-"}


@dataclass(frozen=True, eq=False, repr=False)
class Dimensions:
    """The dimensions of a latent model in words; made by `semspace.latent.describe_dimensions`.

    An axis or a factor has two ends, which have names of their own; a sparse feature has one.

    Parameters
    ----------
    model : LatentModel
    space : Space
        The texts that the names are made from and tested on.
    ends : Ends
        The e ends, by number of their dimension.
    fires : ndarray of int64, shape (e,)
        On how many of the texts that names are made from each end fires.
    name_terms : tuple of e tuples of str
        The words and phrases of each name; none where an end fires on fewer than five texts.
    words : tuple of e tuples of str
        More words of each end, those with the greatest contrast first.
    texts : tuple of e tuples of str
        The ids of the texts on which each end fires most strongly.
    tests : NameTests
        What became of the names on the other texts.
    provenance : mapping
        How it was made.

    Examples
    --------
    See `semspace.latent.describe_dimensions`.
    """

    model: LatentModel
    space: Space
    ends: Ends
    fires: Ints1d
    name_terms: tuple[tuple[str, ...], ...]
    words: tuple[tuple[str, ...], ...]
    texts: tuple[tuple[str, ...], ...]
    tests: NameTests
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of ends."""
        return len(self.ends)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each end; empty where it fires on too few texts."""
        return tuple(", ".join(terms) for terms in self.name_terms)

    @property
    def verdicts(self) -> tuple[str, ...]:
        """What is known of each name: ``"holds"`` on unseen texts, ``"unproven"``, or ``"too few texts"`` for one."""
        return tuple(
            "too few texts" if not terms else "holds" if holds else "unproven"
            for terms, holds in zip(self.name_terms, self.tests.holds.tolist(), strict=True)
        )

    def explain(self, x: str | npt.ArrayLike, *, most: int = 10) -> Explanation:
        """Return the ends that fire on a text, with their strengths and names, the strongest first.

        Parameters
        ----------
        x : str, or array-like of shape (width,)
            A text, encoded as a query by the space's encoder, or a vector.
        most : int
            At most so many ends.

        Raises
        ------
        InputError
            If a text is given and the space has no encoder, the text is blank, or a vector has another width.
        """
        checks.whole("most", most)
        vector = self.space.encode_queries(x) if isinstance(x, str) else x
        rows = self.model._vectors(checks.rows("the vector", vector), "the vector")[:1]
        found = self.ends.strengths(self.model, rows)
        order = np.lexsort((found.indices, -found.data))[:most]
        ends, names, verdicts = found.indices[order], self.names, self.verdicts
        return Explanation(
            x if isinstance(x, str) else "a vector",
            tuple(self.ends.dimensions[ends].tolist()),
            tuple(self._end(end) for end in ends),
            tuple(found.data[order].tolist()),
            tuple(names[end] for end in ends),
            tuple(verdicts[end] for end in ends),
            found.nnz,
        )

    # -- tables -------------------------------------------------------------------------------------------

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with a row for each end.

        Columns ``dimension``; ``end``, "+" or "-", empty for a sparse feature; ``name``; ``words``; ``fires``, on how
        many of the texts that names are made from; ``matching``, the unseen texts that match the name;
        ``on_matching`` and ``on_others``, on what share of those and of the others it fires; ``accuracy`` (balanced)
        with its 95 % interval ``low`` to ``high``; ``by_meaning``; ``verdict``; ``texts``, the ids of the strongest.
        """
        tests = self.tests
        low, high = tests.interval
        numbers = {
            "fires": self.fires,
            "matching": tests.matching,
            "on_matching": tests.share_on_matching,
            "on_others": tests.share_on_others,
            "accuracy": tests.accuracy,
            "low": low,
            "high": high,
            "by_meaning": tests.by_meaning,
        }
        frame = pl.DataFrame(
            {
                "dimension": self.ends.dimensions,
                "end": [self._end(end) for end in range(len(self))],
                "name": list(self.names),
                "words": [", ".join(words) for words in self.words],
                **numbers,
                "verdict": list(self.verdicts),
                "texts": [list(ids) for ids in self.texts],
            },
            schema_overrides=dict.fromkeys(("end", "name", "words", "verdict"), pl.String)
            | {"texts": pl.List(pl.String)},
        )
        return frame.with_columns(pl.col(pl.Float64).fill_nan(None))

    def __repr__(self) -> str:
        return "\n".join([self._title(), text_table(_COLUMNS_IN_PRINT, self._print_rows(), width=36)])

    def _repr_html_(self) -> str:
        return html_table(_COLUMNS_IN_PRINT, self._print_rows(), caption=self._title(), width=120)

    def _title(self) -> str:
        verdicts = self.verdicts
        counts = {name: verdicts.count(name) for name in ("holds", "unproven", "too few texts")}
        made = self.provenance
        few = (
            f", {counts['too few texts']:,} have none, as they fire on too few texts" if counts["too few texts"] else ""
        )
        more = f" (the first {_ROWS_IN_PRINT} are shown)" if len(self) > _ROWS_IN_PRINT else ""
        ends = "features" if len(self) == self.model.dim else f"ends of {self.model.dim:,} dimensions"
        return (
            f"{len(self):,} {ends}, named from {made['named_from']:,} texts and tested on {made['tested_on']:,} "
            f"others: "
            f"{counts['holds']:,} names hold, {counts['unproven']:,} are unproven{few}{more}"
        )

    def _print_rows(self) -> list[tuple[object, ...]]:
        low, high = self.tests.interval
        rows: list[tuple[object, ...]] = []
        for end in range(min(len(self), _ROWS_IN_PRINT)):
            known = bool(self.name_terms[end]) and np.isfinite(self.tests.accuracy[end])
            rows.append(
                (
                    int(self.ends.dimensions[end]),
                    self._end(end),
                    self.names[end],
                    f"{self.tests.share_on_matching[end]:.0%}" if known else "",
                    f"{self.tests.share_on_others[end]:.0%}" if known else "",
                    f"{self.tests.accuracy[end]:.2f}" if known else "",
                    f"[{low[end]:.2f}, {high[end]:.2f}]" if known else "",
                    self.verdicts[end],
                    self._text(end),
                )
            )
        return rows

    def _end(self, end: int) -> str:
        """Return the sign of an end; nothing for a sparse feature, which has one end only."""
        return "" if len(self) == self.model.dim else _END_NAMES[int(self.ends.signs[end])]

    def _text(self, end: int) -> str:
        """Return the text on which an end fires most strongly."""
        if not self.texts[end] or not has_texts(self.space.metadata):
            return ""
        assert self.space.metadata is not None
        text: str | None = self.space.metadata["text"][self.space._row(self.texts[end][0])]
        return text or ""

    # -- on disk ------------------------------------------------------------------------------------------

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save names, tests, model and space together as a bundle directory; see `semspace.save`."""
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            self._write_into(draft)

    def _write_into(self, draft: Draft) -> None:
        spaces.write_space(self.space, draft)
        draft.meta.update(
            model=self.model.parts.write(draft),
            names=[list(terms) for terms in self.name_terms],
            words=[list(words) for words in self.words],
            texts=[list(ids) for ids in self.texts],
            provenance=dict(self.provenance),
        )
        draft.array("dimensions-fires", self.fires)
        for part in (self.ends, self.tests):
            for name in part.DTYPES:
                draft.array(f"dimensions-{name}", getattr(part, name))


def read_bundle(bundle: Bundle) -> Dimensions:
    """Read dimensions in words from an opened bundle."""
    space = spaces.read_bundle(bundle, remembered(bundle))
    entry = bundle.meta.facts("model")
    model: LatentModel = reader(READERS[entry.text("kind")])(bundle, entry)
    names = bundle.meta.lists_of_texts("names")
    words, texts = (bundle.meta.lists_of_texts(name, count=len(names)) for name in ("words", "texts"))
    ends, tests = (
        Ends(**_arrays(bundle, Ends.DTYPES, len(names))),
        NameTests(**_arrays(bundle, NameTests.DTYPES, len(names))),
    )
    if model.width != space.dim or len(names) not in (model.dim, 2 * model.dim):
        raise DamagedError(f"{bundle.folder}: model, space and names don't fit each other; save the value again")
    schema.within(f"{bundle.folder}, the array 'dimensions-dimensions',", ends.dimensions, 0, model.dim - 1)
    if not np.isin(ends.signs, (-1, 1)).all():
        raise DamagedError(f"{bundle.folder} has ends of axes whose signs aren't 1 or -1; save the value again")
    fires = _arrays(bundle, {"fires": np.int64}, len(names))["fires"]
    made = bundle.meta.facts("provenance")
    for count in ("named_from", "tested_on"):
        made.whole(count)
    return Dimensions(model, space, ends, fires, names, words, texts, tests, dict(made))


def _arrays(bundle: Bundle, dtypes: Mapping[str, type], n: int) -> dict[str, Any]:
    return {name: bundle.array(f"dimensions-{name}", dtype=dtype, shape=(n,)) for name, dtype in dtypes.items()}
