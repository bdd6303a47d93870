"""`Samples`: the documents that are compared, in one list, and whose each is."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import queries
from semspace.checks import FloatMatrix
from semspace.clusters.cluster import with_texts
from semspace.comparison.parts import parts_of
from semspace.errors import InputError, SemspaceWarning
from semspace.sentences.base import Encoder
from semspace.space import Space, TextEncoder
from semspace.text.corpus import Corpus

Rows = npt.NDArray[np.int64]
FEWEST = 4  # documents a corpus
MOST = 40  # corpora at a time
_UNEQUAL = 50
_ROUNDING = 1e-3  # one text encoded twice, among others, differs by less


@dataclass(frozen=True, eq=False)
class Samples:
    """Documents of several corpora in one space: those of the first corpus first.

    Parameters
    ----------
    names : tuple of C str
    ids : polars.Series of n str
        Unique within a corpus.
    vectors : ndarray of float32, shape (n, dim)
        Scaled to length 1: meaning is a direction.
    of : ndarray of int64, shape (n,)
        The corpus of each document; increasing.
    texts : polars.Series of n str, optional
        Empty where a document has none.
    units : ndarray of int64, shape (n,), optional
        What each document is a part of; parts of one unit don't count as independent.
    encoder : optional
        What made the vectors.
    facts : mapping
        Where they came from.
    """

    names: tuple[str, ...]
    ids: pl.Series
    vectors: FloatMatrix
    of: Rows
    texts: pl.Series | None
    units: Rows | None
    encoder: TextEncoder | None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.of)

    @property
    def corpora(self) -> int:
        """How many corpora there are."""
        return len(self.names)

    @cached_property
    def sizes(self) -> list[int]:
        """How many documents each corpus has."""
        return np.bincount(self.of, minlength=self.corpora).tolist()  # type: ignore[no-any-return]

    @cached_property
    def owners(self) -> pl.Series:
        """The name of each document's corpus."""
        return pl.Series("corpus", self.names, dtype=pl.String).gather(self.of)

    def rows(self, corpus: int) -> slice:
        """Give where a corpus's documents lie."""
        start = int(np.searchsorted(self.of, corpus))
        return slice(start, start + self.sizes[corpus])

    def only(self, corpora: Sequence[int]) -> Samples:
        """Give some of the corpora, in this order."""
        rows = np.concatenate([np.arange(len(self))[self.rows(c)] for c in corpora])
        return Samples(
            tuple(self.names[c] for c in corpora),
            self.ids.gather(rows),
            self.vectors[rows],
            np.repeat(np.arange(len(corpora)), [self.sizes[c] for c in corpora]),
            None if self.texts is None else self.texts.gather(rows),
            None if self.units is None else self.units[rows],
            self.encoder,
            self.facts,
        )

    def space(self) -> Space:
        """Put all documents in one space, under ids that can't collide."""
        ids = [f"{of}:{id}" for of, id in zip(self.of.tolist(), self.ids, strict=True)]
        texts = None if self.texts is None else pl.DataFrame({"text": self.texts})
        return Space.from_vectors(ids, self.vectors, texts, self.encoder)

    @cached_property
    def same(self) -> bool:
        """Whether all corpora hold the very same documents: their texts, if there are any, and their vectors."""
        kept = [self._contents(corpus) for corpus in range(self.corpora)]
        middles = [self.vectors[self.rows(corpus)].mean(axis=0) for corpus in range(self.corpora)]
        near = all(np.abs(middle - middles[0]).max() < _ROUNDING for middle in middles)
        return near and all(one == kept[0] for one in kept[1:])

    def _contents(self, corpus: int) -> list[Any]:
        rows = self.rows(corpus)
        if self.texts is not None:
            return sorted(self.texts[rows].to_list())
        return sorted(row.tobytes() for row in self.vectors[rows])


def samples_of(
    given: Sequence[Corpus | Space],
    *,
    by: str | None,
    cuts: Any,
    unit: str | None,
    names: Sequence[str] | None,
    encoder: Encoder | None,
    spaces: Sequence[Space] | None,
    long: str,
    progress: bool,
) -> Samples:
    """Make samples of what `compare` is given."""
    for one in given:  # before hours of encoding
        _check_columns(one, by, cuts, unit, long)
    seen = encoder or next((one.encoder for one in given if isinstance(one, Space) and one.encoder), None)
    made = _spaces(given, spaces, seen, long, progress)
    _check_encoders(made)
    if by is not None:
        called, divided = parts_of(made[0].metadata, by, cuts)
        parts = [(made[0], rows) for rows in divided]
        if names is not None:
            _check_names(names, len(called))
            called = tuple(names)
    else:
        called = tuple(names) if names is not None else _letters(len(made))
        _check_names(called, len(made))
        parts = [(space, np.arange(len(space))) for space in made]
    called, parts = _large_enough(called, parts, by)
    if unit is None and long == "passages" and all(_has(space, "document") for space, _ in parts):
        unit = "document"
    return _joined(called, parts, unit, seen or made[0].encoder)


