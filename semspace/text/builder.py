"""`TokensBuilder`: from blocks of texts to files of word ids and offsets, and a vocabulary."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import polars as pl

from semspace.disk import disk_reason
from semspace.errors import EmptyInputError, InputError, SemspaceError
from semspace.progress import Bar
from semspace.text.mmap_array import GrowingArray
from semspace.text.scripts import REMEDY, SCRIPTS, warn_of_unspaced
from semspace.text.text_stream import TextBlock
from semspace.text.tokenize import FastTokenizer, ListTokenizer, Tokenizer
from semspace.text.vocabulary import MAX_WORDS, WordCounter
from semspace.text.word_block import WordBlock, tokenize_block
from semspace.threads import thread_count
from semspace.types import Int32s1d, Ints1d

T = TypeVar("T")
U = TypeVar("U")
SPLIT_REMEDY = (
    f"{REMEDY} and use tokenizer='icu' (--tokenizer icu), or give words with spaces between them, or lists of words "
    f"(Tokens.from_lists)"
)


class _SplitBlock(NamedTuple):
    words: WordBlock
    texts: int  # number of documents, including those without text
    blank: Ints1d  # indices of documents without text


@dataclass(frozen=True)
class TokensBuilder:
    """Converts texts to word ids.

    Parameters
    ----------
    splitter : Tokenizer
    min_count : int
        Minimum count; rarer words are left out.
    empty : {"raise", "drop", "keep"}
        What to do with documents without text: raise an error, leave them out, or keep them without words.
    threads : int, optional
        All cores by default. The result doesn't depend on it.
    max_words : int
        Maximum number of distinct words in memory; see `WordCounter`.
    remedy : str
        The advice in the warning that many texts are in a script without spaces between words.
    """

    splitter: Tokenizer
    min_count: int = 1
    empty: str = "raise"
    threads: int | None = None
    max_words: int = MAX_WORDS
    remedy: str = SPLIT_REMEDY

    def build(
        self, blocks: Iterable[TextBlock], folder: Path, progress_bar: Bar | None = None
    ) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Write ids.npy and offsets.npy to a folder; return the vocabulary and facts for the provenance.

        Provisional ids are written to an unnamed temporary file first; both files take 4 bytes per word.
        """
        counter = WordCounter(self.max_words)
        # On Windows temporary files have names: they must be gone before the folder is listed.
        with tempfile.TemporaryFile(dir=folder) as ids, tempfile.TemporaryFile(dir=folder) as lengths:
            sizes, dropped = [], 0
            unspaced, with_words = np.zeros(len(SCRIPTS) + 1, np.int64), 0
            for words in self._counted(blocks, progress_bar):
                dropped += len(words.blank)
                ids.write(counter.add(words.words).data)
                lengths.write(words.words.documents.data)
                sizes.append((len(words.words.sizes), len(words.words.documents)))
                unspaced += words.words.unspaced
                with_words += int(np.count_nonzero(words.words.documents))
            if not sum(documents for _, documents in sizes):
                raise EmptyInputError("there are no documents; check the file, or drop fewer")
            facts = {
                "tokenizer": self.splitter.name,
                "min_count": self.min_count,
                "words_read": counter.seen,
                **({"dropped_empty": dropped} if dropped else {}),
                **counter.facts,
            }
            vocabulary, numbers, born = counter.finish(self.min_count)
            del counter  # free its large table
            ids.seek(0)
            lengths.seek(0)
            parts = (
                (np.frombuffer(ids.read(4 * count), np.int32), np.frombuffer(lengths.read(8 * documents), np.int64))
                for count, documents in sizes
            )
            write_tokens(folder, _final(parts, numbers, born))
        warn_of_unspaced(unspaced, with_words, self.remedy)
        return vocabulary, facts

    def _counted(self, blocks: Iterable[TextBlock], progress_bar: Bar | None) -> Iterator[_SplitBlock]:
        """Split blocks in threads and yield them in order."""
        path, before = None, 0
        for block, split in _in_order(self._split, blocks, self._threads()):
            if block.paths[0] != path or len(block.paths) > 1:
                path, before = block.paths[0], 0
            if len(split.blank) and self.empty == "raise":
                raise _no_text(block, int(split.blank[0]), before)
            before += split.texts
            yield split
            if progress_bar is not None:
                progress_bar.update(block.size)

    def _threads(self) -> int:
        # Only the fast tokenizer is known to be thread-safe and to release the GIL.
        return (self.threads or thread_count()) if type(self.splitter) is FastTokenizer else 1

    def _split(self, block: TextBlock) -> _SplitBlock:
        texts = block.texts()
        if isinstance(self.splitter, ListTokenizer):  # an empty list is a document without words
            return _SplitBlock(tokenize_block(texts, self.splitter), len(texts), np.zeros(0, np.int64))
        if self.empty == "keep":
            return _SplitBlock(tokenize_block(texts.fill_null(""), self.splitter), len(texts), np.zeros(0, np.int64))
        blank = texts.is_null() | (texts.str.strip_chars() == "").fill_null(True)
        with_text = texts.filter(~blank) if blank.any() else texts
        return _SplitBlock(
            tokenize_block(with_text, self.splitter), len(texts), blank.arg_true().to_numpy().astype(np.int64)
        )


