"""Tokenizers: splitting texts into words. The default is one regular expression, run by polars over whole columns."""

from __future__ import annotations

import importlib.util
import pkgutil
import re
from functools import cache
from typing import Any, Protocol

import polars as pl

from semspace import checks, pools
from semspace.deprecation import renamed_function
from semspace.errors import InputError, MissingExtraError
from semspace.text.normalization import (
    APOSTROPHES,
    GERSHAYIM,
    MIDDLE_DOTS,
    ZWJ,
    ZWNJ,
    character_class,
    is_ascii,
    normalize_all,
    to_lowercase,
    to_nfc,
)
from semspace.text.scripts import UNSPACED

_SPACED = rf"[\p{{L}}--[{''.join(UNSPACED)}]]"
_BEFORE, _AFTER = r"\x{E40}-\x{E44}\x{EC0}-\x{EC4}", r"\x{E30}\x{E32}\x{E33}\x{E45}\x{EB0}\x{EB2}\x{EB3}\x{EBD}"
_BASE = rf"[[\p{{L}}&&[{''.join(UNSPACED[3:])}]]--[{_BEFORE}{_AFTER}]]"
_INNER = f"['·{GERSHAYIM}{ZWNJ}{ZWJ}]"


def _words_of(letter: str) -> str:
    return rf"{letter}(?:\.{letter})+\b|{letter}[{letter}\p{{M}}]*(?:{_INNER}[{letter}\p{{M}}]+)*"


# In scripts without spaces: a Chinese character or a hiragana; a run of katakana; a consonant of Thai, Lao, Khmer or
# Myanmar with the signs around it.
UNSPACED_WORD = (
    r"[\p{L}&&[\p{Han}\p{Hiragana}]][\p{M}ー]*"
    r"|[\p{L}&&[\p{Katakana}ー]][[\p{L}&&[\p{Katakana}ー]]\p{M}]*"
    rf"|[{_BEFORE}]*{_BASE}(?:[\x{{17D2}}\x{{1039}}]{_BASE}|\p{{M}}|[{_AFTER}])*|[{_BEFORE}{_AFTER}]\p{{M}}*"
)
# A word is an abbreviation of single letters (u.s., e.g.) without its last stop; or a run of letters and marks with
# apostrophes, middle dots, gershayim or joiners inside (don't, l'été, col·lecció); or a number.
WORD = rf"{_words_of(_SPACED)}|{UNSPACED_WORD}|\p{{N}}+"
_WORD_OF_RUNS = _words_of(r"[\p{L}]") + r"|\p{N}+"


class Tokenizer(Protocol):
    """A function that splits texts into words, with a name."""

    name: str

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Return, for n texts, a polars Series of n lists of words."""
        ...


class FastTokenizer:
    """Splits texts into lower-cased words and numbers by a regular expression.

    Chinese and Japanese are split into characters, Thai, Lao, Khmer and Burmese into syllables or parts of them.
    """

    name = "fast"

    def prepared(self, texts: pl.Series) -> pl.Series:
        """Return normalised, lower-cased texts."""
        return to_lowercase(normalize_all(texts))

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Return, for n texts, n lists of words."""
        pools.need_polars("splitting texts into words")
        return _extracted(self.prepared(texts), WORD)


class CasedTokenizer(FastTokenizer):
    """Splits texts like `FastTokenizer`, but keeps upper and lower case."""

    name = "cased"

    def prepared(self, texts: pl.Series) -> pl.Series:
        """Return normalised texts."""
        return normalize_all(texts)


class IcuTokenizer(FastTokenizer):
    """Splits texts like `FastTokenizer`, but finds words in scripts without spaces by ICU's dictionaries.

    These scripts are those of Chinese, Japanese, Thai, Lao, Khmer and Burmese. ICU (https://icu.unicode.org) comes
    with the package icu4py.
    """

    name = "icu"

    def __init__(self) -> None:
        checks.need("icu4py", "icu")

    def prepared(self, texts: pl.Series) -> pl.Series:
        """Return normalised, lower-cased texts with spaces between words."""
        texts = super().prepared(texts)
        places = texts.str.contains(rf"[{''.join(UNSPACED)}]").fill_null(False).arg_true()
        if is_ascii(texts) or not len(places):
            return texts
        parted = pl.Series([_parted(text) for text in texts.gather(places)], dtype=pl.String)
        result: pl.Series = texts.clone().scatter(places, parted)
        return result

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Return, for n texts, n lists of words."""
        return _extracted(self.prepared(texts), _WORD_OF_RUNS)


class WhitespaceTokenizer:
    """Splits texts at white space and changes nothing but the Unicode form (NFC): for texts tokenised already."""

    name = "whitespace"

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Return, for n texts, n lists of words."""
        return to_nfc(texts).str.extract_all(r"\S+")


