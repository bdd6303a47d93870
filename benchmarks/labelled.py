"""Documents that people sorted, and their vectors; benchmarks of groups compare with the people's labels."""

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import data
from benchmarks.vectors import cache, encoded

SHORTEST = 20  # characters; posts with fewer left are dropped
_QUOTE = re.compile(r"\s*[>|:#}]")
_ANNOUNCED = re.compile(r"(writes|wrote|says|said|article)\s*[:.]*\s*$")  # the line above a quote
_SOURCE = re.compile(r"In article|Quoted from")
_HEADER = re.compile(
    r"(From|Subject|Reply-To|Organization|Lines|Distribution|Keywords|Summary|Article-I\.D\.|NNTP-Posting-Host|X-\w+):"
)


@dataclass(frozen=True)
class Documents:
    """Texts, the group that people put each into, and MiniLM's vectors of them."""

    name: str
    path: Path  # of the vectors
    ids: list[str]
    texts: list[str]
    labels: np.ndarray
    vectors: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def k(self) -> int:
        """How many groups people made."""
        return len(np.unique(self.labels))

    def take(self, rows: np.ndarray) -> "Documents":
        """Return some of the documents, in the order of `rows`."""
        ids, texts = ([column[row] for row in rows] for column in (self.ids, self.texts))
        return replace(self, ids=ids, texts=texts, labels=self.labels[rows], vectors=self.vectors[rows])


def documents(name: str) -> Documents:
    ids, texts, labels = (list(column) for column in zip(*READERS[name](), strict=True))
    key = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    path = cache() / f"{name}-{key}.npy"
    if not path.exists():
        encoded(path, texts)
    return Documents(name, path, ids, texts, np.unique(labels, return_inverse=True)[1], np.load(path))


def bbc() -> Iterator[tuple[str, str, str]]:
    """Iterate over the id, text and label of each of BBC's news, the title above the text."""
    for row in _rows("bbc_news/bbc_news.jsonl.gz"):
        yield row["id"], f"{row['title']}\n{row['text']}", row["label"]


def newsgroups() -> Iterator[tuple[str, str, str]]:
    """Iterate over the id, text and label of each post, of which only what its author wrote for it is left."""
    for row in _rows("newsgroups20/newsgroups20.jsonl.gz"):
        text = bare(row["text"])
        if len(text) >= SHORTEST:
            yield row["id"], text, row["label"]


def whole_newsgroups() -> Iterator[tuple[str, str, str]]:
    """Iterate over the id, text and label of each post, with quotes and signature."""
    for row in _rows("newsgroups20/newsgroups20.jsonl.gz"):
        yield row["id"], row["text"], row["label"]


READERS: dict[str, Callable[[], Iterator[tuple[str, str, str]]]] = {
    "bbc": bbc,
    "newsgroups": newsgroups,
    "whole_newsgroups": whole_newsgroups,
}


def bare(post: str) -> str:
    """Leave quotes, the lines that announce them, headers and the signature out."""
    kept = []
    for line in post.split("\n"):
        if line.rstrip() == "--" or line.startswith("-- "):
            break
        if not (_QUOTE.match(line) or _ANNOUNCED.search(line.strip()) or _SOURCE.match(line) or _HEADER.match(line)):
            kept.append(line)
    return "\n".join(kept).strip()


def _rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(data(name), "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)
