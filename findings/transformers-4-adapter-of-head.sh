#!/usr/bin/env bash
# transformers 4.57.6 doesn't apply a LoRA adapter that was trained on a model with a head; 5.23.0 does.
#
# An adapter of BertForMaskedLM names its weights "bert.encoder...". AutoModel.from_pretrained(adapter) of version 4 builds
# a BertModel, whose weights are "encoder...": no name fits, the adapter stays as it was initialised (B = 0, no effect),
# and the vectors are those of the base. It only logs the names. Version 5 finds them.
# What to do: match adapter and base by the ends of their names, and refuse an adapter of which a weight isn't found.
#
# Seen (torch 2.13.0, peft 0.18.0):
#   transformers 4.57.6: as the base True, as trained False
#   transformers 5.23.0: as the base False, as trained True
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0
cat > "$folder/see.py" <<'PY'
import sys

import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import AutoModel, BertConfig, BertForMaskedLM

root, applied = sys.argv[1], sys.argv[2] == "applied"
torch.manual_seed(0)
size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
BertForMaskedLM(BertConfig(vocab_size=20, initializer_range=0.3, **size)).save_pretrained(root + "/base")
trained = get_peft_model(
    BertForMaskedLM.from_pretrained(root + "/base"), LoraConfig(r=4, lora_alpha=8, target_modules=["query"])
)
for name, weight in trained.named_parameters():
    if "lora_" in name:
        torch.nn.init.normal_(weight, 0, 0.5)
trained.save_pretrained(root + "/adapter")
ids = torch.arange(3, 9)[None]
with torch.no_grad():
    wanted = trained.eval().base_model.model.bert(ids).last_hidden_state
    base = AutoModel.from_pretrained(root + "/base")(ids).last_hidden_state
    found = AutoModel.from_pretrained(root + "/adapter")(ids).last_hidden_state
same = [torch.allclose(found, other, atol=1e-4) for other in (base, wanted)]
print(f"transformers {transformers.__version__}: as the base {same[0]}, as trained {same[1]}")
sys.exit(same != [not applied, applied])
PY
for seen in 4.57.6:ignored 5.23.0:applied; do
  "$folder/venv/bin/pip" install -q "transformers==${seen%:*}" peft==0.18.0
  "$folder/venv/bin/python" -W ignore "$folder/see.py" "$folder/${seen%:*}" "${seen#*:}" 2>/dev/null
done
