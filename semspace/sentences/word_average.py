"""`WordAverage`: word vectors as an encoder of texts, by weighted averages (SIF)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from semspace import checks
from semspace.bundle import Bundle, Draft
from semspace.deprecation import warn_renamed
from semspace.errors import InputError
from semspace.files import digest
from semspace.progress import Bar
from semspace.sentences.blocks import EncodedBlock, blocks_of
from semspace.sentences.encoder import Encoder, frozen_encoder
from semspace.sentences.pooling import UNLIMITED, direction_or_ones, fill_zero_rows, offsets_of
from semspace.sentences.token_parts import NOWHERE, TokenParts, spans_in_text
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.types import ArrayXd, Doubles1d, Doubles2d, Floats1d, Floats2d, Int32s1d, Ints2d
from semspace.words.bundled_words import read_words, write_words
from semspace.words.known_words import KnownWords, tokenizer_name

KIND = "word-average"
# Number of words of the texts whose second moments are computed from those of words.
_TEXT_WORDS = 12
Frequencies = str | Mapping[str, float] | Sequence[float] | ArrayXd | None


@frozen_encoder
@dataclass(frozen=True, eq=False, repr=False)
class WordAverage(Encoder):
    """Encodes a text as the average of its words' vectors, rare words first: SIF (Arora, Liang & Ma 2017).

    A word of probability p has weight ``a / (a + p)``, and the projection on the direction that all texts share is
    subtracted from the average. That direction is computed once, so the vector of a text doesn't depend on other texts.

    Parameters
    ----------
    words : Space
        Word vectors, from `Word2Vec` or another tool (`read_vectors`). Texts are tokenised as its words were.
    a : float
        With smaller values, frequent words weigh less. The paper recommends 1e-4 to 1e-3.
    frequencies : optional
        Frequencies of the words: a mapping from words (0 for words that aren't in it), or numbers in the order of
        ``words.ids``. When None, the ``count`` in the metadata of `words`, which `Word2Vec` writes. ``"zipf"``
        estimates them from the order of the words, the most frequent first: the r-th has 1/r of the first one's.
    remove_common : bool
        Subtract the shared direction, as the paper does. It helps vectors with a large shared part, such as GloVe's
        (.600 instead of .586 on the test set of the STS Benchmark), but not those of `Word2Vec` (.519 instead of
        .550).
    common : ndarray of float32, shape (dim,), optional
        The shared direction. When None, the first principal component (not centred, as in the paper) of texts of
        twelve words drawn by their frequency, in closed form. `WordAverage.from_corpus` takes it from real texts.
    tokenizer : {"fast", "cased", "icu", "whitespace", "spacy:LANG"}, optional
        How texts are tokenised. When None, as the provenance of `words` says; without that, ``"cased"`` if any word
        has a capital letter, else ``"fast"``.

    Notes
    -----
    Words that aren't in `words` are skipped. A text without a known word gets the average of all words; a
    `SemspaceWarning` counts such texts. Words that `Phrases` joined are only found where the text has them joined.

    Raises
    ------
    InputError
        If the frequencies of the words are unknown.

    Examples
    --------
    >>> import semspace as ss
    >>> words = ss.Space.from_vectors(["the", "cat", "dog"], [[1, 1, 0], [0, 2, 0], [0, 0, 2]], {"count": [98, 1, 1]})
    >>> encoder = ss.WordAverage(words, a=0.01, remove_common=False)
    >>> encoder.encode(["cat", "the cat", "a cat, the dog"]).astype(float).round(2).tolist()
    [[0.0, 1.0, 0.0], [0.01, 0.51, 0.0], [0.0, 0.34, 0.33]]

    It is evaluated against human judgement like any encoder, on a task or on a file such as the STS Benchmark's:

    >>> pairs = ss.evaluation.STS("pets", [("cat", "the cat", 5), ("cat", "dog", 0), ("the dog", "the cat", 2)])
    >>> ss.evaluate(encoder, pairs)["pets"].value
    1.0
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
        self._set(frequencies=_checked_frequencies(self.words, self.frequencies))
        self._set(tokenizer=tokenizer_name(self.words, self.tokenizer))
        if self.remove_common:
            direction = _shared_direction(self) if self.common is None else self.common
            self._set(common=_unit_vector(direction, self.dim))
        elif self.common is not None:
            raise InputError(
                "common has no effect with remove_common=False; give remove_common=True, or leave common out"
            )
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
            Texts of the kind to be encoded. Texts without known words are skipped.

        Raises
        ------
        InputError
            If no text has a known word.
        """
        if not isinstance(corpus, Corpus):
            raise InputError(f"from_corpus takes a Corpus of texts; got {type(corpus).__name__}: use Corpus.from_texts")
        unshifted = cls(words, a=a, frequencies=frequencies, remove_common=False, tokenizer=tokenizer)
        moments = np.zeros((unshifted.dim, unshifted.dim))
        texts = corpus.texts.to_list()
        for block in blocks_of(texts):
            vectors = unshifted._means(block).astype(np.float64)
            moments += vectors.T @ vectors
        if not moments.any():
            raise InputError(f"none of the {len(texts):,} texts has one of the {len(words):,} words; give other texts")
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
        """Call `from_corpus` (deprecated name)."""
        warn_renamed("WordAverage.fit()", "WordAverage.from_corpus()")
        return cls.from_corpus(words, corpus, **options)

    @cached_property
    def _weights(self) -> Floats1d:
        """``a / (a + p)`` for each word (the paper's equation 3)."""
        counts: Any = self.frequencies
        weights: Floats1d = checks.frozen((self.a / (self.a + counts / counts.sum())).astype(np.float32))
        return weights

    @cached_property
    def _known_words(self) -> KnownWords:
        return KnownWords(self.words, str(self.tokenizer))

    @cached_property
    def _kernel_tables(self) -> tuple[Int32s1d, Floats1d]:
        """The row and the weight of each word; the last entries are those of unknown words."""
        rows = np.append(np.arange(len(self.words), dtype=np.int32), np.int32(-1))
        return rows, np.append(self._weights, np.float32(0))

    @cached_property
    def _fallback(self) -> Floats1d:
        """The vector of texts without a known word: the unweighted average of all words."""
        from semspace.sentences.pool_kernel import remove_direction

        mean = np.zeros((1, self.dim), np.float32)
        mean[0] = self.words.vectors.mean(axis=0, dtype=np.float64)
        if self.common is not None:
            remove_direction(mean, self.common)
        return direction_or_ones(mean[0].astype(np.float64), scale=False)

    def _token_parts(self, text: str, prompt: str, method: str) -> TokenParts:  # noqa: ARG002 - there are no layers
        """Return what each word adds to the vector of a text that begins with `prompt`; see `explain`."""
        words = self._known_words.split([prompt + text])[0].to_list()
        spans, row_of = _spans_of(words, prompt + text), self._known_words.row_of
        known = [i for i, word in enumerate(words) if word in row_of]
        if not known:
            raise InputError(f"{self.name} knows no word of the text {text[:40]!r}, so there is nothing to explain")
        rows = [row_of[words[i]] for i in known]
        vectors = self.words.vectors[rows] * self._weights[rows, None].astype(np.float64) / len(rows)
        if self.common is not None:
            vectors = vectors - np.outer(vectors @ self.common, self.common)
        return TokenParts(tuple(words[i] for i in known), spans_in_text(spans[known], len(prompt)), vectors)

    def _encode_block(self, texts: list[str], bar: Bar) -> EncodedBlock:
        """Encode a block of texts; none is truncated."""
        from semspace.sentences.pool_kernel import remove_direction

        vectors = self._means(texts)
        if self.common is not None:
            remove_direction(vectors, self.common)
        unknown = fill_zero_rows(vectors, self._fallback, scale=False)
        bar.update(len(texts))
        return EncodedBlock(vectors, np.zeros(len(texts), np.bool_), unknown)

    def _means(self, texts: list[str]) -> Floats2d:
        """Return the weighted mean of the words of each text, before the shared direction is subtracted."""
        from semspace.sentences.pool_kernel import pooled_means

        rows, lengths = self._known_words.rows(texts)
        offsets = offsets_of(lengths)
        vectors = np.empty((len(texts), self.dim), np.float32)
        pooled_means(rows, offsets, UNLIMITED, *self._kernel_tables, self.words.vectors, vectors)
        return vectors

    def __repr__(self) -> str:
        return f"WordAverage(dim={self.dim}, words={len(self.words):,}, a={self.a:g})"

    # -- on disk, inside the bundle of a space -----------------------------------------------------------

    def _write_into(self, draft: Draft, fingerprint: str) -> dict[str, Any]:
        """Write words and frequencies into the bundle of a space with this fingerprint; return its manifest entries.

        Words and their vectors are only written where they aren't those of the space.
        """
        draft.array("encoder-frequencies", np.asarray(self.frequencies))
        if self.common is not None:
            draft.array("encoder-common", self.common)
        of_space = self.words.fingerprint == fingerprint
        words = write_words(draft, self.words.ids.tolist(), self.words.vectors, of_space=of_space)
        settings = {"a": self.a, "remove_common": self.remove_common, "tokenizer": self.tokenizer}
        return {"kind": KIND, "words": words, "settings": settings}


def read_bundle(bundle: Bundle) -> WordAverage:
    """Read the encoder in the bundle of a space."""
    settings = bundle.meta.facts("space").facts("encoder").facts("settings")
    names, vectors = read_words(bundle)
    return WordAverage(
        Space.from_vectors(names, vectors),
        frequencies=bundle.array("encoder-frequencies", dtype=np.float64, shape=(len(names),)),
        common=bundle.array("encoder-common", dtype=np.float32) if bundle.has("encoder-common.npy") else None,
        a=settings.number("a", low=0),
        remove_common=settings.flag("remove_common"),
        tokenizer=settings.text("tokenizer"),
    )


def _spans_of(words: list[str], text: str) -> Ints2d:
    """Return where words stand in the text that they were made of; -1 where they are spelt anew."""
    folded = text.lower()
    spans = np.full((len(words), 2), NOWHERE, np.int64)
    if len(folded) != len(text):
        return spans
    end = 0
    for i, word in enumerate(words):
        start = folded.find(word.lower(), end)
        if start >= 0:
            end = start + len(word)
            spans[i] = start, end
    return spans


def _checked_frequencies(words: Space, frequencies: Frequencies) -> Doubles1d:
    if frequencies is None:
        frequencies = _counts(words)
    if isinstance(frequencies, str):
        checks.choice("frequencies", frequencies, ("zipf",))
        frequencies = 1 / np.arange(1, len(words) + 1)
    elif isinstance(frequencies, Mapping):
        frequencies = [frequencies.get(word, 0) for word in words.ids.tolist()]
    try:
        counts = np.asarray(frequencies, np.float64)
    except (TypeError, ValueError) as problem:
        raise InputError(f"frequencies must be numbers; {problem}") from problem
    if counts.shape != (len(words),):
        raise InputError(
            f"frequencies must have a number for each of the {len(words):,} words; got shape {counts.shape}"
        )
    if not (np.isfinite(counts).all() and (counts >= 0).all() and counts.any()):
        raise InputError("frequencies must be finite and not negative, and not all of them zero")
    return checks.frozen(counts)


def _counts(words: Space) -> ArrayXd:
    if words.metadata is None or "count" not in words.metadata.columns:
        raise InputError(
            "the frequencies of the words are unknown: the metadata of this space has no column 'count', as Word2Vec "
            "writes; give frequencies=, or frequencies='zipf' if the most frequent words come first"
        )
    counts = words.metadata["count"]
    if not counts.dtype.is_numeric() or counts.null_count():
        raise InputError(
            "the column 'count' of the words must hold numbers without missing values; or give frequencies="
        )
    return counts.to_numpy()


def _shared_direction(encoder: WordAverage) -> Doubles1d:
    """Return the first principal component of texts whose words are drawn by frequency.

    The mean s of L words, each with weight w and vector v, has the second moments
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
    return _first_component(moments / _TEXT_WORDS + (1 - 1 / _TEXT_WORDS) * np.outer(mean, mean))


def _first_component(moments: Doubles2d) -> Doubles1d:
    first: Doubles1d = np.linalg.eigh(moments)[1][:, -1]
    return first


def _unit_vector(values: Any, dim: int) -> Floats1d:
    vector = np.asarray(values)
    if vector.dtype.kind not in "fiu" or vector.shape != (dim,) or not np.isfinite(vector).all() or not vector.any():
        raise InputError(f"common must be a vector of shape ({dim},), finite and not all zeros; got {values!r:.60}")
    if vector.dtype == np.float32 and abs(float(np.linalg.norm(vector)) - 1) < 1e-6:
        return checks.frozen(vector)  # exactly as it was saved
    return checks.frozen((vector / np.linalg.norm(vector)).astype(np.float32))
