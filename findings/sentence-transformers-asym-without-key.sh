#!/usr/bin/env bash
# sentence-transformers 4.1.0 and 5.2.0 encode a plain text with an Asym folder differently.
#
# An Asym has modules by key ("query", "document"). Given a plain text, versions 2 to 4 skip all of them, so that the
# vector is the pooled one; version 5, where Asym became Router, runs the modules of the first key. The folder is the
# same, and neither says a word: even the number of dimensions may differ.
# What to do: always say which side a text is of (4.1.0: {"query": text}; 5.2.0: encode(text, task="query")).
#
# Seen (torch 2.13.0, transformers 4.57.6):
#   4.1.0 dimensions 32
#   5.2.0 dimensions 16
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 transformers==4.57.6
cat > "$folder/see.py" <<'PY'
import sys
from pathlib import Path

import sentence_transformers
from sentence_transformers import SentenceTransformer, models
from tokenizers import Tokenizer, pre_tokenizers, processors
from tokenizers.models import WordLevel
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

root, wanted = Path(sys.argv[1]), int(sys.argv[2])
if not (root / "whole").exists():
    words = Tokenizer(WordLevel({w: i for i, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "cat"])}, "[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(root / "bare")
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=5, **size)).save_pretrained(root / "bare")
    sides = models.Asym({"query": [models.Dense(32, 16)], "document": [models.Dense(32, 16)]})
    modules = [models.Transformer(str(root / "bare")), models.Pooling(32), sides]
    SentenceTransformer(modules=modules, device="cpu").save(str(root / "whole"))
found = SentenceTransformer(str(root / "whole"), device="cpu").encode("cat").shape[0]
print(f"{sentence_transformers.__version__} dimensions {found}")
sys.exit(found != wanted)
PY
for seen in 4.1.0:32 5.2.0:16; do
  "$folder/venv/bin/pip" install -q "sentence-transformers==${seen%:*}" pillow transformers==4.57.6
  "$folder/venv/bin/python" -W ignore "$folder/see.py" "$folder" "${seen#*:}" 2>/dev/null
done
