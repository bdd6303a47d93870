"""Text → words. The fast default is one regular expression run over whole columns in polars' Rust engine."""

from __future__ import annotations

from typing import Protocol

import polars as pl

from semspace import checks
from semspace.errors import InputError

# A word is an abbreviation of single letters (u.s., e.g.), without its last stop; or a run of letters, with their
# marks, that may hold apostrophes inside (don't, l'été); or a number.
WORD = r"\p{L}(?:\.\p{L})+\b|[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*|\p{N}+"


class Tokenizer(Protocol):
    """What splits texts into words."""

    name: str

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Return, for n texts, a polars Series of n lists of words."""
        ...


class FastTokenizer:
    """Lower-cased words and numbers by a regular expression, over a whole column at once."""

    name = "fast"

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Return, for n texts, n lists of words."""
        return texts.str.to_lowercase().str.replace_all("’", "'", literal=True).str.extract_all(WORD)


class SpacyTokenizer:
    """The rules of spaCy's blank pipeline of a language, lower-cased, without spaces and punctuation."""

    def __init__(self, language: str) -> None:
        self.name = f"spacy:{language}"
        spacy = checks.need("spacy", "spacy")
        try:
            self._rules = spacy.blank(language).tokenizer
        except ImportError as problem:
            raise InputError(f"spaCy has no language {language!r}; use a code such as en, de, fr, zh") from problem

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Return, for n texts, n lists of words."""
        words = [
            [token.lower_ for token in document if not (token.is_space or token.is_punct)]
            for document in self._rules.pipe(texts)
        ]
        return pl.Series(texts.name, words, dtype=pl.List(pl.String))


def tokenizer(spec: str | Tokenizer = "fast") -> Tokenizer:
    """Give the tokenizer meant by ``"fast"``, ``"spacy:LANG"``, or a tokenizer itself.

    Examples
    --------
    >>> import polars as pl
    >>> tokenizer("fast")(pl.Series(["Don't panic: 42 towels!"])).to_list()
    [["don't", 'panic', '42', 'towels']]
    """
    if not isinstance(spec, str):
        return spec
    if spec == "fast":
        return FastTokenizer()
    kind, _, language = spec.partition(":")
    if kind == "spacy" and language:
        return SpacyTokenizer(language)
    raise InputError(f"tokenizer must be 'fast' or 'spacy:LANG' (for example 'spacy:en'); got {spec!r}")
