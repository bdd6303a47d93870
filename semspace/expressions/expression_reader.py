"""Expressions as people write them: ``king - man + woman``, ``2 * "new york" - city``."""

from __future__ import annotations

import re
from collections.abc import Container

from semspace.display import clip
from semspace.errors import InputError
from semspace.expressions.expression import Expression

_SIGNS = {"+": 1.0, "-": -1.0, "−": -1.0, "–": -1.0}
_NEXT_SIGN = re.compile(rf"\s+(?=[{''.join(map(re.escape, _SIGNS))}])")
_WEIGHT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*[*×]\s*")
_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»", "'": "'", "‘": "’"}
_APOSTROPHES = "'‘"
_EXAMPLE = "write words joined by + and -, such as 'king - man + woman'"


def read_expression(text: str, known: Container[str], *, encodes: bool) -> Expression:
    """Return the expression that a text says.

    A ``+`` or ``-`` joins terms where whitespace is before it; inside a word it is part of the word, as in
    ``mother-in-law`` and ``c++``. A number and ``*`` before a term are its weight. Quotation marks around a term keep
    everything in them together.

    Parameters
    ----------
    text : str
    known : container of str
        The ids of the space. A term of several words that isn't among them, but is with ``_`` between its words
        (as phrases are written), is that id.
    encodes : bool
        Whether the space has an encoder, for which any other term is a text.
    """
    terms = list(_read(text))
    if not terms:
        raise InputError(f"the query is empty; {_EXAMPLE}")
    return Expression(tuple((weight, _as_known(name, known, encodes=encodes)) for weight, name in terms))


def _read(text: str) -> list[tuple[float, str]]:
    terms: list[tuple[float, str]] = []
    at, sign = 0, ""
    while (at := _after_spaces(text, at)) < len(text):
        if text[at] in _SIGNS:
            if sign:
                raise _unreadable(text, f"two signs follow each other, {sign} and {text[at]}")
            sign, at = text[at], at + 1
            continue
        if terms and not sign:
            raise _unreadable(text, f"a + or - is missing before {clip(text[at:], 30)!r}")
        weight, at = _weight(text, at)
        name, at = _name(text, at)
        if not name:
            raise _unreadable(text, "a term has no word")
        terms.append((weight * _SIGNS.get(sign, 1.0), name))
        sign = ""
    if sign:
        raise _unreadable(text, f"nothing follows the last {sign}")
    return terms


def _after_spaces(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _weight(text: str, at: int) -> tuple[float, int]:
    """Return the weight that begins at a position, 1 without one, and where it ends."""
    found = _WEIGHT.match(text, at)
    if not found:
        return 1.0, at
    weight = float(found[1])
    if not 0 < weight < float("inf"):
        raise _unreadable(text, f"the weight {found[1]} must be above 0")
    return weight, found.end()


def _name(text: str, at: int) -> tuple[str, int]:
    """Return the term that begins at a position, without its quotation marks, and where it ends."""
    if at < len(text) and text[at] in _QUOTES:
        end = _closing(text, at)
        if end >= 0:
            return text[at + 1 : end].strip(), end + 1
        if text[at] not in _APOSTROPHES:  # which also begin words, such as 'tis
            raise _unreadable(text, f"the quotation mark before {clip(text[at + 1 :], 30)!r} isn't closed")
    sign = _NEXT_SIGN.search(text, at)
    end = sign.start() if sign else len(text)
    return text[at:end].strip(), end


def _closing(text: str, at: int) -> int:
    """Return where the quotation mark at a position is closed, -1 if nowhere.

    What may be an apostrophe, too, is a quotation mark only if a term ends with it.
    """
    mark = _QUOTES[text[at]]
    end = text.find(mark, at + 1)
    while end >= 0 and text[at] in _APOSTROPHES and text[end + 1 :].strip() and not _NEXT_SIGN.match(text, end + 1):
        end = text.find(mark, end + 1)
    return end


def _as_known(name: str, known: Container[str], *, encodes: bool) -> str:
    """Return a term as an id of the space is spelled, or raise where a sign without spaces was meant."""
    if name in known:
        return name
    joined = "_".join(name.split())
    if joined in known:
        return joined
    parts = re.split(r"[+\-−–]", name)
    if not encodes and len(parts) > 1 and all(part in known for part in parts):
        spaced = re.sub(r"([+−–-])", r" \1 ", name)
        raise InputError(
            f"no point {clip(name, 40)!r} in this space; to add or subtract, write a space before the sign: {spaced!r}"
        )
    return name


def _unreadable(text: str, why: str) -> InputError:
    return InputError(f"the query {clip(text, 60)!r} can't be read: {why}; {_EXAMPLE}")
