"""`Tokens`: a corpus as numbers: flat word ids, where each document starts, and the vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks
from semspace.bundle import Bundle, PathLike, writing
from semspace.errors import InputError
from semspace.text.corpus import Corpus
from semspace.text.tokenize import Tokenizer, tokenizer

KIND = "tokens"
_BLOCK = 2_000  # documents tokenised at a time: enough to keep every core busy, little enough to bound memory


@dataclass(frozen=True, eq=False, repr=False)
class Tokens:
    """The words of a corpus as ids into a vocabulary, most frequent word first.

    Parameters
    ----------
    ids : ndarray of int32, shape (words,)
        Word ids of all documents, one after the other. Words under `min_count` are left out.
    offsets : ndarray of int64, shape (documents + 1,)
        Document ``i`` is ``ids[offsets[i]:offsets[i + 1]]``.
    vocabulary : polars.DataFrame
        Columns ``word`` and ``count``; row ``j`` is word id ``j``; counts don't increase.

    Examples
    --------
    >>> import semspace as ss
    >>> tokens = ss.Tokens.from_corpus(ss.Corpus.from_texts(["a cat and a dog", "a dog"]))
    >>> tokens.words[0], len(tokens), tokens.offsets.tolist()
    ('a', 7, [0, 5, 7])
    """

    ids: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    vocabulary: pl.DataFrame
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.offsets.ndim != 1 or not len(self.offsets) or self.offsets[0] != 0:
            raise InputError("offsets must be one axis that starts at 0")
        if (np.diff(self.offsets) < 0).any() or self.offsets[-1] != len(self.ids):
            raise InputError(f"offsets must not decrease and must end at the number of words, {len(self.ids):,}")
        if not self.vocabulary["count"].is_sorted(descending=True):
            raise InputError("the vocabulary must be in order of frequency: counts must not increase")
        if len(self.ids) and not (int(self.ids.min()) >= 0 and int(self.ids.max()) < len(self.vocabulary)):
            raise InputError(f"word ids must lie within the vocabulary of {len(self.vocabulary):,}")
        object.__setattr__(self, "ids", checks.frozen(self.ids))
        object.__setattr__(self, "offsets", checks.frozen(self.offsets))

    @classmethod
    def from_corpus(cls, corpus: Corpus, *, min_count: int = 1, split: str | Tokenizer = "fast") -> Tokens:
        """Tokenise a corpus and number its words.

        Parameters
        ----------
        corpus : Corpus
        min_count : int
            Words seen fewer times are left out.
        split : {"fast", "spacy:LANG"} or a Tokenizer
            ``"fast"`` lower-cases and takes runs of letters and numbers; ``"spacy:en"`` uses spaCy's rules.

        Raises
        ------
        InputError
            If no word is seen `min_count` times.
        """
        if not isinstance(corpus, Corpus):
            raise InputError(f"from_corpus takes a Corpus; got {type(corpus).__name__}: see Corpus.from_texts")
        checks.whole("min_count", min_count)
        splitter = tokenizer(split)
        lists = pl.concat(
            [splitter(part.to_series()) for part in corpus.frame.select("text").iter_slices(_BLOCK)], rechunk=False
        )
        table = pl.DataFrame({"doc": pl.int_range(len(lists), eager=True), "word": lists})
        flat = table.explode("word").drop_nulls("word")
        counts = flat.group_by("word").agg(pl.len().alias("count"))
        # Ties in frequency go by spelling, so that numbering never depends on the order of documents.
        kept = counts.filter(pl.col("count") >= min_count).sort(["count", "word"], descending=[True, False])
        if not len(kept):
            raise _no_word(min_count, max(counts["count"], default=0))
        vocabulary = kept.with_columns(pl.col("count").cast(pl.Int64))
        numbered = flat.join(
            vocabulary.select("word", pl.int_range(pl.len(), dtype=pl.Int32).alias("token")),
            on="word",
            how="inner",
            maintain_order="left",
        )
        lengths = np.bincount(numbered["doc"].to_numpy(), minlength=len(lists))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        ids = np.array(numbered["token"].to_numpy(), dtype=np.int32)
        facts = {"tokenizer": splitter.name, "min_count": min_count, "words_read": len(flat)}
        return cls(ids, offsets, vocabulary, {**corpus.provenance, **facts})

    @cached_property
    def words(self) -> list[str]:
        """The vocabulary, most frequent first."""
        return self.vocabulary["word"].to_list()

    def __len__(self) -> int:
        """Give the number of words in all documents together."""
        return len(self.ids)

    def documents(self) -> Iterator[npt.NDArray[np.int32]]:
        """Walk the documents as arrays of word ids."""
        for start, end in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            yield self.ids[start:end]

    def at_least(self, min_count: int) -> Tokens:
        """Return these tokens without the words seen fewer than `min_count` times."""
        keep = int((self.vocabulary["count"] >= checks.whole("min_count", min_count)).sum())
        if keep == len(self.vocabulary):
            return self
        if not keep:
            raise _no_word(min_count, int(self.vocabulary["count"][0]))
        kept = self.ids < keep  # ids go by frequency, so the rare words are the high ones
        before = np.concatenate([[0], np.cumsum(kept)])
        facts = {**self.provenance, "min_count": min_count}
        return Tokens(self.ids[kept], before[self.offsets], self.vocabulary.head(keep), facts)

    def __repr__(self) -> str:
        return (
            f"Tokens of {len(self.offsets) - 1:,} documents: {len(self):,} words, "
            f"vocabulary {len(self.vocabulary):,} ({', '.join(self.words[:5])} …)"
        )

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory; see `semspace.save`."""
        with writing(path, KIND, overwrite=overwrite) as draft:
            draft.meta.update(count=len(self), provenance=dict(self.provenance))
            draft.array("ids", self.ids)
            draft.array("offsets", self.offsets)
            draft.table("vocabulary", self.vocabulary)

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Tokens:
        """Take tokens out of an opened bundle, the ids memory-mapped."""
        return cls(bundle.array("ids"), bundle.array("offsets"), bundle.table("vocabulary"), bundle.meta["provenance"])


def _no_word(min_count: int, most: int) -> InputError:
    return InputError(
        f"no word is left: min_count={min_count} and the most frequent word comes {most} times; "
        f"lower min_count or give more text"
    )