def _check_columns(one: Corpus | Space, by: str | None, cuts: Any, unit: str | None, long: str) -> None:
    table = one.metadata
    if by is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SemspaceWarning)  # it is said once, when the parts are made
            parts_of(table, by, cuts)
    made = long == "passages" and isinstance(one, Corpus) and unit == "document"
    if unit is not None and not made and (table is None or unit not in table.columns):
        known = ", ".join(name for name in table.columns if name not in ("id", "text")) if table is not None else ""
        raise InputError(f"unit: there is no column {unit!r}; there are {known or 'none'}")


def _letters(count: int) -> tuple[str, ...]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return tuple(letters[:count]) if count <= len(letters) else tuple(f"corpus {place + 1}" for place in range(count))


def _spaces(
    given: Sequence[Corpus | Space],
    spaces: Sequence[Space] | None,
    encoder: TextEncoder | None,
    long: str,
    progress: bool,
) -> list[Space]:
    """Give each corpus its space, with its texts beside the points."""
    if spaces is None:
        return [one if isinstance(one, Space) else _embedded(one, encoder, long, progress) for one in given]
    made = []
    for name, corpus, space in zip(_letters(len(given)), given, spaces, strict=True):
        assert isinstance(corpus, Corpus)
        if corpus.ids.to_list() != space.ids.tolist():
            raise InputError(f"the ids of {name} and of its space differ; give the space made from that corpus")
        made.append(with_texts(space, corpus))
    return made


def _embedded(corpus: Corpus, encoder: TextEncoder | None, long: str, progress: bool) -> Space:
    if not isinstance(encoder, Encoder):
        raise InputError(
            "compare needs encoder= (see Encoder.load) for a Corpus, or spaces= of the corpora, or Spaces in their "
            "place"
        )
    if long == "pool":  # sentences that two passages share would count twice in their mean
        space = encoder.embed(corpus, long=long, overlap=0, progress=progress)
    else:
        space = encoder.embed(corpus, long=long, progress=progress)
    return space if _has(space, "text") else with_texts(space, corpus)


def _check_encoders(spaces: Sequence[Space]) -> None:
    first = spaces[0]
    for other in spaces[1:]:
        made = [_maker(first), _maker(other)]
        if first.dim != other.dim and None in made:
            raise InputError(
                f"all spaces must have the same number of dimensions; got {first.dim} and {other.dim}: encode all with "
                f"one encoder"
            )
        if first.dim != other.dim or made[0] != made[1]:
            raise InputError(
                f"the two spaces come from different encoders ({made[0]} and {made[1]}, {first.dim} and {other.dim} "
                f"dimensions), so their vectors can't be compared; encode both with one encoder"
            )


def _maker(space: Space) -> str | None:
    return space.encoder.fingerprint[:8] if space.encoder else None


def _check_names(names: Sequence[str], count: int) -> None:
    if len(names) != count:
        raise InputError(f"names must be {count} strings, one for each corpus; got {len(names)}")
    if not all(name.strip() for name in names):
        raise InputError("names must not be empty, or nobody could tell what is meant; give each corpus a name")
    if len(set(names)) < len(names):
        again = next(name for name in names if list(names).count(name) > 1)
        raise InputError(f"names must differ, or nobody could tell the corpora apart; {again!r} comes more than once")


