"""What is going to be compared: planned and checked before anything is encoded, then encoded into `Samples`."""

from __future__ import annotations

import string
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from semspace import checks, queries
from semspace.clusters.describe import with_texts
from semspace.comparison.partition import partition
from semspace.comparison.samples import Samples
from semspace.errors import InputError, SemspaceWarning
from semspace.sentences.encoder import Encoder
from semspace.sentences.lazy_encoder import EncoderReference
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.text_encoder import TextEncoder
from semspace.types import Ints1d
from semspace.version import versions

MIN_DOCUMENTS = 4  # of a corpus, and groups of documents of a corpus
MAX_CORPORA = 40  # in one comparison
_UNBALANCED = 50  # times the size of the smallest corpus from which a warning says so
_MAX_NAMES = 10  # corpora that a warning names


@dataclass(frozen=True)
class Plan:
    """What is going to be compared: known before anything is encoded.

    Parameters
    ----------
    names : tuple of str
        The names of the corpora that are compared.
    is_compared : tuple of bool
        Which corpora, or parts of the one corpus, are large enough.
    n_documents : int
    facts : mapping
        How one corpus was divided, for the provenance.
    """

    names: tuple[str, ...]
    is_compared: tuple[bool, ...]
    n_documents: int
    facts: Mapping[str, Any]


def plan_samples(
    corpora: Sequence[Corpus | Space],
    *,
    by: str | None,
    bins: Any,
    groups: str | None,
    names: Sequence[str] | None,
    encoder: Encoder | None,
    spaces: Sequence[Space] | None,
    long_texts: str,
) -> Plan:
    """Return what is going to be compared, or raise `InputError`: before hours of encoding."""
    tables = [corpus.metadata for corpus in corpora]
    rows: Sequence[Ints1d] = [np.arange(len(corpus)) for corpus in corpora]
    all_names = tuple(names) if names is not None else _default_names(len(corpora))
    facts: dict[str, Any] = {}
    if by is not None:
        parts = partition(tables[0], by, bins)
        for note in parts.notes:
            warnings.warn(note, SemspaceWarning, stacklevel=4)
        tables, rows = [tables[0]] * len(parts.rows), parts.rows
        all_names = tuple(names) if names is not None else parts.names
        facts["by"] = {"column": by, "left_out": parts.left_out, "notes": list(parts.notes)}
    _check_encoders_of(corpora, encoder, spaces)
    _check_names(all_names, len(rows))
    is_compared = _check_sizes(all_names, [len(part) for part in rows], by)
    if by is not None and not all(is_compared):
        small = [number for number, compared in enumerate(is_compared) if not compared]
        facts["by"]["left_out"] += sum(len(rows[number]) for number in small)
        facts["by"]["notes"].append(_too_small_note([all_names[number] for number in small]))
    numbers = [number for number, compared in enumerate(is_compared) if compared]
    compared_names = tuple(all_names[number] for number in numbers)
    sizes = [len(rows[number]) for number in numbers]
    column_comes_later = (
        long_texts == "passages" and groups == "document" and any(isinstance(corpus, Corpus) for corpus in corpora)
    )
    if groups is not None and not column_comes_later:
        corpus_ids = np.repeat(np.arange(len(numbers)), sizes)
        _unit_ids(compared_names, [(tables[number], rows[number]) for number in numbers], corpus_ids, groups)
    return Plan(compared_names, is_compared, sum(sizes), facts)


