"""A warning where texts in other languages go to an encoder that was trained on English."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import polars as pl

from semspace.text.files import warn_user
from semspace.text.languages import SAMPLE, detect_language, language_name

_MIN_TEXTS = 20  # of fewer, shares say little
_MIN_FOUND = 3  # texts of the sample in a language; fewer may be mistakes
_MIN_SHARE = 0.01  # of the texts in all other languages together
_MIN_LETTERS = 20  # of a text in ASCII; shorter ones, such as single words, are in any language
_NAMED = 4  # languages in the warning
_MULTILINGUAL = ("paraphrase-multilingual-MiniLM-L12-v2", "intfloat/multilingual-e5-small")
# Names of models whose cards say that they were trained on English texts.
_ENGLISH = re.compile(
    r"(all-(minilm|mpnet|distilroberta|roberta)|multi-qa-|msmarco-|paraphrase-(minilm|mpnet|albert|distilroberta)"
    r"|(bge|gte|jina-embeddings)-.*\ben\b|e5-(small|base|large)|gte-(tiny|small|base|large)$|mxbai-embed-large"
    r"|nomic-embed-text-v1|snowflake-arctic-embed-(xs|s|m|l)$|potion-(base|retrieval)|average_word_embeddings_).*"
)


def is_english_only(name: str) -> bool:
    """Return whether an encoder of this name is known to be trained on English alone; False if nothing is known.

    Examples
    --------
    >>> [is_english_only(name) for name in ("all-MiniLM-L6-v2", "BAAI/bge-base-en", "intfloat/multilingual-e5-base")]
    [True, True, False]
    """
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2].lower()
    return "multilingual" not in last and _ENGLISH.match(last) is not None


def warn_of_languages(name: str, texts: pl.Series) -> None:
    """Warn if an encoder is known to read English only, and at least 1 % of the texts are in other languages.

    Parameters
    ----------
    name : str
        That of the encoder.
    texts : Series of String
        A sample of 1,000 is looked at.
    """
    if len(texts) < _MIN_TEXTS or not is_english_only(name):
        return
    rows = np.random.default_rng(0).choice(len(texts), min(SAMPLE, len(texts)), replace=False)
    sample = [text for text in texts.gather(np.sort(rows)) if not text.isascii() or len(text) >= _MIN_LETTERS]
    counts = Counter(map(detect_language, sample))
    found = {code: count for code, count in counts.most_common() if code not in (None, "en") and count >= _MIN_FOUND}
    share = sum(found.values()) / len(rows)
    if share < _MIN_SHARE:
        return
    named = [f"{language_name(str(code))} {count / len(rows):.0%}" for code, count in list(found.items())[:_NAMED]]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    warn_user(
        f"about {share:.0%} of the texts are in other languages than English ({', '.join(named)}{more}), and {name} "
        f"was trained on English: it groups and finds them badly. Load a model of many languages instead, such as "
        f"{_MULTILINGUAL[0]!r} or {_MULTILINGUAL[1]!r}"
    )
