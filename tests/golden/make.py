"""Write the golden values of the present format: ``python -m tests.golden.make``.

Run it once for each new format version, into a new folder. The folders of old versions are never written again: what
they hold must load for ever.
"""

from pathlib import Path

import numpy as np
import polars as pl

import semspace as ss
from semspace import bundle

FOLDER = Path(__file__).parent / f"v{bundle.VERSION}"


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
    }
    for name, value in values.items():
        ss.save(value, FOLDER / name)


if __name__ == "__main__":
    main()
