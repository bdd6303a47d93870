"""Every writer that is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import semspace as ss
from torture.models import model_writers
from torture.pages import comparison_of, groups_of, page_writers
from torture.shards import shard_writers
from torture.texts import corpus_of, texts_of
from torture.writers import EmbedWriter, IndexWriter, ResumedWriter, SaveWriter, Writer, space_of


def every_writer() -> Iterator[Writer]:
    """Yield each writer."""
    return chain(shard_writers(), model_writers(), _of_indexes_and_texts(), _of_values(), page_writers())


def _of_indexes_and_texts() -> Iterator[Writer]:
    yield IndexWriter("hnsw")
    yield IndexWriter("exact")
    yield EmbedWriter()
    yield ResumedWriter("tokens of a file", _tokens_of_a_file, _write_file)


def _of_values() -> Iterator[Writer]:
    yield SaveWriter("save: space", space_of)
    yield SaveWriter("save: corpus", lambda number: corpus_of(400, seed=number))
    yield SaveWriter("save: tokens", tokens_of)
    yield SaveWriter("save: phrases", lambda number: ss.Phrases(min_count=1, threshold=0.1).train(tokens_of(number)))
    yield SaveWriter("save: clustering", groups_of)
    yield SaveWriter("save: comparison", comparison_of)
    yield SaveWriter("save: outliers", lambda number: ss.outliers(space_of(number)))
    yield SaveWriter("save: projection", lambda number: ss.project(space_of(number)))


def tokens_of(number: int) -> ss.Tokens:
    """Return the words of 400 texts."""
    return ss.Tokens.from_corpus(corpus_of(400, seed=number))


def _write_file(folder: Path) -> None:
    (folder / "texts.txt").write_text("\n".join(texts_of(20_000)) + "\n")


def _tokens_of_a_file(folder: Path, name: str) -> None:
    ss.Tokens.read(folder / "texts.txt", out=folder / name, overwrite=True, progress=False)
