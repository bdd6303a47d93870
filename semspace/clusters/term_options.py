"""Which words and phrases may name groups: what a user asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from semspace import checks
from semspace.clusters.stop_words import checked_language, words_of
from semspace.errors import InputError
from semspace.text.normalization import spell

_MAX_NGRAM = 5  # words
_NEEDED = ("fit_transform", "get_feature_names_out")  # of a vectorizer
DEFAULT_LANGUAGES = ("english",)


@dataclass(frozen=True)
class TermOptions:
    """The options of terms.

    Parameters
    ----------
    languages : tuple of str
        Those whose stop words name no group.
    words : tuple of str
        More words and phrases that name none.
    ngrams : tuple of two int, optional
        The least and the largest number of words of a term; words and collocations by default.
    vectorizer : optional
        A vectorizer of scikit-learn, which decides alone.
    """

    languages: tuple[str, ...] = DEFAULT_LANGUAGES
    words: tuple[str, ...] = ()
    ngrams: tuple[int, int] | None = None
    vectorizer: Any = None

    @property
    def stop_words(self) -> frozenset[str]:
        """All words that name no group."""
        return frozenset(self.words).union(*(words_of(language) for language in self.languages))

    @property
    def are_default(self) -> bool:
        """Whether the user asked for nothing."""
        return self == TermOptions()

    def provenance(self) -> dict[str, Any]:
        """Return what a saved clustering remembers; a vectorizer can't be saved."""
        if self.are_default or self.vectorizer is not None:
            return {}
        ngrams = None if self.ngrams is None else list(self.ngrams)
        return {"terms": {"language": list(self.languages), "stop_words": list(self.words), "ngrams": ngrams}}

    @classmethod
    def from_provenance(cls, provenance: Mapping[str, Any]) -> TermOptions:
        """Return the options that `provenance` wrote."""
        saved = provenance.get("terms")
        return cls() if saved is None else term_options(saved["stop_words"], saved["language"], saved["ngrams"], None)


def term_options(
    stop_words: str | Sequence[str] | None,
    language: str | Sequence[str] | None,
    ngrams: tuple[int, int] | None,
    vectorizer: Any,
) -> TermOptions:
    """Check the parameters of `semspace.cluster` that concern names."""
    if vectorizer is not None:
        return _with_vectorizer(stop_words, language, ngrams, vectorizer)
    if isinstance(language, str):
        language = [language]
    languages = [] if language is None else checks.strings("language", language)
    names = [checked_language("language", name) for name in languages]
    words: list[str] = []
    if isinstance(stop_words, str):  # as in scikit-learn
        names.append(checked_language("stop_words", stop_words))
    elif stop_words is not None:
        words = [
            " ".join(spell(part.lower()) for part in word.split()) for word in checks.strings("stop_words", stop_words)
        ]
    return TermOptions(tuple(dict.fromkeys(names)), tuple(words), _checked_ngrams(ngrams))


def _checked_ngrams(ngrams: Any) -> tuple[int, int] | None:
    if ngrams is None:
        return None
    try:
        low, high = ngrams
    except (TypeError, ValueError) as problem:
        raise InputError(f"ngrams must be two numbers of words, such as (1, 2); got {ngrams!r:.40}") from problem
    low = checks.whole("the first of ngrams", low, high=_MAX_NGRAM)
    return low, checks.whole("the second of ngrams", high, low=low, high=_MAX_NGRAM)


def _with_vectorizer(stop_words: object, language: object, ngrams: object, vectorizer: Any) -> TermOptions:
    given = {"stop_words": stop_words, "ngrams": ngrams, "language": None if language == "english" else language}
    other = next((name for name, value in given.items() if value is not None), None)
    if other is not None:
        raise InputError(f"vectorizer and {other} both decide which words name groups; set {other} in the vectorizer")
    missing = next((name for name in _NEEDED if not callable(getattr(vectorizer, name, None))), None)
    if missing is not None or isinstance(vectorizer, type):
        got = f"the class {vectorizer.__name__}" if isinstance(vectorizer, type) else type(vectorizer).__name__
        raise InputError(
            f"vectorizer must be a vectorizer of scikit-learn, such as CountVectorizer(), with the methods "
            f"{' and '.join(_NEEDED)}; got {got}"
        )
    return TermOptions(vectorizer=vectorizer)
