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
from semspace.clusters.describe import with_texts
from semspace.comparison.partition import divide
from semspace.errors import InputError, SemspaceWarning
from semspace.sentences.encoder import Encoder
from semspace.space import Space, TextEncoder
from semspace.text.corpus import Corpus
from semspace.types import Floats2d

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
    vectors: Floats2d
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
    bins: Any,
    groups: str | None,
    names: Sequence[str] | None,
    encoder: Encoder | None,
    spaces: Sequence[Space] | None,
    long_texts: str,
    progress: bool,
    plan: Plan | None = None,
) -> Samples:
    """Return samples of what `compare` is given; the plan, if there is one already, is that of the same arguments."""
    if plan is None:
        plan = planned(
            given, by=by, bins=bins, groups=groups, names=names, encoder=encoder, spaces=spaces, long_texts=long_texts
        )
    seen = _encoder_of(given, encoder)
    made = _spaces(given, spaces, seen, long_texts, progress)
    _check_encoders([_maker(one) for one in made])
    if by is not None:
        parts = [(made[0], rows) for rows in divide(made[0].metadata, by, bins).rows]
    else:
        parts = [(space, np.arange(len(space))) for space in made]
    parts = [part for part, kept in zip(parts, plan.kept, strict=True) if kept]
    if groups is None and long_texts == "passages" and all(_has(space, "document") for space, _ in parts):
        groups = "document"
    return _joined(plan.names, parts, groups, seen or made[0].encoder, plan.facts)


@dataclass(frozen=True)
class Plan:
    """What is going to be compared: known before anything is encoded."""

    names: tuple[str, ...]  # of those that are kept
    kept: tuple[bool, ...]  # which corpora, or parts of the one corpus, are large enough
    documents: int
    facts: Mapping[str, Any]


def planned(
    given: Sequence[Corpus | Space],
    *,
    by: str | None,
    bins: Any,
    groups: str | None,
    names: Sequence[str] | None,
    encoder: Encoder | None,
    spaces: Sequence[Space] | None,
    long_texts: str,
) -> Plan:
    """Return what is going to be compared; whatever can be refused is refused here, before hours of encoding."""
    _check_encoders([_maker(one) for one in given if isinstance(one, Space)])
    if spaces is None and any(isinstance(one, Corpus) for one in given):
        made_by = _check_encoder(_encoder_of(given, encoder))
        _check_encoders([_maker(one) for one in given if isinstance(one, Space)] + [made_by])
    tables = [one.metadata for one in given]
    rows: Sequence[Rows] = [np.arange(len(one)) for one in given]
    called = tuple(names) if names is not None else _letters(len(given))
    facts: dict[str, Any] = {}
    if by is not None:
        parts = divide(tables[0], by, bins)
        for note in parts.notes:
            warnings.warn(note, SemspaceWarning, stacklevel=5)
        tables, rows = [tables[0]] * len(parts.rows), parts.rows
        called = tuple(names) if names is not None else parts.names
        facts["by"] = {"column": by, "left_out": parts.left_out, "notes": list(parts.notes)}
    _check_names(called, len(rows))
    kept = _large_enough(called, [len(own) for own in rows], by)
    chosen = [place for place, is_kept in enumerate(kept) if is_kept]
    if by is not None and not all(kept):
        facts["by"]["left_out"] += sum(len(own) for own, is_kept in zip(rows, kept, strict=True) if not is_kept)
        facts["by"]["notes"].append(_too_small([called[place] for place in range(len(called)) if not kept[place]]))
    kept_names = tuple(called[place] for place in chosen)
    made = long_texts == "passages" and groups == "document" and any(isinstance(one, Corpus) for one in given)
    if groups is not None and not made:
        of = np.repeat(np.arange(len(chosen)), [len(rows[place]) for place in chosen])
        _units(kept_names, [(tables[place], rows[place]) for place in chosen], of, groups)
    documents = sum(len(rows[place]) for place in chosen)
    return Plan(kept_names, kept, documents, facts)


def _encoder_of(given: Sequence[Corpus | Space], encoder: Encoder | None) -> Any:
    return encoder or next((one.encoder for one in given if isinstance(one, Space) and one.encoder), None)


def _letters(count: int) -> tuple[str, ...]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return tuple(letters[:count]) if count <= len(letters) else tuple(f"corpus {place + 1}" for place in range(count))


def _spaces(
    given: Sequence[Corpus | Space],
    spaces: Sequence[Space] | None,
    encoder: TextEncoder | None,
    long_texts: str,
    progress: bool,
) -> list[Space]:
    """Give each corpus its space, with its texts beside the points."""
    if spaces is None:
        return [one if isinstance(one, Space) else _embedded(one, encoder, long_texts, progress) for one in given]
    made = []
    for name, corpus, space in zip(_letters(len(given)), given, spaces, strict=True):
        assert isinstance(corpus, Corpus)
        if corpus.ids.to_list() != space.ids.tolist():
            raise InputError(f"the ids of {name} and of its space differ; give the space made from that corpus")
        made.append(with_texts(space, corpus))
    return made


def _check_encoder(encoder: TextEncoder | None) -> tuple[str, int | None]:
    """Return what encodes corpora, or raise `InputError` if there is none."""
    if not isinstance(encoder, Encoder):
        raise InputError(
            "compare needs encoder= (see Encoder.load) for a Corpus, or spaces= of the corpora, or Spaces in their "
            "place"
        )
    return encoder.fingerprint[:8], None


def _embedded(corpus: Corpus, encoder: TextEncoder | None, long_texts: str, progress: bool) -> Space:
    assert isinstance(encoder, Encoder)
    if long_texts == "pool":  # sentences that two passages share would count twice in their mean
        space = encoder.embed(corpus, long_texts=long_texts, overlap=0, progress=progress)
    else:
        space = encoder.embed(corpus, long_texts=long_texts, progress=progress)
    return space if _has(space, "text") else with_texts(space, corpus)


