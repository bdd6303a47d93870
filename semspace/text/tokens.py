"""`Tokens`: a corpus as flat arrays of word ids and document offsets, with a vocabulary."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from semspace import checks, pools
from semspace.bundle import Bundle, create_bundle, open_bundle
from semspace.deprecation import renamed_parameters
from semspace.errors import InputError
from semspace.files import PathLike
from semspace.progress import Bar, bar
from semspace.replacement import check_free
from semspace.text import mmap_array
from semspace.text.builder import TokensBuilder, storage_errors, write_tokens
from semspace.text.corpus import Corpus
from semspace.text.files import warn_user
from semspace.text.read_options import ReadOptions
from semspace.text.scripts import REMEDY
from semspace.text.text_stream import TextBlock, TextSource, text_blocks
from semspace.text.token_lists import word_list_blocks
from semspace.text.tokenize import ListTokenizer, Tokenizer, best_tokenizer, get_tokenizer
from semspace.text.vocabulary import empty_vocabulary_error
from semspace.threads import limited
from semspace.types import Int32s1d, Ints1d

KIND = "tokens"
_ARRAYS = ("ids", "offsets")
_DOCUMENTS = 1 << 16  # number of offsets read at a time


@dataclass(frozen=True, eq=False, repr=False)
class Tokens:
    """The words of a corpus as ids into a vocabulary, most frequent word first.

    Parameters
    ----------
    ids : ndarray of int32, shape (words,)
        Word ids of all documents, concatenated. Words rarer than `min_count` are left out.
    offsets : ndarray of int64, shape (documents + 1,)
        Document ``i`` is ``ids[offsets[i]:offsets[i + 1]]``.
    vocabulary : polars.DataFrame
        Columns ``word`` and ``count``; row ``j`` belongs to word id ``j``; sorted by descending count.

    Examples
    --------
    >>> import semspace as ss
    >>> tokens = ss.Tokens.from_corpus(ss.Corpus.from_texts(["a cat and a dog", "a dog"]))
    >>> tokens.words[0], len(tokens), tokens.offsets.tolist()
    ('a', 7, [0, 5, 7])
    """

    ids: Int32s1d
    offsets: Ints1d
    vocabulary: pl.DataFrame
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.offsets.ndim != 1 or not len(self.offsets) or self.offsets[0] != 0:
            raise InputError("offsets must be a one-dimensional array that starts at 0")
        if not _rising(self.offsets) or self.offsets[-1] != len(self.ids):
            raise InputError(f"offsets must not decrease and must end at the number of words, {len(self.ids):,}")
        counts = self.vocabulary["count"]
        if not counts.dtype.is_integer() or counts.null_count():
            raise InputError(f"the vocabulary's counts must be integers without nulls; their type is {counts.dtype}")
        if not counts.is_sorted(descending=True):
            raise InputError("the vocabulary must be sorted by descending count")
        for _, part in mmap_array.iter_slices(self.ids):
            if len(part) and (int(part.min()) < 0 or int(part.max()) >= len(self.vocabulary)):
                raise InputError(f"word ids must lie within the vocabulary of {len(self.vocabulary):,}")
        object.__setattr__(self, "ids", checks.frozen(self.ids))
        object.__setattr__(self, "offsets", checks.frozen(self.offsets))

    @classmethod
    def _unchecked(cls, arrays: tuple[Any, ...], vocabulary: pl.DataFrame, provenance: Mapping[str, Any]) -> Tokens:
        """Create tokens from arrays of `TokensBuilder.build`, which need no checks."""
        tokens = object.__new__(cls)
        for name, value in zip((*_ARRAYS, "vocabulary", "provenance"), (*arrays, vocabulary, provenance), strict=True):
            object.__setattr__(tokens, name, value)
        return tokens

    # -- making them --------------------------------------------------------------------------------------

    @classmethod
    @renamed_parameters(split="tokenizer")
    def read(
        cls,
        source: PathLike | Any,
        *,
        text: str | None = None,
        min_count: int = 1,
        tokenizer: str | Tokenizer = "fast",
        encoding: str = "utf-8",
        empty: str = "raise",
        separator: str | None = None,
        header: bool | None = None,
        columns: Sequence[str] | None = None,
        documents: str | None = None,
        out: PathLike | None = None,
        overwrite: bool = False,
        threads: int | None = None,
        progress: bool = True,
    ) -> Tokens:
        """Read texts of any size block by block, split them into words, and convert these to ids.

        It reads what `Corpus.read` reads and returns what `from_corpus` would, without keeping the texts in memory: a
        few hundred MB are enough for billions of words, if each document (for Parquet, a few row groups) fits. The ids
        are stored in a file with 4 bytes per word (8 while reading).

        Parameters
        ----------
        source : path, pattern, or polars or pandas DataFrame
            csv, tsv, jsonl, parquet or txt (each also ``.gz``), a folder of them, or a glob; see `Corpus.read`.
            Ids of documents are ignored.
        text : str, optional
            Name of the text column; see `Corpus.read`.
        min_count : int
            Minimum count; rarer words are left out.
        tokenizer : {"fast", "icu", "whitespace", "spacy:LANG"} or a Tokenizer
            ``"fast"`` lower-cases and finds runs of letters and numbers, and single characters or syllables in scripts
            without spaces between words; ``"icu"`` finds words in those scripts, too; ``"whitespace"`` only splits at
            white space (for texts tokenised already: ``attack_nn``); ``"spacy:en"`` uses spaCy's rules.
        encoding : str
            Encoding of text files, for example ``"cp1252"``.
        empty : {"raise", "drop"}
            Raise an error for documents without text, or leave them out with a warning.
        separator, header, columns, documents
            Format of a csv or tsv, and the unit of documents in a ``.txt``; see `Corpus.read`.
        out : path, optional
            Save the tokens as a bundle directory there and open it. By default the ids are in a temporary file, which
            is deleted when they aren't needed any more.
        overwrite : bool
            Replace an existing semspace value at `out`.
        threads : int, optional
            Maximum number of threads; by default all cores. The tokens don't depend on it.
        progress : bool
            Show a bar with the time left, in a terminal or a notebook.

        Returns
        -------
        Tokens
            Up to 3 million distinct words are counted at a time. In a text with more, the rarest are dropped as in
            word2vec.c; ``provenance["forgotten"]`` then holds how often, how many words, and the maximum by which a
            count is too low.

        Raises
        ------
        MissingFileError
            If there is no file at the path.
        ExistsError
            If `out` exists.
        InputError
            If a file can't be read, a document is empty, no word has a count of `min_count`, or the disk is full.

        Examples
        --------
        >>> import semspace as ss
        >>> from pathlib import Path
        >>> _ = Path("pets.txt").write_text("a cat and a dog")
        >>> tokens = ss.Tokens.read("pets.txt", out="pets.tokens")
        >>> tokens.words, len(tokens)
        (['a', 'and', 'cat', 'dog'], 5)
        """
        pools.need_polars("splitting texts into words")
        checks.choice("empty", empty, ("raise", "drop"))
        minimum = checks.whole("min_count", min_count)
        if out is not None:
            check_free(out, overwrite=overwrite)
        if threads is not None:
            checks.whole("threads", threads)
        options = ReadOptions(encoding, separator, header, columns, documents)
        splitter = get_tokenizer(tokenizer)
        with limited(threads):
            if isinstance(source, (str, os.PathLike)):
                files = TextSource.find(source, text=text, options=options)
                return cls._from_files(files, source, TokensBuilder(splitter, minimum, empty), out, overwrite, progress)
            options.refuse_for("a DataFrame")
            corpus = Corpus.read(source, text=text, empty=empty)
            return cls._from_corpus(corpus, TokensBuilder(splitter, minimum, "keep"), out, overwrite, progress)

    @classmethod
    def _from_files(
        cls,
        files: TextSource,
        source: PathLike,
        builder: TokensBuilder,
        out: PathLike | None,
        overwrite: bool,
        progress: bool,
    ) -> Tokens:
        with bar("reading words", files.size, unit="B", progress=progress) as progress_bar:
            tokens = cls._build(builder, files.blocks(), {"source": str(source)}, out, overwrite, progress_bar)
        dropped = tokens.provenance.get("dropped_empty", 0)
        if dropped:
            were = "document has no text and was" if dropped == 1 else "documents have no text and were"
            warn_user(f"{dropped:,} {were} left out of {source}")
        return tokens

    @classmethod
    def _from_corpus(
        cls, corpus: Corpus, builder: TokensBuilder, out: PathLike | None, overwrite: bool, progress: bool
    ) -> Tokens:
        size = int(corpus.texts.str.len_bytes().sum())
        with bar("reading words", size, unit="B", progress=progress) as progress_bar:
            return cls._build(builder, text_blocks(corpus.texts), corpus.provenance, out, overwrite, progress_bar)

    @classmethod
    @renamed_parameters(split="tokenizer")
    def from_corpus(
        cls, corpus: Corpus, *, min_count: int = 1, tokenizer: str | Tokenizer = "fast", progress: bool = True
    ) -> Tokens:
        """Split the texts of a corpus into words and convert these to ids.

        Parameters
        ----------
        corpus : Corpus
        min_count : int
            Minimum count; rarer words are left out.
        tokenizer : {"fast", "icu", "whitespace", "spacy:LANG"} or a Tokenizer
            ``"fast"`` lower-cases and finds runs of letters and numbers, and single characters or syllables in scripts
            without spaces between words; ``"icu"`` finds words in those scripts, too; ``"whitespace"`` only splits at
            white space (for texts tokenised already: ``attack_nn``); ``"spacy:en"`` uses spaCy's rules.
        progress : bool
            Show a bar with the time left, in a terminal or a notebook.

        Raises
        ------
        InputError
            If no word has a count of `min_count`.
        """
        pools.need_polars("splitting texts into words")
        if not isinstance(corpus, Corpus):
            raise InputError(
                f"from_corpus takes a Corpus; got {type(corpus).__name__}: see Corpus.from_texts, or from_lists for "
                f"lists of words"
            )
        builder = TokensBuilder(get_tokenizer(tokenizer), checks.whole("min_count", min_count), "keep")
        return cls._from_corpus(corpus, builder, None, False, progress)

    @classmethod
    def from_texts(cls, texts: pl.Series | Sequence[str]) -> Tokens:
        """Create tokens from texts with the best tokenizer installed; ICU's finds words in all scripts.

        Parameters
        ----------
        texts : polars.Series or sequence of n str
            An empty or null text has no words.

        Raises
        ------
        InputError
            If no text contains a word.
        """
        if not isinstance(texts, pl.Series):
            texts = pl.Series("text", checks.strings("texts", texts), pl.String)
        return cls._build(TokensBuilder(best_tokenizer(), 1, "keep", remedy=REMEDY), text_blocks(texts), {})

    @classmethod
    def from_lists(cls, documents: Iterable[Iterable[str]], *, min_count: int = 1) -> Tokens:
        """Create tokens from texts that are tokenised already.

        Parameters
        ----------
        documents : iterable of lists of str, or a polars Series of lists
            The words of each document, which stay as they are except for the Unicode form (NFC); a list may be empty.
            They are read once, so a generator works.
        min_count : int
            Minimum count; rarer words are left out.

        Raises
        ------
        InputError
            If `documents` aren't lists of words, or no word has a count of `min_count`.

        Examples
        --------
        >>> import semspace as ss
        >>> tokens = ss.Tokens.from_lists([["attack_nn", "new york"], ["attack_nn"]])
        >>> tokens.words, tokens.offsets.tolist()
        (['attack_nn', 'new york'], [0, 2, 3])
        """
        pools.need_polars("splitting texts into words")
        builder = TokensBuilder(ListTokenizer(), checks.whole("min_count", min_count), "keep")
        return cls._build(builder, word_list_blocks(documents), {})

    @classmethod
    def _build(
        cls,
        builder: TokensBuilder,
        blocks: Iterable[TextBlock],
        origin: Mapping[str, Any],
        out: PathLike | None = None,
        overwrite: bool = False,
        progress_bar: Bar | None = None,
    ) -> Tokens:
        if out is None:
            with storage_errors(), mmap_array.temporary_folder() as folder:
                vocabulary, facts = builder.build(blocks, folder, progress_bar)
                return cls._unchecked(mmap_array.take_arrays(folder, *_ARRAYS), vocabulary, {**origin, **facts})
        with create_bundle(out, KIND, overwrite=overwrite) as draft, storage_errors(out):
            vocabulary, facts = builder.build(blocks, draft.folder, progress_bar)
            draft.table("vocabulary", vocabulary)
            draft.meta.update(count=int(vocabulary["count"].sum()), provenance={**origin, **facts})
        bundle = open_bundle(out, KIND, verify=False)
        return cls._unchecked(tuple(bundle.array(name) for name in _ARRAYS), vocabulary, bundle.meta["provenance"])

    # -- looking into them --------------------------------------------------------------------------------

    @cached_property
    def words(self) -> list[str]:
        """The vocabulary, most frequent first."""
        return self.vocabulary["word"].to_list()

    def __len__(self) -> int:
        """Return the number of words of all documents."""
        return len(self.ids)

    def documents(self) -> Iterator[Int32s1d]:
        """Iterate over the documents as arrays of word ids."""
        first = 0
        while first < len(self.offsets) - 1:
            bounds = mmap_array.copy_slice(self.offsets, first, first + _DOCUMENTS)
            count = max(int(np.searchsorted(bounds, bounds[0] + mmap_array.SLICE_LENGTH, side="right")) - 1, 1)
            places = (bounds[: count + 1] - bounds[0]).tolist()
            part = mmap_array.read_slice(self.ids, int(bounds[0]), int(bounds[count]))
            yield from (part[a:b] for a, b in pairwise(places))
            first += count

    def at_least(self, min_count: int) -> Tokens:
        """Return tokens without the words whose count is below `min_count`."""
        keep = int((self.vocabulary["count"] >= checks.whole("min_count", min_count)).sum())
        if keep == len(self.vocabulary):
            return self
        if not keep:
            raise empty_vocabulary_error(min_count, int(self.vocabulary["count"][0]))
        facts = {**self.provenance, "min_count": min_count}
        with storage_errors(), mmap_array.temporary_folder() as folder:
            write_tokens(folder, self._without(keep))
            return self._unchecked(mmap_array.take_arrays(folder, *_ARRAYS), self.vocabulary.head(keep), facts)

    def _without(self, keep: int) -> Iterator[tuple[Int32s1d, Ints1d]]:
        """Yield parts of the ids, with -1 for words beyond the first `keep`, and the ends of documents in each part."""
        ends = 1
        for start, part in mmap_array.iter_slices(self.ids):
            part_ends = []
            while ends < len(self.offsets):
                bounds = mmap_array.copy_slice(self.offsets, ends, ends + _DOCUMENTS)
                inside = bounds[: np.searchsorted(bounds, start + len(part), side="right")]
                part_ends.append(inside - start)
                ends += len(inside)
                if len(inside) < len(bounds):
                    break
            # Ids are sorted by frequency, so rare words have high ids.
            yield (
                np.where(part < keep, part, np.int32(-1)),
                np.concatenate(part_ends) if part_ends else np.zeros(0, np.int64),
            )

    def __repr__(self) -> str:
        return (
            f"Tokens of {len(self.offsets) - 1:,} documents: {len(self):,} words, "
            f"vocabulary {len(self.vocabulary):,} ({', '.join(self.words[:5])} …)"
        )

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory; see `semspace.save`."""
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            draft.meta.update(count=len(self), provenance=dict(self.provenance))
            draft.file("ids.npy", partial(mmap_array.write_npy, array=self.ids))
            draft.file("offsets.npy", partial(mmap_array.write_npy, array=self.offsets))
            draft.table("vocabulary", self.vocabulary)


def read_bundle(bundle: Bundle) -> Tokens:
    """Return the tokens that an opened bundle holds, with memory-mapped ids."""
    return Tokens(
        bundle.array("ids", dtype=np.int32, shape=(None,)),
        bundle.array("offsets", dtype=np.int64, shape=(None,)),
        bundle.table("vocabulary", {"word": pl.String, "count": None}),
        bundle.meta.mapping("provenance"),
    )


def as_tokens(text: Corpus | Tokens | Iterable[Iterable[str]], *, min_count: int = 1, progress: bool = True) -> Tokens:
    """Return the tokens of what trainers take: a corpus, which the default tokenizer splits, lists of words, or tokens.

    `min_count` applies to what is split here; tokens are returned as they are.
    """
    if isinstance(text, Tokens):
        return text
    if isinstance(text, Corpus):
        return Tokens.from_corpus(text, min_count=min_count, progress=progress)
    return Tokens.from_lists(text, min_count=min_count)


def _rising(offsets: Ints1d) -> bool:
    last = 0
    for _, part in mmap_array.iter_slices(offsets):
        if part[0] < last or (np.diff(part) < 0).any():
            return False
        last = part[-1]
    return True
