#!/usr/bin/env bash
# sentence-transformers 5.4.1 and 5.6.0 pool another token of one folder: "cls" with "include_prompt": false.
#
# Up to 5.4.1 the vector is the state of the first token ([CLS]), whether or not a prompt stands before the text. From
# 5.6.0 it is the state of the first token after the prompt. Neither says so; the folder is the same, byte for byte.
# What to do: go by "__version__" in config_sentence_transformers.json, or refuse such a folder.
#
# Seen (torch 2.13.0, transformers 4.57.6), with a random model:
#   5.4.1 the vector is the state of token 0
#   5.6.0 the vector is the state of token 3
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 transformers==4.57.6
cat > "$folder/see.py" <<'PY'
import sys
from pathlib import Path

import sentence_transformers
import torch
from sentence_transformers import SentenceTransformer, models
from tokenizers import Tokenizer, pre_tokenizers, processors
from tokenizers.models import WordLevel
from transformers import AutoModel, BertConfig, BertModel, PreTrainedTokenizerFast

root, wanted = Path(sys.argv[1]), int(sys.argv[2])
if not (root / "whole").exists():
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "query", "cat", "sat"]
    words = Tokenizer(WordLevel({w: i for i, w in enumerate(pieces)}, "[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=words, **marks).save_pretrained(root / "bare")
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=8, initializer_range=0.3, **size)).save_pretrained(root / "bare")
    modules = [models.Transformer(str(root / "bare")), models.Pooling(32, "cls", include_prompt=False)]
    SentenceTransformer(modules=modules, device="cpu").save(str(root / "whole"))
found = SentenceTransformer(str(root / "whole"), device="cpu").encode("cat sat", prompt="the query ")
with torch.no_grad():
    ids = torch.tensor([[2, 4, 5, 6, 7, 3]])
    states = AutoModel.from_pretrained(root / "bare")(ids).last_hidden_state[0]
near = (states - torch.from_numpy(found)).abs().amax(1)
token = int(near.argmin())
print(f"{sentence_transformers.__version__} the vector is the state of token {token}")
sys.exit(not (token == wanted and near[token] < 1e-4))
PY
for seen in 5.4.1:0 5.6.0:3; do
  "$folder/venv/bin/pip" install -q "sentence-transformers==${seen%:*}" transformers==4.57.6
  "$folder/venv/bin/python" -W ignore "$folder/see.py" "$folder" "${seen#*:}" 2>/dev/null
done
