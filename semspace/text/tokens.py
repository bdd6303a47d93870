"""`Tokens`: a corpus as numbers: flat word ids, where each document starts, and the vocabulary."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, pools
from semspace.bundle import Bundle, PathLike, check_free, opening, writing
from semspace.deprecation import renamed_parameters
from semspace.errors import InputError
from semspace.progress import Bar, bar
from semspace.text import mmap_array
from semspace.text.builder import Builder, storing, write_kept
from semspace.text.corpus import Corpus
from semspace.text.files import say
from semspace.text.read_options import Reading
from semspace.text.scripts import REMEDY
from semspace.text.text_stream import Block, Source, blocks_of
from semspace.text.token_lists import blocks_of_lists
from semspace.text.tokenize import ListTokenizer, Tokenizer, best_tokenizer, get_tokenizer
from semspace.text.vocabulary import no_word
from semspace.threads import limited

KIND = "tokens"
_ARRAYS = ("ids", "offsets")
_DOCUMENTS = 1 << 16  # whose places are looked at together


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
        if not _rising(self.offsets) or self.offsets[-1] != len(self.ids):
            raise InputError(f"offsets must not decrease and must end at the number of words, {len(self.ids):,}")
        counts = self.vocabulary["count"]
        if not counts.dtype.is_integer() or counts.null_count():
            raise InputError(f"the vocabulary's counts must be whole numbers, none missing; they are {counts.dtype}")
        if not counts.is_sorted(descending=True):
            raise InputError("the vocabulary must be in order of frequency: counts must not increase")
        for _, part in mmap_array.pieces(self.ids):
            if len(part) and (int(part.min()) < 0 or int(part.max()) >= len(self.vocabulary)):
                raise InputError(f"word ids must lie within the vocabulary of {len(self.vocabulary):,}")
        object.__setattr__(self, "ids", checks.frozen(self.ids))
        object.__setattr__(self, "offsets", checks.frozen(self.offsets))

    @classmethod
    def _sound(cls, arrays: tuple[Any, ...], vocabulary: pl.DataFrame, provenance: Mapping[str, Any]) -> Tokens:
        """Make tokens of arrays that come from `build`: nobody need walk them to know that they are sound."""
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
        """Tokenise a source and number its words block by block, however large it is.

        It reads what `Corpus.read` reads, and gives what `from_corpus` gives for it, without ever holding the texts:
        a few hundred MB of memory are enough for billions of words. One document must fit into memory, and of Parquet
        a few row groups. The ids lie in a file, of 4 bytes a word (8 while it works).

        Parameters
        ----------
        source : path, pattern, or polars or pandas DataFrame
            csv, tsv, jsonl, parquet or txt (each also ``.gz``), a folder of them, or a glob; see `Corpus.read`.
            Ids of documents are neither kept nor checked.
        text : str, optional
            Name of the text column; see `Corpus.read`.
        min_count : int
            Words seen fewer times are left out.
        tokenizer : {"fast", "icu", "whitespace", "spacy:LANG"} or a Tokenizer
            ``"fast"`` lower-cases and takes runs of letters and numbers, and single characters or syllables of scripts
            that put no spaces between words; ``"icu"`` does the same, but finds words in those scripts, too;
            ``"whitespace"`` keeps what stands between white space as it is (texts tokenised already: ``attack_nn``);
            ``"spacy:en"`` uses spaCy's rules.
        encoding : str
            Of text files, for example ``"cp1252"``.
        empty : {"raise", "drop"}
            What to do with documents that have no text: refuse them, or leave them out and say how many.
        separator, header, columns, documents
            How a csv or tsv is written, and what the documents of a ``.txt`` are; see `Corpus.read`.
        out : path, optional
            Save as a bundle directory there and open that. By default the ids lie in a temporary file, which goes when
            they aren't needed any more.
        overwrite : bool
            Replace a semspace value that is at `out`.
        threads : int, optional
            Maximum number of threads; by default all cores. The tokens don't depend on it.
        progress : bool
            Show a bar with the time left, in a terminal or a notebook.

        Returns
        -------
        Tokens
            Up to 3 million different words are counted at a time. In a text with more, the rarest are forgotten as
            others come, as in word2vec.c; then ``provenance["forgotten"]`` tells how often, how many words, and by how
            much at most a count is too low.

        Raises
        ------
        MissingFileError
            If nothing is at the path.
        ExistsError
            If `out` is taken.
        InputError
            If a file can't be read, a document is empty, no word is seen `min_count` times, or the disk is full.

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
        reading = Reading(encoding, separator, header, columns, documents)
        splitter = get_tokenizer(tokenizer)
        with limited(threads):
            if isinstance(source, (str, os.PathLike)):
                files = Source.find(source, text=text, reading=reading)
                return cls._of_files(files, source, Builder(splitter, minimum, empty), out, overwrite, progress)
            reading.refuse_for("a DataFrame")
            corpus = Corpus.read(source, text=text, empty=empty)
            return cls._of_corpus(corpus, Builder(splitter, minimum, "keep"), out, overwrite, progress)

    @classmethod
    def _of_files(
        cls, files: Source, source: PathLike, builder: Builder, out: PathLike | None, overwrite: bool, progress: bool
    ) -> Tokens:
        with bar("reading words", files.size, unit="B", progress=progress) as shown:
            tokens = cls._built(builder, files.blocks(), {"source": str(source)}, out, overwrite, shown)
        dropped = tokens.provenance.get("dropped_empty", 0)
        if dropped:
            were = "document has no text and was" if dropped == 1 else "documents have no text and were"
            say(f"{dropped:,} {were} left out of {source}")
        return tokens

    @classmethod
    def _of_corpus(
        cls, corpus: Corpus, builder: Builder, out: PathLike | None, overwrite: bool, progress: bool
    ) -> Tokens:
        size = int(corpus.texts.str.len_bytes().sum())
        with bar("reading words", size, unit="B", progress=progress) as shown:
            return cls._built(builder, blocks_of(corpus.texts), corpus.provenance, out, overwrite, shown)

    @classmethod
    @renamed_parameters(split="tokenizer")
    def from_corpus(
        cls, corpus: Corpus, *, min_count: int = 1, tokenizer: str | Tokenizer = "fast", progress: bool = True
    ) -> Tokens:
        """Tokenise a corpus and number its words.

        Parameters
        ----------
        corpus : Corpus
        min_count : int
            Words seen fewer times are left out.
        tokenizer : {"fast", "icu", "whitespace", "spacy:LANG"} or a Tokenizer
            ``"fast"`` lower-cases and takes runs of letters and numbers, and single characters or syllables of scripts
            that put no spaces between words; ``"icu"`` does the same, but finds words in those scripts, too;
            ``"whitespace"`` keeps what stands between white space as it is (texts tokenised already: ``attack_nn``);
            ``"spacy:en"`` uses spaCy's rules.
        progress : bool
            Show a bar with the time left, in a terminal or a notebook.

        Raises
        ------
        InputError
            If no word is seen `min_count` times.
        """
        pools.need_polars("splitting texts into words")
        if not isinstance(corpus, Corpus):
            raise InputError(
                f"from_corpus takes a Corpus; got {type(corpus).__name__}: see Corpus.from_texts, or from_lists for "
                f"lists of words"
            )
        builder = Builder(get_tokenizer(tokenizer), checks.whole("min_count", min_count), "keep")
        return cls._of_corpus(corpus, builder, None, False, progress)

    @classmethod
    def from_texts(cls, texts: pl.Series | Sequence[str]) -> Tokens:
        """Create tokens of texts for an analysis, with words of all scripts where icu4py is installed.

        Parameters
        ----------
        texts : polars.Series or sequence of n str
            A text may be empty or null: it has no words.

        Raises
        ------
        InputError
            If there is no word in any text.
        """
        if not isinstance(texts, pl.Series):
            texts = pl.Series("text", checks.strings("texts", texts), pl.String)
        return cls._built(Builder(best_tokenizer(), 1, "keep", remedy=REMEDY), blocks_of(texts), {})

    @classmethod
    def from_lists(cls, documents: Iterable[Iterable[str]], *, min_count: int = 1) -> Tokens:
        """Create tokens of texts that are tokenised already.

        Parameters
        ----------
        documents : iterable of lists of str, or a polars Series of lists
            The words of each document, kept whole and in their case (in canonical form, NFC); a list may be empty.
            They are read once, so a generator will do.
        min_count : int
            Words seen fewer times are left out.

        Raises
        ------
        InputError
            If what is given aren't lists of words, or no word is seen `min_count` times.

        Examples
        --------
        >>> import semspace as ss
        >>> tokens = ss.Tokens.from_lists([["attack_nn", "new york"], ["attack_nn"]])
        >>> tokens.words, tokens.offsets.tolist()
        (['attack_nn', 'new york'], [0, 2, 3])
        """
        pools.need_polars("splitting texts into words")
        builder = Builder(ListTokenizer(), checks.whole("min_count", min_count), "keep")
        return cls._built(builder, blocks_of_lists(documents), {})

    @classmethod
    def _built(
        cls,
        builder: Builder,
        blocks: Iterable[Block],
        origin: Mapping[str, Any],
        out: PathLike | None = None,
        overwrite: bool = False,
        shown: Bar | None = None,
    ) -> Tokens:
        if out is None:
            with storing(), mmap_array.temporary_folder() as folder:
                vocabulary, facts = builder.build(blocks, folder, shown)
                return cls._sound(mmap_array.taken(folder, *_ARRAYS), vocabulary, {**origin, **facts})
        with writing(out, KIND, overwrite=overwrite) as draft, storing(out):
            vocabulary, facts = builder.build(blocks, draft.folder, shown)
            draft.table("vocabulary", vocabulary)
            draft.meta.update(count=int(vocabulary["count"].sum()), provenance={**origin, **facts})
        made = opening(out, KIND, verify=False)
        return cls._sound(tuple(made.array(name) for name in _ARRAYS), vocabulary, made.meta["provenance"])

    # -- looking into them --------------------------------------------------------------------------------

    @cached_property
    def words(self) -> list[str]:
        """The vocabulary, most frequent first."""
        return self.vocabulary["word"].to_list()

    def __len__(self) -> int:
        """Give the number of words in all documents together."""
        return len(self.ids)

    def documents(self) -> Iterator[npt.NDArray[np.int32]]:
        """Walk the documents as arrays of word ids."""
        first = 0
        while first < len(self.offsets) - 1:
            bounds = mmap_array.piece(self.offsets, first, first + _DOCUMENTS)
            count = max(int(np.searchsorted(bounds, bounds[0] + mmap_array.PIECE, side="right")) - 1, 1)
            places = (bounds[: count + 1] - bounds[0]).tolist()
            part = mmap_array.part(self.ids, int(bounds[0]), int(bounds[count]))
            yield from (part[a:b] for a, b in pairwise(places))
            first += count

    def at_least(self, min_count: int) -> Tokens:
        """Return these tokens without the words seen fewer than `min_count` times."""
        keep = int((self.vocabulary["count"] >= checks.whole("min_count", min_count)).sum())
        if keep == len(self.vocabulary):
            return self
        if not keep:
            raise no_word(min_count, int(self.vocabulary["count"][0]))
        facts = {**self.provenance, "min_count": min_count}
        with storing(), mmap_array.temporary_folder() as folder:
            write_kept(folder, self._without(keep))
            return self._sound(mmap_array.taken(folder, *_ARRAYS), self.vocabulary.head(keep), facts)

    def _without(self, keep: int) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]]:
        """Walk the ids, -1 for words beyond the first `keep`, with the ends of documents in each part."""
        ends = 1
        for start, part in mmap_array.pieces(self.ids):
            own = []
            while ends < len(self.offsets):
                bounds = mmap_array.piece(self.offsets, ends, ends + _DOCUMENTS)
                inside = bounds[: np.searchsorted(bounds, start + len(part), side="right")]
                own.append(inside - start)
                ends += len(inside)
                if len(inside) < len(bounds):
                    break
            # Ids go by frequency, so the rare words are the high ones.
            yield np.where(part < keep, part, np.int32(-1)), np.concatenate(own) if own else np.zeros(0, np.int64)

    def __repr__(self) -> str:
        return (
            f"Tokens of {len(self.offsets) - 1:,} documents: {len(self):,} words, "
            f"vocabulary {len(self.vocabulary):,} ({', '.join(self.words[:5])} …)"
        )

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory; see `semspace.save`."""
        with writing(path, KIND, overwrite=overwrite) as draft:
            draft.meta.update(count=len(self), provenance=dict(self.provenance))
            draft.file("ids.npy", partial(mmap_array.write, array=self.ids))
            draft.file("offsets.npy", partial(mmap_array.write, array=self.offsets))
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


def _rising(offsets: npt.NDArray[np.int64]) -> bool:
    last = 0
    for _, part in mmap_array.pieces(offsets):
        if part[0] < last or (np.diff(part) < 0).any():
            return False
        last = part[-1]
    return True