def _large_enough(
    names: tuple[str, ...], parts: list[tuple[Space, Rows]], by: str | None
) -> tuple[tuple[str, ...], list[tuple[Space, Rows]]]:
    """Refuse corpora of fewer than four documents, or leave such groups of a column out, and say so."""
    small = [name for name, (_, rows) in zip(names, parts, strict=True) if len(rows) < FEWEST]
    if small and by is None:
        size = next(len(rows) for _, rows in parts if len(rows) < FEWEST)
        raise InputError(f"a corpus must have at least {FEWEST} documents to be compared; {small[0]} has {size}")
    kept = [(name, part) for name, part in zip(names, parts, strict=True) if len(part[1]) >= FEWEST]
    if len(kept) < 2:
        raise InputError(
            f"by={by!r} leaves {len(kept)} group(s) of at least {FEWEST} documents; two are needed to compare"
        )
    if small:
        warnings.warn(
            f"left out for having fewer than {FEWEST} documents: {', '.join(small[:10])}"
            f"{' and others' if len(small) > 10 else ''}",
            SemspaceWarning,
            stacklevel=4,
        )
    if len(kept) > MOST:
        raise InputError(f"at most {MOST} corpora can be compared at a time; got {len(kept)}: join or filter some")
    sizes = sorted(len(rows) for _, (_, rows) in kept)
    if sizes[-1] > _UNEQUAL * sizes[0]:
        warnings.warn(
            f"one corpus is {sizes[-1] / sizes[0]:.0f} times {'the other' if len(sizes) == 2 else 'another'}; what the "
            "small one holds is hard to see",
            SemspaceWarning,
            stacklevel=4,
        )
    return tuple(name for name, _ in kept), [part for _, part in kept]


def _has(space: Space, column: str) -> bool:
    return space.metadata is not None and column in space.metadata.columns


def _joined(
    names: tuple[str, ...], parts: list[tuple[Space, Rows]], unit: str | None, encoder: TextEncoder | None
) -> Samples:
    sizes = [len(rows) for _, rows in parts]
    of = np.repeat(np.arange(len(parts)), sizes)
    vectors = np.concatenate([queries.unit(np.asarray(space.vectors)[rows]) for space, rows in parts])
    ids = pl.Series("id", [id for space, rows in parts for id in space.ids[rows].tolist()], dtype=pl.String)
    facts = {
        "spaces": [space.fingerprint for space, _ in parts],
        "encoder": parts[0][0].provenance.get("made_by"),
        "sources": [dict(space.provenance) for space, _ in parts],
    }
    return Samples(names, ids, vectors, of, _texts(names, parts), _units(names, parts, of, unit), encoder, facts)


def _texts(names: tuple[str, ...], parts: list[tuple[Space, Rows]]) -> pl.Series | None:
    having = [_has(space, "text") and space.metadata.schema["text"] == pl.String for space, _ in parts]  # type: ignore[union-attr]
    if not any(having):
        return None
    if not all(having):
        without = names[having.index(False)]
        warnings.warn(
            f"{without} has no texts beside its vectors, so words and copies can't be compared; give the corpora with "
            f"spaces=",
            SemspaceWarning,
            stacklevel=4,
        )
        return None
    found = pl.concat([space.metadata["text"].gather(rows) for space, rows in parts])  # type: ignore[index]
    missing = found.null_count()
    if missing:
        warnings.warn(
            f"{missing:,} of {len(found):,} documents have no text; they count by their vectors only",
            SemspaceWarning,
            stacklevel=4,
        )
    return found.fill_null("").alias("text")


def _units(names: tuple[str, ...], parts: list[tuple[Space, Rows]], of: Rows, unit: str | None) -> Rows | None:
    if unit is None:
        return None
    columns = []
    for name, (space, rows) in zip(names, parts, strict=True):
        if not _has(space, unit):
            known = ", ".join(space.metadata.columns) if space.metadata is not None else "none"
            raise InputError(f"unit: {name} has no column {unit!r}; it has {known}")
        values = space.metadata[unit].gather(rows).cast(pl.String)  # type: ignore[index]
        if values.null_count():
            raise InputError(f"unit: {values.null_count():,} documents of {name} have no {unit!r}; fill it, or filter")
        columns.append(values)
    together = pl.concat(columns)
    codes: Rows = np.asarray(together.rank("dense").to_numpy(), np.int64) - 1
    homes = pl.DataFrame({"unit": together, "of": of}).unique().group_by("unit").len().filter(pl.col("len") > 1)
    if len(homes):
        raise InputError(
            f"unit: {homes['unit'].sort()[0]!r} has documents in more than one corpus; a unit must be of one corpus, "
            "as a book's paragraphs are"
        )
    for corpus, name in enumerate(names):
        count = len(np.unique(codes[of == corpus]))
        if count < FEWEST:
            raise InputError(
                f"a corpus must have at least {FEWEST} units to be compared; {name} has {count} of {unit!r}"
            )
    return codes
