"""Unicode normalisation: one spelling for each word that Unicode can write in several ways.

Unified are: canonical equivalents (NFC); compatibility forms of letters and digits (ligatures, full and half
width, presentation forms of Arabic, radicals that stand for Chinese characters, mathematical alphabets, long s), but
neither superscripts nor fractions nor circled numbers, which have another meaning (10² isn't 102); invisible
characters (soft hyphens, word joiners, variation selectors, marks of direction, the Arabic tatweel); joiners where
they carry no meaning (UAX #31, section 2.3); the quotation marks that stand for Hebrew gershayim; and the two spellings
of Thai and Lao am and of Malayalam chillus. A zero width space separates words (UAX #29).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

import polars as pl

from semspace.text.scripts import UNSPACED

# Written as ' within a word: don’t, don´t and don`t are one word, and so are the spellings of п'ять and of Hawai'i.
APOSTROPHES = "'’‘‛`´′ʹʻʼ׳＇՚"
# Written as · within a word (Catalan col·lecció).
MIDDLE_DOTS = "·‧"
GERSHAYIM = "״"
ZWNJ, ZWJ = "\u200c", "\u200d"
_SPACED = rf"[\p{{L}}--[{''.join(UNSPACED)}]]"

# Default_Ignorable_Code_Point of Unicode, without joiners (see `_joiners`); and the tatweel.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u0640\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_FILLERS = "\u3164\uffa0"  # of Hangul: displayed as a space
# Tags of decompositions that keep a letter's identity.
_SAME_LETTER = frozenset(
    f"<{tag}>" for tag in ("compat", "font", "wide", "narrow", "initial", "medial", "final", "isolated", "square")
)
_RADICALS = "\u2e80"  # first of the radicals that stand for Chinese characters
_AM = "\u0e33\u0eb3"  # a letter in every dictionary of Thai and Lao
_JAMO = range(0x3131, 0x318F)  # single letters as in ㅋㅋㅋ, which aren't syllables
# Blocks with compatibility forms of letters and digits; others are skipped for speed.
_BLOCKS = (range(0x80, 0x3400), range(0xA000, 0xAC00), range(0xF900, 0x10000), range(0x10000, 0x20000))

_HEBREW = "\u05d0-\u05ea\u05ef-\u05f2\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
_QUOTES = '"״“”„‟＂'
# Letters of Arabic that join the next one; after the others a non-joiner is invisible.
_ARABIC = (
    "\u0620-\u063f\u0641-\u064a\u066e-\u066f\u0671-\u06d3\u06d5\u06ee\u06ef\u06fa-\u06ff\u0750-\u077f\u08a0-\u08c9"
)
_REACHING = (
    "\u0620\u0626\u0628\u062a-\u062e\u0633-\u063f\u0641-\u0647\u0649\u064a\u066e\u066f\u0678-\u0687\u069a-\u06bf"
    "\u06c1\u06c2\u06cc\u06ce\u06d0\u06d1\u06fa-\u06fc\u06ff\u0750-\u0758\u075c-\u076a\u076d-\u0770\u0772\u0775-\u0777"
    "\u077a-\u077f\u08a0-\u08a9\u08af\u08b0\u08b3-\u08b8\u08ba-\u08c8"
)
_CHILLUS = dict(zip("ണനരലളകത", "ൺൻർൽൾൿ\u09ce", strict=True)) | {"\u09a4": "\u09ce"}
_TWO_SPELLINGS = re.compile(
    "(?P<chillu>[ണനരലളക]\u0d4d\u200d|\u09a4\u09cd\u200d)"
    "|(?P<thai>\u0e4d(?P<tone>[\u0e48-\u0e4b]?)\u0e32)|(?P<lao>\u0ecd(?P<lao_tone>[\u0ec8-\u0ecb]?)\u0eb2)"
)
_ACRONYM = re.compile(rf'([{_HEBREW}]+)"([{_HEBREW}]+)(?![{_HEBREW}"])')


def normalize(text: str) -> str:
    r"""Return a text with each letter in one spelling and without invisible characters.

    Case, punctuation and spaces stay.

    Examples
    --------
    >>> normalize("cafe\u0301 Bundes\u00adtag ﬁne Ｗｏｒｄ 10²")
    'café Bundestag fine Word 10²'
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text.translate(_table()))
    text = _TWO_SPELLINGS.sub(_one_spelling, text)
    text = _joiners().sub(lambda match: match[1] or "", text)
    return _gershayim(text)


