#!/usr/bin/env bash
# sentence-transformers 6.2.0: encode_document never uses a saved prompt "passage" (or "corpus").
#
# Its documentation says that encode_document takes the first prompt that is there of "document", "passage" and "corpus".
# But every model is given an empty prompt "document" when it is opened, so the first is always there. A model saved with
# {"query": "query: ", "passage": "passage: "}, as E5's are, encodes its passages without any prompt, without a word.
#
# Seen (sentence-transformers 6.2.0, transformers 5.23.0, torch 2.13.0):
#   prompts {'query': 'query: ', 'passage': 'passage: ', 'document': ''}
#   encode_query puts 'query: ', encode_document puts ''
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 transformers==5.23.0 sentence-transformers==6.2.0
cat > "$folder/see.py" <<'PY'
import sys

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers

words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(["?", "query", "passage", ":", "cat"])}, unk_token="?"))
words.pre_tokenizer = pre_tokenizers.Whitespace()
table = StaticEmbedding(words, embedding_dim=8)
torch.nn.init.normal_(table.embedding.weight)
model = SentenceTransformer(modules=[table], device="cpu", prompts={"query": "query: ", "passage": "passage: "})


def put(method):
    return next(p for p in ("query: ", "passage: ", "") if np.allclose(method(["cat"]), model.encode([p + "cat"])))


print("prompts", dict(sorted(model.prompts.items(), reverse=True)))
question, document = put(model.encode_query), put(model.encode_document)
print(f"encode_query puts {question!r}, encode_document puts {document!r}")
sys.exit((question, document) != ("query: ", ""))
PY
"$folder/venv/bin/python" "$folder/see.py"
