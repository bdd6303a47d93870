"""`Phrases` and `PhraseModel`: detecting collocations, and joining them into one word (``new_york``)."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from semspace import checks, threads
from semspace.bundle import Bundle, create_bundle
from semspace.deprecation import renamed_method
from semspace.display import html_table, text_table
from semspace.errors import InputError
from semspace.files import PathLike
from semspace.peer_names import answers_peer_attributes, answers_peer_parameters
from semspace.text.corpus import Corpus
from semspace.text.tokens import Tokens, as_tokens
from semspace.types import Bools1d, Doubles1d, Int32s1d, Ints1d

if TYPE_CHECKING:
    from semspace.text.phrase_kernel import PairCounts

KIND = "phrasebook"
# Connector words of English: articles, prepositions and conjunctions. The set is gensim's.
ENGLISH = frozenset(
    {"a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with", "without"}
)
_SCHEMA = {"phrase": pl.String, "count": pl.Int64, "score": pl.Float64, "pass": pl.Int64, "parts": pl.List(pl.String)}
_COLUMNS = ("phrase", "count", "score")
_SHOWN = 10


@answers_peer_attributes
@answers_peer_parameters
@dataclass(frozen=True, kw_only=True)
class Phrases:
    """Detects collocations: pairs of words that occur together more often than expected by chance.

    It has the parameters of gensim's `Phrases` and finds the same phrases.

    Parameters
    ----------
    min_count : int
        Minimum count of a phrase; the default score also discounts counts by it.
    threshold : float
        Pairs with a higher score are phrases: above 0 for ``"default"``, in [-1, 1] for ``"npmi"``.
    scoring : {"default", "npmi"}
        ``"default"`` is equation 6 of Mikolov et al. 2013 (arXiv 1310.4546) times the size of the vocabulary:
        ``(count(ab) - min_count) * vocabulary / (count(a) * count(b))``, where the vocabulary is all words and all
        pairs. ``"npmi"`` is normalised pointwise mutual information (Bouma 2009): 1 for words that only occur together,
        0 for independent words.
    connector_words : set of str, or "english"
        Words that may be inside a phrase (``bank_of_america``) but neither begin nor end it.
    passes : int
        Each pass joins the words and phrases of the previous one: two passes find phrases of up to four words, not
        counting connector words.
    delimiter : str
        String between the words of a phrase. Words may contain it; if a phrase is spelled like a word of the text, they
        become one word.
    max_vocabulary : int
        Maximum number of distinct pairs while counting, of 27 to 54 bytes each. Beyond it the rarest are dropped, which
        the provenance records under ``forgotten``.
    threads : int, optional
        Maximum number of threads; by default all cores. The phrases don't depend on it.

    Notes
    -----
    Differences from gensim: a pair is two words, not a string, so words that contain the delimiter are counted as they
    are, while gensim's `export_phrases` splits them; and when memory is full, only pairs are dropped, never words, and
    only after blocks of four million words.

    Examples
    --------
    >>> import semspace as ss
    >>> corpus = ss.Corpus.from_texts(["new york is big", "i love new york", "is new york new"])
    >>> tokens = ss.Tokens.from_corpus(corpus)
    >>> model = ss.Phrases(min_count=1, threshold=1.5).train(tokens)
    >>> model
    PhraseModel of 1 phrase
    phrase    count  score
    new_york      3  2.167
    >>> joined = model.apply(tokens)
    >>> [[joined.words[i] for i in document] for document in joined.documents()]
    [['new_york', 'is', 'big'], ['i', 'love', 'new_york'], ['is', 'new_york', 'new']]
    """

    min_count: int = 5
    threshold: float = 10.0
    scoring: str = "default"
    connector_words: Collection[str] = frozenset()
    passes: int = 1
    delimiter: str = "_"
    max_vocabulary: int = 40_000_000
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("min_count", "passes", "max_vocabulary"):
            checks.whole(name, getattr(self, name))
        checks.choice("scoring", self.scoring, ("default", "npmi"))
        _check_threshold(self.threshold, self.scoring)
        _check_delimiter(self.delimiter)
        if self.threads is not None:
            checks.whole("threads", self.threads)
        object.__setattr__(self, "connector_words", _connectors(self.connector_words))

    def train(self, text: Corpus | Tokens | Iterable[Iterable[str]], *, progress: bool = True) -> PhraseModel:
        """Return the phrases of a text.

        Parameters
        ----------
        text : Corpus, Tokens, or lists of words
            As for `Word2Vec.train`. Keep rare words in tokens: dropping them makes words neighbours that aren't.
        progress : bool
            Show a progress bar with the time left, in a terminal or a notebook.

        Returns
        -------
        PhraseModel
            Empty if no score is above `threshold`.
        """
        with threads.limited(self.threads):
            return self._train(as_tokens(text, progress=progress), progress=progress)

    def _train(self, tokens: Tokens, *, progress: bool) -> PhraseModel:
        settings = {**asdict(self), "connector_words": sorted(self._connectors)}
        del settings["threads"]  # they don't change the result
        facts = {"made_by": "Phrases", "trainer": settings, "text": dict(tokens.provenance), "words": len(tokens)}
        frames: list[pl.DataFrame] = []
        passes: list[dict[str, int]] = []
        for number in range(1, self.passes + 1):
            if frames:
                tokens = _joined(tokens, frames[-1], self._connectors)
            pairs = _pairs(tokens, self._connectors, self.max_vocabulary, progress=progress)
            frames.append(self._chosen(pairs, tokens, number))
            passes.append({"vocabulary": pairs.vocabulary, "forgotten": pairs.forgotten, "phrases": len(frames[-1])})
            if not len(frames[-1]):
                break
        return PhraseModel(pl.concat(frames), self._connectors, self.delimiter, {**facts, "passes": passes})

    @property
    def _connectors(self) -> frozenset[str]:
        return ENGLISH if self.connector_words == "english" else frozenset(self.connector_words)

    def _chosen(self, pairs: PairCounts, tokens: Tokens, number: int) -> pl.DataFrame:
        """Return a table of the pairs that are phrases, best first."""
        enough = np.flatnonzero(pairs.counts >= self.min_count)
        enough = enough[np.argsort(pairs.keys[enough])]  # a fixed order for phrases that are equal in all else
        runs, first, second = pairs.parts(enough)
        counts = pairs.counts[enough]
        scores = self._scores(pairs, pairs.words[first], pairs.words[second], counts, len(tokens))
        is_phrase = scores > self.threshold
        words, (numbered, run) = tokens.vocabulary["word"], np.unique(runs[is_phrase], return_inverse=True)
        between = [[words[word] for word in pairs.run(which)] for which in numbered.tolist()]
        frame = pl.DataFrame(
            {
                "first": words.gather(first[is_phrase]),
                "between": pl.Series(between, dtype=pl.List(pl.String)).gather(run),
                "last": words.gather(second[is_phrase]),
                "count": counts[is_phrase],
                "score": scores[is_phrase],
            }
        )
        parts = pl.concat_list("first", "between", "last")
        phrase = parts.list.join(self.delimiter)
        frame = frame.with_columns(parts=parts, phrase=phrase, **{"pass": pl.lit(number, pl.Int64)})
        return _sorted(frame.select(_SCHEMA.keys()))

    def _scores(self, pairs: PairCounts, first: Ints1d, last: Ints1d, pair_counts: Ints1d, total: int) -> Doubles1d:
        if self.scoring == "npmi":
            from semspace.text.phrase_kernel import npmi_scores

            scores: Doubles1d = npmi_scores(first, last, pair_counts, float(total))
            return scores
        return (pair_counts - self.min_count) / (first.astype(np.float64) * last) * pairs.vocabulary


@dataclass(frozen=True, eq=False, repr=False)
class PhraseModel:
    """The phrases of a text; created by `Phrases.train`.

    Parameters
    ----------
    phrases : polars.DataFrame
        Columns ``phrase``, ``count``, ``score``, ``pass`` (its number, from 1) and ``parts``, the joined words,
        of which all but the first and the last are connector words.
    connector_words : frozenset of str
    delimiter : str
    """

    phrases: pl.DataFrame
    connector_words: frozenset[str] = frozenset()
    delimiter: str = "_"
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.phrases, pl.DataFrame) or dict(self.phrases.schema) != _SCHEMA:
            raise InputError(f"phrases must be a polars frame with the columns {', '.join(_SCHEMA)}; see Phrases.train")
        _check_delimiter(self.delimiter)
        parts = self.phrases["parts"]
        if not ((parts.list.len() > 1) & parts.list.eval(pl.element().is_not_null()).list.all()).all():
            raise InputError("the parts of a phrase must be at least two words, without nulls; see Phrases.train")

    def __len__(self) -> int:
        """Return the number of phrases."""
        return len(self.phrases)

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with ``phrase``, ``count`` and ``score``, best first."""
        return _sorted(self.phrases).select(_COLUMNS)

    table = renamed_method("table", "to_frame")

    def apply(self, text: Corpus | Tokens | Iterable[Iterable[str]]) -> Tokens:
        """Return the tokens of a text, any text, with its phrases joined.

        Documents are read from left to right and phrases joined where they are met, as in gensim: in "new york times"
        with the phrases new_york and york_times, the first one is joined. Words are matched by spelling.

        Parameters
        ----------
        text : Corpus, Tokens, or lists of words
            As for `Word2Vec.train`.

        Returns
        -------
        Tokens
            With a new vocabulary, in which phrases are words, and words that only occur in phrases are left out. If
            there is nothing to join, the tokens are unchanged.
        """
        joined = tokens = as_tokens(text)
        for number in self.phrases["pass"].unique().sort():
            joined = _joined(joined, self.phrases.filter(pl.col("pass") == number), self.connector_words)
        if joined is tokens:
            return tokens
        phrase_facts = {"phrases": len(self), "joined": len(tokens) - len(joined), "book": dict(self.provenance)}
        return Tokens(joined.ids, joined.offsets, joined.vocabulary, {**tokens.provenance, "phrases": phrase_facts})

    def _title(self) -> str:
        more = f", the best {_SHOWN}" if len(self) > _SHOWN else ""
        return f"PhraseModel of {len(self):,} phrase{'' if len(self) == 1 else 's'}{more}"

    def __repr__(self) -> str:
        rows = self.to_frame().head(_SHOWN).rows()
        return f"{self._title()}\n{text_table(_COLUMNS, rows)}" if rows else self._title()

    def _repr_html_(self) -> str:
        return html_table(_COLUMNS, self.to_frame().head(_SHOWN).rows(), caption=self._title())

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory; see `semspace.save`."""
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            draft.meta.update(
                count=len(self),
                connector_words=sorted(self.connector_words),
                delimiter=self.delimiter,
                provenance=dict(self.provenance),
            )
            draft.table("phrases", self.phrases)


def read_bundle(bundle: Bundle) -> PhraseModel:
    """Return the phrases that an opened bundle holds."""
    meta = bundle.meta
    connectors = frozenset(meta.texts("connector_words"))
    phrases = bundle.table("phrases", _SCHEMA)
    return PhraseModel(phrases, connectors, meta.text("delimiter"), meta.mapping("provenance"))


def _sorted(phrases: pl.DataFrame) -> pl.DataFrame:
    return phrases.sort(["score", "count", "phrase"], descending=[True, True, False], maintain_order=True)


def _pairs(tokens: Tokens, connectors: frozenset[str], max_pairs: int, *, progress: bool) -> PairCounts:
    from semspace.text.phrase_kernel import count_pairs

    return count_pairs(*_text(tokens, connectors), max_pairs, progress=progress)


def _joined(tokens: Tokens, phrases: pl.DataFrame, connectors: frozenset[str]) -> Tokens:
    """Return tokens with the phrases of one pass joined, and new word ids."""
    from semspace.text.phrase_kernel import count_ids, join_phrases, renumber

    word_ids = _numbers(tokens, phrases)
    spelled = [[word_ids.get(word, -1) for word in parts] for parts in phrases["parts"].to_list()]
    usable = [min(numbers) >= 0 for numbers in spelled]
    text = _text(tokens, connectors)
    ids, offsets = join_phrases(*text, [numbers for numbers, use in zip(spelled, usable, strict=True) if use])
    if len(ids) == len(tokens):
        return tokens
    words = pl.concat([tokens.vocabulary["word"], phrases["phrase"].filter(pl.Series(usable)).alias("word")])
    counts = np.zeros(len(words), np.int64)
    count_ids(ids, counts)
    vocabulary, numbers = _vocabulary(words, counts)
    renumber(ids, numbers)
    for array in (ids, offsets):
        array.setflags(write=False)
    return Tokens(ids, offsets, vocabulary, tokens.provenance)


def _text(tokens: Tokens, connectors: frozenset[str]) -> tuple[Int32s1d, Ints1d, Bools1d]:
    """Return the arguments of the kernels: ids, offsets, and which words are connectors."""
    connects = tokens.vocabulary["word"].is_in(list(connectors)).to_numpy()
    # Read-only plain arrays, not copied: the kernels are compiled for this type.
    return checks.frozen(np.asarray(tokens.ids)), checks.frozen(np.asarray(tokens.offsets)), connects


def _numbers(tokens: Tokens, phrases: pl.DataFrame) -> dict[str, int]:
    """Return the ids of the words that occur in phrases."""
    needed = phrases["parts"].explode().unique().alias("word").to_frame()
    rows = tokens.vocabulary.select("word").with_row_index("id").join(needed, on="word", how="semi")
    return dict(zip(rows["word"].to_list(), rows["id"].to_list(), strict=True))


def _vocabulary(words: pl.Series, counts: Ints1d) -> tuple[pl.DataFrame, Int32s1d]:
    """Return the sorted vocabulary, and the new id of each word (0 for words that don't occur)."""
    frame = pl.DataFrame({"word": words, "count": counts})
    # A phrase may be spelled like a word of the text; grouping makes them one word.
    vocabulary = frame.filter(pl.col("count") > 0).group_by("word").agg(pl.col("count").sum())
    vocabulary = vocabulary.sort(["count", "word"], descending=[True, False])
    number = vocabulary.select("word", pl.int_range(pl.len(), dtype=pl.Int32).alias("number"))
    numbers = frame.join(number, on="word", how="left", maintain_order="left")["number"].fill_null(0)
    return vocabulary, np.array(numbers.to_numpy(), np.int32)


def _connectors(value: Any) -> Collection[str]:
    """Return connector words by name (``"english"``), or as a frozen set."""
    if isinstance(value, str):
        if value == "english":
            return value
        raise InputError(f"connector_words must be a set of words or 'english'; got {value!r}")
    try:
        words = list(value)
    except TypeError as problem:
        raise InputError(
            f"connector_words must be a set of words or 'english'; got {type(value).__name__}"
        ) from problem
    return frozenset(checks.strings("connector_words", words))


def _check_threshold(value: object, scoring: str) -> None:
    if scoring == "npmi":
        checks.number("threshold for scoring='npmi'", value, low=-1.0, high=1.0)
    elif math.isinf(checks.number("threshold", value, open_low=True)):
        raise InputError(f"threshold must be a finite number; got {value!r}")


def _check_delimiter(value: object) -> None:
    if not isinstance(value, str) or not value:
        raise InputError(f"delimiter must be a non-empty string; got {value!r}")
    checks.strings("delimiter", [value])