def spell(word: str) -> str:
    """Return a word as `FastTokenizer` spells it, except for case: normalised, with one kind of apostrophe and dot."""
    if word.isascii():
        return word.replace("`", "'")
    return normalize(word).translate(_inner())


def normalize_all(texts: pl.Series) -> pl.Series:
    """Return a Series of texts, each normalised by `normalize`."""
    if is_ascii(texts):
        return texts
    places = texts.str.contains(_pattern()).fill_null(False).arg_true()
    if not len(places):
        return texts
    changed = pl.Series([normalize(text) for text in texts.gather(places)], dtype=pl.String)
    result: pl.Series = texts.clone().scatter(places, changed)
    return result


def to_nfc(texts: pl.Series) -> pl.Series:
    """Return a Series of texts in canonical form (NFC)."""
    return texts if is_ascii(texts) else texts.str.normalize("NFC")


def is_ascii(texts: pl.Series) -> bool:
    """Check whether all texts are ASCII."""
    return bool(texts.str.len_bytes().sum() == texts.str.len_chars().sum())


def to_lowercase(texts: pl.Series) -> pl.Series:
    """Return normalised texts in lower case, in which the spelling of a word doesn't depend on its context.

    A capital İ becomes i without a combining dot, and a sigma is final exactly at the end of a word.
    """
    lower = texts.str.to_lowercase()
    if is_ascii(lower):
        return lower
    if lower.str.contains(r"\p{M}").any():  # some letters, as ǰ, are one character in lower case only
        lower = lower.str.replace_all("i\u0307", "i", literal=True).str.normalize("NFC")
    if lower.str.contains("[σς]").any():
        lower = lower.str.replace_all(rf"([{_SPACED}\p{{M}}])σ\b", "${1}ς")
        lower = lower.str.replace_all(rf"(^|[^{_SPACED}\p{{M}}])ς", "${1}σ")
    return lower


def character_class(points: Iterable[int]) -> str:
    """Return code points as the content of a character class, for Python's and for Rust's regular expressions."""
    runs: list[list[int]] = []
    for point in sorted(points):
        if runs and runs[-1][1] == point - 1:
            runs[-1][1] = point
        else:
            runs.append([point, point])
    return "".join(f"{_escaped(a)}-{_escaped(b)}" if a < b else _escaped(a) for a, b in runs)


def _escaped(point: int) -> str:
    return rf"\U{point:08x}"


def _one_spelling(match: re.Match[str]) -> str:
    if match["chillu"]:
        return _CHILLUS[match["chillu"][0]]
    return f"{match['tone']}\u0e33" if match["thai"] else f"{match['lao_tone']}\u0eb3"


def _gershayim(text: str) -> str:
    """Return a text in which the quotation marks within Hebrew acronyms, and no others, are gershayim.

    An acronym (צה"ל, ד"ר, מנכ"לית) has its mark before the last letter or a short ending; a quoted word after a prefix
    (ב"הארץ") has a second mark, or is longer.
    """
    if not any("\u05d0" <= letter <= "\u05f2" for letter in text):
        return text
    for quote in _QUOTES:
        text = text.replace(quote, '"')
    return _ACRONYM.sub(_acronym, text)


