#!/usr/bin/env bash
# Glass (pyglass-portable 2.1.0, zilliztech's pyglass built for processors without AVX-512) moves what is in a graph into
# the searcher that is made of it. The graph looks the same afterwards, but is empty: `save` then writes 12 bytes and says
# "Graph Saving done", and a second searcher of it, or one of that file, answers every query with row 0, k times. Nothing
# is raised. So an index that was built, tried and then saved, as one does, is lost.
# What to do: save the graph before the first searcher is made, and read it again for each further one.
#
# Seen (2,000 random vectors, the ten nearest of 100):
#   saved before: more than 100,000 bytes, share of the true neighbours above 0.9
#   saved after:  12 bytes
#   a second searcher of the same graph: row 0, ten times
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pyglass-portable==2.1.0 "numpy<3"
cat > "$folder/see.py" <<'PY'
import os
import sys

import glass
import numpy as np

rng = np.random.default_rng(1)
points = rng.standard_normal((2_000, 64)).astype(np.float32)
queries = rng.standard_normal((100, 64)).astype(np.float32)
true = np.argsort(((queries[:, None] - points) ** 2).sum(axis=2), axis=1)[:, :10]


def answers(graph):
    searcher = glass.Searcher(graph, points, "L2", "FP32")
    searcher.set_ef(200)
    return np.asarray(searcher.batch_search(queries, 10, 1)[0]).reshape(-1, 10)


graph = glass.Index("HNSW", "L2", "FP32", R=32, L=200).build(points)
before, after = sys.argv[1] + "/before", sys.argv[1] + "/after"
graph.save(before)
first = answers(graph)
share = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(first.tolist(), true.tolist())])
graph.save(after)
print("saved before:", os.path.getsize(before), "bytes; share of the true neighbours:", share)
print("saved after: ", os.path.getsize(after), "bytes")
second = answers(graph)
print("a second searcher of the same graph:", second[0].tolist())
assert os.path.getsize(before) > 100_000 and share > 0.9, share
assert os.path.getsize(after) == 12, os.path.getsize(after)
assert (second == 0).all(), second
assert (answers(glass.Graph(before)) == first).mean() > 0.9
PY
"$folder/venv/bin/python" "$folder/see.py" "$folder"