def build_samples(
    corpora: Sequence[Corpus | Space],
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
    """Return the documents of corpora, encoded where they aren't yet; `plan` is that of the same arguments."""
    if plan is None:
        plan = plan_samples(
            corpora, by=by, bins=bins, groups=groups, names=names, encoder=encoder, spaces=spaces, long_texts=long_texts
        )
    used_encoder = _encoder_of(corpora, encoder)
    all_spaces = _spaces_of(corpora, spaces, used_encoder, long_texts, progress)
    _check_encoders([_encoder_facts(space) for space in all_spaces])
    if by is not None:
        parts = [(all_spaces[0], rows) for rows in partition(all_spaces[0].metadata, by, bins).rows]
    else:
        parts = [(space, np.arange(len(space))) for space in all_spaces]
    parts = [part for part, compared in zip(parts, plan.is_compared, strict=True) if compared]
    if groups is None and long_texts == "passages" and all(_has(space, "document") for space, _ in parts):
        groups = "document"
    return _join(plan, parts, groups, used_encoder or all_spaces[0].encoder)


# -- encoders -------------------------------------------------------------------------------------------------


def _encoder_of(corpora: Sequence[Corpus | Space], encoder: Encoder | None) -> Any:
    return encoder or next((space.encoder for space in corpora if isinstance(space, Space) and space.encoder), None)


def _encoder_facts(space: Space) -> tuple[str | None, int | None]:
    return (space.encoder.fingerprint[:8] if space.encoder else None), space.dim


def _check_encoders_of(
    corpora: Sequence[Corpus | Space], encoder: Encoder | None, spaces: Sequence[Space] | None
) -> None:
    facts = [_encoder_facts(space) for space in corpora if isinstance(space, Space)]
    _check_encoders(facts)
    if spaces is None and any(isinstance(corpus, Corpus) for corpus in corpora):
        used_encoder = _encoder_of(corpora, encoder)
        if not isinstance(used_encoder, (Encoder, EncoderReference)):
            raise InputError(
                "compare needs encoder= (see Encoder.load) for a Corpus, or spaces= of the corpora, or Spaces in their "
                "place"
            )
        _check_encoders([*facts, (used_encoder.fingerprint[:8], None)])


def _check_encoders(facts: Sequence[tuple[str | None, int | None]]) -> None:
    """Raise `InputError` if encoders differ; of each, its fingerprint and dimensions (if known)."""
    for other in facts[1:]:
        first = facts[0]
        dims = first[1], other[1]
        dims_differ = None not in dims and dims[0] != dims[1]
        if dims_differ and None in (first[0], other[0]):
            raise InputError(
                f"all spaces must have the same number of dimensions; got {dims[0]} and {dims[1]}: encode all with "
                f"one encoder"
            )
        if dims_differ or first[0] != other[0]:
            detail = "" if None in dims else f", {dims[0]} and {dims[1]} dimensions"
            raise InputError(
                f"the two spaces come from different encoders ({first[0]} and {other[0]}{detail}), so their vectors "
                f"can't be compared; encode both with one encoder"
            )


def _spaces_of(
    corpora: Sequence[Corpus | Space],
    spaces: Sequence[Space] | None,
    encoder: TextEncoder | None,
    long_texts: str,
    progress: bool,
) -> list[Space]:
    """Return the space of each corpus, with its texts in the metadata."""
    if spaces is None:
        return [
            corpus if isinstance(corpus, Space) else _embed(corpus, encoder, long_texts, progress) for corpus in corpora
        ]
    with_all_texts = []
    for name, corpus, space in zip(_default_names(len(corpora)), corpora, spaces, strict=True):
        assert isinstance(corpus, Corpus)
        if corpus.ids.to_list() != space.ids.tolist():
            raise InputError(f"the ids of {name} and of its space differ; give the space made from that corpus")
        with_all_texts.append(with_texts(space, corpus))
    return with_all_texts


def _embed(corpus: Corpus, encoder: TextEncoder | None, long_texts: str, progress: bool) -> Space:
    assert isinstance(encoder, (Encoder, EncoderReference))
    space = encoder.embed(corpus, long_texts=long_texts, progress=progress)
    return space if _has(space, "text") else with_texts(space, corpus)


# -- names and sizes ------------------------------------------------------------------------------------------


def _default_names(count: int) -> tuple[str, ...]:
    letters = string.ascii_uppercase
    return tuple(letters[:count]) if count <= len(letters) else tuple(f"corpus {n}" for n in range(1, count + 1))


def _check_names(names: Sequence[str], count: int) -> None:
    if len(names) != count:
        raise InputError(f"names must be {count} strings, one for each corpus; got {len(names)}")
    if not all(name.strip() for name in names):
        raise InputError("names must not be empty; give each corpus a name")
    if len(set(names)) < len(names):
        repeated = next(name for name in names if list(names).count(name) > 1)
        raise InputError(f"names must differ; {repeated!r} comes more than once")


def _too_small_note(names: Sequence[str]) -> str:
    others = " and others" if len(names) > _MAX_NAMES else ""
    return f"left out for having fewer than {MIN_DOCUMENTS} documents: {', '.join(names[:_MAX_NAMES])}{others}"


def _check_sizes(names: tuple[str, ...], sizes: Sequence[int], by: str | None) -> tuple[bool, ...]:
    """Return which corpora are large enough; parts of one corpus may be too small, and a warning says so.

    Raises
    ------
    InputError
        If a corpus is too small, fewer than two parts are large enough, or there are too many.
    """
    small = [name for name, size in zip(names, sizes, strict=True) if size < MIN_DOCUMENTS]
    if small and by is None:
        size = next(size for size in sizes if size < MIN_DOCUMENTS)
        raise InputError(f"a corpus must have at least {MIN_DOCUMENTS} documents to be compared; {small[0]} has {size}")
    compared = sorted(size for size in sizes if size >= MIN_DOCUMENTS)
    if len(compared) < 2:
        raise InputError(
            f"by={by!r} leaves {len(compared)} group(s) of at least {MIN_DOCUMENTS} documents; two are needed"
        )
    if small:
        warnings.warn(_too_small_note(small), SemspaceWarning, stacklevel=5)
    if len(compared) > MAX_CORPORA:
        raise InputError(
            f"at most {MAX_CORPORA} corpora can be compared at a time; got {len(compared)}: join or filter some"
        )
    if compared[-1] > _UNBALANCED * compared[0]:
        warnings.warn(
            f"one corpus is {compared[-1] / compared[0]:.0f} times {'the other' if len(compared) == 2 else 'another'}; "
            "differences of the small one are hard to detect",
            SemspaceWarning,
            stacklevel=5,
        )
    return tuple(size >= MIN_DOCUMENTS for size in sizes)


# -- documents ------------------------------------------------------------------------------------------------


def _has(space: Space, column: str) -> bool:
    return space.metadata is not None and column in space.metadata.columns


def _join(plan: Plan, parts: list[tuple[Space, Ints1d]], groups: str | None, encoder: TextEncoder | None) -> Samples:
    corpus_ids = np.repeat(np.arange(len(parts)), [len(rows) for _, rows in parts])
    vectors = np.concatenate([queries.unit(np.asarray(space.vectors)[rows]) for space, rows in parts])
    ids = pl.Series("id", [id for space, rows in parts for id in space.ids[rows].tolist()], dtype=pl.String)
    facts = {
        "spaces": [space.fingerprint for space, _ in parts],
        "encoder": parts[0][0].provenance.get("made_by"),
        "sources": [dict(space.provenance) for space, _ in parts],
        "versions": versions("numpy", "scipy", "scikit-learn"),
        **plan.facts,
    }
    tables = [(space.metadata, rows) for space, rows in parts]
    units = None if groups is None else _unit_ids(plan.names, tables, corpus_ids, groups)
    return Samples(plan.names, ids, vectors, corpus_ids, _texts(plan.names, parts), units, encoder, facts)


def _texts(names: tuple[str, ...], parts: list[tuple[Space, Ints1d]]) -> pl.Series | None:
    have_texts = [_has(space, "text") and space.metadata.schema["text"] == pl.String for space, _ in parts]  # type: ignore[union-attr]
    if not any(have_texts):
        return None
    if not all(have_texts):
        warnings.warn(
            f"{names[have_texts.index(False)]} has vectors only and no texts, so words and copies can't be compared; "
            f"give the corpora with spaces=",
            SemspaceWarning,
            stacklevel=6,
        )
        return None
    texts = pl.concat([space.metadata["text"].gather(rows) for space, rows in parts])  # type: ignore[index]
    missing = texts.null_count()
    if missing:
        warnings.warn(
            f"{missing:,} of {len(texts):,} documents have no text; only their vectors are compared",
            SemspaceWarning,
            stacklevel=6,
        )
    return texts.fill_null("").alias("text")


def _unit_ids(
    names: tuple[str, ...], tables: Sequence[tuple[pl.DataFrame | None, Ints1d]], corpus_ids: Ints1d, groups: str
) -> Ints1d:
    """Return the unit of each document: the number of its value in the column `groups`."""
    columns = []
    for name, (table, rows) in zip(names, tables, strict=True):
        if table is None or groups not in table.columns:
            known = () if table is None else table.columns
            raise InputError(f"{checks.missing_column('groups', groups, known)} in {name}")
        values = table[groups].gather(rows).cast(pl.String)
        if values.null_count():
            raise InputError(
                f"groups: {values.null_count():,} documents of {name} have no {groups!r}; fill it, or filter"
            )
        columns.append(values)
    values = pl.concat(columns)
    unit_ids: Ints1d = np.asarray(values.rank("dense").to_numpy(), np.int64) - 1
    pairs = pl.DataFrame({"unit": values, "corpus": corpus_ids}).unique()
    shared = pairs.group_by("unit").len().filter(pl.col("len") > 1)
    if len(shared):
        raise InputError(
            f"groups: {shared['unit'].sort()[0]!r} has documents in more than one corpus; a group must be part of one "
            "corpus, as a book's paragraphs are"
        )
    for corpus, name in enumerate(names):
        count = len(np.unique(unit_ids[corpus_ids == corpus]))
        if count < MIN_DOCUMENTS:
            raise InputError(
                f"a corpus must have at least {MIN_DOCUMENTS} groups (different values of {groups!r}) to be compared; "
                f"{name} has {count}"
            )
    return unit_ids
