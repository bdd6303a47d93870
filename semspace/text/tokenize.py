"""Text → words. The fast default is one regular expression run over whole columns in polars' Rust engine."""

from __future__ import annotations

import importlib.util
import pkgutil
import re
from functools import cache
from typing import Any, Protocol

import polars as pl

from semspace import checks
from semspace.errors import InputError, MissingExtraError
from semspace.text.normalization import (
    APOSTROPHES,
    GERSHAYIM,
    MIDDLE_DOTS,
    ZWJ,
    ZWNJ,
    canonical,
    character_class,
    lowered,
    normalized,
    plain,
)
from semspace.text.scripts import UNSPACED

_SPACED = rf"[\p{{L}}--[{''.join(UNSPACED)}]]"
_BEFORE, _AFTER = r"\x{E40}-\x{E44}\x{EC0}-\x{EC4}", r"\x{E30}\x{E32}\x{E33}\x{E45}\x{EB0}\x{EB2}\x{EB3}\x{EBD}"
_BASE = rf"[[\p{{L}}&&[{''.join(UNSPACED[3:])}]]--[{_BEFORE}{_AFTER}]]"
_INNER = f"['·{GERSHAYIM}{ZWNJ}{ZWJ}]"


def _words_of(letter: str) -> str:
    return rf"{letter}(?:\.{letter})+\b|{letter}[{letter}\p{{M}}]*(?:{_INNER}[{letter}\p{{M}}]+)*"


# Where spaces don't part words: a Chinese character or a hiragana; a run of katakana; a consonant of Thai, Lao, Khmer
# or Myanmar with all that is written around it.
UNSPACED_WORD = (
    r"[\p{L}&&[\p{Han}\p{Hiragana}]][\p{M}ー]*"
    r"|[\p{L}&&[\p{Katakana}ー]][[\p{L}&&[\p{Katakana}ー]]\p{M}]*"
    rf"|[{_BEFORE}]*{_BASE}(?:[\x{{17D2}}\x{{1039}}]{_BASE}|\p{{M}}|[{_AFTER}])*|[{_BEFORE}{_AFTER}]\p{{M}}*"
)
# A word is an abbreviation of single letters (u.s., e.g.), without its last stop; or a run of letters, with their
# marks, that may hold apostrophes, middle dots, gershayim or joiners inside (don't, l'été, col·lecció); or a number.
WORD = rf"{_words_of(_SPACED)}|{UNSPACED_WORD}|\p{{N}}+"
_WORD_OF_RUNS = _words_of(r"[\p{L}]") + r"|\p{N}+"


class Tokenizer(Protocol):
    """What splits texts into words."""

    name: str

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Return, for n texts, a polars Series of n lists of words."""
        ...


class FastTokenizer:
    """Lower-cased words and numbers by a regular expression, over a whole column at once.

    Of Chinese and Japanese it takes characters, of Thai, Lao, Khmer and Burmese syllables or parts of them.
    """

    name = "fast"

    def prepared(self, texts: pl.Series) -> pl.Series:
        """Return texts as their words are looked for: in one spelling, and in lower case."""
        return lowered(normalized(texts))

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Return, for n texts, n lists of words."""
        return _extracted(self.prepared(texts), WORD)


class CasedTokenizer(FastTokenizer):
    """As `FastTokenizer`, but upper and lower case stay."""

    name = "cased"

    def prepared(self, texts: pl.Series) -> pl.Series:
        """Return texts as their words are looked for: in one spelling."""
        return normalized(texts)


class IcuTokenizer(FastTokenizer):
    """As `FastTokenizer`, but words of Chinese, Japanese, Thai, Lao, Khmer and Burmese are found by ICU's dictionaries.

    ICU (https://icu.unicode.org) comes with icu4py.
    """

    name = "icu"

    def __init__(self) -> None:
        checks.need("icu4py", "icu")

    def prepared(self, texts: pl.Series) -> pl.Series:
        """Return texts as their words are looked for: in one spelling, in lower case, with spaces between words."""
        texts = super().prepared(texts)
        places = texts.str.contains(rf"[{''.join(UNSPACED)}]").fill_null(False).arg_true()
        if plain(texts) or not len(places):
            return texts
        parted = pl.Series([_parted(text) for text in texts.gather(places)], dtype=pl.String)
        result: pl.Series = texts.clone().scatter(places, parted)
        return result

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Return, for n texts, n lists of words."""
        return _extracted(self.prepared(texts), _WORD_OF_RUNS)


class WhitespaceTokenizer:
    """What stands between white space, as it is, but in canonical form (NFC): for texts that are tokenised already."""

    name = "whitespace"

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Return, for n texts, n lists of words."""
        return canonical(texts).str.extract_all(r"\S+")


