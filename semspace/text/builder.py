"""Blocks of texts → word ids and offsets in files, and their vocabulary: the one way in which words are numbered."""

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

from semspace.disk import why
from semspace.errors import InputError, SemspaceError
from semspace.progress import Bar
from semspace.text.mmap_array import Growing
from semspace.text.scripts import REMEDY, SCRIPTS, warn_unspaced
from semspace.text.text_stream import Block
from semspace.text.tokenize import FastTokenizer, ListTokenizer, Tokenizer
from semspace.text.tokenize_kernel import Counts
from semspace.text.vocabulary import MOST_WORDS, Numbering
from semspace.text.vocabulary_kernel import Ids
from semspace.text.word_block import Words, flatten
from semspace.threads import thread_count

T = TypeVar("T")
U = TypeVar("U")
SPLIT_REMEDY = (
    f"{REMEDY} and use tokenizer='icu' (--tokenizer icu), or give words with spaces between them, or lists of words "
    f"(Tokens.from_lists)"
)


class _Split(NamedTuple):
    words: Words
    texts: int  # documents there were, with those without text
    blank: Counts  # which of them have none


@dataclass(frozen=True)
class Builder:
    """How texts become numbers.

    Parameters
    ----------
    splitter : Tokenizer
    min_count : int
        Words seen fewer times are left out.
    empty : {"raise", "drop", "keep"}
        What to do with documents that have no text.
    threads : int, optional
        All cores by default. The result doesn't depend on it.
    most_words : int
        Different words held at a time; see `Numbering`.
    remedy : str
        What is advised where many texts are of a script without spaces, and were taken apart.
    """

    splitter: Tokenizer
    min_count: int = 1
    empty: str = "raise"
    threads: int | None = None
    most_words: int = MOST_WORDS
    remedy: str = SPLIT_REMEDY

    def build(
        self, blocks: Iterable[Block], folder: Path, shown: Bar | None = None
    ) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Write ids.npy and offsets.npy to a folder; give the vocabulary and facts for the provenance.

        Provisional ids go to a nameless file first, in as little memory; both take 4 bytes a word.
        """
        numbering = Numbering(self.most_words)
        # On Windows a temporary file has a name: it mustn't be left when the folder is looked through.
        with tempfile.TemporaryFile(dir=folder) as ids, tempfile.TemporaryFile(dir=folder) as lengths:
            sizes, dropped = [], 0
            unspaced, telling = np.zeros(len(SCRIPTS) + 1, np.int64), 0
            for words in self._counted(blocks, shown):
                dropped += len(words.blank)
                ids.write(numbering.add(words.words).data)
                lengths.write(words.words.documents.data)
                sizes.append((len(words.words.sizes), len(words.words.documents)))
                unspaced += words.words.unspaced
                telling += int(np.count_nonzero(words.words.documents))
            if not sum(documents for _, documents in sizes):
                raise InputError("there are no documents; check the file, or drop fewer")
            facts = {
                "tokenizer": self.splitter.name,
                "min_count": self.min_count,
                "words_read": numbering.seen,
                **({"dropped_empty": dropped} if dropped else {}),
                **numbering.facts,
            }
            vocabulary, numbers, born = numbering.finish(self.min_count)
            del numbering  # its table is large
            ids.seek(0)
            lengths.seek(0)
            parts = (
                (np.frombuffer(ids.read(4 * count), np.int32), np.frombuffer(lengths.read(8 * documents), np.int64))
                for count, documents in sizes
            )
            write_kept(folder, _final(parts, numbers, born))
        warn_unspaced(unspaced, telling, self.remedy)
        return vocabulary, facts

    def _counted(self, blocks: Iterable[Block], shown: Bar | None) -> Iterator[_Split]:
        """Split blocks in threads, and give them in order."""
        path, before = None, 0
        for block, split in _in_order(self._split, blocks, self._threads()):
            if block.paths[0] != path or len(block.paths) > 1:
                path, before = block.paths[0], 0
            if len(split.blank) and self.empty == "raise":
                raise _no_text(block, int(split.blank[0]), before)
            before += split.texts
            yield split
            if shown is not None:
                shown.update(block.size)

    def _threads(self) -> int:
        # Only the fast way is known to be the same in several threads, and to let go of Python's lock.
        return (self.threads or thread_count()) if type(self.splitter) is FastTokenizer else 1

    def _split(self, block: Block) -> _Split:
        texts = block.texts()
        if isinstance(self.splitter, ListTokenizer):  # words already: a list without any is a document without words
            return _Split(flatten(texts, self.splitter), len(texts), np.zeros(0, np.int64))
        if self.empty == "keep":
            return _Split(flatten(texts.fill_null(""), self.splitter), len(texts), np.zeros(0, np.int64))
        blank = texts.is_null() | (texts.str.strip_chars() == "").fill_null(True)
        full = texts.filter(~blank) if blank.any() else texts
        return _Split(flatten(full, self.splitter), len(texts), blank.arg_true().to_numpy().astype(np.int64))


def write_kept(folder: Path, parts: Iterable[tuple[Ids, Counts]]) -> None:
    """Write ids.npy and offsets.npy of a text that comes in parts.

    A part is its ids, where -1 is left out, and the places in it at which a document ends.
    """
    with Growing(folder / "ids.npy", np.int32) as ids, Growing(folder / "offsets.npy", np.int64) as offsets:
        offsets.append(np.zeros(1, np.int64))
        for numbers, ends in parts:
            kept = numbers >= 0
            if kept.all():
                places, left = ends, numbers
            else:
                places, left = np.concatenate([[0], np.cumsum(kept)])[ends], numbers[kept]
            offsets.append(ids.length + places)
            ids.append(left)


@contextmanager
def storing(place: object = "a temporary folder") -> Iterator[None]:
    """Turn a full disk and its like into one sentence."""
    try:
        yield
    except SemspaceError:
        raise
    except Exception as problem:
        reason = why(problem)
        if reason is None:
            raise
        if isinstance(problem, FileNotFoundError):  # so tempfile says it
            reason = "there is no temporary folder that can be written to"
        raise InputError(
            f"cannot write the tokens to {place}: {reason}; make room, or choose another place with out=PATH or the "
            f"environment variable TMPDIR"
        ) from problem


def _final(parts: Iterable[tuple[Ids, Counts]], numbers: Ids, born: Counts | None) -> Iterator[tuple[Ids, Counts]]:
    """Turn provisional ids and the lengths of documents into final ids and the ends of documents."""
    seen = 0
    for ids, lengths in parts:
        final = numbers[ids]
        if born is not None:
            final[np.arange(seen, seen + len(ids)) < born[ids]] = -1
        seen += len(ids)
        yield final, np.cumsum(lengths)


def _in_order(work: Callable[[T], U], items: Iterable[T], threads: int) -> Iterator[tuple[T, U]]:
    """Do work on items in threads; results come in the order of the items, and few are ever held."""
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


def _no_text(block: Block, row: int, before: int) -> InputError:
    if len(block.paths) > 1:
        what = f"{block.paths[row]} has"
    else:
        what = f"document {before + row + 1:,} of {block.paths[0]} has"
    return InputError(f"{what} no text; pass empty='drop' (--drop-empty) to leave out documents without")
