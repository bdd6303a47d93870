"""The section of the report on words that change their meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from semspace.comparison.contrasts.example_sentences import example_sentences
from semspace.comparison.pages.limits import CANDIDATES, EXAMPLE_SENTENCES, EXAMPLE_WORDS, TEXT_ROWS
from semspace.comparison.results import ComparisonResults
from semspace.comparison.tables import rows_of_words, shifted_words_table
from semspace.display import p_value, quoted
from semspace.report import Number, Prose, Section, Table
from semspace.statistics import ALPHA

_TITLE = "Which words change their meaning?"
_SENTENCE_WIDTH = 220  # characters of a sentence around its word


def shifted_words_sections(results: ComparisonResults, words: Sequence[str] | None = None) -> list[Section]:
    """Return the section on words that change their meaning, if they were looked for, with those that are asked for."""
    asked = None if words is None else rows_of_words(results, shifted_words_table(results), words)
    shifted = results.shifted_words
    if shifted is None:
        return []
    table = shifted.table
    if not len(table):
        return [Section(_TITLE, (Prose(shifted.note, strong=True),), _METHOD)]
    significant = table.filter(pl.col("q_value") < ALPHA)
    if table["q_value"].null_count() == len(table):
        statement, shown, caption = shifted.note, table.head(TEXT_ROWS), "The words that shifted furthest"
    elif len(significant):
        statement = f"{len(significant):,} of {_words_tested(table)} are used in significantly different contexts."
        shown, caption = significant.head(TEXT_ROWS), "Words used in significantly different contexts"
    else:
        statement = f"None of {_words_tested(table)} is used in significantly different contexts."
        shown, caption = table.head(CANDIDATES), "Candidates; none is statistically significant"
    blocks: list[Prose | Table] = [Prose(statement, strong=True), _table(results, shown, caption)]
    examples = shown["word"].head(EXAMPLE_WORDS)
    if asked is not None and len(asked):
        blocks.append(_table(results, asked, "The words that were asked for"))
        examples = asked["word"]
    blocks.append(_examples(results, examples.to_list()))
    return [Section(_TITLE, tuple(blocks), f"{shifted.note} {_METHOD}")]


def _words_tested(table: pl.DataFrame) -> str:
    return f"{len(table):,} words that both corpora use often"


def _table(results: ComparisonResults, words: pl.DataFrame, caption: str) -> Table:
    a, b = (quoted(name, 30) for name in results.names)
    rows = [
        (word, "" if q is None else Number(q, p_value(q)), in_a, in_b, shift, ", ".join(near_a), ", ".join(near_b))
        for word, q, in_a, in_b, shift, near_a, near_b in words.select(
            "word", "q_value", "count_a", "count_b", "shift", "nearest_a", "nearest_b"
        ).iter_rows()
    ]  # fmt: skip
    headers = ("word", "q-value", f"in {a}", f"in {b}", "shift", f"nearest in {a}", f"nearest in {b}")
    return Table(headers, rows, caption, limit=TEXT_ROWS)


def _examples(results: ComparisonResults, words: list[str]) -> Table:
    """Return sentences of both corpora that contain the first words of the table."""
    rows = [
        (word, corpus, id, _around(sentence, word, _SENTENCE_WIDTH))
        for word in words
        for corpus, id, sentence in example_sentences(results.samples, word, EXAMPLE_SENTENCES).iter_rows()
    ]
    caption = "Sentences that contain them; of any other word: example_sentences(word)"
    return Table(("word", "corpus", "id", "sentence"), rows, caption, limit=len(rows) or 1)


def _around(sentence: str, word: str, width: int) -> str:
    """Return the part of a long sentence around a word."""
    if len(sentence) <= width:
        return sentence
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", sentence, re.IGNORECASE)
    middle = (found.start() if found else max(sentence.lower().find(word), 0)) + len(word) // 2
    start = min(max(middle - width // 2, 0), len(sentence) - width)
    end, slack = start + width, width // 8  # characters that are left out, so that no word is cut
    first = sentence.find(" ", start, start + slack) if start else -1
    last = sentence.rfind(" ", end - slack, end) if end < len(sentence) else -1
    part = sentence[first if first >= 0 else start : last if last >= 0 else end].strip()
    return ("…" if start else "") + part + ("…" if end < len(sentence) else "")


_METHOD = (
    "A Word2Vec space was trained on each corpus and the two were aligned (Hamilton, Leskovec and Jurafsky 2016); a "
    "word's shift is 1 minus the cosine of its two vectors. Vectors trained twice are never the same (Dubossarsky, "
    "Weinshall and Grossman 2017), so each shift is compared with a null distribution: the shifts between random "
    "splits of both corpora. A different context isn't always another meaning: where two corpora are about different "
    "things, most words have somewhat different contexts."
)
