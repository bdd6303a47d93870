"""Sentences of Wikipedia and their vectors, as the parts of the latent lab are measured on.

They are kept in the folder of `benchmarks.vectors.cache`; files ``wiki100k.npy`` and ``wiki_heldout.npy`` there, with
the texts as JSON beside them, are used as they are.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from pathlib import Path

import numpy as np

from benchmarks.measuring import data
from benchmarks.vectors import cache, encoded

SENTENCES, HELD_OUT = 100_000, 10_000
_TEXT = "wikipedia/wiki2015-AA.jsonl.gz"


def sentence_vectors(held_out: bool = False) -> Path:
    """Return the file of MiniLM's vectors of 100,000 sentences of 5 to 20 words, or of others that are held out."""
    name = "wiki_heldout" if held_out else "wiki100k"
    path = cache() / f"{name}.npy"
    if not path.exists():
        texts = sentences(SENTENCES + HELD_OUT)
        part = texts[SENTENCES:] if held_out else texts[:SENTENCES]
        encoded(path, part)
        path.with_suffix(".json").write_text(json.dumps({"texts": part}), encoding="utf-8")
    return path


def load(held_out: bool = False, most: int | None = None) -> np.ndarray:
    """Return the vectors, in memory."""
    return np.array(np.load(sentence_vectors(held_out), mmap_mode="r")[:most])


def sentences(most: int) -> list[str]:
    """Return different sentences of 5 to 20 words, in random order."""
    found: dict[str, None] = {}
    with gzip.open(data(_TEXT), "rt", encoding="utf-8") as file:
        for line in file:
            for sentence in re.split(r"(?<=[.!?])\s+", json.loads(line)["text"].replace("\n", " ")):
                if 5 <= len(sentence.split()) <= 20 and sentence[0].isupper() and sentence.endswith("."):
                    found.setdefault(sentence)
            if len(found) >= most:
                break
    texts = list(found)[:most]
    random.Random(0).shuffle(texts)
    return texts
