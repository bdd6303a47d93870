#!/usr/bin/env bash
# gensim 4.4.0: the vectors of a Doc2Vec model with integer tags have keys, and an empty key_to_index.
#
# KeyedVectors promises that key_to_index maps each key to its row. With tags 0, 1, 2 … (the tutorial's way) Doc2Vec's
# `dv` has index_to_key [0, 1, 2] and an empty key_to_index, while `0 in dv` is true. Code that walks key_to_index, as
# readers of other tools do, finds no documents at all.
#
# Seen: [0, 1, 2] {} True
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q gensim==4.4.0
got=$("$folder/venv/bin/python" -W ignore - <<'PY'
from gensim.models.doc2vec import Doc2Vec, TaggedDocument

texts = ["a b c d", "b c d e", "c d e f"]
model = Doc2Vec([TaggedDocument(text.split(), [i]) for i, text in enumerate(texts)], vector_size=4, min_count=1, epochs=1)
print(list(model.dv.index_to_key), model.dv.key_to_index, 0 in model.dv)
PY
)
echo "$got"
[ "$got" = "[0, 1, 2] {} True" ] || { echo "this has changed"; exit 1; }
