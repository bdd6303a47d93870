"""`WordAverage`: one's own word vectors as an encoder of texts, by weighted averages (SIF)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.bundle import Bundle, Draft, digest
from semspace.deprecation import warn_renamed
from semspace.errors import InputError
from semspace.progress import Bar
from semspace.sentences.blocks import EncodedBlock, blocks_of
from semspace.sentences.encoder import Encoder, frozen
from semspace.sentences.pooling import UNLIMITED, direction_or_ones, offsets_of, settle
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.text.normalization import spell
from semspace.text.tokenize import (
    CasedTokenizer,
    FastTokenizer,
    ListTokenizer,
    Tokenizer,
    WhitespaceTokenizer,
    get_tokenizer,
)
from semspace.types import Floats1d, Floats2d

KIND = "word-average"
CASED = "cased"  # the fast way of splitting, without lower-casing: for words of other tools
_SENTENCE = 12  # words of a sentence, where its second moments are worked out from those of words
Frequencies = str | Mapping[str, float] | Sequence[float] | npt.NDArray[Any] | None


@frozen
@dataclass(frozen=True, eq=False, repr=False)
class WordAverage(Encoder):
    """Encodes a text as the average of its words' vectors, rare words first: SIF (Arora, Liang & Ma 2017).

    A word of probability p weighs ``a / (a + p)``, and the average loses its projection on the direction that all
    texts share. That direction is worked out once and then stays, so a text has one vector whatever its company.

    Parameters
    ----------
    words : Space
        Of words, from `Word2Vec` or another tool (`read_vectors`). Texts are split as its words were.
    a : float
        The smaller, the less frequent words weigh. The paper finds 1e-4 to 1e-3 good.
    frequencies : optional
        How often words come: a mapping from words (those not in it count as never seen), or numbers in the order of
        ``words.ids``. When None, the ``count`` in the metadata of `words`, which `Word2Vec` leaves there. ``"zipf"``
        guesses from the order of the words, the most frequent first: the r-th comes 1/r as often as the first.
    remove_common : bool
        Take the shared direction away, as the paper does. It pays for vectors that have much in common, as GloVe's
        (.600 rather than .586 on the STS Benchmark's test); those of our `Word2Vec` have little, and are better as
        they are (.550 rather than .519).
    common : ndarray of float32, shape (dim,), optional
        The shared direction. When None, the first principal component (not centred, as in the paper) of texts of
        twelve words drawn by their frequency, in closed form. `WordAverage.from_corpus` takes it from real texts.
    tokenizer : {"fast", "cased", "icu", "whitespace", "spacy:LANG"}, optional
        How texts are split. When None, as the provenance of `words` says; else ``"cased"`` if any word has a capital,
        and ``"fast"`` if none has.

    Notes
    -----
    Words that aren't in `words` are passed over. A text without any known word gets the average of all words, the
    same for all such texts, and a `SemspaceWarning` counts them. Words that `Phrases` joined are only met where the
    text has them joined.

    Raises
    ------
    InputError
        If it can't be told how often the words come.

    Examples
    --------
    >>> import semspace as ss
    >>> words = ss.Space.from_vectors(["the", "cat", "dog"], [[1, 1, 0], [0, 2, 0], [0, 0, 2]], {"count": [98, 1, 1]})
    >>> encoder = ss.WordAverage(words, a=0.01, remove_common=False)
    >>> encoder.encode(["cat", "the cat", "a cat, the dog"]).astype(float).round(2).tolist()
    [[0.0, 1.0, 0.0], [0.01, 0.51, 0.0], [0.0, 0.34, 0.33]]

    Human judgement is asked as of any encoder, of a task or a file such as the STS Benchmark's:

    >>> pairs = ss.evaluation.STS("pets", [("cat", "the cat", 5), ("cat", "dog", 0), ("the dog", "the cat", 2)])
    >>> ss.evaluate(encoder, pairs)
    task     metric    value  used  total  note
    pets     spearman  1.000     3      3
    """

    words: Space
    a: float = field(default=1e-3, kw_only=True)
    frequencies: Frequencies = field(default=None, kw_only=True)
    remove_common: bool = field(default=False, kw_only=True)
    common: Floats1d | None = field(default=None, kw_only=True)
    tokenizer: str | None = field(default=None, kw_only=True)
    name: str = field(default=KIND, init=False)
    dim: int = field(init=False)
    max_tokens: int = field(default=UNLIMITED, init=False)
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.words, Space):
            raise InputError(f"words must be a Space of words; got {type(self.words).__name__}")
        checks.number("a", self.a, open_low=True)
        checks.flag("remove_common", self.remove_common)
        self._set(dim=self.words.dim)
        self._set(frequencies=_frequencies(self.words, self.frequencies))
        self._set(tokenizer=_checked_tokenizer(self.words, self.tokenizer))
        if self.remove_common:
            given = _shared_direction(self) if self.common is None else self.common
            self._set(common=_unit_vector(given, self.dim))
        elif self.common is not None:
            raise InputError("common was given, and remove_common=False says not to use it; say remove_common=True")
        self._set(fingerprint=self._digest())

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _digest(self) -> str:
        arrays = [self._weights, *([] if self.common is None else [self.common])]
        facts = json.dumps([self.words.fingerprint, self.tokenizer, self.remove_common]).encode()
        return digest(facts, *(array.data.cast("B") for array in arrays))

    @classmethod
    def from_corpus(
        cls,
        words: Space,
        corpus: Corpus,
        *,
        a: float = 1e-3,
        frequencies: Frequencies = None,
        tokenizer: str | None = None,
    ) -> WordAverage:
        """Create an encoder whose shared direction is that of real texts.

        Parameters
        ----------
        words, a, frequencies, tokenizer
            See the class.
        corpus : Corpus
            Texts of the kind to be encoded. Those without known words are passed over.

        Raises
        ------
        InputError
            If no text has a known word.
        """
        if not isinstance(corpus, Corpus):
            raise InputError(f"from_corpus takes a Corpus of texts; got {type(corpus).__name__}: use Corpus.from_texts")
        plain = cls(words, a=a, frequencies=frequencies, remove_common=False, tokenizer=tokenizer)
        moments = np.zeros((plain.dim, plain.dim))
        texts = corpus.texts.to_list()
        for block in blocks_of(texts):
            vectors = plain._means(block).astype(np.float64)
            moments += vectors.T @ vectors
        if not moments.any():
            raise InputError(f"none of the {len(texts):,} texts has a word of the {len(words):,}; give other texts")
        return cls(
            words,
            a=a,
            frequencies=frequencies,
            remove_common=True,
            common=_first_component(moments).astype(np.float32),
            tokenizer=tokenizer,
        )

    @classmethod
    def fit(cls, words: Space, corpus: Corpus, **options: Any) -> WordAverage:
        """Call `from_corpus`, the name since version 0.2."""
        warn_renamed("WordAverage.fit()", "WordAverage.from_corpus()")
        return cls.from_corpus(words, corpus, **options)

    @cached_property
    def _weights(self) -> Floats1d:
        """``a / (a + p)`` for each word (the paper's equation 3)."""
        counts: Any = self.frequencies
        weights: Floats1d = checks.frozen((self.a / (self.a + counts / counts.sum())).astype(np.float32))
        return weights

    @cached_property
    def _places(self) -> dict[str, int]:
        words = self.words.ids.tolist()
        places = {word: place for place, word in enumerate(words)}
        # Words of other tools may be spelled in another form of Unicode than the texts are split into.
        for place, word in enumerate(words):
            if not word.isascii():
                places.setdefault(spell(word), place)
        return places

    @cached_property
    def _kernel_tables(self) -> tuple[npt.NDArray[np.int32], Floats1d]:
        """Row and weight of each word, and, last, of all words that aren't known."""
        rows = np.append(np.arange(len(self.words), dtype=np.int32), np.int32(-1))
        return rows, np.append(self._weights, np.float32(0))

    @cached_property
    def _elsewhere(self) -> Floats1d:
        """The vector of texts without a known word: the average of all words, each taken once."""
        from semspace.sentences.pool_kernel import without

        mean = np.zeros((1, self.dim), np.float32)
        mean[0] = self.words.vectors.mean(axis=0, dtype=np.float64)
        if self.common is not None:
            without(mean, self.common)
        return direction_or_ones(mean[0].astype(np.float64), scale=False)

    def _encode_block(self, texts: list[str], bar: Bar) -> EncodedBlock:
        """Encode up to a block of texts; none is ever cut."""
        from semspace.sentences.pool_kernel import without

        vectors = self._means(texts)
        if self.common is not None:
            without(vectors, self.common)
        unknown = settle(vectors, self._elsewhere, scale=False)
        bar.update(len(texts))
        return EncodedBlock(vectors, np.zeros(len(texts), np.bool_), unknown)

    def _means(self, texts: list[str]) -> Floats2d:
        """Give the weighted mean of each text's words, as it is before anything shared is taken away."""
        from semspace.sentences.pool_kernel import means

        split = self._split(pl.Series("text", texts, dtype=pl.String))
        offsets = offsets_of(split.list.len().to_numpy())
        places, unknown = self._places, len(self.words)
        found = [places.get(word, unknown) for word in split.explode().drop_nulls().to_list()]
        vectors = np.empty((len(texts), self.dim), np.float32)
        means(np.array(found, np.int32), offsets, *self._kernel_tables, self.words.vectors, vectors)
        return vectors

    @cached_property
    def _splitter(self) -> Any:
        return CasedTokenizer() if self.tokenizer == CASED else get_tokenizer(str(self.tokenizer))

    def _split(self, texts: pl.Series) -> pl.Series:
        split: pl.Series = self._splitter(texts)
        return split

    def __repr__(self) -> str:
        return f"WordAverage(dim={self.dim}, words={len(self.words):,}, a={self.a:g})"

    # -- on disk, inside the bundle of a space -----------------------------------------------------------

    def _write_into(self, draft: Draft, fingerprint: str) -> dict[str, Any]:
        """Write words and frequencies into the bundle of a space with this fingerprint; return its manifest entries.

        Words and their vectors are only written where they aren't those of the space.
        """
        shared = self.words.fingerprint == fingerprint
        draft.array("encoder-frequencies", np.asarray(self.frequencies))
        if self.common is not None:
            draft.array("encoder-common", self.common)
        if not shared:
            draft.array("encoder-word-vectors", self.words.vectors)
            draft.table("encoder-words", pl.DataFrame({"word": self.words.ids.tolist()}, schema={"word": pl.String}))
        settings = {"a": self.a, "remove_common": self.remove_common, "tokenizer": self.tokenizer}
        return {"kind": KIND, "words": "space" if shared else "own", "settings": settings}


def read_bundle(bundle: Bundle) -> WordAverage:
    """Read the encoder in the bundle of a space."""
    facts = bundle.meta.facts("space").facts("encoder")
    settings = facts.facts("settings")
    shared = facts.text("words") == "space"
    table, column, vectors = ("ids", "id", "vectors") if shared else ("encoder-words", "word", "encoder-word-vectors")
    names = bundle.table(table, {column: pl.String})[column]
    words = Space.from_vectors(names.to_list(), bundle.array(vectors, dtype=np.float32, shape=(len(names), None)))
    return WordAverage(
        words,
        frequencies=bundle.array("encoder-frequencies", dtype=np.float64, shape=(len(names),)),
        common=bundle.array("encoder-common", dtype=np.float32) if bundle.has("encoder-common.npy") else None,
        a=settings.number("a", low=0),
        remove_common=settings.flag("remove_common"),
        tokenizer=settings.text("tokenizer"),
    )


def _frequencies(words: Space, given: Frequencies) -> npt.NDArray[np.float64]:
    if given is None:
        given = _counts(words)
    if isinstance(given, str):
        checks.choice("frequencies", given, ("zipf",))
        given = 1 / np.arange(1, len(words) + 1)
    elif isinstance(given, Mapping):
        given = [given.get(word, 0) for word in words.ids.tolist()]
    try:
        counts = np.asarray(given, np.float64)
    except (TypeError, ValueError) as problem:
        raise InputError(f"frequencies must be numbers; {problem}") from problem
    if counts.shape != (len(words),):
        raise InputError(f"frequencies must be one for each of the {len(words):,} words; got shape {counts.shape}")
    if not (np.isfinite(counts).all() and (counts >= 0).all() and counts.any()):
        raise InputError("frequencies must be finite, none of them negative, and not all zero")
    return checks.frozen(counts)


def _counts(words: Space) -> npt.NDArray[Any]:
    if words.metadata is None or "count" not in words.metadata.columns:
        raise InputError(
            "it can't be told how often the words come: the metadata of this space has no column 'count', as Word2Vec "
            "leaves there; give frequencies=, or frequencies='zipf' if the most frequent words stand first"
        )
    counts = words.metadata["count"]
    if not counts.dtype.is_numeric() or counts.null_count():
        raise InputError("the column 'count' of the words must hold numbers, none missing; or give frequencies=")
    return counts.to_numpy()


def _checked_tokenizer(words: Space, given: str | None) -> str:
    """Give the way to split texts: the one asked for, else the one the words come from."""
    text = words.provenance.get("text")
    recorded = text.get("tokenizer") if isinstance(text, Mapping) else None
    spec = given if given is not None else recorded
    if spec is None:
        return "fast" if all(word == word.lower() for word in words.ids.tolist()) else CASED
    if given is None and spec == ListTokenizer.name:
        return _fitting_tokenizer(words)
    if spec == CASED:
        return CASED
    try:
        return str(get_tokenizer(spec).name)
    except InputError as problem:
        if given is not None:
            raise
        raise InputError(
            f"the words were split by a tokenizer of your own, {spec!r}, which can't be found again; "
            f"give tokenizer='fast', 'cased', 'icu', 'whitespace' or 'spacy:LANG'"
        ) from problem


def _fitting_tokenizer(words: Space) -> str:
    """Return the tokenizer that keeps the most words whole: words that came as lists can be of any kind."""
    known = words.ids.tolist()
    series = pl.Series(known, dtype=pl.String)
    fitting: list[Tokenizer] = [FastTokenizer(), CasedTokenizer(), WhitespaceTokenizer()]
    kept = [sum(split == [word] for split, word in zip(one(series).to_list(), known, strict=True)) for one in fitting]
    return fitting[int(np.argmax(kept))].name


def _shared_direction(encoder: WordAverage) -> npt.NDArray[np.float64]:
    """Give the first principal component of texts whose words are drawn by frequency.

    The mean s of L words, each of weight w and vector v, has the second moments
    ``E[s sᵀ] = E[w² v vᵀ] / L + (1 - 1/L) E[w v] E[w v]ᵀ``.
    """
    counts: Any = encoder.frequencies
    shares = counts / counts.sum()
    moments, mean = np.zeros((encoder.dim, encoder.dim)), np.zeros(encoder.dim)
    for start in range(0, len(shares), 65_536):  # in blocks: a mapped matrix may be larger than memory
        part = slice(start, start + 65_536)
        weighted = encoder.words.vectors[part] * encoder._weights[part, None].astype(np.float64)
        moments += weighted.T @ (shares[part, None] * weighted)
        mean += shares[part] @ weighted
    return _first_component(moments / _SENTENCE + (1 - 1 / _SENTENCE) * np.outer(mean, mean))


def _first_component(moments: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    first: npt.NDArray[np.float64] = np.linalg.eigh(moments)[1][:, -1]
    return first


def _unit_vector(given: Any, dim: int) -> Floats1d:
    vector = np.asarray(given)
    if vector.dtype.kind not in "fiu" or vector.shape != (dim,) or not np.isfinite(vector).all() or not vector.any():
        raise InputError(f"common must be a vector of shape ({dim},), finite and not all zeros; got {given!r:.60}")
    if vector.dtype == np.float32 and abs(float(np.linalg.norm(vector)) - 1) < 1e-6:
        return checks.frozen(vector)  # as it was saved, to the bit
    return checks.frozen((vector / np.linalg.norm(vector)).astype(np.float32))
