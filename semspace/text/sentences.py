"""Sentence segmentation by punctuation and line breaks, without a model, for any script.

A sentence ends

* at . ! ? or … (with closing quotes or brackets) before white space, unless a lower-case letter follows, or the stop
  belongs to a title (Dr.), an initial, "e.g.", a number at the beginning of a line, or "No.", "Fig." and similar before
  a number; in a text without capitals, lower-case letters begin sentences, too;
* at the sentence marks of other scripts (。！？؟।።။ and more), with or without a space;
* at an empty line; and at the end of every line, unless lines are broken in the middle of sentences, which shows in a
  line that begins with a lower-case letter without an end mark before it.

Thai and Lao have no sentence marks; there, only line ends are used.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import numpy as np
import polars as pl

from semspace.text.normalization import character_class
from semspace.types import Ints1d

_ENDS = ".!?…"
# Marks that end a sentence wherever they stand (Sentence_Terminal of Unicode, those in use).
_OWN_ENDS = "。！？｡؟۔।॥။។៕።፧།༎։᙮᠃᱾꓿"
_CLOSING = r"\"'”’»)\]」』）】》〉"
_OPENING = r"\"'“‘«„(\[¿¡「『（【《〈"
_GOES_ON = r"\-–—&,;:/|*=+<>"  # characters that no sentence begins with
_TITLES = (
    "Mr|Mrs|Ms|Mx|Dr|Prof|Rev|Hon|St|Ste|Mt|Gen|Col|Maj|Capt|Cmdr|Lt|Sgt|Gov|Sen|Rep|Pres|Supt|Messrs|Mme|Mlle|Hr|Sr|Sra"
    "|Srta|Dra|vs|cf|[Vv]iz|ca|approx|vgl|bzw|[Ee]\\.g|[Ii]\\.e|z\\. ?B|d\\. ?h|u\\. ?a|т\\. ?е|т\\. ?д|г|ул|им"
)
_NUMBERED = "[Nn]os?|Nr|[Ff]igs?|[Ee]qs?|[Ss]ec|[Cc]h|[Vv]ols?|pp?|[Aa]rt|Abb|Tab|Kap|Bd|S|№"
_MONTHS = (
    "Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|[Jj]anuar|[Ff]ebruar"
    "|[Mm]arts|[Aa]pril|[Mm]aj|[Jj]uni|[Jj]uli|[Aa]ugust|[Oo]ktober|[Nn]ovember|[Dd]ecember"
)
_CASED, _WRAPPED, _SMALL = range(3)  # kinds of texts: usual ones, with wrapped lines, without capitals


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text, without white space at their ends.

    Examples
    --------
    >>> split_sentences("It rained, i.e. much. The river rose! (Nobody slept.) Dr. Who left at 5 p.m. in a box.")
    ['It rained, i.e. much.', 'The river rose!', '(Nobody slept.)', 'Dr. Who left at 5 p.m. in a box.']
    >>> split_sentences("今天很好。我们去公园！“好。”他说。")
    ['今天很好。', '我们去公园！', '“好。”', '他说。']
    """
    return [text[start:end] for start, end in sentence_spans(text)]


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the sentences of a text as ranges of its characters; none is blank.

    Examples
    --------
    >>> sentence_spans("One.  Two?")
    [(0, 4), (6, 10)]
    """
    lead = len(text) - len(text.lstrip())
    text = text.strip()
    masked = _masked(text)
    ends = [match.end(match.lastindex or 0) for match in _ends_of(_kind(text)).finditer(masked)]
    ranges = []
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        part = text[start:end]
        if sentence := part.strip():
            first = lead + start + len(part) - len(part.lstrip())
            ranges.append((first, first + len(sentence)))
    return ranges


def sentence_counts(texts: pl.Series) -> Ints1d:
    """Return the number of sentences of each text as `sentence_spans` finds them, at least 1, for a whole column.

    Examples
    --------
    >>> import polars as pl
    >>> sentence_counts(pl.Series(["One, e.g. this. Two! (Three?)", "one. two", "これは一つ。二つ。"])).tolist()
    [3, 2, 2]
    """
    texts = texts.str.strip_chars()
    wrapped = texts.str.contains(_wrapped(r"\p{Ll}"))
    small = ~texts.str.contains(r"\p{Lu}") & texts.str.contains(r"\p{Ll}")
    masked = texts
    for pattern, replacement in _masks(r"\p{Lu}"):
        masked = masked.str.replace_all(pattern, replacement.replace("\\1", "${1}").replace("\\2", "${2}"))
    kind = small.cast(pl.Int8) * _SMALL + (wrapped & ~small).cast(pl.Int8) * _WRAPPED
    counts = np.ones(len(texts), np.int64)
    for line_kind in (_CASED, _WRAPPED, _SMALL):
        rows = (kind == line_kind).fill_null(False).arg_true()
        counts[rows.to_numpy()] += masked.gather(rows).str.count_matches(_boundary(line_kind, r"\p{Ll}")).to_numpy()
    return counts


# The expressions are the same for Python and for Rust, which has no lookaround: so a boundary includes the next
# character, and Python alone gets a lookbehind, to be fast in a megabyte of marks.


def _boundary(kind: int, small: str, back: str = "") -> str:
    character = rf"[^\s{_ENDS}{_OWN_ENDS}]"
    begins = character if kind == _SMALL else rf"[^\s{_ENDS}{_OWN_ENDS}{small}{_OPENING}{_GOES_ON}]"
    opening = "" if kind == _SMALL else f"[{_OPENING}]*"
    line = r"\n[^\S\n]*\n|\x{2029}" if kind == _WRAPPED else r"[\n\r\x0b\x0c\x85\x{2028}\x{2029}]"
    parts = (
        rf"{back.format(_ENDS)}([{_ENDS}]+[{_CLOSING}]*)\s+{opening}{begins}",
        rf"{back.format(_OWN_ENDS)}([{_OWN_ENDS}][{_OWN_ENDS}{_ENDS}]*[{_CLOSING}]*)\s*[^\s{_CLOSING}{_OWN_ENDS}{_ENDS}]",
        rf"([!?][{_CLOSING}]*|．[{_CLOSING}]*)\s*[\x{{3040}}-\x{{30ff}}\x{{3400}}-\x{{9fff}}]",
        rf"()(?:{line})\s*{character}",
    )
    return "|".join(parts)


def _masks(capital: str) -> tuple[tuple[str, str], ...]:
    """Return expressions for stops that don't end a sentence, and replacements of the same length."""
    return (
        (rf"(\b(?:{_TITLES}|[{capital}]))\.", r"\1 "),
        (rf"(\b(?:{_NUMBERED}))\.(\s*\d)", r"\1 \2"),
        (rf"(\b\d\d?)\.(\s+(?:{_MONTHS})\b)", r"\1 \2"),
        (r"((?:^|[\n\r])[ \t]*\d{1,3})\.(\s)", r"\1 \2"),
    )


def _wrapped(small: str) -> str:
    return rf"[^\s{_ENDS}{_OWN_ENDS}{_CLOSING}:;]\r?\n[^\S\n]*[{small}]"


def _kind(text: str) -> int:
    if not _python(f"[{_letters('Lu')}]").search(text) and _python(f"[{_letters('Ll')}]").search(text):
        return _SMALL
    return _WRAPPED if _python(_wrapped(_letters("Ll"))).search(text) else _CASED


def _masked(text: str) -> str:
    for pattern, replacement in _masks(_letters("Lu")):
        text = _python(pattern).sub(replacement, text)
    return text


def _ends_of(kind: int) -> re.Pattern[str]:
    return _python(_boundary(kind, _letters("Ll"), back="(?<![{}])"))


@cache
def _python(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\x\{(\w+)\}", lambda match: f"\\u{int(match[1], 16):04x}", pattern))


@cache
def _letters(category: str) -> str:
    return character_class(p for p in range(0x1F000) if unicodedata.category(chr(p)) == category)
