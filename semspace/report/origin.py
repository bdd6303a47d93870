"""Where a page comes from: its data, the model, the date and the version, in one line."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from semspace.display import clip
from semspace.errors import InputError
from semspace.version import __version__

_MAX_SOURCES = 4  # names of data on the page; the others are counted
_MAX_NAME = 60
_MAX_TITLE = 200


def origin(provenances: Iterable[Mapping[str, Any]], date: datetime.date | str | None = None) -> str:
    """Return a line that names the data and models of some spaces, the date, and the version of semspace.

    Parameters
    ----------
    provenances : iterable of mapping
        Of the spaces; what they don't record isn't named.
    date : date or str, optional
        The day that the page is written; today by default. An empty text leaves it out.

    Examples
    --------
    >>> origin([{"made_by": "my-model", "text": {"source": "texts/posts.csv"}}], "2026-11-29")[:71]
    'Data: posts.csv. Model: my-model. Written on 2026-11-29 by semspace 0.1'
    """
    known = list(provenances)
    sources = data_names(known)
    models = list(dict.fromkeys(clip(str(one["made_by"]), _MAX_NAME) for one in known if one.get("made_by")))
    day = written_date(date)
    parts = [f"Data: {_listed(sources)}."] if sources else []
    parts += [f"Model: {_listed(models)}."] if models else []
    parts.append(f"Written on {day} by semspace {__version__}." if day else f"Written by semspace {__version__}.")
    return " ".join(parts)


def data_names(provenances: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of the data that some spaces were made of: of a file its name, without its folder."""
    names = []
    for provenance in provenances:
        text = provenance.get("text", provenance)
        source = text.get("source") if isinstance(text, Mapping) else None
        if isinstance(source, str) and source:
            names.append(clip(PurePath(source).name or source, _MAX_NAME))
    return list(dict.fromkeys(names))


def written_date(date: datetime.date | str | None) -> str:
    """Return a date as text: today's where it is None."""
    if date is None:
        return datetime.date.today().isoformat()
    if isinstance(date, datetime.datetime):
        return date.date().isoformat()
    if isinstance(date, datetime.date):
        return date.isoformat()
    if isinstance(date, str):
        return date
    raise InputError(f"date must be a date or a text such as '2026-11-29'; got {type(date).__name__}")


def chosen_title(title: str | None, default: str) -> str:
    """Return the title that was given, or the default."""
    if title is None:
        return default
    if not isinstance(title, str) or not title.strip():
        raise InputError(f"title must be a text; got {title!r:.60}")
    return clip(title, _MAX_TITLE)


def _listed(names: list[str]) -> str:
    more = len(names) - _MAX_SOURCES
    return ", ".join(names[:_MAX_SOURCES]) + (f" and {more:,} more" if more > 0 else "")