class SpacyTokenizer:
    """Splits texts by spaCy's rules for a language, into lower-cased words without punctuation."""

    def __init__(self, language: str) -> None:
        self.name = f"spacy:{language}"
        self._rules = _spacy_rules(language)

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Return, for n texts, n lists of words."""
        words = [
            [token.lower_ for token in document if not (token.is_space or token.is_punct)]
            for document in self._rules.pipe(normalize_all(texts))
        ]
        return pl.Series(texts.name, words, dtype=pl.List(pl.String))


# Packages that spaCy's tokenizers of some languages need.
_SPACY_NEEDS = {
    "ja": "sudachipy sudachidict_core",
    "ko": "natto-py (and mecab-ko with its dictionary, from your system)",
    "th": "pythainlp",
    "vi": "pyvi",
    "zh": "jieba",
}
_OF_ICU = frozenset({"ja", "km", "lo", "my", "th", "zh"})


def _spacy_rules(language: str) -> Any:
    """Return spaCy's tokenizer of a language; for Chinese, the one that finds words."""
    spacy = checks.need("spacy", "spacy")
    languages = _spacy_languages()
    if language not in languages:
        near = checks.nearest_spellings(language, languages) or [
            code for code in languages if code == language[:2].lower()
        ]
        hint = f"did you mean {', '.join(near)}?" if near else "use a code such as en, de, fr, zh"
        raise InputError(f"spaCy has no language {language[:80]!r}; {hint}{_or_icu(language)}")
    chinese = language == "zh"
    if chinese and importlib.util.find_spec("jieba") is None:
        raise MissingExtraError(
            f"spaCy splits Chinese into single characters unless jieba is installed: "
            f"pip install jieba{_or_icu(language)}"
        )
    config = {"nlp": {"tokenizer": {"segmenter": "jieba"}}} if chinese else {}
    try:
        return spacy.blank(language, config=config).tokenizer
    except ImportError as problem:
        needed = _SPACY_NEEDS.get(language)
        remedy = f"pip install {needed}" if needed else str(problem).partition("\n")[0]
        raise MissingExtraError(
            f"spaCy's tokenizer of {language!r} needs another package: {remedy}{_or_icu(language)}"
        ) from problem


def _or_icu(language: str) -> str:
    return "; or pip install 'semspace[icu]' and use 'icu'" if language in _OF_ICU else ""


def _spacy_languages() -> list[str]:
    languages = importlib.import_module("spacy.lang")
    return [module.name for module in pkgutil.iter_modules(languages.__path__) if module.ispkg]


class ListTokenizer:
    """Returns lists of words unchanged, for texts that are lists already."""

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
    """Return a tokenizer by name (``"fast"``, ``"icu"``, ``"whitespace"``, ``"spacy:LANG"``), or a given one itself.

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


tokenizer = renamed_function("tokenizer", get_tokenizer)


def best_tokenizer() -> FastTokenizer:
    """Return ICU's tokenizer if icu4py is installed, else the fast one.

    They differ only for scripts without spaces.
    """
    return FastTokenizer() if importlib.util.find_spec("icu4py") is None else IcuTokenizer()


def _extracted(texts: pl.Series, words: str) -> pl.Series:
    """Return the lists of words in prepared texts."""
    one_apostrophe = texts.str.replace_all(f"[{APOSTROPHES}]", "'")
    return one_apostrophe.str.replace_all(f"[{MIDDLE_DOTS}]", "·").str.extract_all(words)


def _parted(text: str) -> str:
    """Return a text with spaces between words, also in scripts without spaces."""
    from icu4py.breakers import WordBreaker

    return unspaced_runs().sub(lambda run: f" {' '.join(WordBreaker(run[0], 'en'))} ", text)


@cache
def unspaced_runs() -> re.Pattern[str]:
    """Return Python's regular expression for runs of letters of scripts without spaces."""
    points = [*range(0xE00, 0x3400), *range(0x3400, 0xFFFF), *range(0x16F00, 0x34000)]
    characters = pl.Series([chr(point) for point in points if not 0xD800 <= point < 0xE000])
    unspaced = characters.filter(characters.str.contains(rf"^[[\p{{L}}\p{{M}}]&&[{''.join(UNSPACED)}]]$"))
    return re.compile(f"[{character_class(map(ord, unspaced))}]+")
