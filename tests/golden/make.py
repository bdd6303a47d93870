"""Write the golden values of the present format: ``python -m tests.golden.make``.

Run it once for each new format version, into a new folder. The folders of old versions are never written again: what
they hold must load for ever.
"""

from pathlib import Path

import numpy as np
import polars as pl

import semspace as ss
from semspace import manifest

FOLDER = Path(__file__).parent / f"v{manifest.VERSION}"


def main() -> None:
    frame = pl.DataFrame({"id": ["a", "b", "c"], "text": ["red élan", "blue sea", "red sea"], "year": [1, 2, 3]})
    corpus = ss.Corpus.from_frame(frame)
    vectors = np.array([[1, 0.5], [-1, 0.25], [0, 2]], np.float32)
    space = ss.Space.from_vectors(corpus.ids.to_list(), vectors, frame.drop("id"), provenance={"made_by": "hand"})
    values = {
        "corpus": corpus,
        "tokens": ss.Tokens.from_corpus(corpus),
        "space": space,
        "index-exact": ss.Index.build(space, "exact", metric="euclidean"),
        "index-hnsw": ss.Index.build(space, "hnsw", m=4, threads=1),
        "clustering": ss.cluster(space, n_clusters=2, progress=False),
        "clustering-voters": ss.cluster(space, n_clusters=2, progress=False),
        "comparison": comparison(),
    }
    for name, value in values.items():
        ss.save(value, FOLDER / name)


def comparison() -> ss.Comparison:
    vectors = np.array([[1, 0.1 * i] if i < 5 else [0.1 * i - 0.5, 1] for i in range(10)], np.float32)
    texts = [f"{'red' if i < 5 else 'blue'} sea {i}" for i in range(10)]
    metadata = pl.DataFrame({"text": texts, "colour": ["red"] * 5 + ["blue"] * 5})
    space = ss.Space.from_vectors([f"d{i}" for i in range(10)], vectors, metadata, provenance={"made_by": "hand"})
    return ss.compare(space, by="colour", n_clusters=2, permutations=99, resamples=99, progress=False)


if __name__ == "__main__":
    main()
