"""The words by which a text is found: those of the fast tokenizer, and codes such as p53 and v2.3.1 as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from semspace.text.scripts import UNSPACED
from semspace.text.tokenize import FastTokenizer
from semspace.types import Ints1d

_LETTER = rf"[[\p{{L}}--[{''.join(UNSPACED)}]]\p{{M}}]"
_SIGN = rf"(?:{_LETTER}|\p{{N}})"
# Letters and numbers in one piece, with a number or an underscore among them: the tokenizer takes them apart.
CODE = rf"(?:{_LETTER}+[-_./:]?)*\p{{N}}{_SIGN}*(?:[-_./:]{_SIGN}+)*|{_SIGN}+(?:_{_SIGN}+)+"
_HAS_CODE = r"\p{N}|_"
_TOKENIZER = FastTokenizer()


def search_words(texts: pl.Series) -> tuple[pl.Series, Ints1d]:
    """Return the words of n texts, and for each word the number of its text; the order within a text is any.

    Chinese and Japanese are split into characters, Thai, Lao, Khmer and Burmese into syllables, so that a word is found
    whatever stands beside it. A code is found by its parts, too, and better as a whole.

    Examples
    --------
    >>> import polars as pl
    >>> words, numbers = search_words(pl.Series(["Is p53 old?", "", "COVID-19 in 2020"]))
    >>> words.to_list(), numbers.tolist()
    (['is', 'p', '53', 'old', 'covid', '19', 'in', '2020', 'p53', 'covid-19'], [0, 0, 0, 0, 2, 2, 2, 2, 0, 2])
    """
    texts = texts.fill_null("")
    words, numbers = _flat(_TOKENIZER(texts), np.arange(len(texts)))
    with_code = np.flatnonzero(texts.str.contains(_HAS_CODE).to_numpy())
    if not len(with_code):
        return words, numbers
    codes, code_numbers = _flat(_TOKENIZER.prepared(texts.gather(with_code)).str.extract_all(CODE), with_code)
    joined = ~codes.str.contains(r"^\p{N}+$").to_numpy()
    codes, code_numbers = codes.gather(np.flatnonzero(joined)), code_numbers[joined]
    return words.rename("").append(codes.rename("")), np.concatenate([numbers, code_numbers])


def query_words(queries: Sequence[str]) -> list[Counter[str]]:
    """Return the words of each of n queries, and how often it has them.

    Examples
    --------
    >>> query_words(["a cat, a dog"])
    [Counter({'a': 2, 'cat': 1, 'dog': 1})]
    """
    words, numbers = search_words(pl.Series(queries, dtype=pl.String))
    counted: list[Counter[str]] = [Counter() for _ in queries]
    for word, number in zip(words.to_list(), numbers.tolist(), strict=True):
        counted[number][word] += 1
    return counted


def _flat(lists: pl.Series, numbers: Ints1d) -> tuple[pl.Series, Ints1d]:
    """Return the words of n lists, one list after the other, and for each word the number of its list."""
    return lists.explode().drop_nulls(), np.repeat(numbers, lists.list.len().to_numpy().astype(np.int64))