def _acronym(match: re.Match[str]) -> str:
    stem, ending = (sum(letter >= "\u05d0" for letter in part) for part in match.groups())
    mark = GERSHAYIM if ending == 1 or (stem > 1 and ending <= 3) else '"'
    return f"{match[1]}{mark}{match[2]}"


@cache
def _table() -> dict[int, str | None]:
    """Return the translation of single characters: compatibility forms to their letters, invisible ones to nothing."""
    letters = {point: _compatible(chr(point)) for block in _BLOCKS for point in block}
    table: dict[int, str | None] = {point: whole for point, whole in letters.items() if whole is not None}
    table |= dict.fromkeys(_points(_INVISIBLE))
    table |= dict.fromkeys(map(ord, _FILLERS), " ")
    return table | {ord("．"): "."}


def _compatible(letter: str) -> str | None:
    """Return the letters or digits that a compatibility form stands for, or None for other characters."""
    whole, parts = unicodedata.normalize("NFKC", letter), unicodedata.decomposition(letter)
    if whole == unicodedata.normalize("NFC", letter) or letter in _AM or ord(letter) in _JAMO:
        return None
    tag, _, first = parts.partition(" ")
    if tag == "<narrow>" and int(first, 16) in _JAMO:
        return chr(int(first, 16))
    kind, kinds = unicodedata.category(letter), [unicodedata.category(letter_of_whole) for letter_of_whole in whole]
    if not (kind[0] in "LM" or kind in ("Nl", "Nd") or (kind == "So" and letter >= _RADICALS)):
        return None
    if not (tag in _SAME_LETTER or not tag.startswith("<")):  # a superscript, a fraction, a number in a circle
        return None
    sound = all(
        category[0] in "LM" or letter_of_whole == "·" or category == kind == "Nd"
        for letter_of_whole, category in zip(whole, kinds, strict=True)
    )
    return whole if sound else None


@cache
def _inner() -> dict[int, str]:
    """Return the translation of apostrophes and middle dots within words to one of each."""
    return {**dict.fromkeys(map(ord, APOSTROPHES), "'"), **dict.fromkeys(map(ord, MIDDLE_DOTS), "·")}


@cache
def _joiners() -> re.Pattern[str]:
    """Return the regular expression for joiners; its first group is what stays.

    Joiners have a meaning next to a virama, and ZWNJ between Arabic letters that would join (UAX #31, A1, A2 and B).
    """
    virama = character_class(p for p in range(0x900, 0x11FFF) if unicodedata.combining(chr(p)) == 9)
    return re.compile(
        f"([{_REACHING}][\u064b-\u065f\u0670]*{ZWNJ}(?=[{ZWNJ}{ZWJ}]*[{_ARABIC}])"
        f"|[{virama}][{ZWNJ}{ZWJ}]|[{ZWNJ}{ZWJ}](?=[{virama}]))|[{ZWNJ}{ZWJ}]"
    )


@cache
def _pattern() -> str:
    """Return the regular expression for texts that `normalize` may change."""
    canonical = [letter for block in (*_BLOCKS, range(0x2F800, 0x2FA20)) for letter in map(chr, block)]
    points = set(_table()) | set(range(0x1100, 0x1200)) | set(map(ord, f"{ZWNJ}{ZWJ}{GERSHAYIM}\u0e4d\u0ecd"))
    for letter in canonical:
        if unicodedata.combining(letter) or unicodedata.normalize("NFC", letter) != letter:
            points.add(ord(letter))
        # The parts of a composed letter may occur separately.
        points.update(ord(part) for part in unicodedata.normalize("NFD", letter)[1:])
    return rf'[{character_class(points)}]|[{_HEBREW}]["“”„‟＂]'


def _points(inside: str) -> Iterable[int]:
    """Iterate over the code points of the content of a character class."""
    position = 0
    while position < len(inside):
        if inside[position + 1 : position + 2] == "-":
            yield from range(ord(inside[position]), ord(inside[position + 2]) + 1)
            position += 3
        else:
            yield ord(inside[position])
            position += 1