class SpacyTokenizer:
    """The rules of spaCy's blank pipeline of a language, lower-cased, without spaces and punctuation."""

    def __init__(self, language: str) -> None:
        self.name = f"spacy:{language}"
        self._rules = _spacy_rules(language)

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Return, for n texts, n lists of words."""
        words = [
            [token.lower_ for token in document if not (token.is_space or token.is_punct)]
            for document in self._rules.pipe(normalized(texts))
        ]
        return pl.Series(texts.name, words, dtype=pl.List(pl.String))


# What spaCy's tokenizers of some languages need besides.
_SPACY_NEEDS = {
    "ja": "sudachipy sudachidict_core",
    "ko": "natto-py (and mecab-ko with its dictionary, from your system)",
    "th": "pythainlp",
    "vi": "pyvi",
    "zh": "jieba",
}
_OF_ICU = frozenset({"ja", "km", "lo", "my", "th", "zh"})


def _spacy_rules(language: str) -> Any:
    """Return spaCy's tokenizer of a language; of Chinese, the one that finds words."""
    spacy = checks.need("spacy", "spacy")
    known = _spacy_languages()
    if language not in known:
        near = checks.nearest_spellings(language, known) or [code for code in known if code == language[:2].lower()]
        hint = f"did you mean {', '.join(near)}?" if near else "use a code such as en, de, fr, zh"
        raise InputError(f"spaCy has no language {language[:80]!r}; {hint}{_or_icu(language)}")
    chinese = language == "zh"
    if chinese and importlib.util.find_spec("jieba") is None:
        raise MissingExtraError(
            f"spaCy takes single characters for words of Chinese unless jieba is installed: "
            f"pip install jieba{_or_icu(language)}"
        )
    config = {"nlp": {"tokenizer": {"segmenter": "jieba"}}} if chinese else {}
    try:
        return spacy.blank(language, config=config).tokenizer
    except ImportError as problem:
        needed = _SPACY_NEEDS.get(language)
        remedy = f"pip install {needed}" if needed else str(problem).partition("\n")[0]
        raise MissingExtraError(
            f"spaCy's tokenizer of {language!r} needs a package more: {remedy}{_or_icu(language)}"
        ) from problem


def _or_icu(language: str) -> str:
    return "; or pip install 'semspace[icu]' and use 'icu'" if language in _OF_ICU else ""


def _spacy_languages() -> list[str]:
    languages = importlib.import_module("spacy.lang")
    return [module.name for module in pkgutil.iter_modules(languages.__path__) if module.ispkg]


class ListTokenizer:
    """Lists of words, as they are, but in canonical form (NFC)."""

    name = "lists"

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Return n lists of words."""
        return texts


TOKENIZERS: dict[str, type[FastTokenizer | WhitespaceTokenizer]] = {
    "fast": FastTokenizer,
    "icu": IcuTokenizer,
    "whitespace": WhitespaceTokenizer,
}


def get_tokenizer(spec: str | Tokenizer = "fast") -> Tokenizer:
    """Return the tokenizer meant by ``"fast"``, ``"icu"``, ``"whitespace"`` or ``"spacy:LANG"``, or a tokenizer itself.

    Examples
    --------
    >>> import polars as pl
    >>> get_tokenizer("fast")(pl.Series(["Don't panic: 42 towels!"])).to_list()
    [["don't", 'panic', '42', 'towels']]
    >>> get_tokenizer("whitespace")(pl.Series(["attack_nn be_vb New_York"])).to_list()
    [['attack_nn', 'be_vb', 'New_York']]
    """
    if not isinstance(spec, str):
        if callable(spec) and isinstance(getattr(spec, "name", None), str):
            return spec
        raise InputError(f"{_ALLOWED}, or a function of a polars Series with a name; got {type(spec).__name__}")
    if spec in TOKENIZERS:
        return TOKENIZERS[spec]()
    kind, _, language = spec.partition(":")
    if kind == "spacy" and language:
        return SpacyTokenizer(language)
    raise InputError(f"{_ALLOWED}; got {spec[:80]!r}")


_ALLOWED = "tokenizer must be 'fast', 'icu', 'whitespace' or 'spacy:LANG' (for example 'spacy:en')"


def best_tokenizer() -> FastTokenizer:
    """Return the tokenizer that finds the most: ICU's where icu4py is installed, else the fast one.

    They only differ where scripts without spaces are met.
    """
    return FastTokenizer() if importlib.util.find_spec("icu4py") is None else IcuTokenizer()


def _extracted(texts: pl.Series, words: str) -> pl.Series:
    """Take words out of prepared texts."""
    one_apostrophe = texts.str.replace_all(f"[{APOSTROPHES}]", "'")
    return one_apostrophe.str.replace_all(f"[{MIDDLE_DOTS}]", "·").str.extract_all(words)


def _parted(text: str) -> str:
    """Return a text with spaces between the words of scripts without."""
    from icu4py.breakers import WordBreaker

    return _unspaced_runs().sub(lambda run: f" {' '.join(WordBreaker(run[0], 'en'))} ", text)


@cache
def _unspaced_runs() -> re.Pattern[str]:
    """Return the expression of runs of letters of scripts without spaces, for Python."""
    points = [*range(0xE00, 0x3400), *range(0x3400, 0xFFFF), *range(0x16F00, 0x34000)]
    characters = pl.Series([chr(point) for point in points if not 0xD800 <= point < 0xE000])
    own = characters.filter(characters.str.contains(rf"^[[\p{{L}}\p{{M}}]&&[{''.join(UNSPACED)}]]$"))
    return re.compile(f"[{character_class(map(ord, own))}]+")