def write_tokens(folder: Path, parts: Iterable[tuple[Int32s1d, Ints1d]]) -> None:
    """Write ids.npy and offsets.npy from parts of a text.

    A part is an array of ids, of which -1 is left out, and the indices in it at which documents end.
    """
    with GrowingArray(folder / "ids.npy", np.int32) as ids, GrowingArray(folder / "offsets.npy", np.int64) as offsets:
        offsets.append(np.zeros(1, np.int64))
        for numbers, ends in parts:
            keep = numbers >= 0
            if keep.all():
                ends_in_part, kept_ids = ends, numbers
            else:
                ends_in_part, kept_ids = np.concatenate([[0], np.cumsum(keep)])[ends], numbers[keep]
            offsets.append(ids.length + ends_in_part)
            ids.append(kept_ids)


@contextmanager
def storage_errors(destination: object = "a temporary folder") -> Iterator[None]:
    """Raise an `InputError` with a remedy for a full disk and similar errors."""
    try:
        yield
    except SemspaceError:
        raise
    except Exception as problem:
        reason = disk_reason(problem)
        if reason is None:
            raise
        if isinstance(problem, FileNotFoundError):  # raised by tempfile
            reason = "there is no temporary folder that can be written to"
        raise InputError(
            f"cannot write the tokens to {destination}: {reason}; free some space, or choose another disk by "
            f"out=PATH or the environment variable TMPDIR"
        ) from problem


def _final(
    parts: Iterable[tuple[Int32s1d, Ints1d]], numbers: Int32s1d, born: Ints1d | None
) -> Iterator[tuple[Int32s1d, Ints1d]]:
    """Yield final ids and the ends of documents for provisional ids and the lengths of documents."""
    seen = 0
    for ids, lengths in parts:
        final = numbers[ids]
        if born is not None:
            final[np.arange(seen, seen + len(ids)) < born[ids]] = -1
        seen += len(ids)
        yield final, np.cumsum(lengths)


def _in_order(work: Callable[[T], U], items: Iterable[T], threads: int) -> Iterator[tuple[T, U]]:
    """Yield items and the results of `work` on them, computed in threads, in order; few are in memory at a time."""
    waiting: deque[tuple[T, Future[U]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) > threads:
                    done, result = waiting.popleft()
                    yield done, result.result()
            while waiting:
                done, result = waiting.popleft()
                yield done, result.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _no_text(block: TextBlock, row: int, before: int) -> InputError:
    if len(block.paths) > 1:
        what = f"{block.paths[row]} has"
    else:
        what = f"document {before + row + 1:,} of {block.paths[0]} has"
    return InputError(f"{what} no text; pass empty='drop' (--empty drop) to leave out such documents")
