#!/usr/bin/env bash
# hnswlib 0.8.0 writes neither the space nor the number of dimensions into a file, and its cosine is the inner product of
# vectors that it scaled itself. So a cosine index that is opened as "ip" (or "l2") loads without a word, and answers: its
# old points are of length 1, but what is added from now on is not, nor are queries. A long vector then comes first for
# every query that it has an acute angle with.
# What to do: keep the space beside the file; where all vectors in a file are of length 1, suspect cosine.
#
# Seen (the labels for the query (2, 1), nearest first, and their distances):
#   opened as cosine: [1, 0, 2] [0.051, 0.106, 0.106]
#   opened as ip:     [2, 1, 0] [-199.0, -1.121, -1.0]
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q hnswlib==0.8.0 "numpy<3"
cat > "$folder/see.py" <<'PY'
import sys

import hnswlib
import numpy as np

first = hnswlib.Index("cosine", 2)
first.init_index(10)
first.add_items(np.array([[1, 0], [10, 10]], np.float32), [0, 1])
first.save_index(sys.argv[1])
for space, expected in (("cosine", ([1, 2, 0], [0.051, 0.106, 0.106])), ("ip", ([2, 1, 0], [-199.0, -1.121, -1.0]))):
    index = hnswlib.Index(space, 2)
    index.load_index(sys.argv[1], max_elements=10)
    index.add_items(np.array([[100, 0]], np.float32), [2])
    labels, distances = index.knn_query(np.array([[2, 1]], np.float32), k=3)
    distances = distances[0].round(3).tolist()
    print(f"opened as {space}:", labels[0].tolist(), [round(one, 3) for one in distances])
    assert sorted(labels[0].tolist()[1:]) == sorted(expected[0][1:]) and labels[0][0] == expected[0][0], labels
    assert np.allclose(distances, expected[1], atol=2e-3), distances
PY
"$folder/venv/bin/python" "$folder/see.py" "$folder/index.bin"
