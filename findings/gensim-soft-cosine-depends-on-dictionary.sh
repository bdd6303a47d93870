#!/usr/bin/env bash
# gensim 4.4.0: the soft cosine of two unchanged texts goes from 0.64 to 0.0 as other words join the dictionary.
#
# SparseTermSimilarityMatrix keeps at most nonzero_limit=100 similar words of each word, the most similar ones. With 100
# other words nearer to "cat" than "dog" is, the pair of cat and dog is left out, whatever its cosine. By the formula
# (Sidorov et al. 2014) the soft cosine of two texts depends on their own words alone.
#
# Seen: cat and dog have the cosine 0.8, so "cat" and "dog" the soft cosine 0.64; with 50 other words 0.64, with 100 0.0;
# with nonzero_limit=200 it is 0.64 again.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q gensim==4.4.0
got=$("$folder/venv/bin/python" -W ignore - 2>/dev/null <<'PY'
import numpy as np
from gensim.corpora import Dictionary
from gensim.models import KeyedVectors
from gensim.similarities import SparseTermSimilarityMatrix, WordEmbeddingSimilarityIndex


def similarity(others, **options):
    names = ["cat", "dog", *(f"other{row}" for row in range(others))]
    vectors = [[1, 0, 0], [0.8, 0.6, 0], *([0.9, 0.3, 0.01 * (row % 7)] for row in range(others))]
    words = KeyedVectors(3)
    words.add_vectors(names, np.array(vectors, np.float32))
    dictionary = Dictionary([names])
    matrix = SparseTermSimilarityMatrix(WordEmbeddingSimilarityIndex(words), dictionary, **options)
    return matrix.inner_product(dictionary.doc2bow(["cat"]), dictionary.doc2bow(["dog"]), normalized=(True, True))


print(*(f"{similarity(others):.2f}" for others in (0, 50, 100)), f"{similarity(100, nonzero_limit=200):.2f}")
PY
)
echo "$got"
[ "$got" = "0.64 0.64 0.00 0.64" ] || { echo "this has changed"; exit 1; }