def _check_encoders(makers: Sequence[tuple[str | None, int | None]]) -> None:
    """Raise `InputError` if encoders differ; of each, its fingerprint and dimensions (if known)."""
    for other in makers[1:]:
        first = makers[0]
        dims = first[1], other[1]
        differ = None not in dims and dims[0] != dims[1]
        if differ and None in (first[0], other[0]):
            raise InputError(
                f"all spaces must have the same number of dimensions; got {dims[0]} and {dims[1]}: encode all with "
                f"one encoder"
            )
        if differ or first[0] != other[0]:
            told = "" if None in dims else f", {dims[0]} and {dims[1]} dimensions"
            raise InputError(
                f"the two spaces come from different encoders ({first[0]} and {other[0]}{told}), so their vectors "
                f"can't be compared; encode both with one encoder"
            )


def _maker(space: Space) -> tuple[str | None, int | None]:
    return (space.encoder.fingerprint[:8] if space.encoder else None), space.dim


def _check_names(names: Sequence[str], count: int) -> None:
    if len(names) != count:
        raise InputError(f"names must be {count} strings, one for each corpus; got {len(names)}")
    if not all(name.strip() for name in names):
        raise InputError("names must not be empty, or nobody could tell what is meant; give each corpus a name")
    if len(set(names)) < len(names):
        again = next(name for name in names if list(names).count(name) > 1)
        raise InputError(f"names must differ, or nobody could tell the corpora apart; {again!r} comes more than once")


def _too_small(names: Sequence[str]) -> str:
    others = " and others" if len(names) > 10 else ""
    return f"left out for having fewer than {FEWEST} documents: {', '.join(names[:10])}{others}"


def _large_enough(names: tuple[str, ...], sizes: Sequence[int], by: str | None) -> tuple[bool, ...]:
    """Refuse corpora of fewer than four documents, or leave such groups of a column out, and say so."""
    small = [name for name, size in zip(names, sizes, strict=True) if size < FEWEST]
    if small and by is None:
        size = next(size for size in sizes if size < FEWEST)
        raise InputError(f"a corpus must have at least {FEWEST} documents to be compared; {small[0]} has {size}")
    kept = sorted(size for size in sizes if size >= FEWEST)
    if len(kept) < 2:
        raise InputError(
            f"by={by!r} leaves {len(kept)} group(s) of at least {FEWEST} documents; two are needed to compare"
        )
    if small:
        warnings.warn(_too_small(small), SemspaceWarning, stacklevel=5)
    if len(kept) > MOST:
        raise InputError(f"at most {MOST} corpora can be compared at a time; got {len(kept)}: join or filter some")
    if kept[-1] > _UNEQUAL * kept[0]:
        warnings.warn(
            f"one corpus is {kept[-1] / kept[0]:.0f} times {'the other' if len(kept) == 2 else 'another'}; what the "
            "small one holds is hard to see",
            SemspaceWarning,
            stacklevel=5,
        )
    return tuple(size >= FEWEST for size in sizes)


def _has(space: Space, column: str) -> bool:
    return space.metadata is not None and column in space.metadata.columns


def _joined(
    names: tuple[str, ...],
    parts: list[tuple[Space, Rows]],
    groups: str | None,
    encoder: TextEncoder | None,
    planned: Mapping[str, Any],
) -> Samples:
    sizes = [len(rows) for _, rows in parts]
    of = np.repeat(np.arange(len(parts)), sizes)
    vectors = np.concatenate([queries.unit(np.asarray(space.vectors)[rows]) for space, rows in parts])
    ids = pl.Series("id", [id for space, rows in parts for id in space.ids[rows].tolist()], dtype=pl.String)
    facts = {
        "spaces": [space.fingerprint for space, _ in parts],
        "encoder": parts[0][0].provenance.get("made_by"),
        "sources": [dict(space.provenance) for space, _ in parts],
        **planned,
    }
    units = None if groups is None else _units(names, [(space.metadata, rows) for space, rows in parts], of, groups)
    return Samples(names, ids, vectors, of, _texts(names, parts), units, encoder, facts)


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


def _units(names: tuple[str, ...], parts: Sequence[tuple[pl.DataFrame | None, Rows]], of: Rows, groups: str) -> Rows:
    """Return of what unit each document is."""
    columns = []
    for name, (table, rows) in zip(names, parts, strict=True):
        if table is None or groups not in table.columns:
            known = ", ".join(one for one in table.columns if one not in ("id", "text")) if table is not None else ""
            raise InputError(f"groups: there is no column {groups!r}; there are {known or 'none'} in {name}")
        values = table[groups].gather(rows).cast(pl.String)
        if values.null_count():
            raise InputError(
                f"groups: {values.null_count():,} documents of {name} have no {groups!r}; fill it, or filter"
            )
        columns.append(values)
    together = pl.concat(columns)
    codes: Rows = np.asarray(together.rank("dense").to_numpy(), np.int64) - 1
    homes = pl.DataFrame({"unit": together, "of": of}).unique().group_by("unit").len().filter(pl.col("len") > 1)
    if len(homes):
        raise InputError(
            f"groups: {homes['unit'].sort()[0]!r} has documents in more than one corpus; a group must be part of one "
            "corpus, as a book's paragraphs are"
        )
    for corpus, name in enumerate(names):
        count = len(np.unique(codes[of == corpus]))
        if count < FEWEST:
            raise InputError(
                f"a corpus must have at least {FEWEST} groups (different values of {groups!r}) to be compared; "
                f"{name} has {count}"
            )
    return codes
