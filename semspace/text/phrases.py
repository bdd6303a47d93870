"""`Phrases`: learns which neighbouring words belong together, and joins them into one word (``new_york``)."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, threads
from semspace.bundle import Bundle, PathLike, writing
from semspace.deprecation import renamed_method
from semspace.display import html_table, text_table
from semspace.errors import InputError
from semspace.text.corpus import Corpus
from semspace.text.tokens import Tokens, as_tokens

if TYPE_CHECKING:
    from semspace.text.phrase_kernel import Pairs

KIND = "phrasebook"
# Words that belong to a phrase only inside it: articles, prepositions and conjunctions. The set is gensim's, so that a
# phrase here is a phrase there.
ENGLISH = frozenset(
    {"a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with", "without"}
)
_SCHEMA = {"phrase": pl.String, "count": pl.Int64, "score": pl.Float64, "pass": pl.Int64, "parts": pl.List(pl.String)}
_COLUMNS = ("phrase", "count", "score")
_SHOWN = 10
_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """Collocations: pairs of words that come together more often than chance would bring them.

    The parameters are those of gensim's `Phrases`, and so are the phrases found.

    Parameters
    ----------
    min_count : int
        Pairs seen fewer times are no phrases; the default score is also lowered by it.
    threshold : float
        Pairs that score higher are phrases: above 0 for ``"default"``, in [-1, 1] for ``"npmi"``.
    scoring : {"default", "npmi"}
        ``"default"`` is equation 6 of Mikolov et al. 2013 (arXiv 1310.4546) times the size of the vocabulary:
        ``(count(ab) - min_count) * vocabulary / (count(a) * count(b))``, where the vocabulary is all words and all
        pairs. ``"npmi"`` is normalised pointwise mutual information (Bouma 2009): 1 for words that never come apart,
        0 for words that don't mind each other.
    connector_words : set of str, or "english"
        Words that may stand inside a phrase (``bank_of_america``) but neither begin nor end it.
    passes : int
        Each pass joins what the one before has joined: two give phrases of up to four words, not counting connectors.
    delimiter : str
        What stands between the words of a phrase. A word may hold it already; if a phrase is spelled like a word of
        the text, they become one word.
    max_vocabulary : int
        Distinct pairs held while counting, of 27 to 54 bytes each. Beyond it the rarest are forgotten, and
        the provenance says so under ``forgotten``.
    threads : int, optional
        Maximum number of threads; by default all cores. The phrases don't depend on it.

    Notes
    -----
    What differs from gensim: a pair is two words, not a spelling, so words that hold the delimiter already are counted
    as they are, where gensim's `export_phrases` takes them apart; and where memory is full, pairs are forgotten after
    blocks of four million words, and words never are.

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
        """Find the phrases of a text.

        Parameters
        ----------
        text : Corpus, Tokens, or lists of words
            As `Word2Vec.train` takes it. Tokens with rare words are better than without: where they are left out, words
            become neighbours that aren't.
        progress : bool
            Show a bar with words a second and time left, in a terminal or a notebook.

        Returns
        -------
        PhraseModel
            Empty if no pair scores high enough.
        """
        with threads.limited(self.threads):
            return self._train(as_tokens(text, progress=progress), progress=progress)

    def _train(self, tokens: Tokens, *, progress: bool) -> PhraseModel:
        settings = {**asdict(self), "connector_words": sorted(self._connectors)}
        del settings["threads"]  # they don't change the result
        facts = {"made_by": "Phrases", "trainer": settings, "text": dict(tokens.provenance), "words": len(tokens)}
        found: list[pl.DataFrame] = []
        seen: list[dict[str, int]] = []
        for number in range(1, self.passes + 1):
            if found:
                tokens = _joined(tokens, found[-1], self._connectors)
            pairs = _pairs(tokens, self._connectors, self.max_vocabulary, progress=progress)
            found.append(self._chosen(pairs, tokens, number))
            seen.append({"vocabulary": pairs.vocabulary, "forgotten": pairs.forgotten, "phrases": len(found[-1])})
            if not len(found[-1]):
                break
        return PhraseModel(pl.concat(found), self._connectors, self.delimiter, {**facts, "passes": seen})

    @property
    def _connectors(self) -> frozenset[str]:
        return ENGLISH if self.connector_words == "english" else frozenset(self.connector_words)

    def _chosen(self, pairs: Pairs, tokens: Tokens, number: int) -> pl.DataFrame:
        """Score the pairs and spell those that are phrases, best first."""
        enough = np.flatnonzero(pairs.counts >= self.min_count)
        enough = enough[np.argsort(pairs.keys[enough])]  # an order of their own, for phrases that are equal in all else
        runs, first, second = pairs.parts(enough)
        counts = pairs.counts[enough]
        scores = self._scores(pairs, pairs.words[first], pairs.words[second], counts, len(tokens))
        good = scores > self.threshold
        words, (numbered, run) = tokens.vocabulary["word"], np.unique(runs[good], return_inverse=True)
        between = [[words[word] for word in pairs.run(which)] for which in numbered.tolist()]
        frame = pl.DataFrame(
            {
                "first": words.gather(first[good]),
                "between": pl.Series(between, dtype=pl.List(pl.String)).gather(run),
                "last": words.gather(second[good]),
                "count": counts[good],
                "score": scores[good],
            }
        )
        parts = pl.concat_list("first", "between", "last")
        phrase = parts.list.join(self.delimiter)
        frame = frame.with_columns(parts=parts, phrase=phrase, **{"pass": pl.lit(number, pl.Int64)})
        return _sorted(frame.select(_SCHEMA.keys()))

    def _scores(
        self, pairs: Pairs, first: _Counts, last: _Counts, both: _Counts, total: int
    ) -> npt.NDArray[np.float64]:
        if self.scoring == "npmi":
            from semspace.text.phrase_kernel import npmi

            scores: npt.NDArray[np.float64] = npmi(first, last, both, float(total))
            return scores
        return (both - self.min_count) / (first.astype(np.float64) * last) * pairs.vocabulary


@dataclass(frozen=True, eq=False, repr=False)
class PhraseModel:
    """The phrases of a text; made by `Phrases.train`.

    Parameters
    ----------
    phrases : polars.DataFrame
        Columns ``phrase``, ``count``, ``score``, ``pass`` (1 for those of the first pass) and ``parts``, the words
        joined, of which all but the first and the last are connector words.
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
            raise InputError("the parts of a phrase must be two words or more, none missing; see Phrases.train")

    def __len__(self) -> int:
        """Give the number of phrases."""
        return len(self.phrases)

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with ``phrase``, ``count`` and ``score``, best first; equal scores go by count."""
        return _sorted(self.phrases).select(_COLUMNS)

    table = renamed_method("table", "to_frame")

    def apply(self, text: Corpus | Tokens | Iterable[Iterable[str]]) -> Tokens:
        """Join the phrases of a text, the one learnt from or another.

        A document is read from left to right, and a phrase is joined where it is met, as gensim does: in
        "new york times" with the phrases new_york and york_times, the first wins. Words are matched by spelling.

        Parameters
        ----------
        text : Corpus, Tokens, or lists of words
            As `Word2Vec.train` takes it.

        Returns
        -------
        Tokens
            With a new vocabulary: phrases are words, and words that no longer come by themselves are left out. If
            there is nothing to join, the tokens as they are.
        """
        joined = tokens = as_tokens(text)
        for number in self.phrases["pass"].unique().sort():
            joined = _joined(joined, self.phrases.filter(pl.col("pass") == number), self.connector_words)
        if joined is tokens:
            return tokens
        facts = {"phrases": len(self), "joined": len(tokens) - len(joined), "book": dict(self.provenance)}
        return Tokens(joined.ids, joined.offsets, joined.vocabulary, {**tokens.provenance, "phrases": facts})

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
        with writing(path, KIND, overwrite=overwrite) as draft:
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


def _pairs(tokens: Tokens, connectors: frozenset[str], most: int, *, progress: bool) -> Pairs:
    from semspace.text.phrase_kernel import count_pairs

    return count_pairs(*_text(tokens, connectors), most, progress=progress)


def _joined(tokens: Tokens, phrases: pl.DataFrame, connectors: frozenset[str]) -> Tokens:
    """Join the phrases of one pass, and number the words anew."""
    from semspace.text.phrase_kernel import join_phrases, renumber, tally

    known = _numbers(tokens, phrases)
    spelled = [[known.get(word, -1) for word in parts] for parts in phrases["parts"].to_list()]
    usable = [min(numbers) >= 0 for numbers in spelled]
    text = _text(tokens, connectors)
    ids, offsets = join_phrases(*text, [numbers for numbers, use in zip(spelled, usable, strict=True) if use])
    if len(ids) == len(tokens):
        return tokens
    words = pl.concat([tokens.vocabulary["word"], phrases["phrase"].filter(pl.Series(usable)).alias("word")])
    counts = np.zeros(len(words), np.int64)
    tally(ids, counts)
    vocabulary, numbers = _vocabulary(words, counts)
    renumber(ids, numbers)
    for array in (ids, offsets):
        array.setflags(write=False)
    return Tokens(ids, offsets, vocabulary, tokens.provenance)


def _text(tokens: Tokens, connectors: frozenset[str]) -> tuple[npt.NDArray[np.int32], _Counts, npt.NDArray[np.bool_]]:
    """Give what the kernel reads: ids, offsets, and which words connect."""
    connects = tokens.vocabulary["word"].is_in(list(connectors)).to_numpy()
    # Plain arrays, read-only and without copies: the kernel is compiled for these alone.
    return checks.frozen(np.asarray(tokens.ids)), checks.frozen(np.asarray(tokens.offsets)), connects


def _numbers(tokens: Tokens, phrases: pl.DataFrame) -> dict[str, int]:
    """Give the word ids, in a text, of the words that phrases are made of."""
    needed = phrases["parts"].explode().unique().alias("word").to_frame()
    rows = tokens.vocabulary.select("word").with_row_index("id").join(needed, on="word", how="semi")
    return dict(zip(rows["word"].to_list(), rows["id"].to_list(), strict=True))


def _vocabulary(words: pl.Series, counts: _Counts) -> tuple[pl.DataFrame, npt.NDArray[np.int32]]:
    """Sort words into a vocabulary, and give the new number of each; those that don't come get none (0)."""
    frame = pl.DataFrame({"word": words, "count": counts})
    # A phrase may be spelled like a word of the text: grouped, they are one word.
    vocabulary = frame.filter(pl.col("count") > 0).group_by("word").agg(pl.col("count").sum())
    vocabulary = vocabulary.sort(["count", "word"], descending=[True, False])
    number = vocabulary.select("word", pl.int_range(pl.len(), dtype=pl.Int32).alias("number"))
    numbers = frame.join(number, on="word", how="left", maintain_order="left")["number"].fill_null(0)
    return vocabulary, np.array(numbers.to_numpy(), np.int32)


def _connectors(value: Any) -> Collection[str]:
    """Return connector words as given by name, or as a frozen set."""
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
        raise InputError(f"delimiter must be a string that isn't empty; got {value!r}")
    checks.strings("delimiter", [value])
